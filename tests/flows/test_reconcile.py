"""What no delivery told is found by looking; what came late, twice or in another order changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import now
from bot.core.intent import Check
from bot.flows.reconcile import LOOK_BACK, OVERLAP, looks_back_to
from tests.flows.conftest import Play
from tests.flows.sweeping import Clerk
from tests.stage import MANIFEST

TAG = "refs/tags/v115.0.1"


@pytest.fixture
def clerk(play: Play) -> Clerk:
    return Clerk(play)


def ended(clerk: Clerk, pull: int) -> list[str]:
    """One more look at the image build, and what was said at its end."""
    clerk.play.follow("115.0.1")
    return clerk.play.stage.said(pull, "end")


@pytest.mark.parametrize("merge", ["lost", "once", "twice", "late"])
@pytest.mark.parametrize("comment", ["lost", "once", "twice", "late"])
def test_however_deliveries_come_one_release_comes_of_it(clerk: Clerk, comment: str, merge: str) -> None:
    play = clerk.play
    clerk.sweep()
    issue, asked = play.stage.ask(clerk.command)
    for _ in range({"once": 1, "twice": 2}.get(comment, 0)):
        clerk.deliver_comment(issue, asked, clerk.command)
    clerk.sweep()
    (pull,) = clerk.pulls()
    merged = play.stage.person("hubot").merge(MANIFEST, pull)
    for _ in range({"once": 1, "twice": 2}.get(merge, 0)):
        clerk.deliver_merge(pull, merged)
    clerk.sweep()
    if merge == "late":
        clerk.deliver_merge(pull, merged)
    if comment == "late":
        clerk.deliver_comment(issue, asked, clerk.command)
    clerk.sweep()
    play.stage.until("the end of the build", lambda: ended(clerk, pull))
    refs = play.stage.refs()
    assert refs[f"{TAG}^{{}}"] == refs["refs/heads/build-115"] == refs["refs/heads/dev-channel"] == merged
    assert (clerk.pulls(), clerk.runs(), clerk.row().state) == ([pull], 1, "built")
    assert [each.startswith(f"Opened #{pull} ") for each in clerk.replies(issue, asked)] == [True]
    assert [len(play.stage.said(pull, what)) for what in ("progress", "end")] == [1, 1]


@pytest.mark.parametrize(("minutes", "runs"), [(50, True), (70, False), (60 * 30, False)])
def test_a_command_that_is_found_late_runs_for_an_hour(clerk: Clerk, minutes: int, runs: bool) -> None:
    clerk.sweep()
    issue, asked = clerk.play.stage.ask(clerk.command)
    clerk.later(timedelta(minutes=minutes))
    clerk.sweep()
    (reply,) = clerk.replies(issue, asked)
    assert reply.startswith("Opened #") == runs
    assert ("I was away when this was posted. Please post it again" in reply) == (not runs)
    clerk.sweep()
    assert len(clerk.replies(issue, asked)) == 1


@pytest.mark.parametrize(("minutes", "published"), [(110, True), (130, False), (60 * 30, False)])
def test_a_merge_that_is_found_late_is_published_for_two_hours(clerk: Clerk, minutes: int, published: bool) -> None:
    pull = clerk.play.propose()
    clerk.sweep()
    merged = clerk.play.stage.person("hubot").merge(MANIFEST, pull)
    clerk.later(timedelta(minutes=minutes))
    clerk.sweep()
    assert (TAG in clerk.play.stage.refs()) == published
    assert clerk.row().state == ("building" if published else "stopped")
    told = clerk.play.stage.said(pull, "stopped")
    assert len(told) == (0 if published else 1)
    if not published:
        assert "merged more than two hours ago" in told[0]
        assert "`/release resume`" in told[0]
        clerk.play.type("/release resume", "hubot", on=pull, at=now() + timedelta(minutes=minutes))
        assert clerk.play.stage.refs()[f"{TAG}^{{}}"] == merged


def test_a_merge_that_was_missed_long_before_the_last_sweep_is_found_by_its_row(clerk: Clerk) -> None:
    pull = clerk.play.propose()
    clerk.play.stage.person("hubot").merge(MANIFEST, pull)
    clerk.later(timedelta(minutes=80))
    clerk.play.desk.store.remember(f"known/{clerk.play.repository.id}", "yes")
    clerk.play.desk.store.remember(f"sweep/{clerk.play.repository.id}", clerk.play.desk.now().isoformat())
    clerk.sweep()
    assert TAG in clerk.play.stage.refs()


def test_a_pull_request_closed_by_deleting_its_branch_frees_the_version(clerk: Clerk) -> None:
    pull = clerk.play.propose()
    clerk.play.stage.person("hubot").ask("DELETE", f"/repos/{MANIFEST}/git/refs/heads/release-bot/v115.0.1")
    clerk.later(timedelta(minutes=1))
    clerk.sweep()
    assert clerk.row().state == "withdrawn"
    again = clerk.play.propose()
    assert again != pull


def test_a_reopened_release_is_known_as_proposed_again(clerk: Clerk) -> None:
    pull = clerk.play.propose()
    person = clerk.play.stage.person("hubot")
    refs = clerk.play.stage.refs()
    person.close(MANIFEST, pull)
    clerk.sweep()
    assert clerk.row().state == "withdrawn"
    branch = "refs/heads/release-bot/v115.0.1"
    clerk.play.stage.sandbox.repository(MANIFEST).git.update(branch, refs[branch])
    person.reopen(MANIFEST, pull)
    clerk.sweep()
    assert clerk.row().state == "proposed"


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_of_ours_that_is_a_day_off_loses_nothing_and_doubles_nothing(clerk: Clerk, off: timedelta) -> None:
    play = clerk.play
    clerk.sweep()
    clerk.set_our_clock(off)
    issue, asked = play.stage.ask(clerk.command)
    clerk.sweep()
    (pull,) = clerk.pulls()
    clerk.set_our_clock(timedelta(0))
    clerk.sweep()
    merged = play.stage.person("hubot").merge(MANIFEST, pull)
    clerk.set_our_clock(off)
    clerk.sweep()
    assert play.stage.refs()[f"{TAG}^{{}}"] == merged
    clerk.set_our_clock(timedelta(0))
    other, second = play.stage.ask("/release help")
    clerk.sweep()
    assert clerk.replies(other, second)
    assert (clerk.pulls(), clerk.runs()) == ([pull], 1)
    assert len(clerk.replies(issue, asked)) == 1


def test_a_sweep_looks_back_a_little_beyond_the_last_one_and_never_from_the_future_on() -> None:
    moment = now()
    assert looks_back_to(None, moment) == moment - LOOK_BACK
    last = moment - timedelta(hours=9)
    assert looks_back_to(last.isoformat(), moment) == last - OVERLAP
    assert looks_back_to((moment + timedelta(days=1)).isoformat(), moment) == moment - LOOK_BACK


def test_what_an_outage_parked_is_begun_anew_and_a_fault_of_ours_is_not(clerk: Clerk) -> None:
    store, which, key = clerk.play.desk.store, clerk.play.repository, "changed/1/2/opened/3/4"
    clerk.submit(key, (Check(which, 2),))
    clerk.work()
    (seq,) = [row.seq for row in store.deliveries() if row.delivery.key == key]
    for detail, state in (("incident 1234: KeyError", "parked"), ("github: away", "done")):
        with store.begin() as connection:
            store.finish(connection, seq, "parked", detail)
        clerk.sweep()
        assert store.outcome(key) == state


def test_a_sweep_that_finds_nothing_is_few_requests(clerk: Clerk) -> None:
    clerk.sweep()
    clerk.sweep()
    asked = clerk.play.stage.sandbox.requests
    before = len(asked)
    clerk.sweep()
    assert [each.name for each in asked[before:]] == [
        "GET /repos/{repo}/pulls",
        "GET /repos/{repo}/issues/comments",
        "GET /repos/{repo}/pulls",
    ]
