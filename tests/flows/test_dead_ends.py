"""Dead ends: whatever was done to a release by hand, there is a way on, and none back over what is published."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import now
from bot.outage import Outage
from bot.settings.secret import Secret
from bot.store import tables
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.flows.sweeping import BUILDS
from tests.flows.test_signed import key as key, signing, tag
from tests.flows.test_stopped import TAG, read
from tests.stage import MANIFEST


def merged(play: Play) -> int:
    """A release pull request that was merged, and not looked at yet."""
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    return pull


def state(play: Play) -> str:
    row = play.desk.store.release(play.repository.id, "115.0.1")
    assert row is not None
    return row.state


def set_row(play: Play, **values: object) -> None:
    """Have the store say something else of the release, as an old copy of it would."""
    with play.desk.store.begin() as connection:
        connection.execute(tables.releases.update().values(**values))


def test_a_stopped_release_that_a_higher_one_by_hand_overtook_blocks_its_branch_no_more(play: Play) -> None:
    pull = play.propose()
    play.type("/release hold")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    play.type("/release unhold")
    higher = read(play, "build-115", "version.txt").replace(b"COREOS_PATCH=1", b"COREOS_PATCH=2")
    manifest = play.stage.seeded.manifest
    commit = commit_files(manifest, "build-115", {"version.txt": ("100644", higher)}, "release 115.0.2 by hand")
    manifest.git.update("refs/tags/v115.0.2", commit)
    play.type("/release resume", on=pull)
    assert "115.0.2 was released on this line meanwhile" in play.stage.said(pull, "stopped")[0]
    assert "cannot be adopted" in play.type("/release adopt", "hubot", on=pull)
    assert "cannot be taken back" in play.type("/release abandon", on=pull)
    told = play.type("/release patch build-115 --allow-empty")
    assert told.startswith("Opened #"), told
    assert "115.0.3" in told


def test_what_was_merged_into_another_branch_is_taken_back_there(play: Play) -> None:
    pull = play.propose()
    before = read(play, "master", "version.txt")
    play.stage.person("octocat").edit_pull(MANIFEST, pull, base="master")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    told = play.type("/release abandon", on=pull)
    assert "takes the merge for `v115.0.1` back" in told
    play.stage.person("hubot").merge(MANIFEST, int(told.split("#")[1].split(" ")[0]))
    assert read(play, "master", "version.txt") == before
    assert play.publish(pull).state == "stopped"
    assert "**115.0.1**" in play.type("/release patch build-115 --allow-empty")


def test_a_published_release_is_not_abandoned_because_the_store_is_old_and_its_branch_is_gone(play: Play) -> None:
    pull = merged(play)
    assert play.publish(pull).state == "done"
    set_row(play, state="stopped", tag_object="", tag_payload=None, run_id=None, run_url=None)
    play.stage.seeded.manifest.git.update("refs/heads/build-115", None)
    assert "its tag is on the server" in play.type("/release abandon", on=pull)
    assert state(play) != "withdrawn"
    assert TAG in play.stage.refs()


def test_a_tag_that_could_not_be_pushed_unsigned_is_signed_once_there_is_a_key(play: Play, key: Secret) -> None:
    pull = play.propose()
    hook = play.stage.seeded.manifest.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    hook.unlink()
    able = signing(play, key)
    able.type("/release resume", on=pull)
    assert able.desk.keyring.judge(tag(able)).state == "good"


def test_a_build_that_was_begun_by_a_clock_a_day_ahead_is_not_waited_for_a_day(play: Play) -> None:
    pull = merged(play)
    play.publish(pull)
    sandbox = play.stage.sandbox
    sandbox.world.repositories[sandbox.repository(BUILDS).id].runs.clear()
    ahead = (now() + timedelta(days=1)).isoformat()
    set_row(play, state="published", run_id=None, run_url=None, dispatched_at=ahead)
    try:
        play.type("/release resume", on=pull)
    except Outage as outage:
        pytest.fail(f"told to wait for {outage.retry_after} s")
    assert state(play) in ("published", "building")
