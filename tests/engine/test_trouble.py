"""Trouble at the wrong moment: a row that ends while it is judged, a full disk, a wrong clock, a version that left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from bot.clock import now
from bot.core.intent import Intent, Publish
from bot.flows.door import Door
from bot.flows.outcome import Outcome, Steps
from bot.flows.ticket import Ticket
from bot.outage import Outage
from bot.store import Delivery, Store
from tests.test_engine import Place, lose_all_work, place as place, repository, wait_for


class SlowDoor(Door):
    """Its look whether a row is at work takes so long that the row ends meanwhile."""

    def __init__(self, at: Place, may_end: threading.Event) -> None:
        super().__init__(at.store)
        self._at = at
        self._may_end = may_end

    def at_work(self, seq: int) -> bool:
        self._may_end.set()
        self._at.ended(seq)
        wait_for(lambda: not super(SlowDoor, self).at_work(seq))
        return super().at_work(seq)


class AwayStore(Store):
    """A store whose database may be away."""

    away = False

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        if self.away:
            raise Outage("database", "away")
        with super().begin() as connection:
            yield connection


def test_a_row_that_ends_while_it_is_judged_lost_is_not_begun_anew(place: Place) -> None:
    may_end, runs = threading.Event(), []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        runs.append(intent)
        assert may_end.wait(20)
        return Outcome("done")

    engine = place.work(flow)
    engine.door.submit("k", (Publish(repository(), 1),))
    wait_for(lambda: bool(runs))
    engine.door = SlowDoor(place, may_end)
    assert engine.take_up_lost() == 0
    assert place.ended(1) == ("done", "")
    assert len(runs) == 1


def test_an_end_that_could_not_be_written_down_before_the_worker_left_is_found_by_the_next(place: Place) -> None:
    store = AwayStore(place.store.engine, place.store.now)
    kept, place.store = place.store, store
    effects: list[int] = []
    tries: list[int] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        steps.run("effect", effects.append, 1)
        store.away = not tries
        tries.append(1)
        return Outcome("done")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    wait_for(lambda: bool(tries))
    place.stop()
    store.away = False
    assert store.outcome("k") is None
    place.work(flow)
    assert place.ended(1) == ("done", "")
    assert (len(effects), len(tries)) == (1, 2)
    place.store = kept


def test_what_was_queued_for_tomorrow_by_a_clock_that_was_wrong_is_begun_now(place: Place) -> None:
    engine = place.work(lambda intent, steps: Outcome("done"))
    which, intent = repository(), Publish(repository(), 1)
    with place.store.begin() as connection:
        seq = place.store.add(connection, Delivery("k", "sweep", "", which.id, which.installation), (intent,))
        assert seq is not None
        engine.door.enqueue(connection, Ticket(intent, seq, 0, True, now(), "k"), 86400)
    assert engine.door.at_work(seq)
    assert engine.take_up_lost() == 0
    assert place.ended(seq) == ("done", "")


@pytest.mark.parametrize("store_url", [None])
def test_while_the_disk_is_full_no_step_goes_on_from_one_that_could_not_be_recorded(place: Place) -> None:
    full, ran = threading.Event(), []

    @event.listens_for(place.store.engine, "checkout")
    def limit(connection: sa.engine.interfaces.DBAPIConnection, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages if full.is_set() else 10**9}")
        cursor.close()

    def step(number: int) -> str:
        ran.append(number)
        if ran == [1]:
            full.set()
            threading.Timer(2, full.clear).start()
        return "x" * 200_000

    def flow(intent: Intent, steps: Steps) -> Outcome:
        for number in (1, 2):
            steps.run(f"step {number}", step, number)
        return Outcome("done")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1) == ("done", "")
    assert ran == [1] * (len(ran) - 1) + [2]
    assert place.told == []


def test_a_row_of_a_newer_version_holds_up_no_other(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    door = Door(place.store)
    for number in (1, 2):
        door.submit(f"k{number}", (Publish(repository(), number),))
    lose_all_work(place)
    with place.store.begin() as connection:
        connection.execute(sa.text("UPDATE inbox SET intents = replace(intents, 'Publish', 'Foresee') WHERE seq = 1"))
    engine = place.work(lambda intent, steps: Outcome("done"))
    with caplog.at_level(logging.WARNING):
        assert engine.take_up_lost() == 1
    assert "inbox row 1 asks for Foresee" in caplog.text
    assert place.ended(2) == ("done", "")
    assert place.store.outcome("k1") is None
    assert [(each.seq, each.kinds) for each in place.store.unreadable()] == [(1, "Foresee")]

    with place.store.begin() as connection:
        connection.execute(sa.text("UPDATE inbox SET intents = replace(intents, 'Foresee', 'Publish') WHERE seq = 1"))
    assert engine.take_up_lost() == 1, "the version that knows it is back"
    assert place.ended(1) == ("done", "")
