"""HTTP/1.1 for a thousand small requests: connections that stay open, and as few objects a request as can be.

A library's objects around each request cost several times what the request itself does. So the standard library
connects, speaks TLS and opens tunnels; from there on, bytes are written and the answer is read here.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

HOSTS = 64
"""Of so many hosts connections are kept; of the one known longest they are closed for another's."""
MOST_HEAD = 1 << 16
_PIECE = 1 << 16
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")


class Answer(NamedTuple):
    """What came back; the names of the header's fields are in lower case."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes


class Broken(Exception):
    """No answer came; `reason` says why. `lost`: the host did not answer at all. `passing`: another time it may."""

    def __init__(self, reason: str, lost: bool = False, passing: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lost = lost
        self.passing = passing


class NotSpoken(Exception):
    """The operator's proxy is of a kind that is not spoken here."""


class _Hangup(Exception):
    """The connection was closed before the answer began: if it was an old one, then most likely long ago."""


class Wire:
    """Sends requests and keeps the connections. Safe to share between threads; close it at the end.

    `kept`: connections that stay open for one host; `timeout`: what one may wait for it, in seconds; `most`: bytes
    that the body of an answer may have.
    """

    def __init__(self, kept: int, timeout: float, most: int) -> None:
        self._kept = kept
        self._timeout = timeout
        self._most = most
        self._proxies = getproxies()
        self._tls: ssl.SSLContext | None = None
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            hosts, self._hosts = self._hosts, {}
        for host in hosts.values():
            host.close()

    def exchange(self, method: str, url: str, rest: bytes, end: float) -> Answer:
        """One request; `rest` is what follows the line and the host: fields, a blank line, the body.

        Raises Broken where no answer came before `end`, a moment of the monotonic clock, and NotSpoken.
        """
        origin, path = _parted(url)
        host = self._hosts.get(origin) or self._met(origin)
        request = host.begin(method, path) + rest
        old = host.take()
        try:
            if old is not None:
                with suppress(_Hangup):
                    return host.over(old, request, end)
            return host.over(host.connect(self._left(end), self._most), request, end)
        except _Hangup:
            raise Broken("the connection broke off") from None
        except TimeoutError:
            raise Broken("timeout", lost=True) from None
        except OSError:
            raise Broken("the connection broke off") from None

    def _left(self, end: float) -> float:
        return max(0.001, min(end - time.monotonic(), self._timeout))

    def _met(self, origin: str) -> _Host:
        """A host that is asked for the first time."""
        scheme, _, netloc = origin.partition("://")
        proxy = self._proxies.get(scheme) or self._proxies.get("all")
        way = _Proxy(proxy) if proxy and not proxy_bypass(netloc) else None
        with self._lock:
            if origin in self._hosts:
                return self._hosts[origin]
            if self._tls is None and (scheme == "https" or (way and way.secure)):
                self._tls = _tls()  # takes long, so it is made only where it is needed, and once for all threads
            if len(self._hosts) >= HOSTS:
                self._hosts.pop(next(iter(self._hosts))).close()
            host = self._hosts[origin] = _Host(origin, way, self._kept, self._tls)
        return host


def _tls() -> ssl.SSLContext:
    """Certificates and names are checked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _parted(url: str) -> tuple[str, str]:
    """Scheme and host of an address, and its path."""
    at = url.find("/", url.find("://") + 3)
    return (url[:at], url[at:]) if at >= 0 else (url, "/")


class _Host:
    """How one host is reached, and the connections to it that nobody uses now."""

    def __init__(self, origin: str, proxy: _Proxy | None, kept: int, tls: ssl.SSLContext | None) -> None:
        self._secure, self._netloc = origin.startswith("https:"), origin.partition("://")[2]
        self._proxy = proxy
        if proxy and proxy.secure and self._secure:
            raise NotSpoken
        self._kept = kept
        self._tls = tls
        self._free: deque[_Connection] = deque()
        asked = None if self._secure else proxy  # with https, a proxy only opens the way
        fields = {"Host": self._netloc, **(asked.fields if asked else {})}
        self._before = origin if asked else ""
        self._after = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def begin(self, method: str, path: str) -> bytes:
        """The first lines of a request."""
        return f"{method} {self._before}{path}{self._after}".encode("ascii")

    def take(self) -> _Connection | None:
        """A connection that is open, the last used one first."""
        try:
            return self._free.pop()
        except IndexError:
            return None

    def over(self, connection: _Connection, request: bytes, end: float) -> Answer:
        """One exchange over this connection, which is kept only where it may be used again."""
        keep = False
        try:
            answer, keep = connection.ask(request, end)
        finally:
            if keep and len(self._free) < self._kept:
                self._free.append(connection)
            else:
                connection.close()
        return answer

    def connect(self, timeout: float, most: int) -> _Connection:
        """A new connection, the certificate checked. Raises Broken."""
        netloc, secure = (self._proxy.netloc, self._proxy.secure) if self._proxy else (self._netloc, False)
        way: http.client.HTTPConnection
        if secure or self._secure:
            way = http.client.HTTPSConnection(netloc, timeout=timeout, context=self._tls)
        else:
            way = http.client.HTTPConnection(netloc, timeout=timeout)
        try:
            if self._proxy and self._secure:
                way.set_tunnel(self._netloc, headers=self._proxy.fields)
            way.connect()
        except (OSError, UnicodeError, http.client.HTTPException) as fault:
            way.close()
            raise _unreachable(fault) from None
        return _Connection(way.sock, most)

    def close(self) -> None:
        """Close what is open; what is in use is closed after it."""
        self._kept = 0
        while (connection := self.take()) is not None:
            connection.close()


class _Proxy:
    """The operator's proxy: where it is, and what tells it who asks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https"):
            raise NotSpoken
        who, _, self.netloc = parts.netloc.rpartition("@")
        self.secure = parts.scheme == "https"
        basic = base64.b64encode(unquote(who).encode()).decode()
        self.fields = {"Proxy-Authorization": f"Basic {basic}"} if who else {}


