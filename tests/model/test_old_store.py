"""An old copy of the store is put back: what has happened since is known again, and nothing is done a second time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.seed import MANIFEST
from tests.model.house import House, house
from tests.model.worker import Worker
from tests.oracle import Oracle

PATCH = "/release patch build-115 --allow-empty"
A_MINUTE = 60
MOMENTS = ("before", "asked", "proposed", "merged", "published")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def by_delivery(house: House, worker: Worker, event: str) -> None:
    """The newest delivery of this kind comes in."""
    told = [each for each in house.deliveries if f"{each.event}.{each.action}" == event][-1]
    worker.hand(told.event, told.action, told.guid, told.payload)


def swept(house: House, worker: Worker, patient: bool = True) -> None:
    house.clock.go(A_MINUTE)
    worker.sweep()
    worker.work(patient=patient)


@pytest.mark.parametrize("minutes", [15, 70])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_old_copy_of_the_store_makes_nothing_happen_twice(
    built: House, tmp_path: Path, moment: str, minutes: int
) -> None:
    built.furnish()
    worker = Worker(built, tmp_path / "data", lambda intent, outcome: None)
    oracle = Oracle(built.sandbox, MANIFEST, may_stop=False).watch()
    copy = tmp_path / "copy"

    def come_to(now: str) -> None:
        if now == moment:
            worker.copy_store(copy)

    try:
        swept(built, worker)
        come_to("before")
        person = built.person("octocat")
        issue = person.open_issue(MANIFEST, "releases")
        person.comment(MANIFEST, issue, PATCH)
        by_delivery(built, worker, "issue_comment.created")
        come_to("asked")
        worker.work()
        come_to("proposed")
        built.person("hubot").merge(MANIFEST, 2)
        by_delivery(built, worker, "pull_request.closed")
        come_to("merged")
        worker.work(patient=moment == "published")
        come_to("published")
        worker.work(patient=True)
        built.clock.go(minutes * 60)

        worker.restore_store(copy)
        worker.work(patient=True)
        swept(built, worker)
        assert oracle.faults(final=True) == []
        assert oracle.dispatches() == {"v115.0.1": 1}
        assert [each["number"] for each in person.pulls(MANIFEST, "all")] == [2]

        person.comment(MANIFEST, issue, PATCH)
        swept(built, worker)
        assert [each["title"] for each in person.pulls(MANIFEST)] == ["build-115: release v115.0.2"]
    finally:
        worker.end()
