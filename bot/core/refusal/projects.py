"""Reasons of one project or its repository: who is meant, where it would go, what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class UnknownProject:
    """No project of the manifest answers to this word."""

    word: str
    near: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class AmbiguousProject:
    """Several projects answer to this word: (name, path) of each."""

    word: str
    matches: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NamedTwice:
    """Two words name one project, and only one of them can be meant."""

    project: str
    first: str
    second: str


@dataclass(frozen=True)
class ThereAlready:
    """The named projects are where they were asked to be, since the release `tag`; `project` is the first of them."""

    project: str
    commit: str
    tag: str


@dataclass(frozen=True)
class UnknownRevision:
    """The commit is on no branch of the project's repository, or the ref does not exist there."""

    project: str
    revision: str


@dataclass(frozen=True)
class AmbiguousRevision:
    """A short commit id that more than one commit answers to."""

    project: str
    revision: str


@dataclass(frozen=True)
class UnclearUpstream:
    """The commit is on several branches and on none that would be taken without asking."""

    project: str
    commit: str
    holders: tuple[str, ...]
    not_on: tuple[str, ...]


@dataclass(frozen=True)
class NotOnUpstream:
    """The commit is not reachable from the upstream that was named."""

    project: str
    commit: str
    upstream: str


@dataclass(frozen=True)
class Rewind:
    """The project would go back: `commits` of the released pin would be lost."""

    project: str
    commits: int


@dataclass(frozen=True)
class Jump:
    """The project would take `commits` commits, or leave its line's branch for another."""

    project: str
    commits: int
    leaves: str | None
    takes: str


@dataclass(frozen=True)
class NothingToFollow:
    """The project is pinned without an upstream, so there is nothing that it could move to by itself."""

    project: str


@dataclass(frozen=True)
class Unreadable:
    """Some projects' repositories could not be read: (name, reason) of each; tried again until `until`."""

    projects: tuple[tuple[str, str], ...]
    total: int
    until: datetime | None
