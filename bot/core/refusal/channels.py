"""Why a channel is not moved by a command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NoSuchChannel:
    """No channel of this name is configured; `channels` are those that are."""

    name: str
    channels: tuple[str, ...]


@dataclass(frozen=True)
class NotReleased:
    """A channel leads to published releases only, and this version is none; `near` are the newest that are."""

    version: str
    near: tuple[str, ...]


@dataclass(frozen=True)
class ChannelThere:
    """The channel is at that release already."""

    name: str
    version: str


@dataclass(frozen=True)
class ChannelMoved:
    """Somebody else moved the channel between the look and the move."""

    name: str


@dataclass(frozen=True)
class ChannelForbidden:
    """The server does not let the bot move it: `why` in the server's words."""

    name: str
    why: str


@dataclass(frozen=True)
class NothingPending:
    """There is no move of a channel in this issue that waits for a second person."""


@dataclass(frozen=True)
class SamePerson:
    """Who asked for the move cannot confirm it."""

    name: str
