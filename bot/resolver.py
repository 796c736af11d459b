"""Answer the planner's questions: which commit is each ref at, and which branch holds each named commit.

Heads come from `bot.remotes` (one look-up a repository, nothing cloned). How commits relate is asked of whoever knows:
GitHub's compare for repositories there, else the project's history, fetched without its files. The few likely
branches are tried first and all others only when none of those holds the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.core.hub import Comparison, name_on_hub
from bot.core.resolve import (
    Answers,
    Elsewhere,
    Found,
    Move,
    Questions,
    Scattered,
    Silent,
    Unknown,
    Wanted,
    choose_upstream,
    likely_branches,
)
from bot.core.snapshot import HEADS, TAGS
from bot.outage import Denied, Outage
from bot.remotes import Heads, Query, Remotes, Unreadable

if TYPE_CHECKING:
    from bot.gh import Repository  # what is planned by hand needs no GitHub

MOST_RELATED = 200
"""So many projects that moved by themselves are compared with their old pins; of the others it stays unknown."""

Progress = Callable[[int, int], None]


class Ancestry(Protocol):
    """Knows how the commits of one project's repository relate. `heads` is every branch and tag, tags peeled."""

    def lengthen(self, url: str, heads: Mapping[str, str], short: str) -> tuple[str, ...]:
        """The full ids that begin so; several: ambiguous."""

    def holding(self, url: str, heads: Mapping[str, str], commit: str, refs: Sequence[str]) -> dict[str, bool]:
        """For each of these refs whether it holds the commit."""

    def compare(self, url: str, heads: Mapping[str, str], old: str, new: str) -> Comparison | None:
        """How `new` relates to `old`, None where nobody can tell."""


@dataclass(frozen=True)
class OnHub:
    """Ancestry of repositories on our own GitHub, by its compare; nothing is fetched. `web` is its web address."""

    repository: Repository
    web: str

    def knows(self, url: str) -> bool:
        """Whether this address is a repository there."""
        return name_on_hub(url, self.web) is not None

    def lengthen(self, url: str, heads: Mapping[str, str], short: str) -> tuple[str, ...]:
        """The full id, by the branch heads first."""
        at_heads = {commit for commit in heads.values() if commit.startswith(short)}
        if len(at_heads) == 1:
            return tuple(at_heads)
        found = self.repository.commit(name_on_hub(url, self.web), short)
        return (found,) if found else ()

    def holding(self, url: str, heads: Mapping[str, str], commit: str, refs: Sequence[str]) -> dict[str, bool]:
        """One call a ref."""
        return {ref: bool(self.repository.holds(name_on_hub(url, self.web), commit, heads[ref])) for ref in refs}

    def compare(self, url: str, heads: Mapping[str, str], old: str, new: str) -> Comparison | None:
        """One call, two beyond a hundred commits."""
        return self.repository.compare(old, new, name_on_hub(url, self.web))


