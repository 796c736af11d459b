"""The real `repo` tool takes what was released: by branch, and the manifest that it prints is the released one.

`REPO_TOOL` names a checkout of the tool, which is no part of this project; without it these tests are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from lxml import etree

from sandbox.seed import commit_files
from sandbox.seed_files import FILE, Files
from tests.model.house import SCRIPTS, House, house
from tests.model.worker import Worker
from tests.stage import MANIFEST

TOOL = os.environ.get("REPO_TOOL", "")
TRACKING = b"""version: 1
manifest:
  branch_projects: [scripts]
build:
  repository: coreos/scripts
"""
NEW = "/release new 116"
LINK = {
    "new": ((NEW,), "build-116", "v116.0.0"),
    "branch": (("/release branch build-115 --allow-empty",), "build-115", "v115.1.0"),
    "patch": (("/release patch build-115 coreos/etcd=release-0.1",), "build-115", "v115.0.1"),
}
TRACKED = {
    "new": ((NEW,), "build-116", "v116.0.0"),
    "branch": ((NEW, "/release branch build-116 --allow-empty"), "build-116", "v116.1.0"),
    "patch": ((NEW, "/release patch build-116 --allow-empty"), "build-116", "v116.0.1"),
}

pytestmark = pytest.mark.skipif(not TOOL, reason="REPO_TOOL names no checkout of the repo tool")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def repo(tmp_path: Path) -> Callable[..., str]:
    """Runs the tool in an empty folder with a home of its own."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    who = {
        f"GIT_{role}_{what}": "somebody@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "REPO_URL": TOOL, "GIT_CONFIG_NOSYSTEM": "1", **who}

    def run(*arguments: str) -> str:
        command = [sys.executable, str(Path(TOOL) / "repo"), *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def released(house: House, folder: Path, commands: Sequence[str], tracking: bool) -> None:
    """Releases from the comment to the tag, one after the other."""
    house.furnish()
    if tracking:
        text = house.manifest.git.read("cat-file", "blob", "master:build-115.xml")
        changes: Files = {"release.xml": (FILE, text), ".github/manifest-release.yml": (FILE, TRACKING)}
        commit_files(house.sandbox.repository(MANIFEST), "master", changes, "layout: follow branches")
    worker = Worker(house, folder, lambda intent, outcome: None)
    try:
        person = house.person("hubot")
        issue = person.open_issue(MANIFEST, "releases")
        for command in commands:
            person.comment(MANIFEST, issue, command)
            worker.sweep()
            worker.work()
            opened = person.pulls(MANIFEST)
            assert opened, person.comments(MANIFEST, issue)[-1]["body"]
            person.merge(MANIFEST, opened[0]["number"])
            house.clock.go(60)
            worker.sweep()
            worker.work(patient=True)
    finally:
        worker.end()


def pinned(text: str | bytes) -> dict[str, tuple[str, str]]:
    """Each project's place and commit."""
    root = etree.fromstring(text.encode() if isinstance(text, str) else text)
    return {each.get("name"): (each.get("path"), each.get("revision")) for each in root.iter("project")}


@pytest.mark.parametrize("layout", ["link", "tracking"])
@pytest.mark.parametrize("kind", LINK)
def test_the_real_tool_checks_out_exactly_what_was_released(
    built: House, tmp_path: Path, repo: Callable[..., str], kind: str, layout: str
) -> None:
    commands, branch, tag = (TRACKED if layout == "tracking" else LINK)[kind]
    released(built, tmp_path, commands, layout == "tracking")
    name = "release.xml" if layout == "tracking" else f"{branch}.xml"
    tagged = pinned(built.manifest.git.read("cat-file", "blob", f"{tag}:{name}"))
    options = ("--no-repo-verify", f"--repo-rev={os.environ.get('REPO_TOOL_REV', 'main')}", "--quiet")
    repo("init", "-u", f"{built.sandbox.url}/{MANIFEST}", "-b", f"refs/tags/{tag}", "-m", "release.xml", *options)
    repo("sync", "--quiet", "--jobs=4")
    assert pinned(repo("manifest", "-r")) == tagged
    assert SCRIPTS in tagged

    # By the branch, as machines follow a line: the release's own pins, or what the line tracks.
    repo("init", "-u", f"{built.sandbox.url}/{MANIFEST}", "-b", branch, "-m", "release.xml", *options)
    repo("sync", "--quiet", "--jobs=4")
    assert set(pinned(repo("manifest", "-r"))) == set(tagged)
