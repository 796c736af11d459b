"""A sweep over what the store does not know, knows from long ago or knows by another name: nothing happens twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.core.intent import Check, Publish, Reconcile
from bot.flows.rebuild import ensure_known
from bot.flows.table import tell_of_bug
from bot.flows.ticket import Ticket
from bot.store.database import FILE
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.flows.sweeping import BUILDS, Clerk
from tests.stage import MANIFEST

CHANNEL = "refs/heads/dev-channel"
LOG = "refs/manifest-release-bot/channels/dev-channel"


@pytest.fixture
def clerk(play: Play) -> Clerk:
    return Clerk(play)


def backup(clerk: Clerk, folder: Path) -> Callable[[], None]:
    """Copy the store; what comes back puts the copy in its place."""
    file = clerk.play.desk.settings.data_dir / FILE
    clerk.play.desk.store.engine.dispose()
    shutil.copy(file, folder / "copy")

    def restore() -> None:
        clerk.play.desk.store.engine.dispose()
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        shutil.copy(folder / "copy", file)

    return restore


def merged(clerk: Clerk, command: str) -> tuple[int, int, int]:
    """A release that was asked for, proposed, merged and published: issue, comment, pull request."""
    issue, asked = clerk.play.stage.ask(command)
    clerk.deliver_comment(issue, asked, command)
    (pull,) = clerk.pulls()
    clerk.play.stage.person("hubot").merge(MANIFEST, pull)
    clerk.sweep()
    assert "refs/tags/v115.0.1" in clerk.play.stage.refs()
    return issue, asked, pull


def records(clerk: Clerk) -> int:
    """How many moves of the channel by hand are recorded."""
    return int(clerk.play.stage.seeded.manifest.git.read("rev-list", "--count", LOG))


def test_moves_of_a_channel_are_not_repeated_when_the_store_is_lost_and_a_delivery_came_before_the_sweep(
    clerk: Clerk,
) -> None:
    clerk.sweep()
    for command in (
        "/channel set dev-channel 110.0.0 115.0.0 does not boot",
        "/channel set dev-channel 115.0.0 it does",
    ):
        issue, asked = clerk.play.stage.ask(command, "hubot")
        clerk.deliver_comment(issue, asked, command, "hubot")
    before = clerk.play.stage.refs()[CHANNEL], records(clerk)
    assert before[1] == 2
    clerk.lose_the_store()
    ensure_known(clerk.play.desk, clerk.play.repository)  # as every delivery does
    clerk.sweep()
    assert (clerk.play.stage.refs()[CHANNEL], records(clerk)) == before


@pytest.mark.parametrize("command", [None, "/release patch build-115 --allow-empty"])
def test_a_command_is_not_carried_out_again_by_a_copy_of_the_store_from_before_it(
    clerk: Clerk, tmp_path: Path, command: str | None
) -> None:
    clerk.sweep()
    restore = backup(clerk, tmp_path)
    issue, asked, pull = merged(clerk, command or clerk.command)
    replies, refs = clerk.replies(issue, asked), clerk.play.stage.refs()
    restore()
    clerk.sweep()
    assert clerk.replies(issue, asked) == replies
    assert clerk.pulls() == [pull]
    assert clerk.play.stage.refs() == refs
    assert clerk.runs() == 1


def test_a_reply_is_not_written_over_when_a_copy_of_the_store_comes_back_hours_later(
    clerk: Clerk, tmp_path: Path
) -> None:
    clerk.sweep()
    restore = backup(clerk, tmp_path)
    issue, asked = clerk.play.stage.ask("/release hold x")
    clerk.deliver_comment(issue, asked, "/release hold x")
    replies = clerk.replies(issue, asked)
    clerk.later(timedelta(hours=3))
    restore()
    clerk.play.desk.store.now = clerk.play.desk.now
    clerk.sweep()
    assert clerk.replies(issue, asked) == replies


def test_what_breaks_on_our_side_at_each_sweep_is_told_in_one_comment(clerk: Clerk) -> None:
    play = clerk.play
    pull = play.propose()
    clerk.sweep()
    merge = play.stage.person("hubot").merge(MANIFEST, pull)
    seen, row = play.desk.repository(play.repository).pull(pull), clerk.row()
    assert seen is not None
    assert seen.merged_at is not None
    play.desk.store.merged(play.repository.id, row.plan, pull, row.head, merge, "hubot", seen.merged_at)
    broke = 0
    for minutes in (2, 7, 12, 17):
        clerk.later(timedelta(minutes=minutes))
        play.do(Reconcile(play.repository))
        while clerk.queue:
            seq, intents = clerk.queue.pop(0)
            for part, intent in enumerate(intents):
                if isinstance(intent, Publish):
                    tell_of_bug(play.desk, intent, Ticket(intent, seq, part, True, play.desk.now()).incident)
                    broke += 1
            with play.desk.store.begin() as connection:
                play.desk.store.finish(connection, seq, "parked", "incident x: KeyError")
    assert broke > 1
    assert len(play.stage.said(pull, "incident")) == 1


def test_what_was_parked_before_a_repository_moved_is_begun_anew_where_it_is_now(clerk: Clerk) -> None:
    play = clerk.play
    clerk.submit("merged/x", (Publish(replace(play.repository, installation=999999, name="old/manifest"), 5),))
    ((seq, _),) = clerk.queue
    clerk.queue.clear()
    with play.desk.store.begin() as connection:
        play.desk.store.finish(connection, seq, "parked", "github: away")
    play.do(Reconcile(play.repository))
    assert (Publish(play.repository, 5),) in [intents for _, intents in clerk.queue]


def test_a_store_that_knows_all_but_that_it_does_asks_about_no_build_that_ended(clerk: Clerk) -> None:
    play = clerk.play
    _, _, pull = merged(clerk, clerk.command)
    play.stage.until("the end", lambda: (play.follow("115.0.1"), play.stage.said(pull, "end"))[1])
    before = clerk.row()
    with play.desk.store.begin() as connection:
        connection.execute(sa.text("DELETE FROM facts WHERE key LIKE 'known/%'"))
    play.stage.sandbox.world.repositories[play.stage.sandbox.repository(BUILDS).id].runs.clear()
    ensure_known(play.desk, play.repository)
    assert (clerk.row().state, clerk.row().run_id) == (before.state, before.run_id)
    assert play.stage.said(pull, "unknown-build") == []


def test_an_open_release_is_looked_at_behind_a_hundred_other_pull_requests(clerk: Clerk) -> None:
    play = clerk.play
    pull = play.propose()
    manifest, person = play.stage.seeded.manifest, play.stage.person("hubot")
    manifest.git.update("refs/heads/topic", play.stage.refs()["refs/heads/build-115"])
    commit = commit_files(manifest, "topic", {"notes": ("100644", b"x")}, "notes")
    for number in range(100):
        manifest.git.update(f"refs/heads/topic-{number}", commit)
        person.open_pull(MANIFEST, f"topic-{number}", "build-115", f"topic {number}")
    play.do(Reconcile(play.repository))
    assert (Check(play.repository, pull),) in [tuple(intents) for _, intents in clerk.queue]
