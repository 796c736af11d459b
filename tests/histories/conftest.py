"""One git server that can leave files out, one project on it, and its history, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.fetch_policy import FetchPolicy
from bot.histories import Histories
from tests.git_server import FILES, GitServer, Project, git_server

MASTER, NEXT, TAG = "refs/heads/master", "refs/heads/next", "refs/tags/v1"
UNKNOWN = "1" * 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def url(server: GitServer) -> str:
    return server.url("etcd")


@pytest.fixture
def project(server: GitServer) -> Project:
    made = server.project("etcd")
    made.git("config", "uploadpack.allowFilter", "true")
    return made


@pytest.fixture
def histories(server: GitServer, tmp_path: Path) -> Iterator[Histories]:
    with Histories(FetchPolicy(origin=server.origin), tmp_path / "scratch") as opened:
        yield opened


def heads(project: Project) -> dict[str, str]:
    """Every branch and tag and its commit, as a look-up of refs tells them."""
    rows = project.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/heads", "refs/tags")
    return {row.split()[0]: row.split()[-1] for row in rows.splitlines()}


def chain(project: Project, length: int, *parents: str, ref: str | None = MASTER, word: str = "step") -> list[str]:
    """Commits upon each other, the ref at the last."""
    made: list[str] = []
    for number in range(length):
        made.append(project.commit(FILES, *(made[-1:] or parents), ref=ref, message=f"{word} {number}"))
    return made
