"""What a person asks for: which number goes up, where, and all that is not left to the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.core.command import Command, Override
from bot.core.record import NO_CHOICES, Choices, sha256
from bot.core.version import Dialect, Version

Kind = Literal["new", "branch", "patch"]
"""Which number goes up: COREOS_BUILD, COREOS_BRANCH (the normal release of a line) or COREOS_PATCH (the emergency)."""
Selection = Literal["branched", "none", "all"]
"""What moves besides the named projects: what follows the release branch, nothing, or all that follow a branch."""
RELEASED = "=released"
"""As a revision: what the line's last release had. `=@115.0.0`: what that release had."""

_KINDS: Mapping[str, Kind] = {"new": "new", "branch": "branch", "patch": "patch"}
_SELECTIONS: Mapping[str, Selection] = {"branched": "branched", "none": "none", "all": "all"}


@dataclass(frozen=True)
class Request:
    """What was asked for. `line` is the release branch, None the main branch; `text` the command as typed.

    None everywhere else means: as the rules say. `build` is the day number of a `new` release; `version` the whole
    version; `pins_of` the release whose pins are taken; `sdk` is "keep", "previous" or a version; `renames` are
    projects and their new names; `old_manifests` the manifests to remove; `dest_branch` whether pinned projects say
    where changes go; `dialect` the variables of the version file, where a repository changes them. `asked_at` is UTC
    and decides the day.
    """

    kind: Kind
    line: str | None
    overrides: tuple[Override, ...]
    flags: frozenset[str]
    actor: str
    text: str
    issue: int
    comment: int
    asked_at: datetime
    build: int | None = None
    version: Version | None = None
    projects: Selection | None = None
    pins_of: Version | None = None
    sdk: str | None = None
    choices: Choices = NO_CHOICES
    renames: Mapping[str, str] = field(default_factory=dict)
    old_manifests: tuple[str, ...] | None = None
    dest_branch: bool | None = None
    dialect: Dialect | None = None

    @property
    def digest(self) -> str:
        """The name of what was typed, blanks folded: who types it again asks for the same."""
        return sha256(" ".join(self.text.split()).encode())

    def allows(self, flag: str) -> bool:
        """Whether `--flag` was given."""
        return flag in self.flags


def request_of(command: Command, actor: str, issue: int, comment: int, asked_at: datetime) -> Request:
    """The request that a command makes. Its options have the values that the parser lets through."""
    said = command.options
    build = said.get("build")
    return Request(
        kind=_KINDS[command.verb],
        line=command.line,
        overrides=command.overrides,
        flags=command.flags,
        actor=actor,
        text=command.source,
        issue=issue,
        comment=comment,
        asked_at=asked_at,
        build=command.build,
        version=Version.parse(said["version"]) if "version" in said else None,
        projects=_SELECTIONS[said["projects"]] if "projects" in said else None,
        pins_of=Version.parse(said["from"]) if "from" in said else None,
        sdk=said["sdk"].removeprefix("v") if "sdk" in said else None,
        choices=Choices(
            group=said.get("group"),
            formats=tuple(said["formats"].split(",")) if "formats" in said else (),
            channel=said.get("channel"),
            build=None if build is None else build == "yes",
        ),
    )
