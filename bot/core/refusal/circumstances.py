"""Reasons that lie outside the release: other releases, people, places, and what the repository is like now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.hold import Hold


@dataclass(frozen=True)
class NoSuchLine:
    """The release branch does not exist; `near` are existing ones, the likeliest first."""

    line: str
    near: tuple[str, ...]


@dataclass(frozen=True)
class AlreadyOpen:
    """A release pull request is open on this base. `same` tells whether it already proposes what was asked."""

    number: int
    version: str
    base: str
    same: bool


@dataclass(frozen=True)
class BeingProposed:
    """Another command holds the version and has not led to a pull request yet."""

    version: str
    base: str


@dataclass(frozen=True)
class BranchTaken:
    """The branch to propose from holds commits of somebody else."""

    branch: str


@dataclass(frozen=True)
class NotPublished:
    """A release of this base was merged and is not published yet."""

    number: int
    version: str
    base: str


@dataclass(frozen=True)
class NotAllowed:
    """The person lacks the right; `may` are the verbs this person has in this place."""

    verb: str
    needs: str
    may: tuple[str, ...]


@dataclass(frozen=True)
class CouldNotCheck:
    """GitHub did not say what the person may do; without an answer nothing runs."""

    verb: str


@dataclass(frozen=True)
class WrongPlace:
    """The command exists and does not work here; `place` says where it does, `pulls` where it would now."""

    verb: str
    place: str
    pulls: tuple[int, ...]


@dataclass(frozen=True)
class BadTree:
    """The base branch holds a file that cannot be released from; the sentence names file and cure."""

    sentence: str


@dataclass(frozen=True)
class BadConfiguration:
    """The repository's configuration file does not read; the sentence names line and cure."""

    sentence: str


@dataclass(frozen=True)
class Late:
    """The comment is too old to act on, or was edited since it was posted."""

    edited: bool


@dataclass(frozen=True)
class Held:
    """Releases of the repository are on hold."""

    hold: Hold


@dataclass(frozen=True)
class NotHeld:
    """There is nothing to lift: not of this pull request, or (None) of the repository."""

    pull: int | None
