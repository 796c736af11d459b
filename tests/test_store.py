"""What is stored about deliveries and releases, and that nothing leads a release back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.hub import RepositoryId
from bot.core.intent import Acknowledge
from bot.core.version import Version
from bot.store import Delivery, Store, engine_for
from tests.core.test_record import RECORD

BEGIN = datetime(2013, 10, 25, 12, 0, tzinfo=UTC)
VERSION = Version(115, 0, 1)
WHICH = RepositoryId(7, 9, "coreos/manifest")


class Clock:
    def __init__(self) -> None:
        self.time = BEGIN

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, store_url: str | None, clock: Clock) -> Iterator[Store]:
    made = Store(engine_for(store_url, tmp_path), clock)
    made.create_tables()
    made.create_tables()
    yield made
    made.engine.dispose()


def add(store: Store, key: str, guid: str | None = None) -> int | None:
    delivery = Delivery(key, "issue_comment", "created", 7, 9, guid=guid)
    with store.begin() as connection:
        return store.add(connection, delivery, (Acknowledge(WHICH, 1),))


def test_a_happening_is_stored_once_whatever_told_of_it(store: Store) -> None:
    assert add(store, "comment/7/1", "a") == 1
    assert add(store, "comment/7/1", "b") is None
    assert add(store, "comment/7/2", "a") is None
    assert add(store, "comment/7/2") is not None
    assert store.seen("comment/7/1")
    assert not store.seen("comment/7/3")


def test_a_transaction_that_fails_stores_nothing(store: Store) -> None:
    def interrupted() -> None:
        with store.begin() as connection:
            store.add(connection, Delivery("k", "x", "y", 7, 9), ())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert not store.seen("k")


def test_intents_come_back_as_they_were_stored(store: Store) -> None:
    add(store, "k")
    (row,) = store.open_deliveries(BEGIN + timedelta(seconds=1))
    assert row.intents == (Acknowledge(WHICH, 1),)
    assert store.repositories() == (WHICH,)


def test_a_repository_is_being_swept_until_its_sweep_has_ended(store: Store) -> None:
    add(store, "push/7/refs/heads/main/1")
    assert store.being_swept() == frozenset()
    seq = add(store, "sweep/7/2026-01-01T00:00:00+00:00")
    assert store.being_swept() == {7}
    assert seq is not None
    with store.begin() as connection:
        store.finish(connection, seq, "done", "")
    assert store.being_swept() == frozenset()


def test_one_command_has_a_version_at_a_time(store: Store) -> None:
    other = replace(RECORD, comment=RECORD.comment + 1)
    assert store.reserve(7, RECORD, VERSION)
    assert store.reserve(7, RECORD, VERSION)
    assert not store.reserve(7, other, VERSION)
    assert store.reserve(8, other, VERSION)


def test_a_withdrawn_version_and_one_that_led_to_nothing_are_free(store: Store, clock: Clock) -> None:
    other = replace(RECORD, comment=RECORD.comment + 1)
    store.reserve(7, RECORD, VERSION)
    store.proposed(7, RECORD, 42, "f" * 40)
    assert not store.reserve(7, other, VERSION)
    store.withdrawn(7, "115.0.1", 42)
    assert store.reserve(7, other, VERSION)
    clock.time += timedelta(hours=3)
    assert store.reserve(7, RECORD, VERSION)


def test_a_version_that_a_clock_a_day_ahead_reserved_is_not_held_for_that_day(store: Store, clock: Clock) -> None:
    clock.time += timedelta(days=1)
    assert store.reserve(7, RECORD, VERSION)
    clock.time -= timedelta(days=1)
    assert store.reserve(7, replace(RECORD, comment=RECORD.comment + 1), VERSION)


def test_a_release_goes_forward_only(store: Store) -> None:
    store.merged(7, RECORD, 42, "f" * 40, "a" * 40, "hubot", BEGIN)
    store.publishing(7, "115.0.1", b"tag bytes", BEGIN)
    store.published(7, "115.0.1", "7" * 40, "a" * 40)
    store.stopped(7, "115.0.1", "too late to stop")
    store.merged(7, RECORD, 42, "f" * 40, "a" * 40)
    store.withdrawn(7, "115.0.1", 42)
    release = store.release(7, "115.0.1")
    assert release is not None
    assert (release.state, release.tag_payload, release.tag_object) == ("published", b"tag bytes", "7" * 40)
    assert not store.reserve(7, RECORD, VERSION)


def test_a_release_is_known_again_from_its_pull_request_when_the_row_was_lost(store: Store) -> None:
    store.merged(7, RECORD, 42, "f" * 40, "a" * 40, "hubot", BEGIN)
    release = store.release(7, "115.0.1")
    assert release is not None
    assert (release.state, release.plan, release.merged_by, release.merged_at) == ("merged", RECORD, "hubot", BEGIN)


def test_a_build_that_ended_stays_ended_until_another_run(store: Store) -> None:
    store.merged(7, RECORD, 42, "f" * 40, "a" * 40)
    store.published(7, "115.0.1", "7" * 40, "a" * 40)
    store.building(7, "115.0.1", 5, "https://x/5")
    store.build_ended(7, "115.0.1", "failed", "failure")
    store.building(7, "115.0.1", 5, "https://x/5")
    release = store.release_of_run(5)
    assert release is not None
    assert release.state == "failed"
    assert store.release_of_run(6) is None


def test_a_progress_row_takes_the_place_of_the_earlier_one_about_the_same_step(store: Store) -> None:
    store.merged(7, RECORD, 42, "f" * 40, "a" * 40)
    store.add_rows(7, "115.0.1", [["tag", "running"], ["channel", "waiting"]])
    store.add_rows(7, "115.0.1", [["tag", "done"]])
    release = store.release(7, "115.0.1")
    assert release is not None
    assert release.rows == [["tag", "done"], ["channel", "waiting"]]


def test_looks_that_ended_are_forgotten_and_what_was_done_is_not(store: Store, clock: Clock) -> None:
    for number, key in enumerate(("comment/7/1", "merged/7/42/a", "sweep/7/x", "run/7/1/1/x/y"), start=1):
        add(store, key)
        with store.begin() as connection:
            store.finish(connection, number, "done", "")
    add(store, "sweep/7/open")
    store.forget_looks(BEGIN)
    assert store.seen("sweep/7/x")
    clock.time += timedelta(days=40)
    store.forget_looks(clock.time)
    kept = [
        key for key in ("comment/7/1", "merged/7/42/a", "sweep/7/x", "run/7/1/1/x/y", "sweep/7/open") if store.seen(key)
    ]
    assert kept == ["comment/7/1", "merged/7/42/a", "sweep/7/open"]


def test_facts_are_remembered(store: Store) -> None:
    assert store.fact("x") is None
    store.remember("x", "1")
    store.remember("x", "2")
    assert store.fact("x") == "2"
