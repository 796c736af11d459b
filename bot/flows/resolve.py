"""Answer the planner's questions: which commit is each ref at, and which branch holds each named commit.

Heads come from `bot.remotes` (one look-up a repository, nothing cloned). Whether a branch holds a commit is
asked of GitHub's compare, the few likely branches first and all others only when none of those does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from bot.core.hub import Comparison
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
from bot.gh import Repository
from bot.remotes import Heads, Query, Remotes, Unreadable


class Resolver:
    """Resolves one plan's questions. `hub_url` is GitHub's web address: repositories there can be compared."""

    def __init__(self, remotes: Remotes, repository: Repository, hub_url: str, line: str) -> None:
        self._remotes = remotes
        self._repository = repository
        self._hub_url = hub_url.rstrip("/")
        self._line = line

    def answer(self, questions: Questions, progress: Callable[[int, int], None] = lambda done, total: None) -> Answers:
        """The answers to all questions. A repository that cannot be read is an answer (Silent), not an error."""
        wanted = [*questions.followed, *questions.named]
        queries = {want: self._query(want, want in questions.named) for want in wanted}
        read = self._remotes.heads(tuple(dict.fromkeys(queries.values())))
        progress(len(wanted), len(wanted))
        return Answers(
            followed={want.project.path: self._followed(want, read[queries[want]]) for want in questions.followed},
            named={want.project.path: self._named(want, read[queries[want]]) for want in questions.named},
        )

    def _query(self, want: Wanted, named: bool) -> Query:
        """A followed project needs one ref; a named revision needs every branch, to say which one holds it."""
        refs = (HEADS, TAGS, "HEAD") if named else (want.ref or "",)
        return Query(want.project.name, want.url, refs)

    def _followed(self, want: Wanted, read: Heads | Unreadable) -> Found:
        if isinstance(read, Unreadable):
            return Silent(read.reason)
        ref = want.ref or ""
        commit = read.refs.get(ref)
        return self._move(want, commit, ref) if commit else Unknown(ref)

    def _named(self, want: Wanted, read: Heads | Unreadable) -> Found:
        if isinstance(read, Unreadable):
            return Silent(read.reason)
        branches = {ref: commit for ref, commit in read.refs.items() if ref.startswith(HEADS)}
        at_ref = read.refs.get(want.ref or "") or read.refs.get(TAGS + want.revision)
        if at_ref and not want.is_commit:
            home = want.ref if want.ref in branches else None
            return self._place(want, at_ref, branches, want.upstream or home)
        commit = want.revision if want.is_commit else self._lengthen(want, branches)
        if commit is None:
            return Unknown(want.revision)
        return self._place(want, commit, branches, want.upstream)

    def _lengthen(self, want: Wanted, branches: Mapping[str, str]) -> str | None:
        """The full id of an abbreviated commit, by the branch heads first and by the API otherwise."""
        if not want.is_short:
            return None
        heads = {commit for commit in branches.values() if commit.startswith(want.revision)}
        if len(heads) == 1:
            return heads.pop()
        name = self._on_hub(want.url)
        return self._repository.commit(name, want.revision) if name else None

    def _place(self, want: Wanted, commit: str, branches: Mapping[str, str], upstream: str | None) -> Found:
        """Which branch to record for the commit, by the rule of `choose_upstream`."""
        if upstream:
            ref = upstream if upstream.startswith("refs/") else HEADS + upstream
            held = self._holding(want, commit, branches, [ref]).get(ref, False)
            return self._move(want, commit, ref) if held else Elsewhere(commit, ref)
        likely = [ref for ref in likely_branches(want.project, self._line, self._default(branches)) if ref in branches]
        holding = self._holding(want, commit, branches, likely, first=True)
        choice = choose_upstream(likely, holding, commit)
        if choice is None:
            others = [ref for ref in branches if ref not in likely]
            holding |= self._holding(want, commit, branches, others)
            choice = choose_upstream(likely, holding, commit)
        match choice:
            case str():
                return self._move(want, commit, choice)
            case Scattered() | Unknown():
                return choice
            case None:
                return Unknown(want.revision)

    def _holding(
        self, want: Wanted, commit: str, branches: Mapping[str, str], refs: Sequence[str], first: bool = False
    ) -> dict[str, bool]:
        """For each of these branches whether it holds the commit; with `first`, up to the first that does."""
        name = self._on_hub(want.url)
        found: dict[str, bool] = {}
        for ref in refs:
            if ref not in branches:
                found[ref] = False
            elif branches[ref] == commit:
                found[ref] = True
            else:
                found[ref] = bool(name and self._repository.holds(name, commit, branches[ref]))
            if first and found[ref]:
                break
        return found

    def _default(self, branches: Mapping[str, str]) -> str | None:
        return next((name for name in ("master", "main") if HEADS + name in branches), None)

    def _move(self, want: Wanted, commit: str, upstream: str) -> Move:
        old = want.project.revision or ""
        if commit == old:
            return Move(commit, upstream, Comparison(0, 0))
        name = self._on_hub(want.url)
        return Move(commit, upstream, self._repository.compare(old, commit, name) if name else None)

    def _on_hub(self, url: str) -> str | None:
        """`owner/name` where this address is a repository on our GitHub, else None."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self._hub_url:
            return None
        name = parts.path.strip("/").removesuffix(".git")
        return name if name.count("/") == 1 else None
