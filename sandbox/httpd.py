"""The HTTP server under the sandbox: connections stay open as GitHub's do, and all of them end when it stops."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

PATIENCE = 5.0
LOOK = 0.02
"""Seconds between two looks whether to stop: tests begin and end thousands of these."""


class _Handler(WSGIRequestHandler):
    """Writes no log of its own: `Sandbox.requests` is the log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are two writes; with Nagle's algorithm each answer would wait for the client's delayed ACK."""

    def send_response(self, code: Any, message: str | None = None) -> None:
        """Without this machine's date: an answer has the sandbox's, and no answer has two."""
        self.log_request(code)
        self.send_response_only(code, message)
        self.send_header("Server", self.version_string())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Nothing."""


class Server(ThreadedWSGIServer):
    """One thread a connection, each known, so that stopping leaves neither thread nor socket behind."""

    def __init__(self, host: str, port: int, flask: Flask) -> None:
        super().__init__(host, port, flask, handler=_Handler)
        self._guard = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._loop = threading.Thread(target=self.serve_forever, args=(LOOK,), name="sandbox", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._loop.start()

    def stop(self) -> None:
        """Take no more connections, end those that are open, and wait until their threads are gone."""
        if self._loop.is_alive():
            self.shutdown()
            self._loop.join()
        self.server_close()
        with self._guard:
            connections = dict(self._connections)
        for connection in connections:
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(PATIENCE)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer everything that comes over one connection."""
        with self._guard:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.pop(request, None)
