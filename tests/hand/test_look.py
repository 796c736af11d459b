"""`diff` and `verify`: two releases beside each other, and whether one is what a release should be."""

from __future__ import annotations

import pytest

from sandbox.seed_files import FILE
from tests.git_server import Reply
from tests.hand.seeded import Desk, desk as desk

RELEASED = "48654ee59100"


def test_the_difference_of_two_releases_in_columns(desk: Desk) -> None:
    done = desk.run("diff", "109.0.0", "115.0.0")
    assert (done.status, done.err) == (0, "")
    first, second, last = done.out.splitlines()
    assert first.split()[:3] == ["changed", "coreos/coreos-overlay", "src/third_party/coreos-overlay"]
    assert first.endswith("follows refs/heads/build-115, was refs/heads/master")
    assert second.split()[1] == "coreos/portage-stable"
    assert last == "2 changed, 0 added, 0 removed, 10 unchanged."


def test_the_difference_as_a_table(desk: Desk) -> None:
    done = desk.run("diff", "v109.0.0", "v115.0.0", "--format", "markdown")
    assert done.out.startswith("**Projects: 2 changed, 0 added, 0 removed, 10 unchanged**\n")
    assert "| `coreos/portage-stable` |" in done.out


def test_a_release_does_not_differ_from_itself(desk: Desk) -> None:
    assert desk.run("diff", "115.0.0", "115.0.0").out == "0 changed, 0 added, 0 removed, 12 unchanged.\n"


@pytest.mark.parametrize("command", [("diff", "115.0.0", "115.0.1"), ("verify", "115.0.1")], ids=["diff", "verify"])
def test_a_version_that_was_never_released_is_refused_with_those_near_it(desk: Desk, command: tuple[str, ...]) -> None:
    done = desk.run(*command)
    assert (done.status, done.out) == (3, "")
    assert done.err == "There is no release 115.0.1 in this repository. Near it: 115.0.0, 110.0.0, 109.0.0.\n"


@pytest.mark.parametrize("command", [("diff", "115", "115.0.0"), ("verify", "last")], ids=["diff", "verify"])
def test_what_is_no_version_is_told_how_one_is_written(desk: Desk, command: tuple[str, ...]) -> None:
    done = desk.run(*command)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"`{command[1]}` is not a version: write three numbers")


def test_a_consistent_release_ends_with_0(desk: Desk) -> None:
    done = desk.run("verify", "115.0.0")
    assert (done.status, done.err) == (0, "")
    assert f"fine  tag             It is annotated and stands for `{RELEASED}`.\n" in done.out
    assert done.out.endswith("The release is consistent: 0 wrong, 0 warnings, 17 fine.\n")


def test_a_release_whose_tag_was_moved_ends_with_4(desk: Desk) -> None:
    desk.bare().git.run("update-ref", "refs/tags/v115.0.0", elsewhere(desk))
    done = desk.run("verify", "115.0.0")
    assert done.status == 4
    assert "WRONG" in done.out
    assert "The release is not consistent: " in done.out


def elsewhere(desk: Desk) -> str:
    """The commit of another release."""
    return desk.bare().git.run("rev-parse", "refs/tags/v109.0.0^{}")


def test_the_findings_as_a_list(desk: Desk) -> None:
    desk.bare().git.run("update-ref", "refs/tags/v115.0.0", elsewhere(desk))
    done = desk.run("verify", "115.0.0", "--format=markdown")
    assert done.status == 4
    assert done.out.startswith("**The release is not consistent: ")
    assert "- **WRONG** version file: " in done.out


def test_a_release_that_cannot_be_read_is_sent_to_verify(desk: Desk) -> None:
    desk.commit("coreos/manifest", "build-115", {"build-115.xml": (FILE, b"<manifest><")})
    desk.bare().git.run("update-ref", "refs/tags/v115.0.1", "refs/heads/build-115")
    done = desk.run("diff", "115.0.0", "115.0.1")
    assert (done.status, done.err) == (3, "The manifest of 115.0.1 cannot be read; `verify 115.0.1` says why.\n")
    assert desk.run("verify", "115.0.1").status == 4


@pytest.mark.parametrize("command", [("diff", "109.0.0", "115.0.0"), ("verify", "115.0.0")], ids=["diff", "verify"])
def test_offline_the_clone_is_enough(desk: Desk, command: tuple[str, ...]) -> None:
    online = desk.run(*command)
    desk.server.rules.append(lambda asked: Reply(503))
    assert desk.run(*command, "--offline") == online
    assert desk.run(*command).status == 1


def test_looking_leaves_the_clone_as_it_was(desk: Desk) -> None:
    desk.commit("coreos/manifest", "master", {"x": (FILE, b"x")})
    before = desk.git("for-each-ref"), desk.git("status", "--porcelain")
    desk.run("verify", "115.0.0")
    assert (desk.git("for-each-ref"), desk.git("status", "--porcelain")) == before
