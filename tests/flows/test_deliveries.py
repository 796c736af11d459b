"""Which deliveries are asked for again, how often, and that lost ones come after all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.flows.deliveries import KEPT, PAUSES, Failed, redeliver_failed, still_failed
from bot.gh.deliveries import HookDelivery
from handlers import ROUTES
from tests.flows.conftest import Play
from tests.stage import MANIFEST

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def tried(number: int, arrived: bool, guid: str = "g", name: str = "push", ago: timedelta = MINUTE) -> HookDelivery:
    return HookDelivery(number, guid, NOW - ago, arrived, name)


def failing(listed: list[HookDelivery], before: dict[str, Failed] | None = None) -> dict[str, Failed]:
    return still_failed(before or {}, listed, ROUTES, NOW)


def test_what_arrived_at_last_is_not_asked_for() -> None:
    assert failing([tried(1, False), tried(2, True)]) == {}
    assert failing([tried(2, True)], {"g": Failed(1, NOW.isoformat(), 1, NOW.isoformat())}) == {}


def test_what_failed_again_keeps_its_count() -> None:
    first = (NOW - MINUTE).isoformat()
    before = {"g": Failed(1, first, 2, NOW.isoformat())}
    assert failing([tried(5, False)], before) == {"g": Failed(5, first, 2, NOW.isoformat())}


@pytest.mark.parametrize("name", ["star.created", "ping", "issue_comment.edited", "push.created"])
def test_events_that_are_nothing_to_us_are_not_asked_for(name: str) -> None:
    assert failing([tried(1, False, name=name)]) == {}


def test_what_github_keeps_no_longer_is_given_up() -> None:
    assert failing([tried(1, False, ago=KEPT + MINUTE)]) == {}
    assert len(failing([tried(1, False, ago=KEPT - MINUTE)])) == 1


def test_pauses_grow_and_the_last_is_the_end() -> None:
    moment, each = NOW, Failed(1, NOW.isoformat())
    for asked, pause in enumerate(PAUSES):
        moment += pause
        assert Failed(1, each.first, asked, (moment - pause).isoformat() if asked else "").due(moment)
        if asked:
            assert not Failed(1, each.first, asked, (moment - pause).isoformat()).due(moment - MINUTE)
    assert list(PAUSES) == sorted(PAUSES)
    assert not Failed(1, each.first, len(PAUSES), NOW.isoformat()).due(NOW + timedelta(days=2))


def test_a_try_that_a_wrong_clock_noted_in_the_future_is_no_reason_to_wait() -> None:
    assert Failed(1, NOW.isoformat(), 1, (NOW + timedelta(days=1)).isoformat()).due(NOW)


def test_where_everything_arrived_a_look_is_one_request(play: Play) -> None:
    play.desk.hub.bot()
    redeliver_failed(play.desk, ROUTES)
    before = len(play.stage.sandbox.requests)
    redeliver_failed(play.desk, ROUTES)
    assert [each.name for each in play.stage.sandbox.requests[before:]] == ["GET /app/hook/deliveries"]


def test_each_lost_delivery_is_asked_for_once_and_then_after_a_pause(play: Play) -> None:
    issue = play.stage.person("octocat").open_issue(MANIFEST, "a release")
    play.stage.person("octocat").comment(MANIFEST, issue, "/release help")
    assert play.stage.sandbox.wait_idle(20)
    lost = [each for each in play.stage.sandbox.deliveries if each.event == "issue_comment"]
    asked = redeliver_failed(play.desk, ROUTES)
    assert asked >= len(lost) == 1
    assert play.stage.sandbox.wait_idle(20)
    assert redeliver_failed(play.desk, ROUTES) == 0
    again = [each for each in play.stage.sandbox.deliveries if each.guid == lost[0].guid]
    assert [each.redelivery for each in again] == [False, True]
