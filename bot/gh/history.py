"""Commits compared by GitHub, in a manifest repository or in any project on the same GitHub, without cloning."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from github.Repository import Repository as RawRepository

from bot.core.hub import Comparison
from bot.gh.auth import Grant, Tokens
from bot.gh.line import PAGE
from bot.gh.reading import given
from bot.outage import Denied

T = TypeVar("T")
Work = Callable[[RawRepository], T]

UNKNOWN = (404, 409, 422)  # no such repository or commit; an empty repository; ambiguous or no commit's name
HIDDEN = (*UNKNOWN, 403, 451)  # elsewhere also: this organisation, or the law, keeps us out
NAME = re.compile(r"(?!.*/\.{1,2}$)[A-Za-z0-9-]{1,100}/[A-Za-z0-9._-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")


def compare(repository: RawRepository, base: str, head: str) -> Comparison:
    """Counts, and the newest 100 or fewer subjects of what only `head` has, newest first."""
    found = repository.compare(base, head, comparison_commits_per_page=PAGE).complete()
    total = given(found.total_commits)
    # GitHub lists the oldest first, so the newest of a long list are on its last page.
    page = found.commits.get_page((total - 1) // PAGE) if total > PAGE else list(found.commits[:PAGE])
    subjects = tuple((given(each.commit.message).splitlines() or [""])[0] for each in reversed(page))
    return Comparison(ahead=given(found.ahead_by), behind=given(found.behind_by), subjects=subjects)


def holds(repository: RawRepository, commit: str, ref: str) -> bool:
    """Whether `ref` (a branch's name or a commit) has `commit` in its history."""
    base = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    found = repository.compare(base, commit, comparison_commits_per_page=1).complete()
    return given(found.status) in ("identical", "behind")


def commit(repository: RawRepository, name: str) -> str | None:
    """The commit whose id begins so. A branch of that very name would shadow it: then None."""
    found = given(repository.get_commit(name, commit_files_per_page=1).complete().sha)
    return found if found.startswith(name) else None


def known(ask: Callable[[], T | None], unknown: tuple[int, ...] = UNKNOWN) -> T | None:
    """What `ask` gives, or None where GitHub does not know what was asked for."""
    try:
        return ask()
    except Denied as refusal:
        if refusal.status in unknown:
            return None
        raise


def elsewhere(tokens: Tokens, grant: Grant, owner: str, project: str, doing: str, work: Work[T]) -> T | None:
    """The same asked of a project, whose name may be anybody's invention.

    Our own repository's token reads every public one. A private one is read where it has our owner and is in our
    installation, with a token for it alone.
    """
    if not NAME.fullmatch(project):
        return None
    theirs, _, short = project.partition("/")
    private = Grant.named(grant.installation, short, {"contents": "read", "metadata": "read"})

    def ask(with_grant: Grant) -> T | None:
        return known(lambda: tokens.ask(with_grant, doing, lambda github, _: work(github.get_repo(project))), HIDDEN)

    found = None if tokens.holds(private) else ask(grant)
    return ask(private) if found is None and theirs.lower() == owner.lower() else found
