"""What destroys what the bot has on its own disk, or its sense of time, costs a sweep and no release."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.seed import MANIFEST
from tests.model.house import House, house
from tests.model.worker import Worker
from tests.oracle import Oracle

Disaster = Callable[[House, Worker], None]
TAG = "v115.0.1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def _mirrors(worker: Worker) -> list[Path]:
    return sorted((worker.settings.data_dir / "mirrors").glob("*.git"))


def store_deleted(house: House, worker: Worker) -> None:
    worker.lose_store()


def mirror_deleted(house: House, worker: Worker) -> None:
    for path in _mirrors(worker):
        shutil.rmtree(path)


def mirror_corrupted(house: House, worker: Worker) -> None:
    for path in _mirrors(worker):
        for pack in path.rglob("*.pack"):
            pack.chmod(0o600)
            os.truncate(pack, pack.stat().st_size // 2)


def clock_a_day_ahead(house: House, worker: Worker) -> None:
    house.clock.off = timedelta(days=1)
    worker.restart()


def clock_a_day_behind(house: House, worker: Worker) -> None:
    house.clock.off = timedelta(days=-1)
    worker.restart()


DISASTERS: tuple[Disaster, ...] = (
    store_deleted,
    mirror_deleted,
    mirror_corrupted,
    clock_a_day_ahead,
    clock_a_day_behind,
)


@pytest.mark.parametrize("moment", ["proposed", "merged", "published"])
@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda each: str(each.__name__))
def test_a_disaster_in_the_middle_of_a_release_is_healed_by_sweeps_alone(
    built: House, tmp_path: Path, disaster: Disaster, moment: str
) -> None:
    built.furnish()
    worker = Worker(built, tmp_path, lambda intent, outcome: None)
    oracle = Oracle(built.sandbox, MANIFEST, may_stop=False).watch()
    strike = {moment: disaster}

    def come_to(now: str) -> None:
        if now in strike:
            strike[now](built, worker)
        built.clock.go(60)
        worker.sweep()
        worker.work(patient=now == "published")

    try:
        worker.sweep()
        worker.work()
        person = built.person("octocat")
        person.comment(MANIFEST, person.open_issue(MANIFEST, "x"), "/release patch build-115 --allow-empty")
        worker.sweep()
        worker.work()
        come_to("proposed")
        merged = built.person("hubot").merge(MANIFEST, 2)
        come_to("merged")
        come_to("published")
        come_to("published again")
        refs = built.refs()
        assert {refs[f"refs/tags/{TAG}^{{}}"], refs["refs/heads/dev-channel"]} == {merged}
        assert oracle.faults(final=True) == []
        assert oracle.dispatches() == {TAG: 1}
    finally:
        worker.end()