class Resolver:
    """Resolves one plan's questions. `line` is the release branch that is tried for a commit.

    `hub` knows the repositories of our GitHub, `histories` all others; `tokens` are for private projects, by address.
    """

    def __init__(
        self,
        remotes: Remotes,
        line: str,
        histories: Ancestry,
        hub: OnHub | None = None,
        tokens: Mapping[str, str] | None = None,
    ) -> None:
        self._remotes = remotes
        self._line = line
        self._histories = histories
        self._hub = hub
        self._tokens = tokens
        self._related = 0

    def answer(self, questions: Questions, progress: Progress = lambda done, total: None) -> Answers:
        """The answers to all questions. A repository that cannot be read is an answer (Silent), not an error."""
        named = {want: Query(want.project.name, want.url, (HEADS, TAGS, "HEAD")) for want in questions.named}
        others = {
            want: Query(want.project.name, want.url, (want.ref or "",))
            for want in (*questions.followed, *questions.waiting)
            if not want.trusted
        }
        read = self._remotes.heads(tuple(dict.fromkeys([*named.values(), *others.values()])), progress, self._tokens)
        return Answers(
            followed={
                want.project.path: self._recalled(want) if want.trusted else self._followed(want, read[others[want]])
                for want in questions.followed
            },
            named={want.project.path: self._named(want, read[named[want]]) for want in questions.named},
            waiting={want.project.path: self._followed(want, read[others[want]]) for want in questions.waiting},
        )

    def _ancestry(self, url: str) -> Ancestry:
        return self._hub if self._hub is not None and self._hub.knows(url) else self._histories

    def _followed(self, want: Wanted, read: Heads | Unreadable) -> Found:
        if isinstance(read, Unreadable):
            return Silent(read.reason)
        commit = read.refs.get(want.ref or "")
        if commit is None:
            return Unknown(want.revision)
        return Move(commit, want.ref, self._since(want, commit, read.refs, by_itself=True))

    def _recalled(self, want: Wanted) -> Found:
        """What a release had is not looked up again; only how it relates to the pin now is asked."""
        return Move(want.revision, want.upstream, self._since(want, want.revision, {}, by_itself=True))

    def _named(self, want: Wanted, read: Heads | Unreadable) -> Found:
        if isinstance(read, Unreadable):
            return Silent(read.reason)
        try:
            if want.trusted:
                return Move(want.revision, want.upstream, self._since(want, want.revision, read.refs))
            return self._looked_up(want, read.refs)
        except (Outage, Denied) as fault:
            return Silent(fault.reason)

    def _looked_up(self, want: Wanted, heads: Mapping[str, str]) -> Found:
        """A revision that a person named: a branch, a tag, a commit or the beginning of one."""
        at_ref = None if want.is_commit else heads.get(want.ref or "") or heads.get(TAGS + want.revision)
        if at_ref:
            home = want.ref if (want.ref or "").startswith(HEADS) and want.ref in heads else None
            return self._place(want, at_ref, heads, want.upstream or home)
        if want.is_commit:
            return self._place(want, want.revision, heads, want.upstream)
        fitting = self._ancestry(want.url).lengthen(want.url, heads, want.revision) if want.is_short else ()
        if len(fitting) != 1:
            return Unknown(want.revision, ambiguous=bool(fitting))
        return self._place(want, fitting[0], heads, want.upstream)

    def _place(self, want: Wanted, commit: str, heads: Mapping[str, str], upstream: str | None) -> Found:
        """Which branch to record for the commit, by the rule of `choose_upstream`."""
        if upstream:
            ref = upstream if upstream.startswith("refs/") else HEADS + upstream
            held = self._holding(want, commit, heads, [ref]).get(ref, False)
            return self._move(want, commit, ref, heads) if held else Elsewhere(commit, ref)
        branches = [ref for ref in heads if ref.startswith(HEADS)]
        likely = [ref for ref in likely_branches(want.project, self._line, _default(branches)) if ref in heads]
        holding = self._holding(want, commit, heads, likely, first=True)
        choice = choose_upstream(likely, holding, commit)
        if choice is None:
            others = [ref for ref in branches if ref not in likely]
            holding |= self._holding(want, commit, heads, others)
            choice = choose_upstream(likely, holding, commit)
        if isinstance(choice, Unknown | None):
            return self._tagged(want, commit, heads)
        return self._move(want, commit, choice, heads) if isinstance(choice, str) else choice

    def _tagged(self, want: Wanted, commit: str, heads: Mapping[str, str]) -> Found:
        """A commit that no branch holds any more, if it is one that a tag stands for."""
        tags = sorted(ref for ref, tip in heads.items() if ref.startswith(TAGS) and tip == commit)
        if len(tags) > 1:
            return Scattered(commit, tuple(tags), ())
        return self._move(want, commit, tags[0], heads) if tags else Unknown(want.revision)

    def _holding(
        self, want: Wanted, commit: str, heads: Mapping[str, str], refs: Sequence[str], first: bool = False
    ) -> dict[str, bool]:
        """For each of these branches whether it holds the commit; with `first`, up to the first that does."""
        found: dict[str, bool] = {}
        for ref in refs:
            if ref not in heads:
                found[ref] = False
            elif heads[ref] == commit:
                found[ref] = True
            else:
                found |= self._ancestry(want.url).holding(want.url, heads, commit, [ref])
            if first and found[ref]:
                break
        return found

    def _move(self, want: Wanted, commit: str, upstream: str, heads: Mapping[str, str]) -> Move:
        return Move(commit, upstream, self._since(want, commit, heads))

    def _since(self, want: Wanted, commit: str, heads: Mapping[str, str], by_itself: bool = False) -> Comparison | None:
        """How the commit relates to the pin now. What moved by itself is asked only where that costs little."""
        if want.held is None:
            return None
        if commit == want.held:
            return Comparison(0, 0)
        ancestry = self._ancestry(want.url)
        if by_itself:
            self._related += 1
            if ancestry is not self._hub or self._related > MOST_RELATED:
                return None
        try:
            return ancestry.compare(want.url, heads, want.held, commit)
        except (Outage, Denied):
            if by_itself:
                return None  # it is told to reviewers and decides nothing, so it must not keep a plan away
            raise


def _default(branches: Sequence[str]) -> str | None:
    return next((name for name in ("master", "main") if HEADS + name in branches), None)
