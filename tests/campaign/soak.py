"""Releases one after the other in one bot, with faults now and then: `python -m tests.campaign.soak --n 200`.

One in twenty of the App's calls goes wrong. In the end every release must be right, and neither the worker nor the
receiver may have grown: resident memory by less than a tenth after the warm-up, open files not at all.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flask import Response, request

from sandbox.faults import Faults
from tests.campaign.league import LINK, PATCH, TRACK, Team, league
from tests.stage import Stage

KINDS = (PATCH, LINK, TRACK)
RATE = 0.05
PATIENCE = 60.0
GROWTH = 0.10
SPARE_FILES = 4
"""A pool may hold so many connections more at one moment than at another."""
WARM = 0.25
"""The share of the releases after which a process has loaded what it needs."""


class Worn(Faults):
    """Breaks one call in so many: before it is done, or its answer after it was."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self._dice = random.Random(seed)
        self._guard = threading.Lock()
        self.broken = 0
        self.calls = 0

    def before(self, call: str) -> Response | None:
        """See `Faults`."""
        with self._guard:
            self.calls += "ghp_" not in request.headers.get("Authorization", "")
        return self._perhaps()

    def after(self, call: str, response: Response) -> Response:
        """See `Faults`."""
        return self._perhaps() or response

    def _perhaps(self) -> Response | None:
        # People's calls carry a token of theirs; only the App's go wrong.
        if "ghp_" in request.headers.get("Authorization", ""):
            return None
        with self._guard:
            if self._dice.random() >= self.rate / 2:
                return None
            self.broken += 1
            status = self._dice.choice((500, 502, 503))
        return Response('{"message": "Server Error"}', status, content_type="application/json")


@dataclass(frozen=True)
class Sample:
    """How big a service's processes are: kilobytes of resident memory, and open files."""

    memory: int
    files: int


def sample(pid: int) -> Sample:
    """A process and its children, as the kernel tells it."""
    every = [pid, *_children(pid)]
    memory = sum(_resident(each) for each in every)
    return Sample(memory, sum(len(list(Path(f"/proc/{each}/fd").iterdir())) for each in every))


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident(pid: int) -> int:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(row.split()[1]) for row in rows if row.startswith("VmRSS:")), 0)


class Scales:
    """Weighs worker and receiver after each round."""

    def __init__(self, play: Stage) -> None:
        self._play = play
        self.samples: dict[str, list[Sample]] = {"worker": [], "web": []}

    def weigh(self) -> None:
        """Once more."""
        for name, found in self.samples.items():
            found.append(sample(self._play.processes[name].pid))

    def growth(self, name: str) -> tuple[float, int]:
        """From just after the warm-up to the end: the share of memory, and the number of files, by medians."""
        kept = self.samples[name][int(len(self.samples[name]) * WARM) :]
        part = max(1, len(kept) // 4)
        first, last = kept[:part], kept[-part:]
        memory = median(each.memory for each in last) / median(each.memory for each in first) - 1
        return memory, round(median(each.files for each in last) - median(each.files for each in first))


def soak(teams: list[Team], releases: int, dice: random.Random, scales: Scales) -> list[str]:
    """So many releases, all teams at once; what is wrong, as soon as anything is."""
    for number in range(0, releases, len(teams)):
        began = time.monotonic()
        for team in teams:
            team.ask()
        pulls = {team: team.pull(PATIENCE) for team in teams}
        for team, pull in pulls.items():
            team.merge(pull, dice.choice(("merge", "squash", "rebase")))
        found = [fault for team in teams for fault in team.faults(PATIENCE)]
        scales.weigh()
        now = ", ".join(
            f"{name} {each[-1].memory // 1024} MB {each[-1].files} files" for name, each in scales.samples.items()
        )
        done, spent = number + len(teams), time.monotonic() - began
        sys.stdout.write(f"{done:4}  {'; '.join(found) or 'right'} ({spent:.1f} s; {now})\n")
        sys.stdout.flush()
        if found:
            return found
    return []


def main() -> int:
    """Run the campaign; exit status 1 when a release went wrong or a process grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200, help="releases")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"{options.n} releases, seed {options.seed}\n")
    faults = Worn(0.0, options.seed)
    with tempfile.TemporaryDirectory() as folder, league(Path(folder), KINDS, faults) as teams:
        play = teams[0].play
        play.start()
        faults.rate = options.rate
        scales = Scales(play)
        try:
            wrong = soak(teams, options.n, random.Random(options.seed), scales)
        except AssertionError as error:
            wrong = [str(error)]
        grown = {name: scales.growth(name) for name in scales.samples} if not wrong else {}
    for name, (memory, files) in grown.items():
        sys.stdout.write(f"{name}: memory {memory:+.1%}, open files {files:+d} after the warm-up\n")
        if memory >= GROWTH or files > SPARE_FILES:
            wrong.append(f"{name} grew")
    share = faults.broken / max(1, faults.calls)
    sys.stdout.write(
        f"{faults.broken} of {faults.calls} calls broken ({share:.1%}); {'; '.join(wrong) or 'all right'}\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
