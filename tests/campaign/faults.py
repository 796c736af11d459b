"""Breaks the calls of a release one by one, and in pairs, and asks the oracle whether it converged all the same.

    python -m tests.campaign.faults --singles all --pairs 500 --seed 1

A release that nobody disturbs tells which calls there are. Each of them is then broken by every fault that fits it,
in a release of its own.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

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
from sandbox.switch import FITS, Rule, Switch, kind_of
from tests.oracle import Oracle
from tests.stage import MANIFEST, QUICK, Stage, stage

TIMEOUT = 1
PATIENCE = 1.2
"""Seconds that a call is not answered: longer than the bot waits."""
TRIES = 12
BUGS = 3
"""As the engine does: what is refused, or breaks, is tried so often."""
LOOKS = 400
LATER = "Nothing was changed; repeat the command later."
ASKED = 3
Case = tuple[Rule, ...]


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
                time.sleep(0.02)
        raise Stuck(f"{type(waiting[0]).__name__} never ended")

    def _once(self, intent: Intent) -> Outcome:
        bugs = 0
        for _ in range(TRIES):
            try:
                return carry_out(self._desk, intent, Straight())
            except Outage as outage:
                last: Exception = outage
            except Exception as fault:  # noqa: BLE001 - as the engine does
                last, bugs = fault, bugs + 1
                if isinstance(fault, Denied) and intent.lane == "acknowledge":
                    return Outcome("refused", str(fault))
            if bugs == BUGS:
                break
        raise Stuck(f"{type(intent).__name__} gave up: {type(last).__name__}: {last}")


@contextmanager
def bot(play: Stage, root: Path) -> Iterator[Bot]:
    """A bot on this stage, in this process."""
    settings = Settings.from_env(play.environment(**QUICK))
    store = Store(engine_for(None, settings.data_dir), now)
    store.create_tables()
    hub = Hub(settings.github_api_url, settings.app_id, settings.private_key.reveal(), now, timeout=TIMEOUT)
    remotes = Remotes(policy(settings), root / "scratch")
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
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        stage(Path(folder), 0.02, switch) as play,
        bot(play, Path(folder)) as worker,
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


def _release(play: Stage, worker: Bot) -> str:
    home = RepositoryId(play.seeded.manifest.id, play.installation, MANIFEST)
    command = f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}"
    author = play.sandbox.user("octocat").id
    issue, told = None, [LATER]
    for _ in range(ASKED):
        # A person does what the bot says: it may tell that a project cannot be read now, and to ask again.
        if not told or LATER not in told[0]:
            break
        issue, comment = play.ask(command, issue=issue)
        worker.do(Answer(home, issue, False, comment, "octocat", author, command, now().isoformat()))
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


def calls() -> list[str]:
    """The distinct calls of the App in a release that nobody disturbs."""
    switch = Switch()
    wrong = released(switch)
    if wrong:
        raise SystemExit("an undisturbed release is wrong: " + "; ".join(wrong))
    return list(dict.fromkeys(call for call, who in switch.calls if who == "app"))


def singles(names: list[str]) -> list[Case]:
    """Each call with every fault that fits it."""
    return [(Rule(name, fault),) for name in names for fault, fits in FITS.items() if kind_of(name) in fits]


def pairs(names: list[str], count: int, dice: random.Random) -> list[Case]:
    """Two faults in one release, each at one of the first three occurrences of its call."""

    def drawn() -> Rule:
        (single,) = dice.choice(singles(names))
        return Rule(single.call, single.fault, nth=dice.randint(1, 3))

    return [(drawn(), drawn()) for _ in range(count)]


def play_case(case: Case) -> list[str]:
    """What is wrong after a release with these faults."""
    return released(Switch(*case, patience=PATIENCE, later=0))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Play the cases; 1 when any is wrong."""
    parser = argparse.ArgumentParser(description="Releases whose calls are broken on purpose")
    parser.add_argument("--singles", default="40", help="how many, or all")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="releases at a time")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    dice, names, began = random.Random(options.seed), calls(), time.monotonic()
    every = singles(names)
    chosen = every if options.singles == "all" else dice.sample(every, min(int(options.singles), len(every)))
    cases = [*chosen, *pairs(names, options.pairs, dice)]
    _say(f"seed {options.seed}: {len(names)} calls, {len(every)} singles, {len(cases)} cases")
    # Processes of their own, begun afresh: a fork would take along threads that it does not run.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, fresh, logging.disable, (logging.CRITICAL,)) as pool:
        right = _judge(cases, pool.map(play_case, cases))
    _say(f"{right} of {len(cases)} right in {time.monotonic() - began:.0f} s")
    return 0 if right == len(cases) else 1


def _judge(cases: list[Case], results: Iterable[list[str]]) -> int:
    """Tell what is wrong; how many are right."""
    right = 0
    for number, (case, wrong) in enumerate(zip(cases, results, strict=True), 1):
        right += not wrong
        if wrong:
            rules = ", ".join(f"{rule.fault} at {rule.call} #{rule.nth}" for rule in case)
            _say(f"case {number} WRONG ({rules}): {'; '.join(wrong)}")
    return right


if __name__ == "__main__":
    sys.exit(main())
