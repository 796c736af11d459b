"""Git against the stand-in GitHub, with the real git: who may, what a push sets in motion, what is refused."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import urllib3

from sandbox.seed import commit_files
from tests.sandbox.play import MANIFEST, Play

HEADS = "refs/heads/"
CLEAN = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
AUTHOR = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


class Clone:
    """A work tree of somebody's; `token` is empty for nobody's."""

    def __init__(self, play: Play, folder: Path, token: str, name: str = MANIFEST, *options: str) -> None:
        self.folder = folder
        host = play.github.url.removeprefix("http://")
        self.url = f"http://{f'x-access-token:{token}@' if token else ''}{host}/{name}.git"
        self.made = self._git(None, "clone", "--quiet", *options, self.url, str(folder))

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._git(self.folder, *arguments)

    def commit(self, path: str, text: str) -> str:
        (self.folder / path).write_text(text)
        self.git("add", path)
        self.git("commit", "--quiet", "-m", f"change {path}")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def _git(self, cwd: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**CLEAN, **AUTHOR, "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def octocats(play: Play, folder: Path) -> Clone:
    return Clone(play, folder, play.github.user("octocat").token)


def test_everybody_clones_what_is_public_and_nobody_pushes_without_the_right(play: Play, tmp_path: Path) -> None:
    for name, token in {"nobody": "", "mallory": play.github.user("mallory").token}.items():
        clone = Clone(play, tmp_path / name, token)
        assert clone.made.returncode == 0
        clone.commit("NOTES", "x\n")
        refused = clone.git("push", "origin", "HEAD:master")
        assert refused.returncode != 0
        assert "403" in refused.stderr or "Authentication failed" in refused.stderr or "Username" in refused.stderr
    reader = Clone(play, tmp_path / "app", play.token(permissions={"contents": "read"}))
    reader.commit("NOTES", "x\n")
    assert "403" in reader.git("push", "origin", "HEAD:topic").stderr


def test_what_is_private_is_not_there_for_others(play: Play, tmp_path: Path) -> None:
    hidden = play.github.create_repository("coreos/hidden", private=True)
    play.github.set_role("coreos/hidden", "hubot", "read")
    assert Clone(play, tmp_path / "a", "", "coreos/hidden").made.returncode != 0
    assert Clone(play, tmp_path / "b", play.github.user("mallory").token, "coreos/hidden").made.returncode != 0
    assert Clone(play, tmp_path / "c", play.github.user("hubot").token, "coreos/hidden").made.returncode == 0
    assert Clone(play, tmp_path / "d", play.token(), "coreos/hidden").made.returncode != 0
    play.github.add_repositories(play.installation, ["coreos/hidden"])
    assert Clone(play, tmp_path / "e", play.token(repository_ids=[hidden.id]), "coreos/hidden").made.returncode == 0


def test_a_push_tells_exactly_what_it_moved(play: Play, tmp_path: Path) -> None:
    clone = octocats(play, tmp_path / "clone")
    head = clone.commit("NOTES", "x\n")
    before = play.github.refs(MANIFEST)[f"{HEADS}master"]
    clone.git("tag", "-a", "v999.0.0", "-m", "a tag")
    pushed = clone.git("push", "--atomic", "origin", "HEAD:master", "HEAD:topic", "v999.0.0")
    assert pushed.returncode == 0, pushed.stderr
    told = {each["ref"]: (each["before"], each["after"]) for each in play.heard("push")}
    tag = play.github.refs(MANIFEST)["refs/tags/v999.0.0"]
    nothing = "0" * 40
    assert told == {
        f"{HEADS}master": (before, head),
        f"{HEADS}topic": (nothing, head),
        "refs/tags/v999.0.0": (nothing, tag),
    }
    made = sorted((each["ref_type"], each["ref"]) for each in play.heard("create"))
    assert made == [("branch", "topic"), ("tag", "v999.0.0")]
    master = next(each for each in play.heard("push") if each["ref"] == f"{HEADS}master")
    assert [each["id"] for each in master["commits"]] == [head] == [master["head_commit"]["id"]]
    assert (master["forced"], master["created"], master["sender"]["login"]) == (False, False, "octocat")

    clone.git("push", "origin", ":topic")
    assert [each["ref"] for each in play.heard("delete")] == ["topic"]


def test_a_lease_that_does_not_hold_moves_nothing(play: Play, tmp_path: Path) -> None:
    clone = octocats(play, tmp_path / "clone")
    clone.commit("NOTES", "x\n")
    moved = commit_files(play.seeded.manifest, "dev-channel", {"X": ("100644", b"x\n")}, "meanwhile")
    old = play.github.refs(MANIFEST)
    leases = [f"--force-with-lease={HEADS}{name}:{old[HEADS + 'master']}" for name in ("master", "dev-channel")]
    refused = clone.git("push", "--atomic", *leases, "origin", "HEAD:master", "HEAD:dev-channel")
    assert refused.returncode != 0
    assert play.github.refs(MANIFEST) == old
    assert old[f"{HEADS}dev-channel"] == moved
    assert play.heard("push") == []


def test_refs_of_pull_requests_and_the_default_branch_are_protected(play: Play, tmp_path: Path) -> None:
    clone = octocats(play, tmp_path / "clone")
    clone.commit("NOTES", "x\n")
    assert "hidden ref" in clone.git("push", "origin", "HEAD:refs/pull/7/head").stderr
    assert "deletion of the current branch" in clone.git("push", "origin", ":master").stderr


def test_git_checks_what_is_pushed(play: Play, tmp_path: Path) -> None:
    clone = octocats(play, tmp_path / "clone")
    tree = clone.git("rev-parse", "HEAD^{tree}").stdout.strip()
    bad = tmp_path / "bad"
    bad.write_text(f"tree {tree}\nauthor A <a@example.com 1 +0000\ncommitter A <a@example.com> 1 +0000\n\nx\n")
    made = clone.git("hash-object", "--literally", "-w", "-t", "commit", str(bad)).stdout.strip()
    assert "fsck error" in clone.git("push", "origin", f"{made}:refs/heads/bad").stderr


def test_partial_and_shallow_fetches_and_any_commit(play: Play, tmp_path: Path) -> None:
    assert Clone(play, tmp_path / "a", "", MANIFEST, "--filter=blob:none", "--no-checkout").made.returncode == 0
    assert Clone(play, tmp_path / "b", "", MANIFEST, "--depth=1").made.returncode == 0
    clone = Clone(play, tmp_path / "c", "", "coreos/etcd")
    git = play.seeded.projects["coreos/etcd"].git
    lost = git.commit_tree(git.run("rev-parse", "master^{tree}"), [], "lost", "A <a@example.com>", play.clock())
    assert clone.git("fetch", "origin", lost).returncode == 0


def test_gzipped_and_chunked_requests_are_understood(play: Play) -> None:
    url = f"{play.github.url}/{MANIFEST}.git/git-upload-pack"
    asked = b"0014command=ls-refs\n0001001bref-prefix refs/heads/m0000"
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
    with urllib3.PoolManager() as pool:
        plain = pool.request("POST", url, body=asked, headers=headers)
        zipped = pool.request("POST", url, body=gzip.compress(asked), headers={**headers, "Content-Encoding": "gzip"})
        chunked = pool.request("POST", url, body=iter([asked[:20], asked[20:]]), headers=headers, chunked=True)
    head = play.github.refs(MANIFEST)[f"{HEADS}master"].encode()
    assert plain.status == 200
    assert head in plain.data
    assert plain.data == zipped.data == chunked.data
    assert plain.headers["Content-Type"] == "application/x-git-upload-pack-result"


def test_a_renamed_repository_is_found_under_its_old_name(play: Play) -> None:
    play.github.rename_repository(MANIFEST, "manifests", "hubot")
    assert play.ask("GET", f"/repos/{MANIFEST}", play.token())[0] == 301
    with urllib3.PoolManager() as pool:
        found = pool.request("GET", f"{play.github.api_url}/repos/{MANIFEST}/branches/master")
        assert found.json()["name"] == "master"
    (told,) = play.heard("repository")
    assert (told["action"], told["repository"]["full_name"]) == ("renamed", "coreos/manifests")
    assert told["changes"]["repository"]["name"]["from"] == "manifest"
