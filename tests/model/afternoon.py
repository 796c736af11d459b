"""A manifest repository with three lines, as it stood on the afternoon on which all three were patched."""

from __future__ import annotations

from sandbox import seed_files as files
from sandbox.bare import Git
from sandbox.seed import Seeded, commit_files
from tests.stage import Stage

LINES = {1745: 4, 1772: 1, 1786: 1}
"""Build number, and how many releases its line had after the first."""
AFTER = {1745: "v1745.5.0", 1772: "v1772.2.0", 1786: "v1786.2.0"}


def seed_lines(play: Stage) -> None:
    """Three release branches, each with its last release; the channel is at the highest."""
    seeded, who = play.seeded, play.sandbox.user("hubot")
    git = seeded.manifest.git
    before = git.refs()
    for build, branch in LINES.items():
        name = f"build-{build}"
        git.update(f"refs/heads/{name}", before["refs/heads/build-115"])
        version = f"COREOS_BUILD={build}\nCOREOS_BRANCH={branch}\nCOREOS_PATCH=0\nCOREOS_SDK_VERSION=110.0.0\n"
        changes: files.Files = {
            f"{name}.xml": (files.FILE, files.release_manifest(seeded.pins, 115)),
            "build-115.xml": None,
            "release.xml": (files.LINK, f"{name}.xml".encode()),
            "default.xml": (files.LINK, f"{name}.xml".encode()),
            "version.txt": (files.FILE, version.encode()),
        }
        commit = commit_files(seeded.manifest, name, changes, f"{name}: release v{build}.{branch}.0")
        _tag(git, f"v{build}.{branch}.0", commit)
    git.update("refs/heads/dev-channel", git.refs()["refs/heads/build-1786"])
    repository = play.sandbox.world.repository("coreos/manifest")
    assert repository is not None
    play.sandbox.pushed(repository, before, who)


def _tag(git: Git, name: str, commit: str) -> None:
    text = f"object {commit}\ntype commit\ntag {name}\ntagger CoreOS <dev@coreos.example> 1383000000 +0000\n\n{name}\n"
    git.update(f"refs/tags/{name}", git.run("hash-object", "-w", "-t", "tag", "--stdin", data=text.encode()))


def seeded_tags(seeded: Seeded) -> set[str]:
    """The tags that there are."""
    return {ref for ref in seeded.manifest.git.refs() if ref.startswith("refs/tags/") and not ref.endswith("^{}")}
