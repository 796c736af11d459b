"""The whole bot, as its user runs it: comment, pull request, merge, release; with processes that die in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import MANIFEST, Stage, stage


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        made.migrate()
        yield made


def published(play: Stage) -> dict[str, str]:
    def look() -> dict[str, str] | None:
        refs = play.refs()
        tag = refs.get("refs/tags/v115.0.1^{}")
        return refs if tag and refs["refs/heads/dev-channel"] == tag else None

    return play.until("the release", look)


def runs(play: Stage) -> int:
    return len(play.sandbox.world.repositories[play.seeded.projects["coreos/scripts"].id].runs)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_comment_becomes_a_pull_request_and_its_merge_releases(play: Stage, method: str) -> None:
    play.start()
    issue, comment = play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    assert play.reply(issue, comment).startswith("Opened #2 for **115.0.1** (was 115.0.0) on `build-115`.")
    play.until("both reactions", lambda: play.person("octocat").reactions(MANIFEST, comment) == ["eyes", "+1"])

    merged = play.person("hubot").merge(MANIFEST, play.pull()["number"], method)
    refs = published(play)
    assert refs["refs/tags/v115.0.1^{}"] == refs["refs/heads/build-115"] == merged

    play.until("the end of the build", lambda: play.said(2, "end"))
    tag = play.seeded.manifest.git.run("cat-file", "tag", refs["refs/tags/v115.0.1"])
    assert "CoreOS v115.0.1\n" in tag
    for trailer in ("Requested-by: octocat", "Merged-by: hubot", "Pull-request: 2", "Group: alpha", "Official: 1"):
        assert f"\n{trailer}\n" in tag
    changed = play.seeded.manifest.git.run("diff", "--name-status", "v115.0.0", "v115.0.1").split("\n")
    assert changed == ["M\tbuild-115.xml", "M\tdefault.xml", "M\tversion.txt"]
    assert runs(play) == 1
    assert len(play.said(2, "progress")) == 1


def test_a_delivery_that_comes_again_and_again_changes_nothing(play: Stage) -> None:
    play.start()
    play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    play.person("hubot").merge(MANIFEST, play.pull()["number"])
    play.until("the end of the build", lambda: play.said(2, "end"))
    before = play.refs()

    for delivery in list(play.sandbox.deliveries):
        play.sandbox.redeliver(delivery.id)
    assert play.sandbox.wait_idle()
    issue, comment = play.ask("/release help")
    play.reply(issue, comment)

    assert play.refs() == before
    assert runs(play) == 1
    assert len(play.said(2, "end")) == len(play.said(2, "progress")) == len(play.said(1, "reply")) == 1


def test_what_came_while_the_receiver_was_down_is_found_on_github(play: Stage) -> None:
    play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    assert play.sandbox.wait_idle()
    play.start("worker")
    number = play.pull()["number"]

    play.person("hubot").merge(MANIFEST, number)
    published(play)
    play.until("the end of the build", lambda: play.said(number, "end"))
    assert runs(play) == 1


def test_a_worker_killed_in_the_middle_is_carried_on_by_the_next(play: Stage) -> None:
    play.start()
    play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    number = play.pull()["number"]
    play.kill("worker")
    play.person("hubot").merge(MANIFEST, number)
    assert play.sandbox.wait_idle()
    play.start("worker")
    published(play)
    play.until("the end of the build", lambda: play.said(number, "end"))
    assert runs(play) == 1


def test_closing_the_pull_request_frees_the_version(play: Stage) -> None:
    play.start()
    play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    play.person("octocat").close(MANIFEST, play.pull()["number"])
    play.until("the branch to go", lambda: "refs/heads/release-bot/v115.0.1" not in play.refs())
    issue, comment = play.ask("/release patch build-115 --allow-empty")
    assert play.reply(issue, comment).startswith("Opened #4 for **115.0.1**")


def test_a_second_worker_on_the_same_store_refuses_to_start(play: Stage) -> None:
    play.start("worker")
    play.until("the worker", lambda: "is ready" in (play.root / "worker.log").read_text())
    second = subprocess.run(
        [sys.executable, "-m", "bot", "worker", "--embedded"],
        env=play.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert "Another worker is running" in second.stderr
