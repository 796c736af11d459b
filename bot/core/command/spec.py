"""The commands that exist, as data: the parser, the help, the README table and the dashboard all read this.

A command that is added here is understood, explained and offered; what it does is a flow's matter. Words that
belong to the grammar and do nothing yet stand under `later`, so that they are not taken for something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.core.intent import Lane

Place = Literal["issue", "pull", "open pull", "merged pull"]
"""Where a comment stands: an issue, an open or merged release pull request of ours, or any other pull request."""
Who = Literal["everyone", "releaser", "admin"]
RIGHTS: tuple[Who, ...] = ("everyone", "releaser", "admin")
"""Who may do what, each right including those before it."""
EVERYWHERE: tuple[Place, ...] = ("issue", "pull", "open pull", "merged pull")

FAMILIES = ("release", "build", "channel")
"""The first words that are ours; every other slash command belongs to somebody else."""


@dataclass(frozen=True)
class Argument:
    """A word without a key, by its position: a release line (`build-115`) or the verb of another command."""

    kind: Literal["line", "verb"]
    required: bool = True


@dataclass(frozen=True)
class Option:
    """A `key=value`. `pattern` must match the whole value; `values` says what may stand there, for people."""

    key: str
    pattern: str
    values: str
    effect: str


@dataclass(frozen=True)
class Flag:
    """A `--name`."""

    name: str
    effect: str


@dataclass(frozen=True)
class CommandSpec:
    """One command: what may be typed, where, by whom, and what it does in a sentence.

    `overrides` allows `PROJECT=REV` and `PROJECT.upstream=REF`; `later` are option and flag names to come.
    """

    family: str
    verb: str
    usage: str
    effect: str
    places: tuple[Place, ...]
    who: Who
    lane: Lane
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    flags: tuple[Flag, ...] = ()
    overrides: bool = False
    aliases: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`/family verb`."""
        return f"/{self.family} {self.verb}"

    def allows(self, place: Place, right: Who) -> bool:
        """Whether somebody with this right may use it in this place."""
        return place in self.places and RIGHTS.index(right) >= RIGHTS.index(self.who)


COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec(
        family="release",
        verb="patch",
        usage="/release patch build-N [PROJECT=REV ...] [PROJECT.upstream=REF ...] "
        "[--allow-empty] [--allow-rewind] [--allow-jump]",
        effect="Proposes an emergency release on a release line: PATCH + 1, with the named projects moved, or, where "
        "none is named, those that follow the line's branch.",
        places=EVERYWHERE,
        who="releaser",
        lane="release",
        examples=("/release patch build-115", "/release patch build-115 coreos/etcd=5c11a2f9"),
        arguments=(Argument("line"),),
        flags=(
            Flag("allow-empty", "release again although no project changes"),
            Flag("allow-rewind", "let a project go back to an earlier commit"),
            Flag("allow-jump", "let a project leave the line's branch, or take very many commits"),
        ),
        overrides=True,
        later=("projects", "from", "sdk", "version", "group", "formats", "channel", "build", "draft"),
    ),
    CommandSpec(
        family="release",
        verb="resume",
        usage="/release resume",
        effect="Proves a merged release again and goes on at the step that failed.",
        places=("merged pull",),
        who="releaser",
        lane="release",
        examples=("/release resume",),
        aliases=("retry",),
    ),
    CommandSpec(
        family="release",
        verb="help",
        usage="/release help [VERB]",
        effect="Shows what you can use here, or one command in full.",
        places=EVERYWHERE,
        who="everyone",
        lane="control",
        examples=("/release help", "/release help patch"),
        arguments=(Argument("verb", required=False),),
    ),
)

LATER: Mapping[str, tuple[str, ...]] = {
    "release": (
        *("new", "branch", "plan", "preview", "sdk", "track", "set", "unset", "refresh", "adopt", "hold", "unhold"),
        *("cancel", "close", "abandon", "status", "diff", "verify", "ping"),
    ),
    "build": ("status", "retry", "cancel", "test"),
    "channel": ("show", "set", "confirm"),
}
"""Verbs of the grammar that do not exist yet."""


def find(family: str, verb: str, commands: Iterable[CommandSpec] = COMMANDS) -> CommandSpec | None:
    """The command with this verb, or with this alias."""
    return next((spec for spec in commands if spec.family == family and verb in (spec.verb, *spec.aliases)), None)


def help_for(place: Place, right: Who, commands: Iterable[CommandSpec] = COMMANDS) -> tuple[CommandSpec, ...]:
    """The commands that somebody with this right may use in this place, in the order of the table."""
    return tuple(spec for spec in commands if spec.allows(place, right))


_PLACES: Mapping[Place, str] = {
    "issue": "issues",
    "pull": "pull requests",
    "open pull": "open release pull requests",
    "merged pull": "merged release pull requests",
}
_WHO: Mapping[Who, str] = {"everyone": "everyone", "releaser": "releasers", "admin": "admins"}


def places_in_words(spec: CommandSpec) -> str:
    """Where it works: `anywhere`, or the places."""
    if set(spec.places) == set(EVERYWHERE):
        return "anywhere"
    return ", ".join(_PLACES[place] for place in spec.places)


def render_table(commands: Sequence[CommandSpec] = COMMANDS) -> str:
    """The commands as a Markdown table, one row each, ending in a newline."""
    rows = [
        f"| {_code(spec.usage)} | {places_in_words(spec)} | {_WHO[spec.who]} | {spec.effect}{_also(spec)} |\n"
        for spec in commands
    ]
    return "| command | where | who | what it does |\n|---|---|---|---|\n" + "".join(rows)


def _also(spec: CommandSpec) -> str:
    return f" Also: {', '.join(_code(f'/{spec.family} {alias}') for alias in spec.aliases)}." if spec.aliases else ""


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"
