"""What a move of refs sets in motion on GitHub: events, and pull requests that follow, close or turn out merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import pulls
from sandbox.bare import HEADS, TAGS, ZERO, GitError
from sandbox.state import Issue, Repository, User

if TYPE_CHECKING:
    from sandbox.server import Sandbox

MOST_TAGS = 3
"""GitHub tells nothing of tags when more than these come in one push."""
MOST_COMMITS = 20


@dataclass(frozen=True)
class Move:
    """One ref that went from `old` to `new`; ZERO is a ref that is not there."""

    ref: str
    old: str
    new: str


def between(before: Mapping[str, str], after: Mapping[str, str]) -> list[Move]:
    """The moves that lie between two looks at the refs."""
    names = [ref for ref in sorted({*before, *after}) if not ref.endswith("^{}")]
    moves = [Move(ref, before.get(ref, ZERO), after.get(ref, ZERO)) for ref in names]
    return [move for move in moves if move.old != move.new]


def tell(sandbox: Sandbox, repository: Repository, moves: Iterable[Move], sender: User) -> None:
    """Tell of each move, and bring the open pull requests up to date."""
    told = [move for move in moves if move.ref.startswith((HEADS, TAGS))]
    tags = sum(move.ref.startswith(TAGS) for move in told)
    with sandbox.world.lock:
        for move in told:
            if move.ref.startswith(HEADS) or tags <= MOST_TAGS:
                _events(sandbox, repository, move, sender)
            if move.ref.startswith(HEADS):
                _pulls(sandbox, repository, move, sender)


def _events(sandbox: Sandbox, repository: Repository, move: Move, sender: User) -> None:
    kind = "branch" if move.ref.startswith(HEADS) else "tag"
    name = move.ref.removeprefix(HEADS).removeprefix(TAGS)
    for event, end in (("create", move.old), ("delete", move.new)):
        if end == ZERO:
            more = {"master_branch": repository.default_branch, "description": None} if event == "create" else {}
            parts = {"ref": name, "ref_type": kind, "pusher_type": "user", **more}
            sandbox.webhooks.emit(event, "", repository, sender, parts)
    if sandbox.webhooks.is_wanted("push", repository):
        sandbox.webhooks.emit("push", "", repository, sender, _push(sandbox, repository, move, sender))


def _push(sandbox: Sandbox, repository: Repository, move: Move, sender: User) -> dict[str, Any]:
    git, created, deleted = repository.git, move.old == ZERO, move.new == ZERO
    base = repository.default_branch if created else move.old
    commits = [] if deleted else [_commit(sandbox, repository, sha) for sha in _new(repository, base, move.new)]
    head = None if deleted else _commit(sandbox, repository, git.resolve(move.new) or move.new)
    forced = not (created or deleted or move.ref.startswith(TAGS)) and not git.is_ancestor(move.old, move.new)
    return {
        "ref": move.ref,
        "before": move.old,
        "after": move.new,
        "base_ref": None,
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "compare": f"{sandbox.url}/{repository.full_name}/compare/{move.old[:12]}...{move.new[:12]}",
        "commits": commits,
        "head_commit": head,
        "pusher": {"name": sender.login, "email": f"{sender.login}@users.noreply.example"},
    }


def _new(repository: Repository, base: str, head: str) -> list[str]:
    try:
        return repository.git.run("rev-list", "--reverse", f"-{MOST_COMMITS}", head, f"^{base}").split()
    except GitError:  # the first push of all: there is no default branch yet
        return []


def _commit(sandbox: Sandbox, repository: Repository, sha: str) -> dict[str, Any]:
    rows = repository.git.run("show", "-s", "--format=%T%n%cI%n%an%n%ae%n%cn%n%ce%n%B", sha).split("\n")
    tree, when, author, author_mail, committer, committer_mail, *message = rows
    return {
        "id": sha,
        "tree_id": tree,
        "distinct": True,
        "message": "\n".join(message).strip(),
        "timestamp": when,
        "url": f"{sandbox.url}/{repository.full_name}/commit/{sha}",
        "author": {"name": author, "email": author_mail},
        "committer": {"name": committer, "email": committer_mail},
        "added": [],
        "removed": [],
        "modified": [],
    }


def _pulls(sandbox: Sandbox, repository: Repository, move: Move, sender: User) -> None:
    branch = move.ref.removeprefix(HEADS)
    for home in sandbox.world.repositories.values():
        for issue in home.issues.values():
            pull = issue.pull
            if pull is None or issue.state != "open":
                continue
            if branch == pull.head and repository.id == pull.head_repository:
                _head_moved(sandbox, home, issue, move, sender)
            elif branch == pull.base and repository is home:
                _base_moved(sandbox, home, issue, move, sender)


def _head_moved(sandbox: Sandbox, home: Repository, issue: Issue, move: Move, sender: User) -> None:
    pull = issue.pull
    assert pull is not None
    if move.new == ZERO:
        pulls.closed(sandbox, home, issue, sender)
    elif move.new != pull.head_sha:
        before, source = pull.head_sha, sandbox.world.repositories[pull.head_repository or 0]
        if source is not home:
            home.git.run("fetch", "--quiet", str(source.git.path), move.new)
        pull.head_sha = move.new
        pulls.refresh(home, issue)
        home.git.update(f"refs/pull/{issue.number}/head", move.new)
        issue.updated_at = sandbox.world.now()
        pulls.tell(sandbox, home, issue, "synchronize", sender, {"before": before, "after": move.new})


def _base_moved(sandbox: Sandbox, home: Repository, issue: Issue, move: Move, sender: User) -> None:
    """A deleted base closes the pull request; one that holds the whole head has merged it, whoever pushed."""
    pull = issue.pull
    assert pull is not None
    if move.new == ZERO:
        pulls.closed(sandbox, home, issue, sender)
    elif home.git.is_ancestor(pull.head_sha, move.new):
        pull.merged_at, pull.merged_by, pull.merge_commit = sandbox.world.now(), sender, pull.head_sha
        pulls.closed(sandbox, home, issue, sender)
