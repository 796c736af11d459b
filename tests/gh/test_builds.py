"""Starting and following runs of GitHub Actions."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.hub import RepositoryId
from bot.outage import Denied
from tests.gh.world import MARK, World


def test_a_dispatched_run_is_followed_to_its_end(world: World) -> None:
    builds = world.hub.builds(world.id, "coreos/scripts")
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert builds.find_run("image.yml", "abc-1", since) is None
    world.requests()
    run = builds.dispatch("image.yml", "main", {"tag": "v115.0.1", "correlation_id": "abc-1"})
    assert world.requests() == ["POST /actions/workflows/<workflow>/dispatches"]
    assert run is not None
    assert not run.ended
    found = builds.find_run("image.yml", "abc-1", since)
    assert world.requests() == ["GET /actions/workflows/<workflow>/runs"]
    assert found is not None
    assert (found.id, found.name, found.url) == (run.id, "v115.0.1 abc-1", run.url)
    builds.dispatch("image.yml", "main", {"tag": "v115.0.1", "correlation_id": "abc-1"})
    twin = builds.find_run("image.yml", "abc-1", since)
    assert twin is not None
    assert twin.id == run.id
    assert builds.find_run("image.yml", "abc-1", datetime.now(UTC) + timedelta(hours=1)) is None
    for _ in range(100):
        now = builds.run(run.id)
        assert now is not None
        if now.ended:
            break
        time.sleep(0.02)
    assert now is not None
    assert now.conclusion == "success"
    world.requests()
    jobs = builds.jobs(run.id)
    assert world.requests() == ["GET /actions/runs/<run_id>/jobs"]
    assert [(job.name, job.conclusion) for job in jobs] == [("verify", "success"), ("prod", "success")]
    assert all(job.completed_at and job.url for job in jobs)
    assert builds.run(1) is None


def test_a_dispatch_that_github_refuses_says_why(world: World) -> None:
    builds = world.hub.builds(world.id, "coreos/scripts")
    with pytest.raises(Denied, match="Unexpected inputs"):
        builds.dispatch("image.yml", "main", {"tag": "v1.0.0", "correlation_id": "a", "group": "beta"})
    with pytest.raises(Denied) as caught:
        builds.dispatch("missing.yml", "main", {})
    assert caught.value.status == 404


def test_no_build_is_started_where_we_are_not_installed(world: World) -> None:
    with pytest.raises(Denied, match="not accessible to the parent installation"):
        world.hub.builds(world.id, "coreos/etcd").dispatch("image.yml", "main", {})


def test_the_token_for_builds_can_do_nothing_else(world: World) -> None:
    scripts = world.sandbox.repository("coreos/scripts").id
    other = world.hub.repository(RepositoryId(scripts, world.id.installation, "coreos/scripts"), {"actions": "write"})
    with pytest.raises(Denied):
        other.say(1, "x", MARK)
