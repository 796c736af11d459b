"""Releases off the main branch, in both layouts: what merging them opens, and what comes after on the line."""

from __future__ import annotations

import pytest

from sandbox.seed import commit_files
from sandbox.seed_files import Files
from tests.flows.conftest import Play
from tests.stage import MANIFEST

LINE = "refs/heads/build-116"
TRACKING = b"""version: 1
manifest:
  branch_projects: [scripts, portage-stable]
build:
  repository: coreos/scripts
"""


def files_at(play: Play, ref: str) -> dict[str, bytes]:
    git = play.stage.seeded.manifest.git
    names = git.read("ls-tree", "-r", "--name-only", ref).decode().split()
    return {name: git.read("cat-file", "blob", f"{ref}:{name}") for name in names}


def merge(play: Play, pull: int, method: str = "merge") -> str:
    merged = play.stage.person("hubot").merge(MANIFEST, pull, method)
    assert play.publish(pull).state == "done"
    return merged


def make_tracking(play: Play) -> None:
    """Turn the repository to layout tracking: release.xml a file of its own."""
    manifest = play.stage.seeded.manifest
    released = manifest.git.read("cat-file", "blob", "master:build-115.xml")
    changes: Files = {
        "release.xml": ("100644", released),
        ".github/manifest-release.yml": ("100644", TRACKING),
    }
    commit_files(manifest, "master", changes, "layout: follow branches")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_new_release_opens_its_branch_with_the_tag(play: Play, method: str) -> None:
    told = play.type("/release new 116")
    assert told == (
        "Opened #2 for **116.0.0** (was 115.0.0) off `master`. 12 projects change. "
        "Merging it tags `v116.0.0`, opens `build-116`, moves `dev-channel` and starts the image build."
    )
    before = play.stage.refs()
    merged = merge(play, 2, method)
    refs = play.stage.refs()
    assert refs["refs/tags/v116.0.0^{}"] == refs[LINE] == refs["refs/heads/master"] == merged
    assert refs["refs/heads/dev-channel"] == merged
    assert refs["refs/heads/build-115"] == before["refs/heads/build-115"]
    (told,) = play.stage.said(2, "progress")
    assert "| tag and release branch | ✅ |" in told
    assert "with `build-116`, one atomic push, read back |" in told
    files = files_at(play, merged)
    kept = {".github/manifest-release.yml", "_remotes.xml", "master.xml", "build-115.xml", "default.xml"}
    assert set(files) == {*kept, "build-116.xml", "release.xml", "version.txt"}
    assert (files["release.xml"], files["default.xml"]) == (b"build-116.xml", b"master.xml")
    assert files["version.txt"].endswith(b"COREOS_SDK_VERSION=115.0.0\n")


def test_the_body_of_a_new_release_shows_the_branch_it_opens_and_the_manifest_that_goes(play: Play) -> None:
    play.type("/release new 116")
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/2")["body"]
    assert "### Release 116.0.0 (line build-116, off `master`)" in body
    assert "| `build-116` | – | merge commit | create |" in body
    assert "| old manifests | build-109.xml | removed |" in body
    assert "| SDK | 110.0.0 | 115.0.0 (the version before) |" in body
    assert "together with `build-116`, all or nothing" in body


def test_a_second_release_of_a_build_raises_its_branch_number_and_says_so(play: Play) -> None:
    play.type("/release new 116")
    merge(play, 2)
    told = play.type("/release new 116 --allow-empty")
    assert told.startswith("Opened #4 for **116.1.0** (was 116.0.0) off `master`. No project changes.")
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/4")["body"]
    assert "BUILD 116 was released before (116.0.0), so BRANCH goes up." in body
    merged = merge(play, 4)
    refs = play.stage.refs()
    assert refs["refs/tags/v116.1.0^{}"] == refs[LINE] == merged


def test_a_second_release_is_refused_where_the_branch_has_commits_of_its_own(play: Play) -> None:
    told = play.type(f"/release patch build-115 coreos/etcd={play.stage.seeded.etcd_release_head}")
    merge(play, int(told.split("#")[1].split(" ")[0]))
    told = play.type("/release new 115")
    assert told.startswith("`build-115` has 2 commits that `master` lacks")
    assert told.endswith("Release from the branch: `/release branch build-115`.")


def test_a_branch_that_somebody_opened_meanwhile_stops_the_release(play: Play) -> None:
    play.type("/release new 116")
    manifest = play.stage.seeded.manifest
    manifest.git.update(LINE, manifest.git.refs()["refs/heads/build-109"])
    play.stage.person("hubot").merge(MANIFEST, 2)
    assert play.publish(2).state == "stopped"
    assert "refs/tags/v116.0.0" not in play.stage.refs()
    (told,) = play.stage.said(2, "stopped")
    assert "proof 7" in told
    assert "the plan saw no such branch" in told


