"""The engine: once, in order, again after an outage, told after a bug, carried on by the next worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.core.intent import Acknowledge, Check, Intent, Publish
from bot.flows.door import ROUNDS, Door, prepare
from bot.flows.engine import DEATHS, Engine
from bot.flows.lock import AnotherWorker
from bot.flows.outcome import Outcome, Steps
from bot.flows.ticket import Patience
from bot.outage import Denied, Outage
from bot.settings import Settings
from bot.store import Store, engine_for
from bot.store.database import is_sqlite
from tests.door import environment

QUICK = Patience(first=0.05, longest=0.1, limit=3.0, bugs=2)
Flow = Callable[[Intent, Steps], Outcome]


class Place:
    """A store on which workers come and go."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        env = environment(folder, 1, QUEUE_POLL_SECONDS="0.02", **({"DATABASE_URL": url} if url else {}))
        self.settings = Settings.from_env(env)
        self.moment = timedelta()
        self.store = Store(engine_for(url, self.settings.data_dir), lambda: now() + self.moment)
        prepare(self.store, self.settings.queue_poll_seconds)
        self.told: list[str] = []
        self.given_up: list[str] = []
        self.running: list[Engine] = []

    def work(self, flow: Flow, tell: Callable[[Intent, str], None] | None = None) -> Engine:
        engine = Engine(
            self.settings,
            self.store,
            flow,
            tell or (lambda intent, incident: self.told.append(incident)),
            lambda intent, reason: self.given_up.append(reason),
            roll=lambda: 0.0,
            patience=QUICK,
        )
        engine.start()
        self.running.append(engine)
        return engine

    def stop(self) -> None:
        for engine in self.running:
            engine.stop(1)
        self.running.clear()

    def ended(self, seq: int) -> tuple[str, str]:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            row = self.store.delivery(seq)
            if row and row.outcome:
                return row.outcome, row.detail
            time.sleep(0.01)
        raise AssertionError(f"row {seq} did not end")


@pytest.fixture
def place(tmp_path: Path, store_url: str | None) -> Iterator[Place]:
    made = Place(tmp_path, store_url)
    yield made
    made.stop()
    made.store.engine.dispose()


def repository(number: int = 7) -> RepositoryId:
    return RepositoryId(number, 9, f"coreos/manifest-{number}")


def test_what_was_submitted_is_carried_out_once_and_its_end_is_stored(place: Place) -> None:
    seen: list[Intent] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        seen.append(intent)
        return Outcome("done", steps.run("add", lambda a, b: a + b, 1, 2) * "x")

    engine = place.work(flow)
    assert engine.door.submit("k", (Publish(repository(), 1),)) == "stored"
    assert engine.door.submit("k", (Publish(repository(), 1),)) == "duplicate"
    assert place.ended(1) == ("done", "xxx")
    assert seen == [Publish(repository(), 1)]


def test_one_repositorys_releases_happen_one_after_the_other_in_order(place: Place) -> None:
    order: list[int] = []
    inside: list[int] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        assert isinstance(intent, Publish)
        inside.append(intent.pull)
        assert len(inside) == 1
        time.sleep(0.01)
        order.append(intent.pull)
        inside.remove(intent.pull)
        return Outcome("done")

    engine = place.work(flow)
    for number in range(1, 9):
        engine.door.submit(f"k{number}", (Publish(repository(), number),))
    for number in range(1, 9):
        assert place.ended(number)[0] == "done"
    assert order == list(range(1, 9))


def test_a_slow_release_holds_up_neither_a_reaction_nor_another_repository(place: Place) -> None:
    may_end = threading.Event()

    def flow(intent: Intent, steps: Steps) -> Outcome:
        if isinstance(intent, Publish) and intent.repository.id == 7:
            assert may_end.wait(20)
        return Outcome("done")

    engine = place.work(flow)
    engine.door.submit("slow", (Publish(repository(7), 1),))
    engine.door.submit("reaction", (Acknowledge(repository(7), 1),))
    engine.door.submit("other", (Publish(repository(8), 1),))
    assert place.ended(2)[0] == place.ended(3)[0] == "done"
    may_end.set()
    assert place.ended(1)[0] == "done"


def test_after_an_outage_it_is_tried_again(place: Place) -> None:
    tries: list[int] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        tries.append(1)
        if len(tries) < 3:
            raise Outage("github", "away")
        return Outcome("done", "at last")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1) == ("done", "at last")


