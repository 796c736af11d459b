"""Breaks the calls of a release one by one, and in pairs, and asks the oracle whether it converged all the same.

    python -m tests.campaign.faults --singles all --pairs 500 --seed 1

A release that nobody disturbs tells which calls there are. Each of them is then broken by every fault that fits it,
in a release of its own.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import multiprocessing
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jwt.warnings import InsecureKeyLengthWarning

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.core.intent import Answer, Intent, Publish, Reconcile
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Straight
from bot.flows.table import carry_out
from bot.gh import Hub
from bot.mirror import Mirrors
from bot.outage import Denied, Outage
from bot.remotes import Remotes
from bot.settings import Settings
from bot.signing import Keyring
from bot.store import Store, engine_for
from bot.worker import policy
from sandbox.switch import FETCH, FITS, READ, Rule, Switch, kind_of
from tests.campaign.template import Template
from tests.oracle import Oracle
from tests.stage import MANIFEST, QUICK, Stage

TIMEOUT = 1
PATIENCE = 1.1
"""Seconds that a call is not answered: longer than the bot waits."""
PAUSE = 0.01
TRIES = 12
BUGS = 3
"""As the engine does: what is refused, or breaks, is tried so often."""
LOOKS = 400
AGAIN = ("Nothing was changed; repeat the command later.", "Please post it again.")
"""What the bot tells people to do when it could not read what it needs."""
ASKED = 3
NEVER = 1_000_000
"""An occurrence that does not come."""
Case = tuple[Rule, ...]


@dataclass(frozen=True)
class Result:
    """What is wrong after a release, and whether every fault of the case came to happen in it."""

    wrong: tuple[str, ...]
    met: bool


class Stuck(Exception):
    """A flow that did not come to its end."""


class Bot:
    """Carries intents out as the engine would, with its waits left out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def do(self, intent: Intent) -> None:
        """Carry it out to its end, with all that it orders."""
        waiting = [intent]
        for _ in range(LOOKS):
            if not waiting:
                return
            outcome = self._once(waiting.pop(0))
            waiting += [later for _, later in outcome.later]
            if any(seconds for seconds, _ in outcome.later):
                time.sleep(PAUSE)
        raise Stuck(f"{type(waiting[0]).__name__} never ended")

    def _once(self, intent: Intent) -> Outcome:
        bugs = 0
        for _ in range(TRIES):
            try:
                return carry_out(self._desk, intent, Straight())
            except Outage as outage:
                last: Exception = outage
                time.sleep(PAUSE if outage.retry_after else 0)
            except Exception as fault:  # noqa: BLE001 - as the engine does
                last, bugs = fault, bugs + 1
                if isinstance(fault, Denied) and intent.lane == "acknowledge":
                    return Outcome("refused", str(fault))
            if bugs == BUGS:
                break
        raise Stuck(f"{type(intent).__name__} gave up: {type(last).__name__}: {last}")


@contextmanager
def bot(play: Stage, prepared: Settings) -> Iterator[Bot]:
    """A bot on this stage, in this process. It does not sleep, and waits for no answer longer than `TIMEOUT`."""
    root, github = play.root, play.sandbox
    settings = replace(prepared, data_dir=root / "data", github_api_url=github.api_url, github_web_url=github.url)
    store = Store(engine_for(None, settings.data_dir), now)
    hub = Hub(settings.github_api_url, settings.app_id, play.app.private_key, now, timeout=TIMEOUT)
    remotes = Remotes(policy(settings), root / "scratch", sleep=lambda seconds: None, timeout=TIMEOUT)
    mirrors = Mirrors(root / "mirrors", allow_http=True)
    desk = Desk(
        settings=settings,
        hub=hub,
        mirrors=mirrors,
        remotes=remotes,
        histories=root / "histories",
        policy=policy(settings),
        sdk_check=None,
        store=store,
        now=now,
        submit=lambda key, intents: True,
        keyring=Keyring(settings.trusted_keys),
    )
    try:
        yield Bot(desk)
    finally:
        remotes.close()
        mirrors.close()
        hub.close()
        store.engine.dispose()


def released(switch: Switch) -> list[str]:
    """A whole release; what is wrong with it."""
    made = template()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        made.stage(Path(folder), switch) as play,
        bot(play, made.settings) as worker,
    ):
        oracle = Oracle(play.sandbox, MANIFEST, may_stop=False).watch()
        switch.calls.clear()
        try:
            tag = _release(play, worker)
        except (Stuck, AssertionError, LookupError) as fault:
            return [str(fault), *oracle.faults()]
        finally:
            switch.clear()
        found = oracle.settled(5.0)
        sent = oracle.dispatches().get(tag, 0)
        return found + ([] if sent == 1 else [f"{sent} runs for {tag}"])


@cache
def template() -> Template:
    """This process's own."""
    made = Template({**QUICK, "DISPATCH_LOOKUP_SECONDS": "0.05"})
    atexit.register(made.close)
    return made


