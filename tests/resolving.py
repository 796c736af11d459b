"""One project on a real git server with somebody who resolves it, and a stand-in for whoever knows a history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.fetch_policy import FetchPolicy
from bot.core.hub import Comparison
from bot.core.resolve import Found, Questions, Wanted
from bot.histories import Histories
from bot.remotes import Remotes
from bot.resolver import Resolver
from tests.core import world
from tests.core.world import ETCD
from tests.git_server import FILES, GitServer, Project, git_server

MASTER, LINE, NEXT, OTHER = "refs/heads/master", "refs/heads/build-115", "refs/heads/next", "refs/heads/other"
NOWHERE = "1" * 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def remotes(server: GitServer, tmp_path: Path) -> Iterator[Remotes]:
    with Remotes(FetchPolicy(origin=server.origin), tmp_path / "empty", sleep=lambda _: None) as opened:
        yield opened


@pytest.fixture
def histories(server: GitServer, tmp_path: Path) -> Iterator[Histories]:
    with Histories(FetchPolicy(origin=server.origin), tmp_path / "scratch") as opened:
        yield opened


@dataclass(frozen=True)
class Etcd:
    """The project coreos/etcd on the server, and what is resolved of it."""

    project: Project
    url: str
    resolver: Resolver
    first: str
    released: str

    def commit(self, *refs: str, after: str | None = None) -> str:
        """One more commit, on these branches."""
        made = self.project.commit(FILES, after or self.released, ref=None, message=f"for {' '.join(refs)}")
        for ref in refs:
            self.project.git("update-ref", ref, made)
        return made

    def wanted(self, revision: str, upstream: str | None = None, **changes: Any) -> Wanted:
        want = Wanted(world.project(ETCD), self.url, revision, upstream, held=self.released)
        return replace(want, **changes)

    def named(self, revision: str, upstream: str | None = None, **changes: Any) -> Found:
        """What comes of `coreos/etcd=revision`."""
        want = self.wanted(revision, upstream, **changes)
        return self.resolver.answer(Questions(named=(want,))).named[ETCD]


@pytest.fixture
def etcd(server: GitServer, remotes: Remotes, histories: Histories) -> Etcd:
    project = server.project("coreos/etcd")
    first = project.commit(FILES, message="first")
    released = project.commit(FILES, first, message="released")
    return Etcd(project, server.url("coreos/etcd"), Resolver(remotes, "build-115", histories), first, released)


@dataclass
class Hub:
    """Stands for whoever knows a repository's history, and keeps what was asked."""

    compared: Callable[[], Comparison | None]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def knows(self, url: str) -> bool:
        return True

    def lengthen(self, url: str, heads: Mapping[str, str], short: str) -> tuple[str, ...]:
        return tuple(commit for commit in heads.values() if commit.startswith(short))

    def holding(self, url: str, heads: Mapping[str, str], commit: str, refs: Sequence[str]) -> dict[str, bool]:
        return {ref: heads[ref] == commit for ref in refs}

    def compare(self, url: str, heads: Mapping[str, str], old: str, new: str) -> Comparison | None:
        self.asked.append((old, new))
        return self.compared()