def test_a_tracking_line_gets_its_second_commit_and_its_branches(play: Play) -> None:
    make_tracking(play)
    assert play.type("/release new 116").startswith("Opened #2 for **116.0.0**")
    merged = merge(play, 2)
    refs = play.stage.refs()
    git = play.stage.seeded.manifest.git
    assert refs["refs/tags/v116.0.0^{}"] == refs["refs/heads/master"] == merged
    assert git.read("rev-parse", f"{refs[LINE]}^").decode().strip() == merged
    released, line = files_at(play, merged), files_at(play, refs[LINE])
    assert released["release.xml"] == released["build-116.xml"] == line["release.xml"]
    assert line["default.xml"] == b"build-116.xml"
    assert line["build-116.xml"].count(b'revision="refs/heads/build-116"') == 2
    scripts = play.stage.sandbox.refs("coreos/scripts")
    assert scripts[LINE].encode() in released["release.xml"]
    told = "".join(play.stage.said(2, "progress"))
    assert "`git push" in told
    assert "coreos/portage-stable" in told


def test_a_tracking_line_is_released_from_by_what_its_branches_have(play: Play) -> None:
    make_tracking(play)
    play.type("/release new 116")
    merge(play, 2)
    scripts = play.stage.seeded.projects["coreos/scripts"]
    stable = play.stage.seeded.projects["coreos/portage-stable"]
    stable.git.update(LINE, stable.git.refs()["refs/heads/master"])
    assert play.type("/release branch build-116").startswith("No project that follows `refs/heads/build-116` moved")
    fixed = commit_files(scripts, "build-116", {"fix": ("100644", b"fixed\n")}, "fix: the build")
    told = play.type("/release branch build-116")
    assert told.startswith("Opened #5 for **116.1.0** (was 116.0.0) on `build-116`. 2 projects change.")
    merged = merge(play, 5)
    files = files_at(play, merged)
    assert fixed.encode() in files["release.xml"]
    assert b'upstream="refs/heads/build-116"' in files["release.xml"]
    assert files["build-116.xml"].count(b'revision="refs/heads/build-116"') == 2
    refs = play.stage.refs()
    assert refs["refs/tags/v116.1.0^{}"] == refs[LINE] == merged


def test_a_forged_tag_does_not_stand_for_the_proofs(play: Play) -> None:
    play.type("/release new 116")
    manifest = play.stage.seeded.manifest
    branch = "release-bot/v116.0.0"
    commit_files(manifest, branch, {"evil.sh": ("100755", b"#!/bin/sh\n")}, "sneak this in")
    play.stage.sandbox.pushed(
        play.stage.sandbox.world.repositories[play.repository.id], {}, play.stage.sandbox.user("octocat")
    )
    merged = play.stage.person("hubot").merge(MANIFEST, 2)
    planned = manifest.git.run("show", "-s", "--format=%B", f"{branch}^")
    plan = next(line for line in planned.split("\n") if line.startswith("Plan: "))
    payload = f"object {merged}\ntype commit\ntag v116.0.0\ntagger A <a@b> 1382572800 +0000\n\nCoreOS\n\n{plan}\n"
    forged = manifest.git.run("hash-object", "-w", "-t", "tag", "--stdin", data=payload.encode()).strip()
    manifest.git.update("refs/tags/v116.0.0", forged)
    before = play.stage.refs()
    assert play.publish(2).state == "stopped"
    assert play.stage.refs() == before
    (told,) = play.stage.said(2, "stopped")
    assert "proof 3" in told
    assert "proof 5" in told
    assert "proof 6" in told


def test_the_check_turns_red_when_somebody_opens_the_branch(play: Play) -> None:
    play.type("/release new 116")
    assert play.check(2).startswith("success")
    manifest = play.stage.seeded.manifest
    manifest.git.update(LINE, manifest.git.refs()["refs/heads/build-109"])
    assert "failure: build-116 was opened or moved by somebody else since the plan was made" in play.check(2)


def test_a_release_branch_that_is_forced_elsewhere_after_the_release_is_told(play: Play) -> None:
    play.type("/release new 116")
    merge(play, 2)
    manifest = play.stage.seeded.manifest
    manifest.git.update(LINE, manifest.git.refs()["refs/heads/build-109"])
    assert play.publish(2).state == "done"
    assert "which does not hold the release; put it right by hand" in "".join(play.stage.said(2, "progress"))


def test_a_push_that_was_cut_off_behind_the_tag_is_completed(play: Play) -> None:
    play.type("/release new 116")
    merged = merge(play, 2)
    manifest = play.stage.seeded.manifest
    manifest.git.update(LINE, None)
    assert play.publish(2).state == "done"
    assert play.stage.refs()[LINE] == merged


def test_what_was_changed_by_hand_on_a_line_since_its_release_is_shown(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    data = manifest.git.read("cat-file", "blob", "build-115:build-115.xml")
    moved = data.replace(b'fetch=".." name="private"', b'fetch="https://github.com/evil" name="private"')
    assert moved != data
    commit_files(manifest, "build-115", {"build-115.xml": ("100644", moved)}, "move the remote")
    pull = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")["body"]
    assert "> - remote `private`: `fetch=..` → `fetch=https://github.com/evil`" in body


def test_a_channel_with_another_tag_is_said_to_move_where_it_moves(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    tip = manifest.git.refs()["refs/heads/dev-channel"]
    commit = commit_files(manifest, "dev-channel", {"NOTES": ("100644", b"x\n")}, "a snapshot")
    manifest.git.update("refs/tags/snapshot-1", commit)
    pull = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")["body"]
    assert f"| `dev-channel` | `{commit[:7]}` (115.0.0) | merge commit | newer version: moves |" in body
    assert tip != commit
