"""Many small requests from one thread: it minds all connections at once, and helpers do what would keep it waiting.

Thirty-two threads that each wait for one answer hinder each other more than the requests cost. So threads of their
own are given to two things only: opening a connection, and waiting for an answer that comes in pieces.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from bot.connection import Answer, Broken, Connection, Hangup, Unfinished, broken_by
from bot.wire import Host, NotSpoken, Wire

Key = TypeVar("Key")
Outcome = Answer | Broken | None
"""What came of a request; None: it was not made, or its connection was an old one that had ended meanwhile."""


@dataclass(frozen=True)
class Request(Generic[Key]):
    """A request, as `Wire.exchange` takes it, and whose it is."""

    key: Key
    method: str
    url: str
    rest: bytes = field(repr=False)


@dataclass(eq=False, slots=True)
class _Flight(Generic[Key]):
    """A request on its way. `fresh`: its connection was opened for it."""

    key: Key
    host: Host
    data: bytes = field(repr=False)
    end: float
    fresh: bool = False


class Volley(Generic[Key]):
    """Makes requests, `at_once` at a time, each with `timeout` seconds; `settle` is told what came of each, once."""

    def __init__(self, wire: Wire, at_once: int, timeout: float, settle: Callable[[Key, Outcome], None]) -> None:
        self._wire = wire
        self._at_once = at_once
        self._timeout = timeout
        self._settle = settle
        self._flying: dict[Connection, _Flight[Key]] = {}
        self._helped: dict[Future[Any], Callable[[Future[Any]], None]] = {}
        self._done: deque[Future[Any]] = deque()

    def run(self, requests: Iterator[Request[Key]]) -> None:
        """Make them all. Each is taken from the iterator only when its turn has come."""
        self._requests = requests
        self._bell, ear = socket.socketpair()
        with self._bell, ear, selectors.DefaultSelector() as self._selector:
            self._selector.register(ear, selectors.EVENT_READ)
            try:
                with ThreadPoolExecutor(self._at_once) as self._helpers:
                    for _ in range(self._at_once):
                        self._next()
                    self._mind(ear)
            finally:
                self._close()

    def _close(self) -> None:
        """Close what is still on its way, where a fault of ours ended it all."""
        results = [each.result() for each in self._helped if each.exception() is None]
        for connection in (*self._flying, *(each[0] if isinstance(each, tuple) else each for each in results)):
            connection.close()

    def _mind(self, ear: socket.socket) -> None:
        """Until nothing is on its way any more."""
        alarm, tick = 0.0, self._timeout / 20
        while self._flying or self._helped:
            for key, _ in self._selector.select(tick):
                if isinstance(key.fileobj, Connection):
                    self._look(key.fileobj)
                else:
                    ear.recv(1 << 10)
            while self._done:
                future = self._done.popleft()
                self._helped.pop(future)(future)
            now = time.monotonic()
            if now >= alarm:
                alarm = now + tick
                for connection in [each for each, flight in self._flying.items() if flight.end <= now]:
                    self._fail(connection, self._land(connection), TimeoutError())

    def _next(self, connection: Connection | None = None, host: Host | None = None) -> None:
        """Send the next request, over the connection that is free now if it leads there."""
        for request in self._requests:
            try:
                there, data = self._wire.request(request.method, request.url, request.rest)
            except NotSpoken:
                self._settle(request.key, None)
                continue
            flight = _Flight(request.key, there, data, time.monotonic() + self._timeout)
            if connection is not None and host is not None and there is not host:
                self._part(connection, host)
                connection = None
            if connection is None:
                connection = there.take()
                if connection is None:
                    self._help(self._connected, flight, there.connect, flight.end)
                    return
                self._selector.register(connection, selectors.EVENT_READ)
            host = there
            if self._send(connection, flight):
                return
            connection = None
        if connection is not None and host is not None:
            self._part(connection, host)

    def _part(self, connection: Connection, host: Host) -> None:
        """Leave a connection for others to use."""
        self._selector.unregister(connection)
        host.give(connection, True)

    def _send(self, connection: Connection, flight: _Flight[Key]) -> bool:
        """Whether it is on its way now."""
        self._flying[connection] = flight
        try:
            connection.begin(flight.data)
        except Hangup as fault:
            self._over(connection, self._land(connection), fault)
            return False
        return True

    def _look(self, connection: Connection) -> None:
        """Something came, or the connection ended."""
        flight = self._flying[connection]
        try:
            seen = connection.look()
        except Unfinished:
            self._land(connection)
            self._help(self._finished, flight, self._finish, connection, flight.end)
            return
        except Broken as fault:
            self._fail(connection, self._land(connection), fault)
            return
        if seen is None:
            return
        answer, keep = seen
        self._settle(flight.key, answer)
        if keep:
            del self._flying[connection]
            self._next(connection, flight.host)
        else:
            self._land(connection)
            connection.close()
            self._next()

    def _land(self, connection: Connection) -> _Flight[Key]:
        """Look at a connection no more."""
        self._selector.unregister(connection)
        return self._flying.pop(connection)

    def _fail(self, connection: Connection, flight: _Flight[Key], fault: Hangup | OSError | Broken) -> None:
        self._over(connection, flight, fault)
        self._next()

    def _over(self, connection: Connection, flight: _Flight[Key], fault: Hangup | OSError | Broken) -> None:
        """A request came to nothing; where an old connection had just ended, that is nobody's fault."""
        connection.close()
        if isinstance(fault, Hangup) and not flight.fresh:
            self._settle(flight.key, None)
        else:
            self._settle(flight.key, fault if isinstance(fault, Broken) else broken_by(fault))

    # What helpers do

    def _help(
        self,
        after: Callable[[_Flight[Key], Future[Any]], None],
        flight: _Flight[Key],
        work: Callable[..., Any],
        *arguments: Any,
    ) -> None:
        """Have a thread do some work, and go on with what comes of it."""
        future = self._helpers.submit(work, *arguments)
        self._helped[future] = partial(after, flight)
        future.add_done_callback(self._ring)

    def _ring(self, future: Future[Any]) -> None:
        self._done.append(future)
        self._bell.send(b"!")

    def _connected(self, flight: _Flight[Key], future: Future[Connection]) -> None:
        try:
            connection = future.result()
        except Broken as fault:
            self._settle(flight.key, fault)
            self._next()
            return
        flight.fresh = True
        self._selector.register(connection, selectors.EVENT_READ)
        if not self._send(connection, flight):
            self._next()

    def _finish(self, connection: Connection, end: float) -> tuple[Connection, Answer | None, bool, Exception | None]:
        try:
            answer, keep = connection.finish(end)
        except (Hangup, OSError, Broken) as fault:
            return connection, None, False, fault
        return connection, answer, keep, None

    def _finished(self, flight: _Flight[Key], future: Future[Any]) -> None:
        connection, answer, keep, fault = future.result()
        if fault is not None:
            self._fail(connection, flight, fault)
            return
        flight.host.give(connection, keep)
        self._settle(flight.key, answer)
        self._next()
