"""Releases under GitHub's rate limits: each flow waits as long as it is told, and then nothing has happened twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.outage import Outage
from tests.flows.conftest import Play
from tests.stage import MANIFEST

TAG, CHANNEL = "refs/tags/v115.0.1", "refs/heads/dev-channel"
MOST_TRIES = 80


def runs(play: Play) -> int:
    return len(play.stage.sandbox.world.repositories[play.stage.seeded.projects["coreos/scripts"].id].runs)


def merged(play: Play) -> int:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    return pull


def test_a_used_up_hour_is_an_outage_until_it_is_over(play: Play) -> None:
    pull = merged(play)
    limits = play.stage.sandbox.limits
    limits.most = 0
    with pytest.raises(Outage) as outage:
        play.publish(pull)
    assert outage.value.retry_after is not None
    assert 0 < outage.value.retry_after <= 3600
    assert TAG not in play.stage.refs()
    limits.lift()
    assert play.publish(pull).state == "done"


def test_whoever_may_write_once_a_minute_opens_one_pull_request_all_the_same(play: Play) -> None:
    limits = play.stage.sandbox.limits
    number, comment = play.stage.ask(command := f"/release patch build-115 coreos/etcd={_etcd(play)}")
    waits = _in_slices(play, lambda: play.answer(number, comment, command, "octocat").state == "done")
    limits.lift()
    assert waits > 0
    assert len(play.stage.person("octocat").pulls(MANIFEST)) == 1
    (reply,) = play.stage.said(number, f"reply {comment} ")
    assert reply.startswith("Opened #")


def test_a_merge_is_published_once_however_often_the_limit_cuts_in(play: Play) -> None:
    pull = merged(play)
    waits = _in_slices(play, lambda: play.publish(pull).state == "done")
    play.stage.sandbox.limits.lift()
    assert waits > 0
    refs = play.stage.refs()
    assert refs[TAG + "^{}"] == refs[CHANNEL]
    assert runs(play) == 1
    assert len(play.stage.said(pull, "progress")) <= 1
    assert play.publish(pull).state == "done"
    assert (runs(play), len(play.stage.said(pull, "progress"))) == (1, 1)


def _etcd(play: Play) -> str:
    return play.stage.seeded.etcd_release_head


def _in_slices(play: Play, go: Callable[[], bool]) -> int:
    """Try again and again, each time with one write more than the tries before were allowed; how often it was cut."""
    limits = play.stage.sandbox.limits
    waits: list[float] = []
    while len(waits) < MOST_TRIES:
        limits.content_per_minute = limits.written(f"installation {play.stage.installation}") + 1
        try:
            assert go()
            break
        except Outage as outage:
            waits.append(outage.retry_after or 0)
    assert all(0 < wait <= 60 for wait in waits)
    return len(waits)
