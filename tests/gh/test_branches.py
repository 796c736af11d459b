"""Branches in other repositories: made once, never moved, and only where we may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from flask import Response

from bot.gh import Branch, Branches, Hub
from bot.gh.hub import PROJECT
from bot.outage import Denied, Outage
from sandbox import RepositoryHandle
from sandbox.faults import Faults
from tests.gh.world import World, commit

LOOK, MAKE = "GET /git/ref/<path:ref>", "POST /git/refs"
CREATE = "POST /repos/{repo}/git/refs"
NUMBERS = count(1)
NOWHERE = "a" * 40
Event = Callable[[], Response | None]


class Meanwhile(Faults):
    """Lets something happen just before a branch is made, which may answer in GitHub's place."""

    def __init__(self, event: Event) -> None:
        self.event = event

    def before(self, call: str) -> Response | None:
        return self.event() if call == CREATE else None


class Project:
    """A private project of the installation, with a branch name that no other test uses."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.handle: RepositoryHandle = world.sandbox.repository("coreos/secret")
        self.name = f"build-{next(NUMBERS)}"
        self.pin = self.refs()["refs/heads/master"]
        self.branches: Branches = world.hub.branches(world.id, "coreos/secret")
        self.branches.ensure("master", self.pin)  # so that the token is there
        world.requests()

    def refs(self) -> dict[str, str]:
        return self.handle.git.refs()

    @property
    def at(self) -> str | None:
        return self.refs().get(f"refs/heads/{self.name}")


@pytest.fixture
def project(world: World) -> Iterator[Project]:
    yield Project(world)
    world.sandbox.faults = world.lost
    world.lost.names.clear()


def test_a_missing_branch_is_made_at_the_commit(project: Project) -> None:
    assert project.branches.ensure(project.name, project.pin) == Branch("made", project.pin)
    assert project.world.requests() == [LOOK, MAKE]
    assert project.at == project.pin


def test_a_branch_that_is_there_is_left_alone(project: Project) -> None:
    project.branches.ensure(project.name, project.pin)
    project.world.requests()
    assert project.branches.ensure(project.name, project.pin) == Branch("there", project.pin)
    assert project.world.requests() == [LOOK]


def test_a_branch_that_is_elsewhere_is_told_and_not_moved(project: Project) -> None:
    project.handle.git.update(f"refs/heads/{project.name}", project.pin)
    moved = commit(project.handle, project.name, "somebody's work")
    assert project.branches.ensure(project.name, project.pin) == Branch("elsewhere", moved)
    assert project.world.requests() == [LOOK]
    assert project.at == moved


def test_a_branch_is_not_taken_for_another_that_begins_so(project: Project) -> None:
    project.handle.git.update(f"refs/heads/{project.name}-later", project.pin)
    assert project.branches.ensure(project.name, project.pin).state == "made"


def test_a_lost_answer_is_looked_up_and_the_write_not_repeated(project: Project) -> None:
    project.world.lost.names.add(CREATE)
    assert project.branches.ensure(project.name, project.pin) == Branch("made", project.pin)
    assert project.world.requests() == [LOOK, MAKE, LOOK]


def test_a_write_that_failed_is_an_outage_and_can_be_asked_for_again(project: Project) -> None:
    project.world.sandbox.faults = Meanwhile(lambda: Response(status=502))
    with pytest.raises(Outage, match="could not make a branch: GitHub answered 502"):
        project.branches.ensure(project.name, project.pin)
    assert project.world.requests() == [LOOK, MAKE, LOOK]
    assert project.at is None
    project.world.sandbox.faults = Faults()
    assert project.branches.ensure(project.name, project.pin).state == "made"


def test_who_is_told_to_wait_asks_nothing_more(project: Project) -> None:
    project.world.sandbox.faults = Meanwhile(lambda: Response(status=429, headers={"Retry-After": "7"}))
    with pytest.raises(Outage) as caught:
        project.branches.ensure(project.name, project.pin)
    assert caught.value.retry_after == 7
    assert project.world.requests() == [LOOK, MAKE]


def test_somebody_who_is_quicker_made_it_and_not_we(project: Project) -> None:
    def same() -> None:
        project.handle.git.update(f"refs/heads/{project.name}", project.pin)

    project.world.sandbox.faults = Meanwhile(same)
    assert project.branches.ensure(project.name, project.pin) == Branch("there", project.pin)
    assert project.world.requests() == [LOOK, MAKE, LOOK]


def test_somebody_who_is_quicker_and_goes_elsewhere_keeps_it(project: Project) -> None:
    project.handle.git.update(f"refs/heads/work-{project.name}", project.pin)
    other = commit(project.handle, f"work-{project.name}", "somebody's work")

    def elsewhere() -> None:
        project.handle.git.update(f"refs/heads/{project.name}", other)

    def and_lost() -> Response:
        elsewhere()
        return Response(status=502)

    for event in (elsewhere, and_lost):
        project.world.sandbox.faults = Meanwhile(event)
        assert project.branches.ensure(project.name, project.pin) == Branch("elsewhere", other)
        project.handle.git.update(f"refs/heads/{project.name}", None)


def test_an_empty_repository_gets_no_branch(project: Project) -> None:
    world = project.world
    name = f"coreos/empty-{project.name}"
    world.sandbox.create_repository(name)
    world.sandbox.add_repositories(world.id.installation, [name])
    with pytest.raises(Denied, match="is empty") as caught:
        world.hub.branches(world.id, name).ensure("build-115", NOWHERE)
    assert caught.value.status == 409
    world.sandbox.remove_repositories(world.id.installation, [name])


def test_a_commit_that_the_repository_does_not_have_is_refused(project: Project) -> None:
    with pytest.raises(Denied, match="Object does not exist") as caught:
        project.branches.ensure(project.name, NOWHERE)
    assert caught.value.status == 422
    assert project.at is None


def test_an_app_that_may_only_read_makes_no_branch(project: Project) -> None:
    world = project.world
    reader = world.sandbox.create_app("reader", "http://127.0.0.1:1/", "s", PROJECT, [])
    which = replace(world.id, installation=world.sandbox.install(reader, ["coreos/secret"]))
    hub = Hub(world.sandbox.api_url, reader.id, reader.private_key)
    with pytest.raises(Denied, match="not granted") as caught:
        hub.branches(which, "coreos/secret").ensure(project.name, project.pin)
    hub.close()
    assert caught.value.status == 403
    assert project.at is None


@pytest.mark.parametrize("name", ["coreos/etcd", "coreos/nothing", "coreos/../app"])
def test_no_branch_is_made_where_we_are_not_installed(world: World, name: str) -> None:
    with pytest.raises(Denied, match="not accessible to the parent installation") as caught:
        world.hub.branches(world.id, name).ensure("build-115", NOWHERE)
    assert caught.value.status == 403


def test_a_repository_that_leaves_the_installation_is_refused_at_once(project: Project) -> None:
    sandbox, installation = project.world.sandbox, project.world.id.installation
    sandbox.remove_repositories(installation, ["coreos/secret"])
    try:
        with pytest.raises(Denied) as caught:
            project.branches.ensure(project.name, project.pin)
        assert caught.value.status == 404
    finally:
        sandbox.add_repositories(installation, ["coreos/secret"])
    assert project.at is None


@pytest.mark.parametrize("name", ["evil/etcd", "etcd", "/etcd", "coreos/", ""])
def test_a_project_of_another_owner_is_refused_without_a_call(world: World, name: str) -> None:
    with pytest.raises(Denied, match=r"has another owner than coreos/manifest, so no branch is made there"):
        world.hub.branches(world.id, name)
    assert world.requests() == []


@pytest.mark.parametrize(
    ("branch", "commit"),
    [
        ("", NOWHERE),
        ("../../x", NOWHERE),
        ("-f", NOWHERE),
        ("a?b", NOWHERE),
        ("refs/heads/x", NOWHERE),
        ("x", "abc1234"),
        ("x", "master"),
    ],
)
def test_what_is_no_branch_or_no_commit_is_never_asked_for(project: Project, branch: str, commit: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        project.branches.ensure(branch, commit)
    assert project.world.requests() == []
