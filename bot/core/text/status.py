"""The answer to `/release status`: what is merged and not published comes first, then lines, channels and builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.text.channel import Shown, table
from bot.core.text.quote import cell, code, link, mention

UNPUBLISHED = {"merged": "waits for its turn", "publishing": "is being published", "stopped": "stopped"}


@dataclass(frozen=True)
class LineNow:
    """One line: its release branch, the newest release on it, and the state of that one's image build."""

    branch: str
    latest: str | None
    build: str


@dataclass(frozen=True)
class Waiting:
    """A release that was merged and is not published: `state` as stored, `reason` why it stopped."""

    number: int
    tag: str
    base: str
    state: str
    reason: str


@dataclass(frozen=True)
class Proposed:
    """An open release pull request."""

    number: int
    tag: str
    base: str
    by: str


@dataclass(frozen=True)
class Status:
    """All of it. `more`: so many older lines are left out. `held`: why nothing is planned now, as a sentence."""

    lines: Sequence[LineNow]
    more: int
    waiting: Sequence[Waiting]
    proposed: Sequence[Proposed]
    channels: Sequence[Shown]
    held: str = ""


def status(now: Status) -> str:
    """As a comment."""
    parts = [now.held, *map(_waiting, now.waiting), _lines(now), *map(_proposed, now.proposed), table(now.channels)]
    return "\n\n".join(part for part in parts if part)


def _waiting(each: Waiting) -> str:
    why = f": {code(each.reason, 300)}" if each.reason else ""
    ways = " `/release resume`, `/release adopt` or `/release abandon` there." if each.state == "stopped" else ""
    state = UNPUBLISHED.get(each.state, each.state)
    return f"**Merged and not published:** #{each.number} ({each.tag} on {code(each.base)}) {state}{why}.{ways}"


def _proposed(each: Proposed) -> str:
    return f"Open: #{each.number} proposes {code(each.tag)} for {code(each.base)}, asked for by {mention(each.by)}."


def _lines(now: Status) -> str:
    if not now.lines:
        return "There is no release branch yet."
    rows = "\n".join(f"| {cell(line.branch)} | {line.latest or '–'} | {line.build} |" for line in now.lines)
    more = f"\n\nand {now.more} older lines; `/release status build-N` shows one." if now.more else ""
    return f"| line | latest release | its image build |\n|---|---|---|\n{rows}{more}"


@dataclass(frozen=True)
class OneRelease:
    """One version: where its tag is, who released it, and what is stored of it."""

    tag: str
    commit: str | None
    date: str
    merged_by: str
    pull: int | None
    state: str
    reason: str
    run: tuple[int, str] | None


def one(release: OneRelease) -> str:
    """About one version."""
    if release.commit is None and not release.state:
        return f"{code(release.tag)} was never released, and nothing proposes it."
    where = f"is at {code(release.commit[:12])}" if release.commit else "is not published"
    when = f", {release.date}" if release.date else ""
    by = f", merged by {mention(release.merged_by)}" if release.merged_by else ""
    pull = f" (#{release.pull})" if release.pull else ""
    state = (
        f" It is {release.state}{': ' + code(release.reason, 300) if release.reason else ''}." if release.state else ""
    )
    run = f" Image build: {link(f'run {release.run[0]}', release.run[1])}." if release.run else ""
    return f"{code(release.tag)} {where}{when}{by}{pull}.{state}{run}"
