"""Releases that somebody made without the bot: told on one page, left alone, and open releases under them turn red."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.intent import Check
from tests.flows.conftest import Play
from tests.flows.sweeping import Clerk
from tests.stage import MANIFEST

WHO = "A Person <a@example.com>"


@pytest.fixture
def clerk(play: Play) -> Clerk:
    made = Clerk(play)
    play.propose()
    made.sweep()
    return made


def tag(clerk: Clerk, name: str) -> str:
    """An annotated tag at the head of its line, pushed by a person."""
    git = clerk.play.stage.sandbox.repository(MANIFEST).git
    target = clerk.play.stage.refs()["refs/heads/build-115"]
    payload = f"object {target}\ntype commit\ntag {name}\ntagger {WHO} 1382700000 +0000\n\nby hand\n"
    made = git.run("mktag", data=payload.encode())
    git.update(f"refs/tags/{name}", made)
    return made


def pages(clerk: Clerk) -> list[dict[str, Any]]:
    found = clerk.play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/issues?state=all")
    return [each for each in found if each["title"] == "Releases that were made by hand"]


def test_releases_from_before_are_nobodys_news(clerk: Clerk) -> None:
    clerk.sweep()
    assert pages(clerk) == []


def test_a_release_of_ours_is_not_told_of(clerk: Clerk) -> None:
    (pull,) = clerk.pulls()
    clerk.play.stage.person("hubot").merge(MANIFEST, pull)
    clerk.play.publish(pull)
    clerk.sweep()
    assert pages(clerk) == []


def test_releases_made_by_hand_are_listed_on_one_page(clerk: Clerk) -> None:
    made = tag(clerk, "v115.0.1")
    clerk.sweep()
    (page,) = pages(clerk)
    assert "| `v115.0.1` |" in page["body"]
    clerk.play.stage.person("hubot").ask("PATCH", f"/repos/{MANIFEST}/issues/{page['number']}", {"state": "closed"})
    clerk.sweep()
    assert pages(clerk)[0]["state"] == "closed"
    tag(clerk, "v115.0.2")
    clerk.sweep()
    (again,) = pages(clerk)
    assert (again["number"], again["state"]) == (page["number"], "open")
    assert "| `v115.0.1` |" in again["body"]
    assert "| `v115.0.2` |" in again["body"]
    assert clerk.play.stage.refs()["refs/tags/v115.0.1"] == made


def test_where_no_release_was_asked_for_no_tag_is_one(play: Play) -> None:
    clerk = Clerk(play)
    clerk.sweep()
    tag(clerk, "v115.0.1")
    clerk.sweep()
    assert pages(clerk) == []


def test_other_tags_are_nobodys_business(clerk: Clerk) -> None:
    tag(clerk, "nightly")
    tag(clerk, "v115.0.1-rc1")
    clerk.sweep()
    assert pages(clerk) == []


def test_after_a_lost_store_what_is_there_counts_as_seen(clerk: Clerk) -> None:
    tag(clerk, "v115.0.1")
    clerk.lose_the_store()
    clerk.sweep()
    assert pages(clerk) == []
    tag(clerk, "v115.0.2")
    clerk.sweep()
    assert "v115.0.2" in pages(clerk)[0]["body"]
    assert "v115.0.1" not in pages(clerk)[0]["body"]


def test_an_open_release_that_is_superseded_turns_red(clerk: Clerk) -> None:
    (pull,) = clerk.pulls()
    tag(clerk, "v115.0.1")
    clerk.sweep()
    assert clerk.play.check(pull).startswith("failure: ")
    assert clerk.play.do(Check(clerk.play.repository, pull)).state == "done"
