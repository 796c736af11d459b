"""The whole bot as a fleet: two receivers and two workers on one PostgreSQL database, each with a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.balancer import balancer
from tests.engine.company import listens
from tests.postgres import Server
from tests.stage import MANIFEST, Stage, free_port, stage

LEASE = 3.0
PLACES = ("prove the merge and push the tag:unrecorded", "move the channels:before", "start the image build:unrecorded")
"""Where a worker dies in the middle of publishing: around the push, and when the build was asked for and not noted."""


class Fleet:
    """Its members are named; which of the two workers does what is theirs to settle."""

    def __init__(self, play: Stage, url: str) -> None:
        self.play = play
        self.ports = (free_port(), free_port())
        for name in ("dies", "passed"):
            (play.root / name).touch()
        self._changes = {
            "DATABASE_URL": url,
            "LEASE_SECONDS": str(LEASE),
            "RECONCILE_SECONDS": "5",
            "MORTAL": str(play.root / "dies"),
            "PASSED": str(play.root / "passed"),
        }

    def start(self) -> None:
        """All four, and wait until they work."""
        for number, port in enumerate(self.ports, start=1):
            self._run(f"web-{number}", "-m", "bot", "web", PORT=str(port))
            self._run(f"worker-{number}", "-m", "tests.campaign.mortal_worker")
        self.play.until("the receivers", lambda: all(map(listens, self.ports)))
        for number in (1, 2):
            log = self.play.root / f"worker-{number}.log"
            self.play.until("the workers", lambda log=log: "is ready" in log.read_text())  # type: ignore[misc]

    def dead(self) -> list[str]:
        """Who has ended."""
        return [name for name, process in self.play.processes.items() if process.poll() is not None]

    def die(self, place: str) -> None:
        """Whichever worker comes to this place dies there."""
        (self.play.root / "dies").write_text(f"Publish/{place}\n")

    def _run(self, name: str, *arguments: str, **changes: str) -> None:
        env = self.play.environment(**self._changes, DATA_DIR=str(self.play.root / f"data-{name}"), **changes)
        with (self.play.root / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *arguments], env=env, stdout=log, stderr=log)
        self.play.processes[name] = process


@pytest.fixture
def fleet(tmp_path: Path, server: Server) -> Iterator[Fleet]:
    with stage(tmp_path) as play:
        made = Fleet(play, server.database())
        with balancer(play.port, made.ports):
            made.start()
            yield made


@pytest.mark.parametrize("place", PLACES)
def test_three_releases_on_three_lines_with_a_worker_that_dies_while_it_publishes(fleet: Fleet, place: str) -> None:
    play, commands = fleet.play, {}
    asked = {
        "115.0.1": f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}",
        "116.0.0": "/release new 116",
        "109.0.1": "/release patch build-109 --allow-empty sdk=109.0.0",
    }
    for version, command in asked.items():
        commands[version] = play.ask(command)
    pulls = {version: pull_of(play, version) for version in asked}
    fleet.die(place)
    merged = {version: play.person("hubot").merge(MANIFEST, number) for version, number in pulls.items()}

    (victim,) = play.until("a worker to die", fleet.dead)
    assert victim.startswith("worker-")
    for version, number in pulls.items():
        play.until(f"the tag of {version}", lambda v=version: play.refs().get(f"refs/tags/v{v}^{{}}"))  # type: ignore[misc]
        play.until(f"the end of {version}", lambda n=number: play.said(n, "end"))  # type: ignore[misc]

    refs = play.refs()
    for version, number in pulls.items():
        assert refs[f"refs/tags/v{version}^{{}}"] == merged[version]
        assert len(play.said(number, "end")) == len(play.said(number, "progress")) == 1
        assert len(play.said(commands[version][0], "reply")) == 1
    runs = play.sandbox.world.repositories[play.seeded.projects["coreos/scripts"].id].runs
    assert len(runs) == len(pulls)
    assert refs["refs/heads/dev-channel"] == refs["refs/tags/v116.0.0^{}"]
    assert fleet.dead() == [victim]


def pull_of(play: Stage, version: str) -> int:
    """The number of the pull request that releases this version, when it is there."""

    def look() -> int | None:
        pulls = play.person("octocat").pulls(MANIFEST)
        return next((pull["number"] for pull in pulls if pull["head"]["ref"].endswith(f"v{version}")), None)

    return play.until(f"the pull request of {version}", look)
