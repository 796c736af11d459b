"""Releases one after the other in one bot, with faults now and then: `python -m tests.campaign.soak --n 200`.

One in twenty of the App's calls goes wrong, in any of the ways that such a call can. Every release must be right, and
neither the worker nor the receiver may grow for ever: over the second half of the run, resident memory by less than a
tenth, open files not at all. The first half loads what is used, and fills the pools of threads and connections; the
slope that is told says what each release adds after that.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from sandbox.switch import Random, Switch
from tests.campaign.common import keep, parser_of, say, verdict, within
from tests.campaign.league import LINK, PATCH, TRACK, Team, league
from tests.stage import Stage

KINDS = (PATCH, LINK, TRACK)
RATE = 0.05
WITHOUT = frozenset({"time-out"})
"""A time-out takes the bot its whole limit of seconds and teaches nothing else than a connection that ends."""
PATIENCE = 60.0
LONGEST = 300.0
"""Seconds within which a round ends in any case."""
GROWTH = 0.10
SPARE_FILES = 4
"""A pool may hold so many connections more at one moment than at another."""
ENOUGH = 18
"""So many rounds tell growth from chance; a shorter run judges the releases alone."""
WARM = 0.5
"""The share of the releases after which a process has loaded what it needs, and its pools are full."""


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


@dataclass(frozen=True)
class Growth:
    """How a service grew: the share of its memory, kilobytes a round, and the number of open files."""

    memory: float
    slope: float
    files: int


def growth(samples: Sequence[Sample]) -> Growth:
    """From the first third to the last, by medians: a git command that happens to run is weighed too.

    The slope is the median of those between any two samples.
    """
    part = max(1, len(samples) // 3)
    first, last = samples[:part], samples[-part:]
    memory = median(each.memory for each in last) / median(each.memory for each in first) - 1
    files = round(median(each.files for each in last) - median(each.files for each in first))
    slopes = [(late.memory - early.memory) / (j - i) for (i, early), (j, late) in combinations(enumerate(samples), 2)]
    return Growth(memory, median(slopes or [0.0]), files)


class Scales:
    """Weighs worker and receiver after each round."""

    def __init__(self, play: Stage) -> None:
        self._play = play
        self.samples: dict[str, list[Sample]] = {"worker": [], "web": []}

    def weigh(self) -> None:
        """Once more."""
        for name, found in self.samples.items():
            found.append(sample(self._play.processes[name].pid))

    def growth(self, name: str) -> Growth:
        """What it grew since it was warm."""
        return growth(self.samples[name][int(len(self.samples[name]) * WARM) :])


def soak(teams: list[Team], releases: int, dice: random.Random, scales: Scales) -> tuple[int, int]:
    """So many releases, all teams at once, until one goes wrong; how many are right, of how many."""
    done = right = 0
    while right == done < releases:
        began = time.monotonic()
        try:
            with within(LONGEST):
                found = _round(teams, dice)
        except AssertionError as error:
            found = [str(error)]
        done += len(teams)
        right += 0 if found else len(teams)
        scales.weigh()
        now = ", ".join(
            f"{name} {each[-1].memory // 1024} MB {each[-1].files} files" for name, each in scales.samples.items()
        )
        say(f"{done:4}  {'; '.join(found) or 'right'} ({time.monotonic() - began:.1f} s; {now})")
    return right, done


def _round(teams: list[Team], dice: random.Random) -> list[str]:
    """One release of each team; what is wrong."""
    for team in teams:
        team.ask()
    pulls = {team: team.pull(PATIENCE) for team in teams}
    for team, pull in pulls.items():
        team.merge(pull, dice.choice(("merge", "squash", "rebase")))
    return [fault for team in teams for fault in team.faults(PATIENCE)]


def main() -> int:
    """Run the campaign; exit status 1 when a release went wrong or a process grew."""
    parser = parser_of(__doc__)
    parser.add_argument("--n", type=int, default=200, help="releases")
    parser.add_argument("--rate", type=float, default=RATE)
    options = parser.parse_args()
    say(f"seed {options.seed}")
    switch = Switch()
    with tempfile.TemporaryDirectory() as folder, league(Path(folder), KINDS, switch) as teams:
        play = teams[0].play
        play.start()
        before = len(switch.calls)
        switch.chance = Random(options.rate, options.seed, WITHOUT)
        scales = Scales(play)
        right, done = soak(teams, options.n, random.Random(options.seed), scales)
        calls = sum(who == "app" for _, who in switch.calls[before:])
        broken = Counter(fault for _, fault in switch.broken)
        switch.clear()
        weighed = len(scales.samples) if right == done >= ENOUGH * len(teams) else 0
        grown = _grown(scales, len(teams)) if weighed else []
        keep(folder, options.keep, done - right + len(grown))
    say(", ".join(f"{fault} {count}" for fault, count in broken.most_common()))
    words = f"{broken.total()} of {calls} calls broken ({broken.total() / max(1, calls):.1%})"
    words += "; releases, and processes that did not grow" if weighed else "; releases"
    return verdict(words, options.seed, right + weighed - len(grown), done + weighed)


def _grown(scales: Scales, teams: int) -> list[str]:
    """The processes that grew."""
    found = {name: scales.growth(name) for name in scales.samples}
    for name, each in found.items():
        told = f"memory {each.memory:+.1%} ({each.slope / teams:+.0f} KB a release), open files {each.files:+d}"
        say(f"{name}: {told} over the second half")
    return [name for name, each in found.items() if each.memory >= GROWTH or each.files > SPARE_FILES]


if __name__ == "__main__":
    sys.exit(main())
