"""Many people, deliveries, bots and hands at once: `python -m tests.campaign.race --n 200`.

Each race has a repository of its own, where exactly one may win: one pull request, one release, one answer a comment.
What somebody does in the very moment between the bot's look and its push is done by the stand-in GitHub itself, inside
the push's request, so it always comes at the worst time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import urllib3
from flask import Response, request

from sandbox.faults import Faults
from sandbox.person import Denied
from sandbox.seed import commit_files
from sandbox.webhooks import Delivery
from tests.campaign.common import keep, parser_of, say, verdict, within
from tests.campaign.league import copy
from tests.oracle import Oracle
from tests.stage import QUICK, Stage, free_port, stage

ASKED = "/release patch build-115 --allow-empty"
TAG = "v115.0.1"
BOTH = ("octocat", "hubot")
PATIENCE = 60.0
LONGEST = 300.0
"""Seconds within which a race ends in any case."""


class Meddler(Faults):
    """Does something in the moment when a push to a repository has begun and git has not."""

    def __init__(self) -> None:
        self._at: dict[str, Callable[[], None]] = {}

    def at_push(self, repository: str, act: Callable[[], None]) -> None:
        """Do it once, at the next push there."""
        self._at[repository] = act

    def before(self, call: str) -> Response | None:
        """See `Faults`."""
        if call == "git receive-pack":
            act = self._at.pop("/".join(request.path.split("/")[1:3]).removesuffix(".git"), None)
            if act is not None:
                act()
        return None


@dataclass
class Race:
    """One race on one repository."""

    play: Stage
    meddler: Meddler
    name: str
    dice: random.Random
    oracle: Oracle
    issue: int = 0

    def all_at_once(self, *acts: Callable[[], object]) -> None:
        """Do all of it at the same moment; who comes too late for GitHub itself is no matter."""
        gate = threading.Barrier(len(acts))

        def run(act: Callable[[], object]) -> None:
            gate.wait()
            with suppress(Denied):
                act()

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def asks(self, login: str, command: str = ASKED) -> Callable[[], object]:
        """Somebody who is about to comment."""
        return lambda: self.play.person(login).comment(self.name, self.issue, command)

    def winner(self) -> int:
        """The number of the one open pull request, once every comment is answered."""
        person = self.play.person("octocat")
        pull = self.play.until("a pull request", lambda: next(iter(person.pulls(self.name)), None), PATIENCE)
        self.play.until("every answer", self._all_answered, PATIENCE)
        assert len(person.pulls(self.name)) == 1, "more than one won"
        return int(pull["number"])

    def _all_answered(self) -> bool:
        bodies: list[str] = [each["body"] for each in self.play.person("octocat").comments(self.name, self.issue)]
        return sum(body.startswith("/release") for body in bodies) == sum(":reply " in body for body in bodies)

    def merge(self, number: int) -> str:
        """The end of most races."""
        return self.play.person("hubot").merge(self.name, number, self.dice.choice(("merge", "squash", "rebase")))

    def hand(self, *arguments: str) -> Callable[[], None]:
        """What somebody does to the refs."""
        git = self.play.sandbox.repository(self.name).git

        def act() -> None:
            git.run("update-ref", *arguments)

        return act


def same_command(race: Race) -> bool:
    """Two to four times the same command."""
    race.all_at_once(*(race.asks(BOTH[n % 2]) for n in range(race.dice.randint(2, 4))))
    race.merge(race.winner())
    return False


def different_commands(race: Race) -> bool:
    """Commands for different versions of one base."""
    commands = (ASKED, "/release branch build-115 --allow-empty", "/release patch build-115 --allow-empty group=beta")
    race.all_at_once(*(race.asks(BOTH[n % 2], each) for n, each in enumerate(commands)))
    race.merge(race.winner())
    return False


def doubled_deliveries(race: Race) -> bool:
    """Every delivery many times at once, under its own GUID and under others."""
    race.asks("octocat")()
    assert race.play.sandbox.wait_idle()
    _again(race, "issue_comment")
    number = race.winner()
    race.merge(number)
    assert race.play.sandbox.wait_idle()
    _again(race, "pull_request")
    return False


def _again(race: Race, event: str) -> None:
    every = [each for each in race.play.sandbox.deliveries if each.event == event and race.name in each.body.decode()]
    pool = urllib3.PoolManager(maxsize=8)

    def post(delivery: Delivery, guid: str) -> Callable[[], object]:
        headers = {**delivery.headers, "X-GitHub-Delivery": guid}
        url = delivery.app.webhook_url
        return lambda: pool.request("POST", url, body=delivery.body, headers=headers, timeout=10.0)

    last = every[-3:]
    race.all_at_once(*(post(each, guid) for each in last for guid in (each.guid, each.guid, str(uuid.uuid4()))))
    pool.clear()


def merge_beside_a_command(race: Race) -> bool:
    """The merge of a release while the next is asked for."""
    race.asks("octocat")()
    number = race.winner()
    race.all_at_once(lambda: race.merge(number), race.asks("hubot"))
    race.play.until("every answer", race._all_answered, PATIENCE)
    for pull in race.play.person("octocat").pulls(race.name):
        race.play.person("hubot").merge(race.name, pull["number"])
    return False


def merge_beside_a_close(race: Race) -> bool:
    """A pull request that one person merges and another closes."""
    race.asks("octocat")()
    number = race.winner()
    acts = [lambda: race.merge(number), lambda: race.play.person("octocat").close(race.name, number)]
    race.dice.shuffle(acts)
    race.all_at_once(*acts)
    return False


def base_moves(race: Race) -> bool:
    """A commit lands on the base in the moment of the tag's push: what was merged is released all the same."""
    race.asks("octocat")()
    number = race.winner()
    handle = race.play.sandbox.repository(race.name)
    notes = {"NOTES": ("100644", b"by hand\n")}
    race.meddler.at_push(race.name, lambda: void(commit_files(handle, "build-115", notes, "notes")))
    race.merge(number)
    return False


