"""One small GitHub for all tests of this folder; each test works on issues and branches of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.core.hub import RepositoryId
from bot.gh import Hub
from sandbox import Sandbox
from tests.gh.world import ALL, HOME, LostAnswers, World, commit, workflow


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    sandbox = Sandbox(Path(tmp_path_factory.mktemp("sandbox")), speed=0.1, faults=(lost := LostAnswers()))
    sandbox.limits.lift()
    sandbox.start()
    sandbox.create_organization("coreos")
    for login in ("octocat", "hubot", "reader", "triager", "maintainer"):
        sandbox.create_user(login)
    home = sandbox.create_repository(HOME, default_branch="master")
    start = commit(home, "master", "start")
    for login, role in {"octocat": "write", "hubot": "admin", "triager": "triage", "maintainer": "maintain"}.items():
        sandbox.set_role(HOME, login, role)
    workflow(sandbox.create_repository("coreos/scripts"), "image.yml")
    for name, private in {"etcd": False, "secret": True, "elsewhere": True}.items():
        commit(sandbox.create_repository(f"coreos/{name}", private=private, default_branch="master"), "master", "one")
    app = sandbox.create_app("release-bot", "http://127.0.0.1:1/", "s", ALL, [])
    installation = sandbox.install(app, [HOME, "coreos/scripts", "coreos/secret"])
    hub = Hub(sandbox.api_url, app.id, app.private_key)
    yield World(sandbox, app, hub, RepositoryId(home.id, installation, HOME), home, start, count(1), lost)
    hub.close()
    sandbox.stop()


@pytest.fixture
def world(shared: World) -> World:
    shared.repository.name()
    shared.hub.bot()
    shared.requests()
    assert not shared.lost.names
    return shared
