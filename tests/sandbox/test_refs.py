"""Refs made over the API: in the repository's own git, told like pushes, and refused as GitHub refuses."""

from __future__ import annotations

import pytest

from sandbox.seed import commit_files
from tests.sandbox.play import MANIFEST, Play

PATH = f"/repos/{MANIFEST}/git/refs"
REF = "refs/heads/build-120"
LOOK = f"/repos/{MANIFEST}/git/ref/heads/build-120"
NOTHING = "0" * 40


def head(play: Play) -> str:
    return play.github.refs(MANIFEST)["refs/heads/master"]


def test_a_ref_is_made_in_git_and_told_like_a_push(play: Play) -> None:
    assert play.ask("GET", LOOK, play.token())[0] == 404
    status, made = play.ask("POST", PATH, play.token(), {"ref": REF, "sha": head(play)})
    assert (status, made["ref"], made["object"]["sha"]) == (201, REF, head(play))
    assert play.github.refs(MANIFEST)[REF] == head(play)
    assert play.ask("GET", LOOK, play.token()) == (200, made)
    (pushed,) = play.heard("push")
    assert (pushed["ref"], pushed["before"], pushed["after"]) == (REF, NOTHING, head(play))
    assert (pushed["created"], pushed["sender"]["login"]) == (True, "bot[bot]")
    assert [(each["ref_type"], each["ref"]) for each in play.heard("create")] == [("branch", "build-120")]


def test_a_ref_that_exists_is_not_made_again(play: Play) -> None:
    play.ask("POST", PATH, play.token(), {"ref": REF, "sha": head(play)})
    moved = commit_files(play.seeded.manifest, "build-120", {"X": ("100644", b"x\n")}, "meanwhile")
    status, said = play.ask("POST", PATH, play.token(), {"ref": REF, "sha": head(play)})
    assert (status, said["message"]) == (422, "Reference already exists")
    assert play.github.refs(MANIFEST)[REF] == moved


@pytest.mark.parametrize("sha", ["de" * 20, NOTHING, "master", "de" * 4, "-d", "--stdin"])
def test_a_ref_is_made_of_the_full_id_of_a_commit_only(play: Play, sha: str) -> None:
    status, said = play.ask("POST", PATH, play.token(), {"ref": REF, "sha": sha})
    assert (status, said["message"]) == (422, "Object does not exist")
    assert REF not in play.github.refs(MANIFEST)


@pytest.mark.parametrize("ref", ["build-120", "refs/build-120", "refs/pull/1/head"])
def test_a_ref_has_its_full_name(play: Play, ref: str) -> None:
    assert play.ask("POST", PATH, play.token(), {"ref": ref, "sha": head(play)})[0] == 422


def test_a_ref_is_made_by_whom_the_repository_lets(play: Play) -> None:
    body = {"ref": REF, "sha": head(play)}
    assert play.ask("POST", PATH, play.token(permissions={"contents": "read"}), body)[0] == 403
    assert play.ask("POST", PATH, play.github.user("mallory").token, body)[0] == 403
    etcd = play.seeded.projects["coreos/etcd"]
    play.github.world.repositories[etcd.id].private = True
    for method, path in (("GET", "git/ref/heads/master"), ("POST", "git/refs")):
        assert play.ask(method, f"/repos/coreos/etcd/{path}", play.token(), body)[0] == 404
    assert play.heard("push") == []


def test_an_empty_repository_gets_no_ref(play: Play) -> None:
    play.github.create_repository("coreos/empty")
    play.github.add_repositories(play.installation, ["coreos/empty"])
    status, said = play.ask("POST", "/repos/coreos/empty/git/refs", play.token(), {"ref": REF, "sha": head(play)})
    assert (status, said["message"]) == (409, "Git Repository is empty.")
