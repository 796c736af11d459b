"""Holds: nothing is planned and no merge is published until somebody lifts them; as refs, nothing else does."""

from __future__ import annotations

from bot.store import tables
from tests.flows.conftest import Play
from tests.stage import MANIFEST

TAG = "refs/tags/v115.0.1"
REPOSITORY = "refs/manifest-release-bot/holds/repository"


def lose_the_store(play: Play) -> None:
    with play.desk.store.begin() as connection:
        for table in (tables.releases, tables.facts, tables.inbox):
            connection.execute(table.delete())


def test_a_held_repository_plans_nothing_until_it_is_lifted(play: Play) -> None:
    told = play.type("/release hold the SDK of 110.0.0 is broken")
    assert told.startswith("Releases are on hold since ")
    assert "by @octocat: `the SDK of 110.0.0 is broken`. No release is planned" in told
    assert "`/release unhold` in an issue lifts it." in play.type("/release patch build-115 --allow-empty", "hubot")
    assert play.type("/release status", "mallory").startswith("Releases are on hold since ")
    assert play.type("/release unhold", "hubot").startswith("Releases are no longer on hold (@octocat held since ")
    assert REPOSITORY not in play.stage.refs()
    assert play.type("/release unhold").startswith("Releases of this repository are not on hold")
    play.propose()


def test_a_merge_that_is_held_is_published_after_the_hold(play: Play) -> None:
    pull = play.propose()
    play.type("/release hold")
    assert play.check(pull).startswith("failure: releases are on hold since")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    assert "on hold" in play.stage.said(pull, "stopped")[0]
    play.type("/release unhold")
    play.type("/release resume", on=pull)
    assert TAG in play.stage.refs()


def test_one_pull_request_is_held_alone(play: Play) -> None:
    pull = play.propose()
    assert play.type("/release hold wait for QA", on=pull).startswith(f"#{pull} is on hold since ")
    assert play.check(pull).startswith("failure: this release is on hold since")
    assert play.type("/release status").startswith("| line |")
    assert play.type("/release unhold", on=pull).startswith(f"#{pull} is no longer on hold")
    assert play.check(pull).startswith("success: 115.0.1 can be released")


def test_a_lost_store_lifts_no_hold(play: Play) -> None:
    play.type("/release hold")
    lose_the_store(play)
    assert "on hold" in play.type("/release patch build-115 --allow-empty")


def test_holding_again_keeps_the_first_hold_and_its_reason(play: Play) -> None:
    play.type("/release hold first")
    before = play.stage.refs()[REPOSITORY]
    assert "by @octocat: `first`" in play.type("/release hold second", "hubot")
    assert play.stage.refs()[REPOSITORY] == before


def test_holding_is_for_releasers(play: Play) -> None:
    assert "`/release hold` is for" in play.type("/release hold", "mallory")
    assert REPOSITORY not in play.stage.refs()


def test_a_lifted_hold_is_told_again_when_the_command_is_carried_out_again(play: Play) -> None:
    play.type("/release hold")
    issue, comment = play.stage.ask("/release unhold")
    for _ in range(2):
        play.answer(issue, comment, "/release unhold", "octocat")
    assert play.stage.reply(issue, comment).startswith("Releases are no longer on hold")
