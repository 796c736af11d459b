"""The commands that exist, as data: the parser, the help, the README table and the dashboard all read this.

A command that is added here is understood, explained and offered; what it does is a flow's matter. Words that
belong to the grammar and do nothing yet stand under `later`, so that they are not taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    """A word without a key, by its position: a release line (`build-115`), a build number, a command's verb, a
    channel's name, a version, a line or a version (`about`), or, as the last, the rest of the line (`text`).
    """

    kind: Literal["line", "build", "verb", "channel", "version", "about", "text"]
    required: bool = True


@dataclass(frozen=True)
class Option:
    """A `key=value`. `pattern` must match the whole value; `values` says what may stand there, for people.

    A group called `value` in the pattern is the one form of values that may be written in several.
    """

    key: str
    pattern: str
    values: str
    effect: str

    @property
    def written(self) -> str:
        """How it is typed."""
        return f"{self.key}={self.values}"

    def read(self, typed: str) -> str | None:
        """The value in its one form, or None where it may not stand here."""
        match = re.fullmatch(self.pattern, typed)
        return (match.groupdict().get("value") or match[0]) if match else None


@dataclass(frozen=True)
class Flag:
    """A `--name`."""

    name: str
    effect: str

    @property
    def written(self) -> str:
        """How it is typed."""
        return f"--{self.name}"


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

    @property
    def takes_text(self) -> bool:
        """Whether the rest of the line is free text."""
        return bool(self.arguments) and self.arguments[-1].kind == "text"

    def allows(self, place: Place, right: Who) -> bool:
        """Whether somebody with this right may use it in this place."""
        return place in self.places and RIGHTS.index(right) >= RIGHTS.index(self.who)


_NUMBER = "(?:0|[1-9][0-9]{0,8})"
_VERSION = rf"v?(?P<value>{_NUMBER}\.{_NUMBER}\.{_NUMBER})"
_SDK = rf"previous|keep|v?(?P<value>{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:\+[0-9A-Za-z][0-9A-Za-z.-]{{0,39}})?)"
_FORMAT = "[a-z0-9][a-z0-9_-]{0,30}"

_RELEASE_OPTIONS = (
    Option(
        "projects",
        "branched|none|all",
        "branched|none|all",
        "what moves besides the named projects: those that follow the line's branch, none, or all that follow a branch",
    ),
    Option("from", _VERSION, "115.0.0", "take the pins and the SDK of that older release"),
    Option(
        "sdk",
        _SDK,
        "110.0.0|previous|keep",
        "build with that SDK version (a build id may follow it, as in `110.0.0+2013-10-24-1130`), with the version "
        "before this release, or with the SDK used now",
    ),
    Option("version", _VERSION, "115.0.1", "take this version instead of the next one"),
    Option("group", "[a-z0-9][a-z0-9-]{0,30}", "alpha", "name the group whose machines follow the image"),
    Option("formats", f"{_FORMAT}(?:,{_FORMAT})*", "qemu,vmware", "build these image formats"),
    Option("channel", "move|keep", "move|keep", "move the channels or leave them, whatever their rule says"),
    Option("build", "yes|no", "yes|no", "say whether the merge starts the image build"),
)
_RELEASE_FLAGS = (
    Flag("allow-empty", "release again although no project changes"),
    Flag("allow-rewind", "let a project go back to an earlier commit"),
    Flag("allow-jump", "let a project leave its branch, or take very many commits"),
    Flag("draft", "open the pull request as a draft"),
)


COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec(
        family="release",
        verb="new",
        usage="/release new [BUILD] [PROJECT=REV ...] [OPTION ...]",
        effect="Proposes a release off the main branch, with all projects moved that follow a branch. BUILD is the "
        "day's number where none is given; of a build that has releases already, BRANCH + 1.",
        places=EVERYWHERE,
        who="releaser",
        lane="release",
        examples=("/release new", "/release new 116 sdk=115.0.0"),
        arguments=(Argument("build", required=False),),
        options=_RELEASE_OPTIONS,
        flags=_RELEASE_FLAGS,
        overrides=True,
    ),
    CommandSpec(
        family="release",
        verb="branch",
        usage="/release branch build-N [PROJECT=REV ...] [OPTION ...]",
        effect="Proposes a normal release on a release line: BRANCH + 1, PATCH 0, with the named projects moved, or, "
        "where none is named, those that follow the line's branch.",
        places=EVERYWHERE,
        who="releaser",
        lane="release",
        examples=("/release branch build-115", "/release branch build-115 projects=all --draft"),
        arguments=(Argument("line"),),
        options=_RELEASE_OPTIONS,
        flags=_RELEASE_FLAGS,
        overrides=True,
    ),
    CommandSpec(
        family="release",
        verb="patch",
        usage="/release patch build-N [PROJECT=REV ...] [OPTION ...]",
        effect="Proposes an emergency release on a release line: PATCH + 1, with the named projects moved, or, where "
        "none is named, those that follow the line's branch.",
        places=EVERYWHERE,
        who="releaser",
        lane="release",
        examples=("/release patch build-115", "/release patch build-115 coreos/etcd=5c11a2f9"),
        arguments=(Argument("line"),),
        options=_RELEASE_OPTIONS,
        flags=_RELEASE_FLAGS,
        overrides=True,
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
        verb="adopt",
        usage="/release adopt",
        effect="Takes what was merged for the release though it is not what was planned, if it is a valid one, "
        "or a tag that was made by hand at the merge; then publishes it.",
        places=("merged pull",),
        who="admin",
        lane="release",
        examples=("/release adopt",),
    ),
    CommandSpec(
        family="release",
        verb="abandon",
        usage="/release abandon",
        effect="Opens the pull request that takes the merge of an unpublished release back; once that is merged the "
        "number is free.",
        places=("merged pull",),
        who="releaser",
        lane="release",
        examples=("/release abandon",),
    ),
    CommandSpec(
        family="release",
        verb="hold",
        usage="/release hold [REASON]",
        effect="Holds this release, or, in an issue, all releases of the repository: nothing is planned and no merge "
        "is published until it is lifted.",
        places=("issue", "open pull", "merged pull"),
        who="releaser",
        lane="control",
        examples=("/release hold", "/release hold the SDK of 110.0.0 is broken"),
        arguments=(Argument("text", required=False),),
    ),
    CommandSpec(
        family="release",
        verb="unhold",
        usage="/release unhold",
        effect="Lifts the hold of this release, or, in an issue, of the repository.",
        places=("issue", "open pull", "merged pull"),
        who="releaser",
        lane="control",
        examples=("/release unhold",),
    ),
    CommandSpec(
        family="release",
        verb="status",
        usage="/release status [WHICH]",
        effect="Shows lines and their latest releases, channels, what is open, what is merged and not published, and "
        "the last image builds. WHICH is a line or a version, to be told of that one.",
        places=EVERYWHERE,
        who="everyone",
        lane="control",
        examples=("/release status", "/release status build-115"),
        arguments=(Argument("about", required=False),),
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
    CommandSpec(
        family="channel",
        verb="show",
        usage="/channel show",
        effect="Shows where each channel is, since when, and who moved it there.",
        places=EVERYWHERE,
        who="everyone",
        lane="control",
        examples=("/channel show",),
    ),
    CommandSpec(
        family="channel",
        verb="set",
        usage="/channel set NAME VERSION REASON",
        effect="Moves a channel to a published release, also back to an older one, and keeps the reason. Where the "
        "configuration asks for a second person, another admin confirms it.",
        places=("issue",),
        who="admin",
        lane="release",
        examples=("/channel set dev-channel 115.0.0 115.0.1 does not boot on VMware",),
        arguments=(Argument("channel"), Argument("version"), Argument("text")),
    ),
    CommandSpec(
        family="channel",
        verb="confirm",
        usage="/channel confirm",
        effect="Says yes to the move of a channel that another admin asked for in this issue.",
        places=("issue",),
        who="admin",
        lane="release",
        examples=("/channel confirm",),
    ),
)

LATER: Mapping[str, tuple[str, ...]] = {
    "release": (
        *("plan", "preview", "sdk", "track", "set", "unset", "refresh", "cancel", "close"),
        *("diff", "verify", "ping"),
    ),
    "build": ("status", "retry", "cancel", "test"),
}
"""Verbs of the grammar that do not exist yet."""


def find(family: str, verb: str, commands: Iterable[CommandSpec] = COMMANDS) -> CommandSpec | None:
    """The command with this verb, or with this alias."""
    return next((spec for spec in commands if spec.family == family and verb in (spec.verb, *spec.aliases)), None)


def help_for(place: Place, right: Who, commands: Iterable[CommandSpec] = COMMANDS) -> tuple[CommandSpec, ...]:
    """The commands that somebody with this right may use in this place, in the order of the table."""
    return tuple(spec for spec in commands if spec.allows(place, right))
