"""Slots as the database leases them: one holder each, by its clock, and a token that never comes twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.flows.slots import Lease
from bot.store import Store, engine_for
from bot.store.slots import Slot, Slots, confirm
from tests.postgres import Server

LONG = 600.0
AGES = "1 hour"


@pytest.fixture
def engine(tmp_path: Path, server: Server) -> Iterator[sa.Engine]:
    store = Store(engine_for(server.database(), tmp_path), now)
    store.create_tables()
    yield store.engine
    store.engine.dispose()


@pytest.fixture
def slots(engine: sa.Engine) -> Slots:
    return Slots(engine)


def test_the_lowest_free_slot_is_taken_under_a_new_token(slots: Slots) -> None:
    taken = [slots.take("x", LONG) for _ in range(3)]
    assert taken == [Slot(1, 1), Slot(2, 1), Slot(3, 1)]
    slots.release(taken[1])
    slots.release(taken[0])
    assert slots.held() == (Slot(3, 1),)
    assert slots.take("x", LONG) == Slot(1, 2)
    assert slots.take("x", LONG) == Slot(2, 2)


def test_many_who_want_a_slot_at_once_get_one_each(slots: Slots) -> None:
    taken: list[Slot] = []
    threads = [threading.Thread(target=lambda: taken.append(slots.take("x", LONG))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slot.number for slot in taken) == list(range(1, 13))


def test_a_lease_that_ran_out_is_anybodys_and_its_holder_can_do_nothing_with_it(
    slots: Slots, engine: sa.Engine
) -> None:
    own, old = slots.take("own", 30), slots.take("x", 0)
    assert slots.renew(old, 0) is not None, "nobody has taken it over yet"
    assert slots.fence(own, 0) == (old,)
    assert slots.fence(own, 0) == ()
    assert not slots.renew(old, LONG)
    with engine.begin() as connection:
        assert not confirm(connection, old)
    assert slots.take("x", LONG) == Slot(2, 3)
    slots.release(old)
    assert slots.held() == (own, Slot(2, 3))


def test_a_lease_that_the_clock_was_set_back_from_is_taken_from_a_holder_who_does_not_renew_it(
    slots: Slots, engine: sa.Engine
) -> None:
    own, dead = slots.take("own", 30), slots.take("x", 30)
    assert slots.fence(own, 0) == ()
    move_ends(engine, dead, "+")
    assert slots.fence(own, 0) == (dead,)
    assert slots.held() == (own,)


@pytest.mark.parametrize("sign", ["+", "-"])
def test_who_has_not_renewed_by_the_clock_that_was_set_judges_nobody(
    slots: Slots, engine: sa.Engine, sign: str
) -> None:
    own, another = slots.take("own", 30), slots.take("x", 30)
    for each in (own, another):
        move_ends(engine, each, sign)
    assert slots.fence(own, 0) == ()
    assert slots.renew(another, 30)
    assert slots.renew(own, 30)
    assert slots.fence(own, 0) == ()
    assert slots.held() == (own, another)


def move_ends(engine: sa.Engine, slot: Slot, sign: str) -> None:
    """As if the clock had been set the other way since its lease was made."""
    moved = sa.text("UPDATE slots SET expires_at = expires_at + CAST(:ages AS interval) WHERE number = :number")
    with engine.begin() as connection:
        connection.execute(moved, {"number": slot.number, "ages": f"{sign}{AGES}"})


def test_an_expired_slot_is_taken_without_being_fenced_first(slots: Slots) -> None:
    old = slots.take("x", 0)
    assert slots.take("x", 0.01) == Slot(1, 2)
    assert not slots.renew(old, LONG)


def test_for_the_length_of_a_lease_after_the_start_of_the_server_nobody_is_taken_over(slots: Slots) -> None:
    own, old = slots.take("own", LONG), slots.take("x", 0)
    assert slots.fence(own, LONG) == ()
    assert slots.take("x", LONG) == Slot(3, 1)
    assert slots.renew(old, LONG)


def test_a_slot_that_was_confirmed_is_not_taken_over_before_that_transaction_ends(
    slots: Slots, engine: sa.Engine
) -> None:
    own, held = slots.take("own", 30), slots.take("x", 0)
    with engine.begin() as connection:
        assert confirm(connection, held)
        taking = threading.Thread(target=slots.fence, args=(own, 0))
        taking.start()
        taking.join(0.3)
        assert taking.is_alive()
    taking.join(10)
    assert not taking.is_alive()
    assert slots.held() == (own,)


def test_a_lease_is_kept_by_its_heart_and_given_back_at_the_end(slots: Slots, engine: sa.Engine) -> None:
    own, lease = slots.take("own", 30), Lease(engine, 1.0)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert lease.good()
        assert slots.fence(own, 0) == ()
        time.sleep(0.05)
    slots.release(own)
    assert lease.leads()
    assert lease.gone({lease.name, "slot-1.9", "worker-1"}) == {"slot-1.9", "worker-1"}
    lease.close()
    assert slots.held() == ()


def test_a_lease_that_was_taken_over_is_lost_for_good(slots: Slots, engine: sa.Engine) -> None:
    lease, own = Lease(engine, 1.0), slots.take("own", 30)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE slots SET expires_at = now() - interval '1 second' WHERE number = 1"))
    slots.fence(own, 0)
    with engine.begin() as connection:
        assert not lease.confirm(connection)
    assert lease.lost
    assert not lease.good()
    assert not lease.leads()
    lease.close()
