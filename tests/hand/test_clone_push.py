"""By hand as by the bot: all or nothing, only from what was expected, read back; whatever the person's settings are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.push import RefUpdate
from bot.core.tree import Entry
from bot.hand.clone import Clone
from bot.outage import Denied
from tests.git_server import Asked, Reply
from tests.hand.conftest import BUILD, MASTER, TAG, Folder, World

NEW = "refs/tags/v115.1.0"


def test_two_refs_with_one_wrong_lease_move_neither(world: World, tmp_path: Path) -> None:
    before = world.project.refs()
    with Clone.open(str(world.clone(tmp_path / "clone").path), tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        wrong = RefUpdate(BUILD, world.commits[0], world.commits[1])
        result = clone.push([RefUpdate(MASTER, world.commits[0], world.commits[2]), wrong])
    assert not result.ok
    assert result.states == {MASTER: "unchanged", BUILD: "other"}
    assert result.now == {MASTER: world.commits[0], BUILD: world.commits[3]}
    assert world.project.refs() == before


@pytest.mark.parametrize("ref", [BUILD, TAG])
def test_a_ref_that_must_not_exist_and_does_is_left_alone(ref: str, world: World, tmp_path: Path) -> None:
    before = world.project.refs()
    with Clone.open(world.url, tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        result = clone.push([RefUpdate(ref, None, world.commits[2]), RefUpdate(NEW, None, world.commits[2])])
    assert result.states == {ref: "other", NEW: "unchanged"}
    assert world.project.refs() == before


def test_what_moves_right_after_the_push_is_read_back_and_not_called_done(world: World, tmp_path: Path) -> None:
    world.project.hook("post-receive", f"git update-ref {MASTER} {world.commits[3]}")
    with Clone.open(str(world.clone(tmp_path / "clone").path), tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        result = clone.push([RefUpdate(MASTER, world.commits[0], world.commits[1])])
    assert result.states == {MASTER: "other"}
    assert result.now == {MASTER: world.commits[3]}


def test_a_push_whose_answer_is_lost_is_read_back_as_done(world: World, tmp_path: Path) -> None:
    def lose(asked: Asked) -> Reply | None:
        if asked.method == "POST" and "receive-pack" in asked.path:
            world.project.git("update-ref", MASTER, world.commits[1])
            return Reply(502)
        return None

    world.server.rules.append(lose)
    with Clone.open(str(world.clone(tmp_path / "clone").path), tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        assert clone.push([RefUpdate(MASTER, world.commits[0], world.commits[1])]).ok


def test_a_server_that_forbids_it_is_denied_in_its_own_words(world: World, tmp_path: Path) -> None:
    world.project.hook("pre-receive", "echo 'error: GH006: protected branch' >&2; exit 1")
    with (
        Clone.open(str(world.clone(tmp_path / "clone").path), tmp_path / "scratch") as clone,
        pytest.raises(Denied, match="GH006: protected branch"),
    ):
        clone.push([RefUpdate(NEW, None, world.commits[0])])


def test_neither_hooks_nor_settings_of_the_person_add_to_a_push_or_stop_it(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone")
    for name in ("pre-push", "reference-transaction", "post-index-change", "push-to-checkout"):
        hook = folder.path / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/trap\nexit 1\n")
        hook.chmod(0o755)
    settings = {
        "push.followTags": "true",
        "push.default": "matching",
        "color.ui": "always",
        "fetch.prune": "true",
        "fetch.pruneTags": "true",
        "fetch.writeCommitGraph": "true",
        "core.splitIndex": "true",
        "transfer.fsckObjects": "false",
        "remote.origin.push": "+refs/heads/*:refs/heads/*",
        "tag.gpgSign": "true",
    }
    for name, value in settings.items():
        folder.git("config", name, value)
    folder.git("-c", "core.hooksPath=", "-c", "tag.gpgSign=false", "tag", "-a", "-m", "mine", "mine", world.commits[1])
    (tmp_path / "trap").unlink(missing_ok=True)
    later, before = world.later(), folder.state()
    with Clone.open(str(folder.path), tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        clone.write_tree(later, {"new": Entry("100644", b"new")})
        assert clone.push([RefUpdate(MASTER, world.commits[0], later)]).ok
    assert not (tmp_path / "trap").exists()
    assert "refs/tags/mine" not in world.project.refs()
    assert folder.state() == before


def test_the_push_address_of_a_remote_is_used_and_read_back(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone")
    other = Folder(world.clone(tmp_path / "other.git", "--mirror").path)
    folder.git("remote", "set-url", "--push", "origin", str(other.path))
    with Clone.open(str(folder.path), tmp_path / "scratch") as clone:
        assert clone.place.url == clone.url == world.url
        result = clone.push([RefUpdate(NEW, None, world.commits[0])])
    assert result.now == {NEW: world.commits[0]}
    assert NEW in other.git("for-each-ref")
    assert NEW not in world.project.refs()
    folder.git("remote", "set-url", "--push", "--add", "origin", world.url)
    with Clone.open(str(folder.path), tmp_path / "scratch") as clone, pytest.raises(Denied, match="pushes to 2 addr"):
        clone.push([RefUpdate(NEW, None, world.commits[0])])


@pytest.mark.parametrize("name", ["a:b", "+refs/heads/a", "refs/heads/*", "--force", "HEAD", ""])
def test_a_name_that_is_no_ref_never_reaches_git(name: str, world: World, tmp_path: Path) -> None:
    with (
        Clone.open(str(world.clone(tmp_path / "clone").path), tmp_path / "scratch") as clone,
        pytest.raises(ValueError, match="no ref name"),
    ):
        clone.push([RefUpdate(name, None, world.commits[0])])
