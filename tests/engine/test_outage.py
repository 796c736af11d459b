"""The database goes away and comes back: 503 at the door, nothing lost, and everybody goes on by themselves."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

import pytest

from tests.door import DoorUnderTest, comment_payload
from tests.engine.company import LEASE, Company
from tests.engine.test_workers import ALL, steps
from tests.postgres import Server
from tests.stage import free_port

AWAY = LEASE * 2
"""Longer than every lease."""


@pytest.mark.parametrize("end", [Server.stop, Server.kill], ids=["stopped", "killed"])
def test_workers_and_receivers_survive_and_go_on_unaided(
    company: Company, server: Server, end: Callable[[Server], None]
) -> None:
    door = company.receiver("web")
    for name in ("ann", "bob"):
        company.start(name)
    before = company.held()
    company.hold("two")
    for number in range(1, 4):
        company.publish(number, repository=number)
    company.until("the steps", lambda: sum(line.endswith("two begins") for line in company.told()) == 3)
    assert door.deliver(comment_payload(comment=1)) == 202

    end(server)
    assert door.deliver(comment_payload(comment=2)) == 503
    company.let_go("two")
    time.sleep(AWAY)
    assert door.deliver(comment_payload(comment=2)) == 503
    server.start()

    company.until("the door", lambda: door.deliver(comment_payload(comment=2)) == 202)
    for number in range(1, 4):
        company.until("the releases", lambda number=number: company.outcome(number))  # type: ignore[misc]
        assert steps(company, number) == ALL
    company.publish(4)
    company.until("a new release", lambda: company.outcome(4))
    assert steps(company, 4) == ALL
    assert all(row.outcome for row in company.store.deliveries())
    assert [member.poll() for member in company.members.values()] == [None, None, None]
    assert company.held() == before


def test_what_starts_while_it_is_away_says_so_waits_and_then_works(company: Company, server: Server) -> None:
    company.publish(1)
    server.stop()
    door = company.receiver("web")
    company.begin("ann", "tests.engine.player", "ann", str(company.folder))
    company.begin("serve", "bot", "serve", PORT=str(free_port()))
    for name in ("ann", "serve"):
        company.until("the sentence", lambda name=name: "cannot start yet: database: " in company.log(name))  # type: ignore[misc]
    assert door.deliver(comment_payload()) == 503
    company.members["serve"].terminate()
    assert company.members["serve"].wait(20) == 0
    server.start()
    company.until("the release", lambda: company.outcome(1))
    assert door.deliver(comment_payload()) == 202


def test_what_a_database_that_takes_connections_and_never_answers_did_not_store_is_not_taken(
    company: Company, server: Server
) -> None:
    door = company.receiver("web")
    assert door.deliver(comment_payload(comment=1)) == 202
    server.pause()
    try:
        assert taken(door, comment=2) is False
    finally:
        server.go_on()
    company.until("the door", lambda: taken(door, comment=2))


def taken(door: DoorUnderTest, comment: int) -> bool:
    """Whether a delivery is answered 202; no answer in GitHub's ten seconds is a no."""
    try:
        return door.deliver(comment_payload(comment=comment)) == 202
    except (OSError, http.client.HTTPException):
        return False


def test_a_worker_is_told_to_end_while_the_database_is_away_and_does(company: Company, server: Server) -> None:
    process = company.start("ann")
    server.stop()
    time.sleep(2)
    process.terminate()
    assert process.wait(20) == 0
