"""What every command by hand begins with: open the repository, read it, plan, and say so in one sentence if it fails.

A person's mistakes and refusals come back as values, as everywhere; here they end in an exit status of their own.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bot.core.command import Command, Mistake, parse
from bot.core.config import Config
from bot.core.plan import Plan, Request, line_of, look_up, plan, request_of
from bot.core.refusal import BadTree, Refusal, Unreadable
from bot.core.resolve import Questions
from bot.core.snapshot import HEADS, Snapshot
from bot.core.text import mistakes, refusals
from bot.core.version import Dialect
from bot.hand.clone import Clone
from bot.hand.options import MORE_HOSTS, cache_folder, policy
from bot.hand.progress import Meter
from bot.hand.status import FAILED, MISUSED, REFUSED, Refused
from bot.histories import Histories
from bot.reading import Home, checked, read_configuration, read_snapshot
from bot.remotes import Remotes
from bot.resolver import Resolver
from bot.sdk_check import SdkCheck

MAIN_BRANCHES = ("main", "master")
# The bot's words are about comments. What a person at a terminal does instead, by what they say.
_AT_A_TERMINAL = tuple(
    (re.compile(said), instead)
    for said, instead in (
        (re.escape(mistakes.EDITS) + "$", ""),
        (r"`/release help(?: [a-z]+)?` shows", "`--help` shows"),
        (r"\b([Pp])ost the command again\b", lambda found: f"{'R' if found[1] == 'P' else 'r'}un the command again"),
        (r"command in this comment, so none was run\. Post one comment for each", "command, so none was run. Run each"),
        (r"This comment is too long to be read for a command\. Post .*", "The command is too long to be read."),
        (r"Put remarks on lines of their own", "Leave remarks out"),
        (r"`/release (?=[a-z])", "`"),
    )
)


@dataclass(frozen=True)
class Session:
    """An open repository: its refs as they are now, its configuration, and where projects may be fetched from."""

    clone: Clone
    home: Home
    default_branch: str
    config: Config
    options: argparse.Namespace

    def snapshot(self, line: str | None, request: Request | None = None) -> Snapshot:
        """A branch, ready to plan from."""
        found = read_snapshot(self.clone, self.home, line, self.default_branch, request)
        if not isinstance(found, Snapshot):
            raise Refused(found.sentence)
        return found

    def planned(self, words: list[str]) -> tuple[Snapshot, Plan]:
        """The plan that these words ask for; the words are those of a comment, without `/release`."""
        request = self._request(words)
        snapshot = self.snapshot(request.line, request)
        template = os.environ.get("SDK_CHECK_URL")
        if template:
            snapshot = checked(snapshot, request, partial(_sdk_problem, template))
        questions = look_up(snapshot, request)
        if not isinstance(questions, Questions):
            raise _refused(questions)
        with tempfile.TemporaryDirectory() as folder, Meter(sys.stderr) as meter:
            policy, scratch = self.home.policy, Path(folder)
            with Remotes(policy, scratch / "git") as remotes, Histories(policy, scratch / "histories") as histories:
                resolver = Resolver(remotes, line_of(snapshot, request), histories)
                answers = resolver.answer(questions, meter.show)
        made = plan(snapshot, request, answers)
        if not isinstance(made, Plan):
            raise _refused(made)
        return snapshot, made

    def _request(self, words: list[str]) -> Request:
        read = parse(f"/release {' '.join(words)}")
        if not isinstance(read, Command) or read.verb not in ("new", "branch", "patch"):
            raise Refused(_misunderstood(read, self._lines()), MISUSED)
        asked = request_of(read, _person(self.clone), 0, 0, self.options.now)
        removed, dialect = self.options.remove_manifest, self.options.version_file
        return replace(
            asked,
            old_manifests=None if removed is None else tuple(removed),
            dest_branch=self.options.dest_branch,
            dialect=Dialect[dialect.replace("-", "_").upper()] if dialect else None,
        )

    def _lines(self) -> tuple[str, ...]:
        return self.snapshot(None).lines()


def _refused(reason: Refusal) -> Refused:
    """Why there is no plan, in the bot's words, and what only a person at a terminal can do about it."""
    sentence = at_a_terminal(refusals.refused(reason))
    if isinstance(reason, BadTree) and "known hosts" in sentence:
        sentence += f" {MORE_HOSTS}"
    return Refused(sentence, FAILED if isinstance(reason, Unreadable) else REFUSED)


def at_a_terminal(sentence: str) -> str:
    """What the bot would say, for somebody who posts no comment but runs a command."""
    for said, instead in _AT_A_TERMINAL:
        sentence = said.sub(instead, sentence)
    return sentence


def _misunderstood(read: Command | Mistake | None, lines: tuple[str, ...]) -> str:
    if isinstance(read, Mistake):
        return at_a_terminal(mistakes.mistake(read, lines))
    return "Say what to release: `new [BUILD]`, `branch build-N` or `patch build-N`, and then as in a comment."


def _sdk_problem(template: str, sdk: str) -> str | None:
    """Why this SDK cannot be downloaded from where the person's environment says, as for the bot."""
    if not template.startswith("https://") or "{version}" not in template:
        raise Refused("SDK_CHECK_URL must be an https:// address with {version} in its path.", MISUSED)
    return SdkCheck(template).problem(sdk)


def _person(clone: Clone) -> str:
    """Who asks: the name that git knows, for the release record."""
    return clone.identity().name


@contextmanager
def session(options: argparse.Namespace) -> Iterator[Session]:
    """The repository that `--repository` names. Raises Denied or Outage where it cannot be read."""
    scratch = cache_folder(os.environ.get) / "repositories"
    with Clone.open(options.repository, scratch, options.remote, options.offline) as clone:
        refs = clone.refs()
        clone.fetch(refs)
        default = default_branch(refs, options.default_branch)
        config = read_configuration(clone, refs, default)
        if not isinstance(config, Config):
            raise Refused(config.sentence)
        url = options.url or clone.url
        yield Session(clone, Home(0, url, owner_of(url), policy(options)), default, config, options)


def default_branch(refs: dict[str, str], said: str | None) -> str:
    """The branch whose configuration file counts."""
    if said is not None:
        if HEADS + said not in refs:
            raise Refused(f"There is no branch {said!r} in this repository; --default-branch names one that exists.")
        return said
    found = next((name for name in MAIN_BRANCHES if HEADS + name in refs), None)
    if found is None:
        raise Refused("This repository has neither a branch main nor master; say --default-branch.")
    return found


def owner_of(url: str) -> str:
    """The account in an address like https://host/owner/name; "" in any other."""
    parts = url.rstrip("/").split("/")
    return parts[-2] if len(parts) > 3 else ""