def test_an_outage_without_end_is_parked_with_its_reason(place: Place) -> None:
    def flow(intent: Intent, steps: Steps) -> Outcome:
        raise Outage("github", "away for good")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    state, detail = place.ended(1)
    assert state == "parked"
    assert "away for good" in detail
    place.stop()
    assert place.given_up == ["github: away for good"]


def test_a_bug_is_told_once_with_an_id_and_parked_after_its_tries(place: Place) -> None:
    def flow(intent: Intent, steps: Steps) -> Outcome:
        raise ZeroDivisionError

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    state, detail = place.ended(1)
    assert state == "parked"
    assert len(place.told) == 1
    assert place.told[0] in detail


def test_what_a_flow_orders_for_later_is_carried_out_once(place: Place) -> None:
    seen: list[str] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        seen.append(type(intent).__name__)
        later = ((0.05, Check(repository(), 2)),) if isinstance(intent, Publish) else ()
        return Outcome("done", later=later)

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    place.ended(1)
    end = time.monotonic() + 10
    while len(seen) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2)
    assert seen == ["Publish", "Check"]


def test_what_a_worker_leaves_between_two_steps_is_carried_on_without_repeating_the_first(place: Place) -> None:
    calls: list[str] = []
    leave = threading.Event()

    def call(name: str, answer: object) -> object:
        calls.append(name)
        return answer

    def flow(intent: Intent, steps: Steps) -> Outcome:
        first = steps.run("one", call, "one", [1, (2, 3)])
        leave.wait(20)
        second = steps.run("two", call, "two", "x")
        return Outcome("done", f"{first} {second}")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    wait_for(lambda: calls == ["one"])
    stopping = threading.Thread(target=place.stop)
    stopping.start()
    time.sleep(0.2)
    leave.set()
    stopping.join()
    assert calls == ["one"]
    place.work(flow)
    assert place.ended(1) == ("done", "[1, [2, 3]] x")
    assert calls == ["one", "two"]


def test_a_steps_outage_and_denial_are_what_the_flow_meets(place: Place) -> None:
    def no() -> None:
        raise Denied("github", "not yours", 403)

    def away() -> None:
        raise Outage("git", "away", 0.0)

    def flow(intent: Intent, steps: Steps) -> Outcome:
        met = []
        for step in (no, away):
            try:
                steps.run(step.__name__, step)
            except (Denied, Outage) as fault:
                met.append(f"{type(fault).__name__} {fault}")
        return Outcome("done", "; ".join(met))

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1) == ("done", "Denied github: not yours; Outage git: away")


def test_a_reaction_that_is_denied_is_no_incident(place: Place) -> None:
    def flow(intent: Intent, steps: Steps) -> Outcome:
        raise Denied("github", "the comment is gone", 404)

    engine = place.work(flow)
    engine.door.submit("reaction", (Acknowledge(repository(), 1),))
    assert place.ended(1)[0] == "refused"
    assert place.told == []
    engine.door.submit("release", (Publish(repository(), 1),))
    assert place.ended(2)[0] == "parked"
    assert len(place.told) == 1


def test_people_are_told_at_a_later_try_when_the_first_telling_failed(place: Place) -> None:
    def deaf(intent: Intent, incident: str) -> None:
        place.told.append(incident)
        if len(place.told) == 1:
            raise Outage("github", "away")

    def flow(intent: Intent, steps: Steps) -> Outcome:
        raise ZeroDivisionError

    place.work(flow, deaf).door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1)[0] == "parked"
    assert len(place.told) == 2
    assert len(set(place.told)) == 1


def test_a_row_that_waits_is_open_until_what_it_ordered_has_ended(place: Place) -> None:
    def flow(intent: Intent, steps: Steps) -> Outcome:
        if isinstance(intent, Publish):
            return Outcome("waiting", later=((0.05, Check(repository(), 2)),))
        return Outcome("done", "by the check")

    place.work(flow).door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1) == ("done", "by the check")


