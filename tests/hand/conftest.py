"""One git server, one manifest repository on it with a history, and a person's clone of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.git_server import CLEAN, FILES, GitServer, Project, git_server

MASTER, BUILD, TAG, HOLD = (
    "refs/heads/master",
    "refs/heads/build-115",
    "refs/tags/v115.0.0",
    "refs/manifest-release-bot/h",
)


@dataclass(frozen=True)
class Folder:
    """A folder of the person's."""

    path: Path

    def git(self, *arguments: str, data: bytes = b"", check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, input=data, capture_output=True, env=CLEAN, check=False
        )
        assert done.returncode == 0 or not check, done.stderr.decode()
        return done.stdout.decode()

    def state(self) -> dict[str, object]:
        """All that a person would notice if it changed. What only reads the index must not refresh it."""
        git_dir = Path(self.git("rev-parse", "--absolute-git-dir").strip())
        common = (self.path / self.git("rev-parse", "--git-common-dir").strip()).resolve()
        files = [path for place in {git_dir, common} for path in place.rglob("*") if path.is_file()]
        kept = [path for path in files if "objects" not in path.parts]
        ours = [path for path in self.path.rglob("*") if path.is_file()]
        return {
            "refs": self.git("for-each-ref"),
            "status": self.git("--no-optional-locks", "status", "--porcelain", check=False),
            "files": {str(path): path.read_bytes() for path in kept},
            "work": {str(path): path.read_bytes() for path in ours if not {"objects", ".git"} & set(path.parts)},
        }


@dataclass(frozen=True)
class World:
    """What is on the server."""

    server: GitServer
    project: Project
    commits: list[str]
    tag: str

    @property
    def url(self) -> str:
        return self.server.url("manifest")

    def later(self) -> str:
        """One more commit on the server, which no clone has."""
        return self.project.commit({"later": "x"}, self.commits[-1], ref=BUILD)

    def clone(self, path: Path, *options: str) -> Folder:
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "-q", *options, self.url, path], env=CLEAN, check=True)
        return Folder(path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with git_server(tmp_path / "served") as server:
        project = server.project("manifest")
        commits = [project.commit(FILES)]
        for number in range(3):
            commits.append(project.commit({**FILES, "a": str(number)}, commits[-1], ref=BUILD))
        tag = project.tag("v115.0.0", commits[1])
        project.git("update-ref", HOLD, commits[0])
        project.git("update-ref", "refs/pull/1/head", commits[0])
        yield World(server, project, commits, tag)
