"""One open HTTP/1.1 connection: bytes out, an answer in, strictly read and never more of it than is allowed.

There are two ways to use it: wait for the answer, as a thread of its own does, or look what has come, as a thread
does that minds many connections.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from typing import NamedTuple

MOST_HEAD = 1 << 16
_PIECE = 1 << 16
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
_AT_A_GLANCE = 1 << 16
_NOW = 0.0
_CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
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


def broken_by(fault: Hangup | OSError) -> Broken:
    """What it means that a connection failed in the middle."""
    if isinstance(fault, TimeoutError):
        return Broken("timeout", lost=True)
    return Broken("the connection broke off")


class Hangup(Exception):
    """The connection was closed before the answer began: if it was an old one, then most likely long ago."""


class Unfinished(Exception):
    """There is a part of an answer; a thread of its own should wait for the rest."""


class Connection:
    """One open connection: bytes out, bytes in, for one thread at a time."""

    __slots__ = ("_data", "_most", "_patience", "_socket")

    def __init__(self, opened: socket.socket, most: int) -> None:
        self._socket = opened
        self._most = most
        self._data = bytearray()
        self._patience = -1.0

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, request: bytes, end: float) -> tuple[Answer, bool]:
        """The answer, and whether the connection can be used again. Raises Hangup before the first byte only."""
        try:
            self._wait_until(end)
            self._socket.sendall(request)
        except _CLOSED:
            raise Hangup from None
        return self.finish(end)

    def finish(self, end: float) -> tuple[Answer, bool]:
        """The same, once the request is sent."""
        try:
            if not self._data:
                self._more(end)
        except _CLOSED:
            raise Hangup from None
        newer, status, fields = self._head(end)
        while status < 200:  # an interim answer
            newer, status, fields = self._head(end)
        body, ended = self._body(status, fields, end)
        stays = newer and ended and b"close" not in fields.get(b"connection", b"").lower()
        return Answer(status, fields, body), stays and not self._data

    def begin(self, request: bytes) -> None:
        """Send without waiting. Raises Hangup where that cannot be."""
        if self._patience != 0.0:
            self._socket.setblocking(False)
            self._patience = 0.0
        try:
            sent = self._socket.send(request)
        except OSError:
            raise Hangup from None
        if sent != len(request):
            raise Hangup

    def look(self) -> tuple[Answer, bool] | None:
        """The answer where all of it is there now. Raises Unfinished where it takes a thread to wait for the rest."""
        try:
            piece = self._socket.recv(_PIECE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            raise Unfinished from None
        self._data += piece
        if not piece or len(self._data) > _AT_A_GLANCE or self._holds_more():
            raise Unfinished
        kept = bytes(self._data)
        try:
            return self.finish(_NOW)
        except TimeoutError:
            self._data[:] = kept
            return None

    def _holds_more(self) -> bool:
        """Whether bytes were received that a selector does not see any more."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

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
