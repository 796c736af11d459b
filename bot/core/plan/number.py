"""Step 4 of the hand-written procedure: the version number.

COREOS_BUILD is the number of days since July 1st, 2013. COREOS_BRANCH starts at 0 and goes up with every normal
release of a BUILD. COREOS_PATCH is for emergencies. A version is never used twice and never goes down on its line.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.plan.base import Base, read_base
from bot.core.plan.request import Kind, Request
from bot.core.refusal import BadClock, BuildOutOfRange, LineHasMore, Refusal, VersionTaken, VersionTooLow, WrongLine
from bot.core.snapshot import HEADS, Snapshot
from bot.core.version import Version, build_number


@dataclass(frozen=True)
class Number:
    """The version of a release. `again`: the last one of its BUILD, where one off the main branch is not the first."""

    version: Version
    again: Version | None = None


def choose_number(base: Base, snapshot: Snapshot, request: Request) -> Number | Refusal:
    """The next version by the request's kind, or the one it names, where that is allowed."""
    build = build_of(base, snapshot, request)
    if isinstance(build, BadClock):
        return build
    line = snapshot.config.line_branch(build)
    if snapshot.config.build_number_of(line) != build:
        return BuildOutOfRange(build, line)
    now = base.versions.version
    if build < now.build:
        return VersionTooLow(str(request.version or f"{build}.0.0"), str(now), base.branch)
    before = last_of(build, base, snapshot)
    if request.version is not None and request.version.build != build:
        return WrongLine(str(request.version), line, request.kind)
    if base.build is None and snapshot.past.lead:
        return LineHasMore(f"build-{build}", snapshot.past.lead, base.branch)
    version = request.version or _next(base, before, request.kind, build)
    return _allowed(version, before, base, snapshot, request.kind) or Number(
        version, before if base.build is None else None
    )


def build_of(base: Base, snapshot: Snapshot, request: Request) -> int | BadClock:
    """COREOS_BUILD of the release: the line's on a release branch, else what was asked for, else today's."""
    if request.kind != "new":
        return base.versions.version.build
    if request.build is not None:
        return request.build
    if request.version is not None:
        return request.version.build
    try:
        return build_number(request.asked_at, snapshot.config.manifest.epoch)
    except ValueError as early:
        return BadClock(str(early))


def last_of(build: int, base: Base, snapshot: Snapshot) -> Version | None:
    """The highest version of this BUILD that was released or that the branch says, None where there is none."""
    own = [base.versions.version] if base.versions.version.build == build else []
    return max([*own, *(version for version in snapshot.released if version.build == build)], default=None)


def _next(base: Base, before: Version | None, kind: Kind, build: int) -> Version:
    """Which number goes up. From a release branch it counts on from what that branch says."""
    if before is None:
        return Version(build, 0, 0)
    if kind == "new":
        return before.next_branch()
    now = base.versions.version
    return now.next_branch() if kind == "branch" else now.next_patch()


def _allowed(version: Version, before: Version | None, base: Base, snapshot: Snapshot, kind: Kind) -> Refusal | None:
    """Refuse a version that has its tag already, or one that is not above all of its line."""
    if before is None or version > before:
        return None
    free = before.next_patch() if kind == "patch" else before.next_branch()
    if version in snapshot.released:
        return VersionTaken(snapshot.config.tag_name(version), snapshot.released[version], str(free))
    if before in snapshot.released:
        return VersionTaken(snapshot.config.tag_name(before), snapshot.released[before], str(free))
    return VersionTooLow(str(version), str(before), base.branch)


def line_ref(base: Base, snapshot: Snapshot, request: Request) -> str | None:
    """The release branch, as a full ref, that a release off the main branch would open or move on."""
    build = build_of(base, snapshot, request)
    if base.build is not None or isinstance(build, BadClock):
        return None
    return HEADS + snapshot.config.line_branch(build)


def line_of(snapshot: Snapshot, request: Request) -> str:
    """The release branch of the request's release: the branch itself, or the one that is opened off the main branch."""
    base = read_base(snapshot)
    ref = line_ref(base, snapshot, request) if isinstance(base, Base) else None
    return ref.removeprefix(HEADS) if ref else snapshot.base
