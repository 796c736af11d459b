"""One release whose events come in any order, each lost, once or twice: `python -m tests.model.permutations --n 5000`.

Six kinds of event are told of one release. Every order of them, and each of them lost, told once or told twice, must
lead to the same state after one sweep.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.seed import MANIFEST
from sandbox.webhooks import Delivery
from tests.model.house import House, house
from tests.model.worker import Worker
from tests.oracle import Oracle

KINDS = ("comment", "opened", "merged", "push", "run began", "run ended")
TAG = "v115.0.1"


def kind_of(delivery: Delivery) -> str:
    """Which of the six kinds a delivery is; "" for others."""
    happened = f"{delivery.event}.{delivery.action}".rstrip(".")
    table = {
        "issue_comment.created": "comment",
        "pull_request.opened": "opened",
        "pull_request.closed": "merged",
        "push": "push",
        "workflow_run.completed": "run ended",
        "workflow_job.completed": "run ended",
    }
    return table.get(happened, "run began" if delivery.event.startswith("workflow_") else "")


def told(rng: random.Random) -> list[str]:
    """The kinds in an order, each as often as it is told."""
    order = rng.sample(KINDS, len(KINDS))
    return [kind for kind in order for _ in range(rng.randrange(3))]


def final(house: House, folder: Path, telling: Sequence[str]) -> list[str]:
    """Let a release happen and be told so. What is wrong with where it ends; [] when nothing is.

    What has not happened yet when its turn comes is told when it has.
    """
    house.furnish()
    worker = Worker(house, folder, lambda intent, outcome: None)
    oracle = Oracle(house.sandbox, MANIFEST, may_stop=False).watch()
    try:
        worker.sweep()
        worker.work()
        person = house.person("octocat")
        person.comment(MANIFEST, person.open_issue(MANIFEST, "x"), "/release patch build-115 --allow-empty")
        waiting, merged = list(telling), False
        while True:
            _tell(house, worker, waiting)
            pulls = person.pulls(MANIFEST)
            if pulls and not merged:
                house.person("hubot").merge(MANIFEST, pulls[0]["number"])
                merged = True
                continue
            if merged:
                break
            _sweep(house, worker)
        _tell(house, worker, waiting)
        _sweep(house, worker)
        _tell(house, worker, waiting)
        worker.work(patient=True)
        return [*oracle.faults(final=True), *_missing(house)]
    finally:
        worker.end()


def _sweep(house: House, worker: Worker) -> None:
    house.clock.go(60)
    worker.sweep()
    worker.work()


def _tell(house: House, worker: Worker, waiting: list[str]) -> None:
    """Hand over those whose turn has come and that have happened, in their order."""
    for kind in list(waiting):
        happened = [each for each in house.deliveries if kind_of(each) == kind]
        for delivery in happened:
            worker.hand(delivery.event, delivery.action, delivery.guid, delivery.payload)
        if happened:
            waiting.remove(kind)
            worker.work()


def _missing(house: House) -> list[str]:
    refs, person = house.refs(), house.person("octocat")
    merge = person.pulls(MANIFEST, "all")[0]["merge_commit_sha"]
    places = (f"refs/tags/{TAG}^{{}}", "refs/heads/build-115", "refs/heads/dev-channel")
    return [f"{place} is not at the merge" for place in places if refs.get(place) != merge]


def main() -> int:
    """Run so many samples; exit status 1 when any ends elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"{options.n} orders, seed {options.seed}\n")
    rng, right = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as root, house(Path(root) / "house") as built:
        for index in range(options.n):
            telling = told(rng)
            with tempfile.TemporaryDirectory(dir=root) as folder:
                wrong = final(built, Path(folder), telling)
            right += not wrong
            if wrong:
                sys.stdout.write(f"{index}: {telling}: {'; '.join(wrong)}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{right} of {options.n} right\n")
    return 0 if right == options.n else 1


if __name__ == "__main__":
    sys.exit(main())
