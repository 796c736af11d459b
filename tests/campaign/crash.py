"""Kill the worker, the receiver and the git server again and again: `python -m tests.campaign.crash --kills 300`.

Four repositories release at once: patches, releases off the main branch in both layouts. First they are hit at random
moments, between the comment and the pull request and between the merge and the end of publishing. What was killed
starts again at once, as a supervisor would start it. Then the worker dies at every boundary of every step, before the
step, after its effect and after its record, each `--boundaries` times. Last, pushes are cut off between their refs.
After each round the oracle judges: nothing may be lost, and nothing done twice, within a minute. The same seed draws
the same killings.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.butcher import Butcher
from tests.campaign.common import keep, parser_of, say, verdict, within
from tests.campaign.league import BRANCH, LINK, PATCH, TRACK, Team, league
from tests.campaign.mortal_worker import MOMENTS
from tests.stage import Stage

KINDS = (PATCH, LINK, TRACK, BRANCH)
VICTIMS = ("worker", "worker", "web", "git", "push")
"""`git` is whatever git does next on the server, `push` the next push, cut off between its refs."""
REACH = 1.6
"""Seconds within which a killing falls; undisturbed, four proposals or publications take about so long."""
CONVERGED = 60.0
AT_ONCE = 19
"""So many deaths come in one round of boundaries: with those at random as many as make the engine give work up."""
MORE = 3
"""So many rounds more wait for boundaries that did not come up in theirs."""
LONGEST = 600.0
"""Seconds within which a round ends in any case. Its deaths take longest, each the start of a worker."""
METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True)
class Killing:
    """Who dies, and how many seconds after the comment, the merge, or the killing before."""

    victim: str
    after: float


def killings(dice: random.Random, count: int, victims: Sequence[str] = VICTIMS) -> list[Killing]:
    """So many, drawn."""
    return [Killing(dice.choice(victims), dice.uniform(0, REACH)) for _ in range(count)]


class Campaign:
    """The rounds of one stage, and what came of them."""

    def __init__(self, teams: list[Team], butcher: Butcher, dice: random.Random) -> None:
        self.teams = teams
        self.play: Stage = teams[0].play
        self.butcher = butcher
        self.dice = dice
        self.rounds = 0
        self.wrong = 0
        self.slowest = 0.0
        self.restarted = 0.0
        """When something killed was started again the last time."""

    def round(self, before: Sequence[Killing], after: Sequence[Killing], words: str = "") -> bool:
        """One release of each team under these killings; whether all is right."""
        began = time.monotonic()
        try:
            with within(LONGEST):
                found = self._play(before, after)
        except AssertionError as error:
            found = [str(error)]
        self.butcher.disarm()
        self.rounds += 1
        self.wrong += bool(found)
        converged = time.monotonic() - self.restarted
        self.slowest = max(self.slowest, converged)
        hits = words or " ".join(f"{each.victim}@{each.after:.2f}" for each in (*before, *after)) or "undisturbed"
        tags = " ".join(team.tag for team in self.teams)
        result = "; ".join(found) or "right"
        spent = f"{time.monotonic() - began:.1f} s, converged in {converged:.1f} s"
        say(f"{self.rounds:4}  {tags}  {hits}: {result} ({spent})")
        return not found

    def _play(self, before: Sequence[Killing], after: Sequence[Killing]) -> list[str]:
        self._strike(before, self._ask)
        pulls = {team: self._pull(team) for team in self.teams}
        self._strike(after, lambda: self._merge(pulls))
        self.restarted = max(self.restarted, time.monotonic())
        return [fault for team in self.teams for fault in self._faults(team)]

    def _pull(self, team: Team) -> int:
        while True:
            try:
                return team.pull(self._left())
            except AssertionError:
                if self._left() <= 0:
                    raise

    def _faults(self, team: Team) -> list[str]:
        while True:
            found = team.faults(max(0.0, self._left()))
            if not found or self._left() <= 0 or team.oracle.faults():
                return found

    def _left(self) -> float:
        """Seconds until all must be right: they are counted from the last restart."""
        return self.restarted + CONVERGED - time.monotonic()

    def _ask(self) -> None:
        self.restarted = time.monotonic()
        for team in self.teams:
            team.ask()

    def _merge(self, pulls: dict[Team, int]) -> None:
        for team, number in pulls.items():
            team.merge(number, self.dice.choice(METHODS))

    def _strike(self, strikes: Sequence[Killing], act: Callable[[], None]) -> None:
        def kill() -> None:
            for each in strikes:
                time.sleep(each.after)
                self._kill(each.victim)

        killer = threading.Thread(target=kill)
        killer.start()
        act()
        killer.join()

    def _kill(self, victim: str) -> None:
        if victim == "git":
            self.butcher.kill()
        elif victim == "push":
            self.butcher.cut_push()
        else:
            self.play.kill(victim)
            self.play.start(victim)
            self.restarted = time.monotonic()


def at_random(campaign: Campaign, kills: int, each: int = 2) -> None:
    """So many killings, `each` between comment and pull request and as many after the merge."""
    left = kills
    while left > 0:
        before = killings(campaign.dice, min(each, left))
        after = killings(campaign.dice, min(each, left - len(before)))
        left -= len(before) + len(after)
        if not campaign.round(before, after):
            return


def cut_off(campaign: Campaign, pushes: int) -> None:
    """So many pushes that die between their refs: proposals', tags' and channels' alike."""
    campaign.butcher.cut = 0
    while campaign.butcher.cut < pushes:
        before, after = [Killing("push", 0.0)] * 2, [Killing("push", 0.0)] * 6
        if not campaign.round(before, after, f"{campaign.butcher.cut} pushes cut off"):
            return