def _release(play: Stage, worker: Bot) -> str:
    home = RepositoryId(play.seeded.manifest.id, play.installation, MANIFEST)
    command = f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}"
    author = play.sandbox.user("octocat").id
    issue, told = None, list(AGAIN)
    for _ in range(ASKED):
        # A person does what the bot says: it may tell that a project cannot be read now, and to ask again.
        if not any(words in told[0] for words in AGAIN):
            break
        asked = now().isoformat()
        issue, comment = play.ask(command, issue=issue)
        worker.do(Answer(home, issue, False, comment, "octocat", author, command, asked))
        told = play.said(issue, f"reply {comment} ")
        if len(told) != 1:
            raise Stuck(f"{len(told)} replies to one comment")
    pulls = play.person("octocat").pulls(MANIFEST)
    if len(pulls) != 1:
        raise Stuck(f"{len(pulls)} pull requests: {told}")
    number = int(pulls[0]["number"])
    play.person("hubot").merge(MANIFEST, number, "merge")
    worker.do(Publish(home, number))
    worker.do(Reconcile(home))
    return str(pulls[0]["head"]["ref"]).removeprefix("release-bot/")


def ways() -> dict[Rule, int]:
    """Each call of the App in a release that nobody disturbs, with each fault that could happen to it, and how often.

    An answer is stale only where there is an older one, and only a pack can be truncated: so it is tried out.
    """
    first = _undisturbed(Switch())
    made = dict.fromkeys(call for call, who in first.calls if who == "app")
    never = [Rule(call, fault, nth=NEVER) for call in made for fault, fits in FITS.items() if kind_of(call) in fits]
    second = _undisturbed(Switch(*never))
    return {rule: second.seen[rule] for rule in never if rule in second.seen}


def _undisturbed(switch: Switch) -> Switch:
    wrong = released(switch)
    if wrong:
        raise SystemExit("an undisturbed release is wrong: " + "; ".join(wrong))
    return switch


def singles(made: Mapping[Rule, int]) -> list[Case]:
    """Each call with every fault, the first time; what is read several times, also the last time."""
    return [
        (replace(rule, nth=nth),)
        for rule, count in made.items()
        for nth in sorted({1, count if kind_of(rule.call) in (READ, FETCH) else 1})
    ]


def pairs(made: Mapping[Rule, int], count: int, dice: random.Random) -> list[Case]:
    """Two faults in one release, each at any occurrence of its call."""

    def drawn() -> Rule:
        rule, times = dice.choice(list(made.items()))
        return replace(rule, nth=dice.randint(1, times))

    return [(drawn(), drawn()) for _ in range(count)]


def play_case(case: Case) -> Result:
    """A release with these faults."""
    switch = Switch(*case, patience=PATIENCE, later=0)
    wrong = released(switch)
    return Result(tuple(wrong), set(case) <= switch.met)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Play the cases; 1 when any is wrong."""
    parser = argparse.ArgumentParser(description="Releases whose calls are broken on purpose")
    parser.add_argument("--singles", default="40", help="how many, all, or FROM:TO of them all")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="releases at a time")
    options = parser.parse_args()
    _quiet()
    dice, made, began = random.Random(options.seed), ways(), time.monotonic()
    every = singles(made)
    cases = [*_chosen(every, options.singles, dice), *pairs(made, options.pairs, dice)]
    _say(f"seed {options.seed}: {len({rule.call for rule in made})} calls, {len(every)} singles, {len(cases)} cases")
    # Processes of their own, begun afresh: a fork would take along threads that it does not run.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, fresh, _quiet) as pool:
        results = _told(cases, pool.map(play_case, cases))
    unmet = sum(not each.met and not each.wrong for each in results)
    right = sum(each.met and not each.wrong for each in results)
    wrong = len(results) - right - unmet
    _say(f"{len(cases)} cases in {time.monotonic() - began:.0f} s, {wrong} wrong, not met: {unmet}")
    _say(f"{right} of {right + wrong} right")
    return 1 if wrong else 0


def _chosen(every: list[Case], wanted: str, dice: random.Random) -> list[Case]:
    if wanted == "all":
        return every
    begin, colon, end = wanted.partition(":")
    return every[int(begin) : int(end)] if colon else dice.sample(every, min(int(wanted), len(every)))


def _told(cases: list[Case], results: Iterable[Result]) -> list[Result]:
    """The results, each told as it comes unless it is right."""
    known = []
    for number, (case, result) in enumerate(zip(cases, results, strict=True), 1):
        known.append(result)
        rules = ", ".join(f"{rule.fault} at {rule.call} #{rule.nth}" for rule in case)
        if result.wrong:
            _say(f"case {number} WRONG ({rules}): {'; '.join(result.wrong)}")
        elif not result.met:
            _say(f"case {number} not met ({rules})")
    return known


def _quiet() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore", InsecureKeyLengthWarning)


if __name__ == "__main__":
    sys.exit(main())
