"""HTTP/1.1 for a thousand small requests: connections that stay open, and as few objects a request as can be.

A library's objects around each request cost several times what the request itself does. So the standard library
connects, speaks TLS and opens tunnels; from there on, bytes are written and the answer is read here.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from bot.connection import Answer, Broken, Connection, Hangup, broken_by

HOSTS = 64
"""Of so many hosts connections are kept; of the one known longest they are closed for another's."""


class NotSpoken(Exception):
    """The operator's proxy is of a kind that is not spoken here."""


class Wire:
    """Sends requests and keeps the connections. Safe to share between threads; close it at the end.

    `kept`: connections that stay open for one host; `most`: bytes that the body of an answer may have.
    """

    def __init__(self, kept: int, most: int) -> None:
        self._kept = kept
        self._most = most
        self._proxies = getproxies()
        self._tls: ssl.SSLContext | None = None
        self._hosts: dict[str, Host] = {}
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
        host, request = self.request(method, url, rest)
        old = host.take()
        try:
            if old is not None:
                with suppress(Hangup):
                    return host.over(old, request, end)
            return host.over(host.connect(end), request, end)
        except (Hangup, OSError) as fault:
            raise broken_by(fault) from None

    def request(self, method: str, url: str, rest: bytes) -> tuple[Host, bytes]:
        """The host to send to, and the bytes to send. Raises NotSpoken."""
        at = url.find("/", url.find("://") + 3)
        origin, path = (url[:at], url[at:]) if at >= 0 else (url, "/")
        host = self._hosts.get(origin) or self._met(origin)
        return host, host.begin(method, path) + rest

    def _met(self, origin: str) -> Host:
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
            host = self._hosts[origin] = Host(origin, way, self._kept, self._most, self._tls)
        return host


def _tls() -> ssl.SSLContext:
    """Certificates and names are checked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Host:
    """How one host is reached, and the connections to it that nobody uses now."""

    def __init__(self, origin: str, proxy: _Proxy | None, kept: int, most: int, tls: ssl.SSLContext | None) -> None:
        self._secure, self._netloc = origin.startswith("https:"), origin.partition("://")[2]
        self._proxy = proxy
        if proxy and proxy.secure and self._secure:
            raise NotSpoken
        self._kept = kept
        self._most = most
        self._tls = tls
        self._free: deque[Connection] = deque()
        asked = None if self._secure else proxy  # with https, a proxy only opens the way
        fields = {"Host": self._netloc, **(asked.fields if asked else {})}
        self._before = origin if asked else ""
        self._after = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def begin(self, method: str, path: str) -> bytes:
        """The first lines of a request."""
        return f"{method} {self._before}{path}{self._after}".encode("ascii")

    def take(self) -> Connection | None:
        """A connection that is open, the last used one first."""
        try:
            return self._free.pop()
        except IndexError:
            return None

    def over(self, connection: Connection, request: bytes, end: float) -> Answer:
        """One exchange over this connection, which is kept only where it may be used again."""
        keep = False
        try:
            answer, keep = connection.ask(request, end)
        finally:
            self.give(connection, keep)
        return answer

    def give(self, connection: Connection, keep: bool) -> None:
        """Keep a connection for another time, or close it."""
        if keep and len(self._free) < self._kept:
            self._free.append(connection)
        else:
            connection.close()

    def connect(self, end: float) -> Connection:
        """A new connection, the certificate checked. Raises Broken."""
        timeout = max(0.001, end - time.monotonic())
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
        return Connection(way.sock, self._most)

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
