"""HTTP for a thousand small requests, by libcurl: one thread minds all connections, and they stay open.

A library that makes Python objects of every request takes several times what the requests take; this one is git's own.
Nothing is followed, nothing is retried and nothing is believed here that the caller did not ask for.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

import pycurl

Key = TypeVar("Key")
WAIT = 0.01
"""Seconds until connections are looked at again, where none has anything to say."""


@dataclass(frozen=True, slots=True)
class Request(Generic[Key]):
    """One request: whose it is, where it goes, its header lines, and the body of a POST (None: it is a GET)."""

    key: Key
    url: str
    fields: tuple[str, ...] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the lines of the header as they came, the body in pieces."""

    status: int
    head: Sequence[bytes]
    pieces: Sequence[bytes]

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)

    def field(self, name: bytes) -> bytes:
        """The last value of this field of the header, b"" where there is none; `name` in lower case."""
        found = (line.partition(b":") for line in reversed(self.head))
        return next((value.strip() for key, _, value in found if key.strip().lower() == name), b"")


class Broken(Exception):
    """No answer came; `reason` says why. `lost`: the host did not answer at all. `passing`: another time it may."""

    def __init__(self, reason: str, lost: bool = False, passing: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lost = lost
        self.passing = passing


Outcome = Answer | Broken


class Agent:
    """Sends requests and keeps the connections. Safe to share between threads; close it at the end.

    `kept`: how many connections stay open for each thread that asked; `most`: bytes that an answer's body may have.
    """

    def __init__(self, kept: int, most: int) -> None:
        self._kept = kept
        self._most = most
        self._free: deque[Any] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Close the connections; those in use are closed after it."""
        with self._lock:
            self._closed = True
            while self._free:
                self._free.pop().close()

    def one(self, request: Request[Any], timeout: float) -> Answer:
        """One request in `timeout` seconds. Raises Broken where no answer came."""
        outcomes: list[Outcome] = []
        self.many(iter([request]), 1, timeout, lambda _, outcome: outcomes.append(outcome))
        (outcome,) = outcomes
        if isinstance(outcome, Broken):
            raise outcome
        return outcome

    def many(
        self,
        requests: Iterator[Request[Key]],
        at_once: int,
        timeout: float,
        settle: Callable[[Key, Outcome], None],
    ) -> None:
        """All of these, `at_once` at a time, each in `timeout` seconds; `settle` is told what came of each.

        A request is taken from the iterator only when its turn has come.
        """
        multi = self._take()
        volley = _Volley(multi, requests, timeout, settle, self._most)
        try:
            volley.run(at_once)
        finally:
            volley.close()
            self._put_back(multi)

    def _take(self) -> Any:
        """The connections of a thread that has ended its work, or none yet."""
        with self._lock:
            if self._free:
                return self._free.pop()
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_MAXCONNECTS, self._kept)
        return multi

    def _put_back(self, multi: Any) -> None:
        with self._lock:
            if not self._closed:
                self._free.append(multi)
                return
        multi.close()


class _Volley(Generic[Key]):
    """Many requests on their way, minded by one thread."""

    def __init__(
        self,
        multi: Any,
        requests: Iterator[Request[Key]],
        timeout: float,
        settle: Callable[[Key, Outcome], None],
        most: int,
    ) -> None:
        self._multi = multi
        self._requests = requests
        self._timeout = timeout
        self._settle = settle
        self._most = most
        self._flying: dict[Any, _Flight[Key]] = {}

    def run(self, at_once: int) -> None:
        """Send them all."""
        for _ in range(at_once):
            if not self._send(None):
                break
        while self._flying:
            self._multi.perform()
            if not self._gather():
                self._multi.select(WAIT)

    def close(self) -> None:
        """End what is still on its way, where a fault of ours ended it all."""
        for handle in self._flying:
            self._multi.remove_handle(handle)
            handle.close()
        self._flying.clear()

    def _send(self, handle: Any | None) -> bool:
        """Send the next request, if there is one."""
        request = next(self._requests, None)
        if request is None:
            if handle is not None:
                handle.close()
            return False
        handle = handle or _handle(self._most)
        self._flying[handle] = _Flight(handle, request, self._timeout)
        self._multi.add_handle(handle)
        return True

    def _gather(self) -> bool:
        """Tell of the requests that have ended, and send others in their places; whether there were any."""
        _, answered, failed = self._multi.info_read()
        for handle in answered:
            self._end(handle, None)
        for handle, code, _ in failed:
            self._end(handle, code)
        return bool(answered or failed)

    def _end(self, handle: Any, code: int | None) -> None:
        flight = self._flying.pop(handle)
        self._multi.remove_handle(handle)
        outcome = flight.answer() if code is None else _broken(code, self._most)
        try:
            self._settle(flight.request.key, outcome)
        except BaseException:
            handle.close()
            raise
        self._send(handle)


class _Flight(Generic[Key]):
    """One request on its way over a handle, and what has come back of it."""

    def __init__(self, handle: Any, request: Request[Key], timeout: float) -> None:
        self.request = request
        self._handle = handle
        self._head: list[bytes] = []
        self._pieces: list[bytes] = []
        handle.setopt(pycurl.URL, request.url)
        handle.setopt(pycurl.HTTPHEADER, [*request.fields, "Expect:"])
        if request.body is None:
            handle.setopt(pycurl.HTTPGET, True)
        else:
            handle.setopt(pycurl.POSTFIELDS, request.body)
        handle.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
        handle.setopt(pycurl.HEADERFUNCTION, self._head.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._pieces.append)

    def answer(self) -> Answer:
        """What came back; of several answers (a proxy's, or an interim one's) the last."""
        starts = [number for number, line in enumerate(self._head) if line.startswith(b"HTTP/")]
        return Answer(self._handle.getinfo(pycurl.RESPONSE_CODE), self._head[starts[-1] + 1 :], self._pieces)


def _handle(most: int) -> Any:
    """A handle for one request after the other. Certificates and names are checked; that is libcurl's default."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    handle.setopt(pycurl.NOSIGNAL, True)
    handle.setopt(pycurl.MAXFILESIZE_LARGE, most)
    file, folder = _trusted()
    if file:
        handle.setopt(pycurl.CAINFO, file)
    if folder:
        handle.setopt(pycurl.CAPATH, folder)
    return handle


@cache
def _trusted() -> tuple[str | None, str | None]:
    """Where this machine keeps the certificates that it trusts; the library brings none of its own."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile, paths.capath


_LOST = (pycurl.E_OPERATION_TIMEDOUT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT)
_REASONS = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_RESOLVE_HOST: "the name of its host is not known",
    pycurl.E_URL_MALFORMAT: "the name of its host is not known",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the name of the proxy is not known",
    pycurl.E_COULDNT_CONNECT: "its host cannot be reached",
    pycurl.E_PEER_FAILED_VERIFICATION: "the certificate of its host is not accepted",
    pycurl.E_SSL_CACERT_BADFILE: "the certificates that this machine trusts cannot be read",
}
_NO_HTTP = (pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_BAD_CONTENT_ENCODING)


def _broken(code: int, most: int) -> Broken:
    """What an error of libcurl means."""
    if code == pycurl.E_FILESIZE_EXCEEDED:
        return Broken(f"the answer is larger than {most // 1024:,} KiB", passing=False)
    if code in _NO_HTTP:
        return Broken("what it answers is not HTTP", passing=False)
    return Broken(_REASONS.get(code, "the connection broke off"), lost=code in _LOST)


def left(end: float) -> float:
    """Seconds until a moment of the monotonic clock."""
    return max(0.001, end - time.monotonic())
