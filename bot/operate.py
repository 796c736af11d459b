"""The operator's commands: how things stand, and what to do about what stands still, from a shell beside the bot.

Nothing is carried out here. A command reads the store, or hands in an intent by the same door that deliveries come
through; the worker that runs does the work. What a command needs is imported only when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.core import keys
from bot.core.hub import RepositoryId
from bot.core.intent import Abandon, Adopt, Intent, Publish, Reconcile
from bot.core.shown import shown

if TYPE_CHECKING:
    from bot.flows.door import Door
    from bot.settings import Settings
    from bot.store import InboxRow, Store, Unreadable

Arguments = tuple[tuple[str, Mapping[str, object]], ...]


@dataclass(frozen=True)
class Operator:
    """What the commands work with."""

    settings: Settings
    store: Store
    door: Door

    def say(self, line: str) -> None:
        """One line of the answer."""
        sys.stdout.write(f"{line}\n")

    def refuse(self, sentence: str) -> int:
        """Why it was not done."""
        sys.stderr.write(f"{sentence}\n")
        return 1

    def repositories(self) -> Sequence[RepositoryId]:
        """The repositories that are served, as GitHub lists them now."""
        from bot.clock import now
        from bot.gh import Hub

        hub = Hub(self.settings.github_api_url, self.settings.app_id, self.settings.private_key.reveal(), now)
        try:
            only = self.settings.installations
            served = [each for each in hub.installations() if not only or each in only]
            return [each for installation in served for each in hub.repositories(installation)]
        finally:
            hub.close()

    def repository(self, name: str) -> RepositoryId | None:
        """The repository of this name, if it is served."""
        return next((each for each in self.repositories() if each.name.lower() == name.lower()), None)


@dataclass(frozen=True)
class Verb:
    """One command. `arguments` are those of argparse, by name."""

    name: str
    help: str
    run: Callable[[Operator, argparse.Namespace], int]
    arguments: Arguments = ()


def reconcile(operator: Operator, options: argparse.Namespace) -> int:
    """Have the worker compare GitHub with the store now, as it does by the timer."""
    if options.repository is None:
        chosen = operator.repositories()
    else:
        found = operator.repository(options.repository)
        if found is None:
            return operator.refuse(f"{shown(options.repository)} is no repository that this bot is installed on.")
        chosen = (found,)
    for each in chosen:
        operator.door.submit(keys.sweep(each.id, operator.store.now().isoformat()), (Reconcile(each),))
        operator.say(f"ordered a sweep of {each.name}")
    return 0


def status(operator: Operator, options: argparse.Namespace) -> int:
    """What is under way, and what was given up for now, why, and how it is begun anew."""
    waiting = operator.store.open_count()
    parked = operator.store.deliveries(limit=1000, outcome="parked")
    operator.say(f"{waiting} under way or waiting, {len(parked)} parked")
    for row in reversed(parked):
        operator.say(_parked(row))
    for unknown in operator.store.unreadable():
        operator.say(f"waits for a newer version {unknown.seq}: {_unknown(unknown)}")
    for repository in operator.store.repositories():
        for release in operator.store.releases(repository.id, ("merged", "publishing", "stopped")):
            pull = f"pull request {release.pull}: " if release.pull else ""
            why = f": {shown(release.reason)}" if release.reason else ""
            operator.say(f"{repository.name}, {pull}{release.version} is {release.state}{why}")
    return 0


def _parked(row: InboxRow) -> str:
    intent = row.intents[-1]
    what = f"{type(intent).__name__} ({shown(row.delivery.key)})"
    when = f"{row.finished_at:%Y-%m-%d %H:%M} UTC" if row.finished_at else "?"
    return f"parked {row.seq}: {what} of {intent.repository.name}, {when}: {_one_line(row.detail)}"


def _unknown(row: Unreadable) -> str:
    return f"{shown(row.key)} asks for {_one_line(row.kinds)}, which this version does not know"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


def retry(operator: Operator, options: argparse.Namespace) -> int:
    """Begin anew what was parked: one row by its number, or all."""
    unknown = {str(each.seq): each for each in operator.store.unreadable()}
    if options.row in unknown:
        return operator.refuse(f"{_unknown(unknown[options.row])}. Start the version that stored it.")
    if options.row == "all":
        rows = list(reversed(operator.store.deliveries(limit=1000, outcome="parked")))
    else:
        row = operator.store.delivery(int(options.row)) if options.row.isdecimal() and len(options.row) < 16 else None
        if row is None or row.outcome != "parked":
            return operator.refuse(f"{shown(options.row)} is no parked row. `python -m bot status` lists them.")
        rows = [row]
    for each in rows:
        operator.door.again(each)
        operator.say(f"begun anew: {each.seq}")
    if not rows:
        operator.say("nothing is parked")
    return 0


def settle(operator: Operator, options: argparse.Namespace) -> int:
    """Order one of the ways out of a stopped release; what becomes of it is told on its pull request."""
    repository = operator.repository(options.repository)
    if repository is None:
        return operator.refuse(f"{shown(options.repository)} is no repository that this bot is installed on.")
    number = int(options.pull) if options.pull.isdecimal() and len(options.pull) < 10 else 0
    if number == 0:
        return operator.refuse(f"{shown(options.pull)} is no number of a pull request.")
    key = keys.ordered(repository.id, number, options.command, operator.store.now().isoformat())
    operator.door.submit(key, (_way(repository, number, options),), source="operator")
    operator.say(f"ordered; what becomes of it is told on pull request {number} of {repository.name}")
    return 0


def _way(repository: RepositoryId, number: int, options: argparse.Namespace) -> Intent:
    match options.command:
        case "adopt":
            return Adopt(repository, number, options.by)
        case "abandon":
            return Abandon(repository, number, options.by)
    return Publish(repository, number, "resume")


REPOSITORY = ("repository", {"metavar": "OWNER/NAME", "nargs": "?", "help": "this one only (default: all)"})
ONE = ("repository", {"metavar": "OWNER/NAME", "help": "the manifest repository"})
PULL = ("pull", {"metavar": "NUMBER", "help": "the merged release pull request"})
BY = ("--by", {"metavar": "WHO", "default": "the operator", "help": "whose decision it is, for the record"})
ROW = ("row", {"metavar": "ROW", "help": "its number, as `status` tells it, or all"})
VERBS = (
    Verb("reconcile", "compare GitHub with the store now, and take up what was missed", reconcile, (REPOSITORY,)),
    Verb("status", "what waits, what is parked and why, which releases stand half-way", status),
    Verb("retry", "begin anew what is parked", retry, (ROW,)),
    Verb("resume", "prove a stopped release again and go on", settle, (ONE, PULL)),
    Verb("adopt", "take what was merged for the release, if it is a valid one", settle, (ONE, PULL, BY)),
    Verb("abandon", "open the pull request that takes a merge back", settle, (ONE, PULL, BY)),
)
"""Every command of the operator. Another one is another line here."""


def add_operator(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    service: Callable[[Callable[[argparse.Namespace, Settings], int]], Callable[..., int]],
) -> None:
    """Have the program understand the operator's commands; `service` gives a command its settings."""
    for verb in VERBS:
        each = commands.add_parser(verb.name, help=verb.help)
        for name, how in verb.arguments:
            each.add_argument(name, **how)  # type: ignore[arg-type]
        each.set_defaults(run=service(_starter(verb)), command=verb.name)


def _starter(verb: Verb) -> Callable[[argparse.Namespace, Settings], int]:
    def start(options: argparse.Namespace, settings: Settings) -> int:
        from bot.clock import now
        from bot.flows.door import Door
        from bot.store import Store, engine_for
        from bot.store.database import FILE

        if settings.store_url is None and not (settings.data_dir / FILE).is_file():
            # To look is not to make: an empty store would answer that nothing waits.
            sys.stderr.write(f"There is no store in {settings.data_dir}: DATA_DIR is another, or the bot never ran.\n")
            return 1
        store = Store(engine_for(settings.store_url, settings.data_dir), now)
        store.check()
        return verb.run(Operator(settings, store, Door(store)), options)

    return start
