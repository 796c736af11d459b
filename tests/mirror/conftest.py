"""One git server, one project on it, and mirrors of it, for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bot.mirror import Mirror, Mirrors
from tests.git_server import GitServer, Project, git_server

Opened = Callable[[], AbstractContextManager[Mirror]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def project(server: GitServer) -> Project:
    return server.project("manifest")


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", allow_http=True)


@pytest.fixture
def opened(mirrors: Mirrors, server: GitServer, project: Project) -> Opened:
    """Opens the mirror with everything that the server has now."""

    @contextmanager
    def open_and_fetch() -> Iterator[Mirror]:
        with mirrors.open(7, server.url("manifest"), None) as mirror:
            mirror.fetch(mirror.refs())
            yield mirror

    return open_and_fetch
