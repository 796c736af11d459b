"""The door in bad times: slow senders, a locked store, a full disk, a killed process. Nothing taken in is lost."""

from __future__ import annotations

import http.client
import itertools
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.door import DoorUnderTest, comment_payload, door

BEGUN = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorUnderTest]:
    with door(tmp_path_factory.mktemp("door")) as made:
        assert made.deliver({"zen": "x"}, event="ping") == 200
        yield made


def test_four_hundred_slow_connections_do_not_hold_up_a_delivery(at: DoorUnderTest) -> None:
    slow = [socket.create_connection(("127.0.0.1", at.port), timeout=10) for _ in range(400)]
    try:
        for connection in slow:
            connection.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Le")
        began = time.monotonic()
        assert at.deliver(comment_payload(comment=300)) == 202
        assert time.monotonic() - began < 2
    finally:
        for connection in slow:
            connection.close()


def test_a_body_that_trickles_in_is_cut_off(at: DoorUnderTest) -> None:
    with socket.create_connection(("127.0.0.1", at.port), timeout=40) as slow:
        slow.sendall(BEGUN)
        began = time.monotonic()
        assert slow.recv(100) == b""
        assert 5 < time.monotonic() - began < 30


def test_when_the_disk_is_full_the_answer_is_503_and_the_delivery_can_come_again(at: DoorUnderTest) -> None:
    wal = at.database.with_name(at.database.name + "-wal")
    assert at.deliver(comment_payload(comment=302)) == 202
    with at.no_file_grows_beyond(wal.stat().st_size):
        assert at.deliver(comment_payload(comment=303)) == 503
        assert at.deliver({"zen": "x"}, event="ping") == 200
    assert at.deliver(comment_payload(comment=303)) == 202
    assert at.stored()[-1][0] == "comment/7/303"


def test_what_was_answered_202_is_there_after_the_receiver_was_killed(tmp_path: Path) -> None:
    with door(tmp_path) as victim:
        stop = threading.Event()
        sent: list[tuple[int, int]] = []

        def deliver() -> None:
            for number in itertools.count(1):
                if stop.is_set():
                    return
                try:
                    sent.append((number, victim.deliver(comment_payload(comment=number))))
                except (OSError, http.client.HTTPException):
                    sent.append((number, 0))

        sender = threading.Thread(target=deliver)
        sender.start()
        while len(sent) < 20:
            time.sleep(0.01)
        victim.kill()
        stop.set()
        sender.join()
        taken = {f"comment/7/{number}" for number, status in sent if status == 202}
        assert len(taken) >= 20
        assert {status for _, status in sent} <= {202, 0}
        assert taken <= {key for key, _ in victim.stored()}
        assert victim.queued() == 2 * len(victim.stored())


def test_when_the_store_is_locked_the_answer_is_503_and_the_delivery_can_come_again(at: DoorUnderTest) -> None:
    with closing(sqlite3.connect(at.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert at.deliver(comment_payload(comment=301)) == 503
        other.execute("ROLLBACK")
    assert at.deliver(comment_payload(comment=301)) == 202
