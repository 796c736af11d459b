"""What is said about channels: where each is, and what a move by hand does to those who follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.text.quote import cell, code, mention, short
from bot.core.version import Version


@dataclass(frozen=True)
class Shown:
    """One channel as it stands. `commit` None: there is no such branch. `why`: how it came there, of ours."""

    name: str
    mode: str
    commit: str | None
    version: str | None
    since: datetime | None
    by: str | None
    why: str = ""


def table(channels: Sequence[Shown]) -> str:
    """All of them."""
    if not channels:
        return "No channel is configured."
    rows = "\n".join(f"| {' | '.join(_row(each))} |" for each in channels)
    return f"| channel | version | commit | since | by | moves with a release |\n|---|---|---|---|---|---|\n{rows}"


MODES = {"newer": "of a higher version", "always": "always", "ff": "that descends from it", "never": "never"}


def _row(channel: Shown) -> tuple[str, ...]:
    by = mention(channel.by) if channel.by else "?"
    return (
        cell(channel.name),
        channel.version or ("–" if channel.commit is None else "?"),
        short(channel.commit) if channel.commit else "–",
        f"{channel.since:%Y-%m-%d %H:%M} UTC" if channel.since else "?",
        f"{by}: {cell(channel.why, 200)}" if channel.why else by,
        MODES.get(channel.mode, cell(channel.mode)),
    )


def direction(before: str | None, after: str) -> str:
    """What the move does to those who follow the channel."""
    if before is None:
        return f"Its users go to {after}"
    back = Version.parse(after) < Version.parse(before)
    return f"Its users go {'BACK ' if back else ''}from {before} to {after}"


def moved(name: str, before: str | None, after: str, old: str | None, new: str, mode: str) -> str:
    """The reply to an accepted `/channel set`."""
    was = short(old) if old else "new"
    rule = MODES.get(mode, mode)
    return f"{code(name)}: {was} → {short(new)}. {direction(before, after)}. A release moves it on {_on(rule)}."


def _on(rule: str) -> str:
    return rule if rule in ("always", "never") else f"when it is one {rule}"


def pending(name: str, before: str | None, after: str, by: str) -> str:
    """The reply where a second person must agree."""
    return (
        f"{mention(by)} wants {code(name)} at {after}. {direction(before, after)}. Nothing is moved yet: "
        "another admin has to comment `/channel confirm` here within a day."
    )