def _unreachable(fault: Exception) -> Broken:
    """Why there is no connection, in words."""
    match fault:
        case TimeoutError():
            return Broken("timeout", lost=True)
        case socket.gaierror() | UnicodeError():
            return Broken("the name of its host is not known", lost=True)
        case ssl.SSLCertVerificationError():
            return Broken("the certificate of its host is not accepted")
        case ssl.SSLError() | http.client.HTTPException():
            return Broken("the connection broke off")
        case _:
            return Broken("its host cannot be reached", lost=True)


class _Connection:
    """One open connection: bytes out, bytes in, for one thread at a time."""

    __slots__ = ("_data", "_most", "_patience", "_socket")

    def __init__(self, opened: socket.socket, most: int) -> None:
        self._socket = opened
        self._most = most
        self._data = bytearray()
        self._patience = -1.0

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, request: bytes, end: float) -> tuple[Answer, bool]:
        """The answer, and whether the connection can be used again. Raises _Hangup before the first byte only."""
        try:
            self._wait_until(end)
            self._socket.sendall(request)
            self._more(end)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise _Hangup from None
        newer, status, fields = self._head(end)
        while status < 200:  # an interim answer
            newer, status, fields = self._head(end)
        body, ended = self._body(status, fields, end)
        stays = newer and ended and b"close" not in fields.get(b"connection", b"").lower()
        return Answer(status, fields, body), stays and not self._data

    def _wait_until(self, end: float) -> None:
        """Let the next operation take what is left of the time. To set that costs a system call: 1 % does not count."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if abs(left - self._patience) > left / 100:
            self._socket.settimeout(left)
            self._patience = left

    def _more(self, end: float) -> None:
        self._wait_until(end)
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError
        self._data += piece

    def _head(self, end: float) -> tuple[bool, int, dict[bytes, bytes]]:
        """Whether it is HTTP/1.1, the status, the fields; one that stands twice has both values."""
        while (at := self._data.find(b"\r\n\r\n")) < 0:
            if len(self._data) > MOST_HEAD:
                raise _not_http()
            self._more(end)
        first, *rows = bytes(self._data[:at]).split(b"\r\n")
        del self._data[: at + 4]
        status = _STATUS.fullmatch(first)
        if status is None:
            raise _not_http()
        fields: dict[bytes, bytes] = {}
        for row in rows:
            name, _, value = row.partition(b":")
            name, value = name.lower(), value.strip()
            fields[name] = fields[name] + b", " + value if name in fields else value
        return status[1] == b"1", int(status[2]), fields

    def _body(self, status: int, fields: dict[bytes, bytes], end: float) -> tuple[bytes, bool]:
        """The body, and whether its end was told otherwise than by closing the connection."""
        if status in (204, 304):
            return b"", True
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        if coding is not None and length is None and coding.lower() == b"chunked":
            return self._chunks(end), True
        if coding is not None or (length is not None and not (length.isdigit() and len(length) < 19)):
            raise _not_http()
        if length is not None:
            return self._exactly(int(length), end, self._most), True
        while len(self._data) <= self._most:
            try:
                self._more(end)
            except ConnectionError:
                return self._taken(len(self._data)), False
        raise self._too_large()

    def _chunks(self, end: float) -> bytes:
        body = bytearray()
        while size := self._size(end):
            body += self._exactly(size, end, self._most - len(body))
            if self._exactly(2, end, 2) != b"\r\n":
                raise _not_http()
        while self._line(end):  # trailing fields say nothing that is wanted
            pass
        return bytes(body)

    def _size(self, end: float) -> int:
        found = _SIZE.fullmatch(self._line(end))
        if found is None:
            raise _not_http()
        return int(found[1], 16)

    def _line(self, end: float) -> bytes:
        while (at := self._data.find(b"\r\n")) < 0:
            if len(self._data) > MOST_HEAD:
                raise _not_http()
            self._more(end)
        return self._taken(at + 2)[:-2]

    def _exactly(self, size: int, end: float, room: int) -> bytes:
        if size > room:
            raise self._too_large()
        while len(self._data) < size:
            self._more(end)
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def _too_large(self) -> Broken:
        return Broken(f"the answer is larger than {self._most // 1024:,} KiB", passing=False)


def _not_http() -> Broken:
    return Broken("what it answers is not HTTP", passing=False)
