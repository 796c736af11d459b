"""Which commits a plan needs to know, and which branch a named commit belongs to: the questions before the plan.

The planner never talks to a server. It says what it needs (`Questions`), the flow asks, and the answers come
back as values. The rule for `upstream` lives here, because it decides what is asked next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.hub import Comparison
from bot.core.manifest import Project, full_ref
from bot.core.manifest.refs import ref_problem
from bot.core.snapshot import HEADS

_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{7,39}")


@dataclass(frozen=True)
class Wanted:
    """One project to move: `revision` as typed (a full or short commit, or a ref), `upstream` where one was named.

    `trusted`: a release had exactly this, so only its relation to the pin `held` now is asked.
    """

    project: Project
    url: str
    revision: str
    upstream: str | None = None
    held: str | None = None
    trusted: bool = False

    @property
    def is_commit(self) -> bool:
        """Whether a full commit id was typed."""
        return bool(_SHA.fullmatch(self.revision))

    @property
    def is_short(self) -> bool:
        """Whether it looks like an abbreviated commit id. A branch of that name is found all the same."""
        return bool(_SHORT.fullmatch(self.revision))

    @property
    def ref(self) -> str | None:
        """The full ref that the revision names, where it can be one: a short name is a branch."""
        if self.is_commit or ref_problem(self.revision):
            return None
        return self.revision if self.revision.startswith("refs/") else HEADS + self.revision


@dataclass(frozen=True)
class Questions:
    """What must be known before planning: the heads of what moves by itself, the named revisions, and what waits."""

    followed: tuple[Wanted, ...] = ()
    named: tuple[Wanted, ...] = ()
    waiting: tuple[Wanted, ...] = ()


@dataclass(frozen=True)
class Move:
    """Where a project goes: the commit, the branch that holds it, and how it relates to the released pin.

    `upstream` None: what the manifest says of it stays.
    """

    commit: str
    upstream: str | None
    since: Comparison | None = None


@dataclass(frozen=True)
class Unknown:
    """The revision as typed does not exist there, or (`ambiguous`) a short id fits more than one commit."""

    revision: str
    ambiguous: bool = False


@dataclass(frozen=True)
class Scattered:
    """Several branches hold the commit and none of them is taken unasked."""

    commit: str
    holders: tuple[str, ...]
    not_on: tuple[str, ...]


@dataclass(frozen=True)
class Elsewhere:
    """The upstream that was named does not hold the commit."""

    commit: str
    upstream: str


@dataclass(frozen=True)
class Silent:
    """The project's repository could not be read; one sentence says why."""

    reason: str


Found = Move | Unknown | Scattered | Elsewhere | Silent


@dataclass(frozen=True)
class Answers:
    """What the servers said, by project path. A project that was not asked about is in none."""

    followed: Mapping[str, Found] = field(default_factory=dict)
    named: Mapping[str, Found] = field(default_factory=dict)
    waiting: Mapping[str, Found] = field(default_factory=dict)


def likely_branches(project: Project, line: str, default_branch: str | None) -> tuple[str, ...]:
    """The few branches to try first for a commit: the present upstream, the line's branch, the default branch."""
    present = full_ref(project.upstream) if project.upstream else ""
    first = [present, HEADS + line, HEADS + default_branch if default_branch else ""]
    return tuple(dict.fromkeys(ref for ref in first if ref.startswith(HEADS)))


def choose_upstream(
    likely: Sequence[str], holding: Mapping[str, bool], commit: str
) -> str | Scattered | Unknown | None:
    """The branch to record as `upstream` for a commit, given which branches hold it.

    A likely branch that holds it wins, in order. Otherwise all other branches must have been asked
    (None: ask them, then call again with the whole answer): exactly one that holds it is taken.
    """
    for ref in likely:
        if holding.get(ref):
            return ref
    others = [ref for ref in holding if ref not in likely]
    if not others:
        return None
    holders = sorted(ref for ref in others if holding[ref])
    if len(holders) == 1:
        return holders[0]
    return Scattered(commit, tuple(holders), tuple(likely)) if holders else Unknown(commit)
