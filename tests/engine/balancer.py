"""What stands before several receivers: hands each connection to the next one, and to another where that is down."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def balancer(port: int, receivers: Sequence[int]) -> Iterator[None]:
    """Listens on this port until the block ends."""
    turns = itertools.count()
    with socket.create_server(("127.0.0.1", port)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                turn = next(turns)
                order = [receivers[(turn + n) % len(receivers)] for n in range(len(receivers))]
                threading.Thread(target=_join, args=(client, order), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield
        listening.shutdown(socket.SHUT_RDWR)


def _join(client: socket.socket, order: Sequence[int]) -> None:
    with client:
        for port in order:
            try:
                receiver = socket.create_connection(("127.0.0.1", port), timeout=15)
            except OSError:
                continue
            with receiver:
                there = threading.Thread(target=_copy, args=(client, receiver), daemon=True)
                there.start()
                _copy(receiver, client)
                there.join(15)
            return


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
