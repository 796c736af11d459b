"""What becomes of a try: its names, its waits, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from bot.core.hub import RepositoryId
from bot.core.intent import Answer, Follow, Publish
from bot.flows.outcome import Outcome
from bot.flows.ticket import Patience, Setback, Ticket, settle

NOW = datetime(2013, 10, 25, 12, 0, tzinfo=UTC)
WHICH = RepositoryId(7, 9, "coreos/manifest")
PATIENCE = Patience()


def ticket(seq: int = 12, part: int = 0, **changes: object) -> Ticket:
    return replace(Ticket(Publish(WHICH, 42), seq, part, matter=True, since=NOW), **changes)  # type: ignore[arg-type]


def no_luck() -> float:
    return 1.0


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 3), st.integers(1, 40))
def test_names_sort_as_the_inbox_does(one: int, other: int, part: int, attempt: int) -> None:
    if one < other:
        assert ticket(one, part, attempt=attempt).name < ticket(other, part).name


@given(st.text(), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_a_ticket_comes_back_as_it_was_written_in_ascii(body: str, round_: int, attempt: int, told: bool) -> None:
    intent = Answer(WHICH, 40, False, 5, "hubot", 4, body, NOW.isoformat())
    written = Ticket(intent, 1, 1, True, NOW, "guid", round_, attempt, told=told)
    assert written.to_json().isascii()
    assert Ticket.from_json(written.to_json()) == written


def test_every_try_round_and_order_has_a_name_of_its_own() -> None:
    first = ticket()
    ordered = [first.ordered(index, Follow(WHICH, "115.0.1"), False, NOW) for index in range(2)]
    others = [replace(first, attempt=2), replace(first, round=2), replace(first, part=1), *ordered]
    further = [each.ordered(0, Follow(WHICH, "115.0.1"), False, NOW) for each in ordered]
    names = [each.name for each in (first, *others, *further)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("000000000012.") for name in names)
    assert max(len(name) for name in names) < 40


def test_an_incident_keeps_its_id_through_all_tries() -> None:
    assert ticket(attempt=3, bugs=2).incident == ticket().incident != ticket(13).incident


@given(st.integers(1, 100), st.floats(0, 1))
def test_waits_double_up_to_a_minute_and_are_spread(attempt: int, roll: float) -> None:
    most = min(60.0, 2.0 ** (attempt - 1))
    assert most / 2 <= PATIENCE.wait(attempt, roll) <= most


def test_after_an_outage_it_is_tried_again_later() -> None:
    decided = settle(ticket(attempt=3), Setback("github: away"), NOW, no_luck, PATIENCE)
    ((wait, again),) = decided.queue
    assert (decided.outcome, wait, again.attempt) == (None, 4.0, 4)


def test_a_wait_that_github_asked_for_is_kept() -> None:
    ((wait, _),) = settle(ticket(), Setback("github: slow down", retry_after=90), NOW, no_luck, PATIENCE).queue
    assert wait == 90


def test_after_an_hour_it_is_parked_with_the_reason() -> None:
    late = NOW + timedelta(minutes=59, seconds=30)
    assert settle(ticket(attempt=9), Setback("away"), late, no_luck, PATIENCE).outcome == Outcome("parked", "away")
    assert settle(ticket(), Setback("away", retry_after=3601), NOW, no_luck, PATIENCE).outcome is not None


def test_what_breaks_on_our_side_is_tried_three_times() -> None:
    broken = Setback("incident 7f3c", bug=True, told=True)
    ((_, again),) = settle(ticket(), broken, NOW, no_luck, PATIENCE).queue
    assert (again.bugs, again.told) == (1, True)
    assert settle(replace(again, bugs=2), broken, NOW, no_luck, PATIENCE).outcome == Outcome("parked", "incident 7f3c")


def test_a_row_that_waits_ends_with_the_work_it_ordered() -> None:
    order = ((5.0, Follow(WHICH, "115.0.1")),)
    waiting = settle(ticket(), Outcome("waiting", later=order), NOW, no_luck, PATIENCE)
    assert waiting.outcome is None
    assert waiting.queue[0][1].matter
    done = settle(ticket(), Outcome("done", later=order), NOW, no_luck, PATIENCE)
    assert done.outcome is not None
    assert not done.queue[0][1].matter


def test_a_try_that_is_decided_twice_orders_the_same_names() -> None:
    result = Outcome("done", later=((1.0, Follow(WHICH, "115.0.1")), (2.0, Publish(WHICH, 42))))
    first = settle(ticket(), result, NOW, no_luck, PATIENCE)
    second = settle(ticket(), result, NOW + timedelta(minutes=5), no_luck, PATIENCE)
    assert [each.name for _, each in first.queue] == [each.name for _, each in second.queue]