def at_boundaries(campaign: Campaign, times: int, most: int | None = None) -> tuple[int, int]:
    """Every boundary of every step, each moment so many times, or so many drawn from them.

    How many killings were done, of how many that were to be.
    """
    play = campaign.play
    play.kill("worker")
    list_, passed = play.root / "mortal", play.root / "passed"
    list_.write_text("")
    passed.write_text("")
    play.changes.update({"MORTAL": str(list_), "PASSED": str(passed), "PYTHONPATH": str(Path.cwd())})
    play.programs["worker"] = ["-m", "tests.campaign.mortal_worker"]
    play.start("worker")
    with _supervised(campaign):
        if not campaign.round((), (), "all boundaries listed"):
            return 0, 0
        boundaries = sorted(set(passed.read_text().splitlines()))
        wanted = [f"{each}:{moment}" for each in boundaries for moment in MOMENTS] * times
        campaign.dice.shuffle(wanted)
        wanted = wanted[:most]
        given = _die(campaign, list_, wanted)
        left = Counter(list_.read_text().splitlines())
    for line, count in left.items():
        say(f"not reached: {line} ({count} times)")
    return given - left.total(), len(wanted)


def _die(campaign: Campaign, list_: Path, wanted: Sequence[str]) -> int:
    """At all of these; how many were put on the list. What comes up in some releases only stays there until it does."""
    done, more = 0, MORE
    while done < len(wanted) or (more and list_.read_text()):
        struck = wanted[done : done + AT_ONCE]
        done += len(struck)
        more -= not struck
        list_.write_text(list_.read_text() + "".join(f"{each}\n" for each in struck))
        whole = len(list_.read_text().splitlines())
        if not campaign.round((), (), f"{whole} boundaries, {len(wanted) - done} to come"):
            break
    return done


@contextmanager
def _supervised(campaign: Campaign) -> Iterator[None]:
    """Start the worker again whenever it has died."""
    ending, play = threading.Event(), campaign.play

    def watch() -> None:
        while not ending.wait(0.02):
            worker = play.processes.get("worker")
            if worker is not None and worker.poll() is not None:
                play.start("worker")
                campaign.restarted = time.monotonic()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()


def main() -> int:
    """Run the campaign; exit status 1 when anything was lost or doubled."""
    parser = parser_of(__doc__)
    parser.add_argument("--kills", type=int, default=300, help="at random moments")
    parser.add_argument("--boundaries", type=int, default=5, metavar="TIMES", help="kill at each so many times")
    parser.add_argument("--most", type=int, help="so many killings at boundaries at most, drawn from all")
    parser.add_argument("--cuts", type=int, default=20, help="pushes cut off between their refs")
    options = parser.parse_args()
    say(f"seed {options.seed}")
    butcher = Butcher(options.seed)
    with tempfile.TemporaryDirectory() as folder, league(Path(folder), KINDS, butcher) as teams:
        butcher.sandbox = teams[0].play.sandbox
        campaign = Campaign(teams, butcher, random.Random(options.seed))
        teams[0].play.start()
        at_random(campaign, options.kills)
        if not campaign.wrong:
            cut_off(campaign, options.cuts)
        cut = butcher.cut
        done = (0, 0)
        if options.boundaries and not campaign.wrong:
            done = at_boundaries(campaign, options.boundaries, options.most)
        keep(folder, options.keep, campaign.wrong)
    words = (
        f"{options.kills} random killings ({butcher.killed} of git at work), {cut} pushes cut off, {done[0]} of "
        f"{done[1]} killings at boundaries, {campaign.rounds * len(teams)} releases; the slowest round converged in "
        f"{campaign.slowest:.1f} s; rounds"
    )
    return verdict(words, options.seed, campaign.rounds - campaign.wrong, campaign.rounds)


if __name__ == "__main__":
    sys.exit(main())
