"""Retried: a command whose answer was lost is carried out again, and never undoes what somebody decided meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.outage import Outage
from sandbox.seed import commit_files
from sandbox.switch import Rule, Switch
from tests.flows.conftest import Play
from tests.flows.sweeping import BUILDS, Clerk
from tests.flows.test_stopped import TAG, another_pin, reviewer_pushes
from tests.stage import MANIFEST

CHANNEL = "refs/heads/dev-channel"
HOLD = "refs/manifest-release-bot/holds/repository"
BACK = "/channel set dev-channel 110.0.0 115.0.0 does not boot"
OOPS = "/channel set dev-channel 109.0.0 oops, not that one"
SECOND = b"version: 1\npermissions: {second_person: true}\nbuild: {repository: coreos/scripts}\n"
BY_HAND = b"version: 1\nbuild: {repository: coreos/scripts}\nchannels: {dev-channel: {mode: never}}\n"


@pytest.fixture
def clerk(play: Play) -> Clerk:
    return Clerk(play)


def first_try(play: Play, command: str, login: str, on: int | None = None) -> Callable[[], str]:
    """Have a command carried out; what comes back tries it again and tells its reply."""
    issue, comment = play.stage.ask(command, login, on)

    def again() -> str:
        play.answer(issue, comment, command, login, on_pull=on is not None)
        return play.stage.reply(issue, comment)

    again()
    return again


def configure(play: Play, text: bytes) -> None:
    commit_files(play.stage.seeded.manifest, "master", {".github/manifest-release.yml": ("100644", text)}, "configure")


def published(play: Play) -> int:
    """A pull request whose release is published."""
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    return pull


def forget_runs(play: Play) -> None:
    """GitHub keeps runs for a while only."""
    sandbox = play.stage.sandbox
    sandbox.world.repositories[sandbox.repository(BUILDS).id].runs.clear()


def test_lifting_a_hold_again_lifts_no_later_hold(play: Play) -> None:
    play.type("/release hold one")
    again = first_try(play, "/release unhold", "octocat")
    play.type("/release hold really broken", "hubot")
    again()
    assert HOLD in play.stage.refs()


def test_a_hold_that_was_lifted_is_not_put_on_again(play: Play) -> None:
    again = first_try(play, "/release hold x", "octocat")
    play.type("/release unhold", "hubot")
    again()
    assert HOLD not in play.stage.refs()


def test_a_channel_is_not_moved_again_over_a_later_move(play: Play) -> None:
    again = first_try(play, BACK, "hubot")
    play.type("/channel set dev-channel 115.0.0 it boots", "hubot")
    after = play.stage.refs()[CHANNEL]
    again()
    assert play.stage.refs()[CHANNEL] == after


def test_a_confirmation_that_is_carried_out_again_says_the_same(play: Play) -> None:
    configure(play, SECOND)
    play.stage.sandbox.set_role(MANIFEST, "octocat", "admin")
    issue, comment = play.stage.ask(BACK, "hubot")
    play.answer(issue, comment, BACK, "hubot")
    again = first_try(play, "/channel confirm", "octocat", issue)
    assert "Its users go BACK from 115.0.0 to 110.0.0." in again()


def test_a_confirmation_is_not_of_what_was_asked_after_it(play: Play) -> None:
    configure(play, SECOND)
    play.stage.sandbox.set_role(MANIFEST, "octocat", "admin")
    issue, comment = play.stage.ask(BACK, "hubot")
    play.answer(issue, comment, BACK, "hubot")
    before = play.stage.refs()[CHANNEL]
    _, confirmed = play.stage.ask("/channel confirm", "octocat", issue)
    _, asked = play.stage.ask(OOPS, "hubot", issue)
    play.answer(issue, asked, OOPS, "hubot")
    play.answer(issue, confirmed, "/channel confirm", "octocat")
    assert play.stage.refs()[CHANNEL] == before


def test_an_earlier_wish_that_is_carried_out_again_does_not_take_the_place_of_the_later_one(play: Play) -> None:
    configure(play, SECOND)
    play.stage.sandbox.set_role(MANIFEST, "octocat", "admin")
    issue, comment = play.stage.ask(OOPS, "hubot")
    _, later = play.stage.ask(BACK, "hubot", issue)
    for number, body in ((comment, OOPS), (later, BACK)):
        play.answer(issue, number, body, "hubot")
    play.answer(issue, comment, OOPS, "hubot")
    _, confirmed = play.stage.ask("/channel confirm", "octocat", issue)
    play.answer(issue, confirmed, "/channel confirm", "octocat")
    refs = play.stage.refs()
    assert refs[CHANNEL] == refs["refs/tags/v110.0.0^{}"]


def test_a_publication_that_is_tried_again_stops_where_somebody_abandoned_it_meanwhile(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    switch = play.stage.sandbox.faults = Switch(Rule("git receive-pack", "503", times=None))
    with pytest.raises(Outage):
        play.publish(pull)
    switch.clear()
    assert "takes the merge for `v115.0.1` back" in play.type("/release abandon", on=pull)
    outcome = play.publish(pull)
    assert outcome.state == "stopped"
    assert "takes its merge back" in outcome.detail
    assert TAG not in play.stage.refs()


def test_an_adoption_that_was_broken_off_follows_the_plan_that_it_adopted(play: Play) -> None:
    pull = play.propose()
    configure(play, BY_HAND)
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    before = play.stage.refs()[CHANNEL]
    switch = play.stage.sandbox.faults = Switch(Rule("git receive-pack", "503", times=None))
    with pytest.raises(Outage):
        play.type("/release adopt", "hubot", on=pull)
    switch.clear()
    play.type("/release resume", on=pull)
    assert TAG in play.stage.refs()
    assert play.stage.refs()[CHANNEL] == before


def test_an_adoption_that_is_carried_out_again_changes_nothing(play: Play) -> None:
    pull = play.propose()
    reviewer_pushes(play, "build-115.xml", another_pin(play), "another")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    again = first_try(play, "/release adopt", "hubot", pull)
    refs = play.stage.refs()
    assert TAG in refs
    again()
    assert play.stage.refs() == refs


def test_a_channel_that_was_moved_back_stays_there_when_the_store_is_lost(clerk: Clerk) -> None:
    play = clerk.play
    clerk.sweep()
    published(play)
    play.type("/channel set dev-channel 115.0.0 115.0.1 does not boot", "hubot")
    at = play.stage.refs()[CHANNEL]
    clerk.lose_the_store()
    clerk.sweep()
    assert play.stage.refs()[CHANNEL] == at


def test_a_build_that_is_resumed_after_the_store_was_lost_moves_no_channel(clerk: Clerk) -> None:
    play = clerk.play
    clerk.sweep()
    pull = published(play)
    play.type("/channel set dev-channel 115.0.0 115.0.1 does not boot", "hubot")
    at = play.stage.refs()[CHANNEL]
    forget_runs(play)
    clerk.lose_the_store()
    clerk.sweep()
    assert clerk.row().state == "published"
    play.type("/release resume", on=pull)
    assert clerk.runs() == 1
    assert play.stage.refs()[CHANNEL] == at


def test_a_word_about_an_old_release_starts_no_build_when_the_store_is_lost(clerk: Clerk) -> None:
    play = clerk.play
    clerk.sweep()
    pull = published(play)
    play.stage.until("the end", lambda: "ended" in play.follow("115.0.1").detail)
    clerk.later(timedelta(days=40))
    forget_runs(play)
    play.stage.person("octocat").comment(MANIFEST, pull, "thanks, worked fine")
    clerk.lose_the_store()
    clerk.sweep()
    assert clerk.row().state == "published"
    assert clerk.runs() == 0
    assert "`/release resume` here starts it" in play.stage.said(pull, "unknown-build")[0]