def channel_moves(race: Race) -> bool:
    """Somebody moves the channel in the moment of the tag's push."""
    race.asks("octocat")()
    number = race.winner()
    old = race.play.sandbox.refs(race.name)["refs/tags/v110.0.0^{}"]
    race.meddler.at_push(race.name, race.hand("refs/heads/dev-channel", old))
    race.merge(number)
    return False


def tag_by_hand(race: Race) -> bool:
    """Somebody else makes the tag in the moment of its push: it stays as it is, and the release stops."""
    race.asks("octocat")()
    number = race.winner()
    other = race.play.sandbox.refs(race.name)["refs/heads/master"]
    race.meddler.at_push(race.name, race.hand(f"refs/tags/{TAG}", other))
    race.merge(number)
    race.play.until("the stop", lambda: _stopped(race, number), PATIENCE)
    assert race.play.sandbox.refs(race.name)[f"refs/tags/{TAG}"] == other, "the tag was moved"
    return True


def branch_by_hand(race: Race) -> bool:
    """Somebody opens the release branch in the moment when the tag and it are pushed: neither is made."""
    race.asks("octocat", "/release new 116 --allow-empty")()
    number = race.winner()
    other = race.play.sandbox.refs(race.name)["refs/heads/build-109"]
    race.meddler.at_push(race.name, race.hand("refs/heads/build-116", other))
    race.merge(number)
    race.play.until("the stop", lambda: _stopped(race, number), PATIENCE)
    assert "refs/tags/v116.0.0" not in race.play.sandbox.refs(race.name), "the tag was made without its branch"
    return True


def _stopped(race: Race, number: int) -> bool:
    comments = race.play.person("octocat").comments(race.name, number)
    return any("manifest-release-bot:stopped" in each["body"] for each in comments)


def void(_: object) -> None:
    """An act that hands nothing back."""


ALONE = (
    same_command,
    different_commands,
    doubled_deliveries,
    merge_beside_a_command,
    merge_beside_a_close,
    base_moves,
    channel_moves,
    tag_by_hand,
    branch_by_hand,
)
TOGETHER = (same_command, different_commands, merge_beside_a_command, merge_beside_a_close, base_moves, channel_moves)
"""The races that are run with a second bot beside the first: the same App and key, another store."""


@contextmanager
def second_bot(play: Stage) -> Iterator[None]:
    """The same App once more, with a store of its own. GitHub tells it nothing; it sweeps."""
    folder = play.root / "second"
    folder.mkdir()
    environment = play.environment(DATA_DIR=str(folder), PORT=str(free_port()), RECONCILE_SECONDS="0.3")
    command = [sys.executable, "-m", "bot"]
    subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
    with (play.root / "second.log").open("wb") as log:
        process = subprocess.Popen([*command, "worker", "--embedded"], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def run(play: Stage, meddler: Meddler, number: int, dice: random.Random, kind: Callable[[Race], bool]) -> list[str]:
    """One race; what is wrong."""
    name = f"coreos/race-{number}"
    copy(play, name)
    play.sandbox.add_repositories(play.installation, [name])
    race = Race(play, meddler, name, dice, Oracle(play.sandbox, name).watch())
    race.issue = play.person("octocat").open_issue(name, "releases")
    try:
        with within(LONGEST):
            may_stop = kind(race)
            found = race.oracle.settled(PATIENCE)
        if not may_stop and race.oracle.scene().marked("stopped"):
            found.append("it is stopped")
    except AssertionError as error:
        found = [*race.oracle.faults(), str(error)]
    play.sandbox.remove_repositories(play.installation, [name])
    return found


def main() -> int:
    """Run the campaign; exit status 1 when a race had two winners or none."""
    parser = parser_of(__doc__)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    say(f"seed {options.seed}")
    dice, meddler, wrong = random.Random(options.seed), Meddler(), 0
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), speed=0.05, faults=meddler) as play:
        play.changes.update(QUICK)
        play.migrate()
        play.start()
        alone = options.n * len(ALONE) // (len(ALONE) + len(TOGETHER))
        plan = [(n, ALONE[n % len(ALONE)]) for n in range(alone)]
        wrong += _all(play, meddler, dice, plan, "")
        with second_bot(play):
            plan = [(n, TOGETHER[n % len(TOGETHER)]) for n in range(alone, options.n)]
            wrong += _all(play, meddler, dice, plan, ", two bots")
        keep(folder, options.keep, wrong)
    words = f"{alone} races with one bot and {options.n - alone} with two"
    return verdict(words, options.seed, options.n - wrong, options.n)


def _all(
    play: Stage,
    meddler: Meddler,
    dice: random.Random,
    plan: Sequence[tuple[int, Callable[[Race], bool]]],
    words: str,
) -> int:
    wrong = 0
    for number, kind in plan:
        began = time.monotonic()
        found = run(play, meddler, number, dice, kind)
        wrong += bool(found)
        result = "; ".join(found) or "right"
        say(f"{number + 1:4}  {kind.__name__}{words}: {result} ({time.monotonic() - began:.1f} s)")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