def test_work_that_vanished_is_begun_anew_and_parked_when_it_vanishes_again_and_again(place: Place) -> None:
    door = Door(place.store)
    door.submit("k", (Publish(repository(), 1),))
    lose_all_work(place)
    engine = place.work(lambda intent, steps: Outcome("done"))
    place.moment += timedelta(seconds=1)
    assert engine.take_up_lost() == 1
    assert place.ended(1)[0] == "done"
    assert engine.take_up_lost() == 0
    place.stop()

    door.submit("k2", (Publish(repository(), 2),))
    with place.store.begin() as connection:
        for attempts in range(1, ROUNDS):
            assert place.store.count_attempt(connection, 2, attempts, None)
    lose_all_work(place)
    place.moment += timedelta(minutes=5)
    engine = place.work(lambda intent, steps: Outcome("done"))
    assert engine.take_up_lost() == 1
    assert place.ended(2)[0] == "parked"


def test_work_that_was_under_way_when_the_worker_died_too_often_is_begun_anew_at_once(place: Place) -> None:
    Door(place.store).submit("k", (Publish(repository(), 1),))
    with place.store.begin() as connection:
        connection.execute(sa.update(engines_table(place)).values(recovery_attempts=DEATHS + 1))
    engine = place.work(lambda intent, steps: Outcome("done"))
    wait_for(lambda: not engine.door.at_work(1))
    assert place.store.outcome("k") is None
    place.moment += timedelta(seconds=1)
    assert engine.take_up_lost() == 1
    assert place.ended(1)[0] == "done"


def test_what_is_queued_is_not_lost(place: Place) -> None:
    engine = place.work(lambda intent, steps: Outcome("waiting", later=((60.0, Check(repository(), 2)),)))
    engine.door.submit("k", (Publish(repository(), 1),))
    wait_for(lambda: engine.door.at_work(1))
    place.moment += timedelta(minutes=5)
    assert engine.take_up_lost() == 0


def test_a_parked_row_can_be_begun_again(place: Place) -> None:
    results = [Outcome("parked", "gave up"), Outcome("done", "after all")]
    engine = place.work(lambda intent, steps: results.pop(0))
    engine.door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1) == ("parked", "gave up")
    row = place.store.delivery(1)
    assert row is not None
    engine.door.again(row)
    wait_for(lambda: not results)
    assert place.ended(1) == ("done", "after all")


def test_what_was_parked_is_begun_anew_when_a_sweep_finds_it_again_but_not_for_ever(place: Place) -> None:
    rounds: list[int] = []

    def flow(intent: Intent, steps: Steps) -> Outcome:
        rounds.append(1)
        return Outcome("parked", "github is away")

    engine = place.work(flow)
    for number in range(1, ROUNDS + 1):
        assert engine.door.submit("k", (Publish(repository(), 1),)) == "stored"
        wait_for(lambda number=number: len(rounds) == number and place.ended(1)[0] == "parked")  # type: ignore[misc]
    assert engine.door.submit("k", (Publish(repository(), 1),)) == "duplicate"


def test_the_engines_record_of_ended_work_is_forgotten_and_the_inbox_is_not(place: Place) -> None:
    engine = place.work(lambda intent, steps: Outcome("done"))
    engine.door.submit("k", (Publish(repository(), 1),))
    assert place.ended(1)[0] == "done"
    wait_for(lambda: not engine.door.at_work(1))
    assert work(place) == 1
    engine.door.forget(now() - timedelta(days=1))
    assert work(place) == 1
    engine.door.forget(now() + timedelta(days=1))
    assert work(place) == 0
    assert engine.door.submit("k", (Publish(repository(), 1),)) == "duplicate"


def work(place: Place) -> int:
    """How many pieces of work the engine knows of."""
    with place.store.begin() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(engines_table(place))).scalar() or 0)


def engines_table(place: Place) -> sa.TableClause:
    return sa.table(
        "workflow_status", sa.column("recovery_attempts"), schema=None if is_sqlite(place.store.engine) else "dbos"
    )


def lose_all_work(place: Place) -> None:
    with place.store.begin() as connection:
        connection.execute(sa.delete(engines_table(place)))


def wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_second_worker_on_the_same_folder_refuses_to_start(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.work(lambda intent, steps: Outcome("done"))
    with pytest.raises(AnotherWorker, match="Another worker is running"):
        place.work(lambda intent, steps: Outcome("done"))
    place.stop()
    place.store.engine.dispose()


def test_what_was_stored_while_no_worker_ran_is_carried_out_by_the_next(place: Place) -> None:
    engine = place.work(lambda intent, steps: Outcome("done", "the first"))
    door = engine.door
    place.stop()
    door.submit("k", (Publish(repository(), 1),))
    place.work(lambda intent, steps: Outcome("done", "the second"))
    assert place.ended(1) == ("done", "the second")
