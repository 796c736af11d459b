"""Comparing commits without cloning."""

from __future__ import annotations

from bot.core.hub import Comparison
from tests.gh.world import HOME, World, commit


def test_commits_are_compared_newest_subject_first(world: World) -> None:
    etcd = world.sandbox.repository("coreos/etcd")
    old = etcd.git.refs()["refs/heads/master"]
    etcd.git.update("refs/heads/long", old)
    made = [commit(etcd, "long", f"subject {number}\n\nbody") for number in range(103)]
    repository = world.repository
    assert repository.compare(old, made[1], "coreos/etcd") == Comparison(2, 0, ("subject 1", "subject 0"))
    assert world.requests() == ["GET /compare/<path:basehead>"]
    assert repository.compare(made[1], old, "coreos/etcd") == Comparison(0, 2)
    world.requests()
    far = repository.compare(old, "long", "coreos/etcd")
    assert far is not None
    assert (far.ahead, far.subjects) == (103, ("subject 102", "subject 101", "subject 100"))
    assert world.requests() == ["GET /compare/<path:basehead>"] * 2


def test_a_branch_holds_what_is_in_its_history(world: World) -> None:
    branch = world.branch()
    head = world.home.git.refs()[f"refs/heads/{branch}"]
    repository = world.repository
    assert repository.holds(None, world.start, "master") is True
    assert repository.holds(HOME, world.start, "refs/heads/master") is True
    assert world.requests() == ["GET /compare/<path:basehead>"] * 2
    assert repository.holds(None, head, "master") is False
    assert repository.holds(None, "f" * 40, "master") is None
    assert repository.holds("other/project", head, "master") is None


def test_a_short_commit_becomes_a_whole_one(world: World) -> None:
    etcd = world.sandbox.repository("coreos/etcd")
    head = etcd.git.refs()["refs/heads/master"]
    assert world.repository.commit("coreos/etcd", head[:7]) == head
    assert world.requests() == ["GET /commits/<name>"]
    assert world.repository.commit("coreos/etcd", "master") is None
    assert world.requests() == []
    assert world.repository.commit("coreos/etcd", "fffffff") is None


def test_a_private_project_is_read_with_a_token_of_its_own_where_we_are_installed(world: World) -> None:
    repository = world.repository
    for name in ("coreos/secret", "coreos/elsewhere"):
        head = world.sandbox.repository(name).git.refs()["refs/heads/master"]
        world.requests()
        assert (repository.commit(name, head) is None) == (name == "coreos/elsewhere")
    world.requests()
    assert repository.holds(
        "coreos/secret", world.sandbox.repository("coreos/secret").git.refs()["refs/heads/master"], "master"
    )
    assert world.requests() == ["GET /compare/<path:basehead>"]
