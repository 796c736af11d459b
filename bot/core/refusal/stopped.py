"""Why a stopped release cannot leave that state in the way that was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NothingStopped:
    """The release is not stopped; `state` is what it is instead. `verb`: what was asked for."""

    verb: str
    tag: str
    state: str


@dataclass(frozen=True)
class CannotAdopt:
    """The merged tree cannot be taken for the release: `why` is a sentence without its end, of ours."""

    tag: str
    why: str


@dataclass(frozen=True)
class CannotAbandon:
    """The merge cannot be taken back by the bot: `why` is a sentence without its end, of ours."""

    tag: str
    why: str


@dataclass(frozen=True)
class BeingTakenBack:
    """A pull request that reverts the merge is open: publishing now would be undone by it."""

    tag: str
    number: int
