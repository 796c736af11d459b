"""What can be seen of the bot from the outside at one moment: GitHub's side, read in one piece, for the oracle.

Nothing of the bot's own is used, neither its code nor its words for itself beyond the hidden markers of its comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import Sandbox
from sandbox.bare import HEADS, TAGS, Git, GitError
from sandbox.state import App, Repository
from tests.timeline import Change

BRANCH = "release-bot/"
REVERT = "release-bot-revert/"
MARKER = re.compile(r"<!-- manifest-release-bot:(?!plan )([a-z-]+) (.*?) ?-->\s*\Z")
TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
LINE = re.compile(r"build-\d+")
COMMAND = re.compile(r"/(release|build|channel) +(\S+)")


@dataclass(frozen=True)
class Said:
    """A comment."""

    id: int
    issue: int
    login: str
    body: str

    @property
    def marker(self) -> tuple[str, str]:
        """The kind and the values of the hidden line it ends with; ("", "") without."""
        found = MARKER.search(self.body)
        return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True)
class Proposed:
    """A pull request from a branch of the bot's, by the bot."""

    number: int
    tag: str
    base: str
    head: str
    body: str
    state: str
    merge: str | None
    merged_by: str


@dataclass(frozen=True)
class Built:
    """A run that was given a tag."""

    id: int
    tag: str
    correlation: str


class Facts:
    """What git says of objects, each asked once: objects never change."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: dict[tuple[str, ...], str | None] = {}

    def ask(self, *arguments: str) -> str | None:
        """What git prints, or None where it says no."""
        if arguments not in self._known:
            try:
                self._known[arguments] = self._git.run(*arguments)
            except GitError:
                self._known[arguments] = None
        return self._known[arguments]

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is reachable from `new`."""
        return old == new or self.ask("merge-base", "--is-ancestor", old, new) is not None

    def commit(self, name: str) -> str | None:
        """The commit that an object is or points to."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")

    def parents(self, commit: str) -> list[str]:
        """Its parents."""
        return (self.ask("rev-list", "--parents", "-1", commit) or "").split()[1:]

    def trailers(self, name: str) -> dict[str, str]:
        """The `Key: value` lines of a commit or a tag."""
        text = self.ask("cat-file", "-p", name) or ""
        rows = (line.split(": ", 1) for line in text.splitlines() if re.match(r"[A-Z][A-Za-z-]+: ", line))
        return {row[0]: row[1] for row in rows}

    def change(self, commit: str) -> list[str]:
        """What a commit makes of its first parent's files: mode, blob and path of each, and those that go."""
        told = self.ask("diff-tree", "-r", "--no-renames", f"{commit}^1", commit) or ""
        return sorted(f"{row[1]} {row[3]} {row[4].partition(chr(9))[2]}" for row in map(_columns, told.splitlines()))

    def blob(self, commit: str, path: str) -> str | None:
        """The blob at a path."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{commit}:{path}")


def _columns(row: str) -> list[str]:
    return row.split(" ", 4)


@dataclass(frozen=True)
class Scene:
    """All that can be seen. `commands` are comments of people as they were first delivered."""

    bot: str
    git: Facts
    changes: list[Change]
    before: Mapping[str, str]
    refs: Mapping[str, str]
    pulls: list[Proposed]
    reverted: frozenset[str]
    comments: list[Said]
    commands: list[Said]
    runs: list[Built]
    channels: Mapping[str, str]
    roles: Mapping[str, str]

    def releases(self) -> list[tuple[Change, Proposed | None]]:
        """The version tags that the bot made, each with the merged pull request that it belongs to."""
        merged: dict[tuple[str, str | None], Proposed] = {
            (each.tag, each.merge): each for each in self.pulls if each.merge
        }
        made = [each for each in self.changes if each.made and self.ours(each) and TAG.fullmatch(name_of(each.ref))]
        tags = [each for each in made if each.ref.startswith(TAGS)]
        return [(each, merged.get((name_of(each.ref), self.git.commit(each.new)))) for each in tags]

    def ours(self, change: Change) -> bool:
        """Whether the bot made this change, as far as can be told."""
        return change.by in (self.bot, "?")

    def marked(self, kind: str, issue: int | None = None) -> list[Said]:
        """The bot's comments with a hidden line of this kind."""
        found = (each for each in self.comments if each.login == self.bot and each.marker[0] == kind)
        return [each for each in found if issue is None or each.issue == issue]


def name_of(ref: str) -> str:
    """The branch or tag without its prefix."""
    return ref.removeprefix(HEADS).removeprefix(TAGS)


def number_of(tag: str) -> tuple[int, ...]:
    """A version tag as it is ordered; () for any other."""
    found = TAG.fullmatch(tag)
    return tuple(int(part) for part in found.groups()) if found else ()


def pulls_of(repository: Repository, app: App) -> tuple[list[Proposed], frozenset[str]]:
    """The bot's release pull requests, and the tags of those whose merge was taken back."""
    found, reverted = [], set()
    for issue in repository.issues.values():
        pull = issue.pull
        if pull is None or issue.user is not app.bot or not pull.head.startswith((BRANCH, REVERT)):
            continue
        if pull.head.startswith(REVERT):
            reverted |= {pull.head.removeprefix(REVERT)} if pull.merged_at else set()
            continue
        by = pull.merged_by.login if pull.merged_by else ""
        tag = pull.head.removeprefix(BRANCH)
        merge = pull.merge_commit if pull.merged_at else None
        found.append(Proposed(issue.number, tag, pull.base, pull.head_sha, issue.body, issue.state, merge, by))
    return found, frozenset(reverted)


def comments_of(repository: Repository) -> list[Said]:
    """Every comment."""
    each = (comment for issue in repository.issues.values() for comment in issue.comments)
    return [Said(comment.id, comment.issue, comment.user.login, comment.body) for comment in each]


def runs_of(sandbox: Sandbox, owner: int, tags: set[str], before: frozenset[int]) -> list[Built]:
    """The runs in this owner's repositories that were given one of these tags, without those of `before`."""
    own = (repository for repository in sandbox.world.repositories.values() if repository.owner.id == owner)
    runs = (run for repository in own for run in repository.runs if run.id not in before)
    inputs = ((run, run.inputs.get("tag", "")) for run in runs)
    return [Built(run.id, tag, run.inputs.get("correlation_id", "")) for run, tag in inputs if tag in tags]


def command_of(payload: Mapping[str, Any]) -> Said | None:
    """The command in a delivery that tells of a person's comment: one that is the comment's first line."""
    comment, sender = payload.get("comment"), payload["sender"]
    if comment is None or payload.get("action") != "created" or sender["type"] == "Bot":
        return None
    if not COMMAND.match(comment["body"]):
        return None
    return Said(comment["id"], payload["issue"]["number"], sender["login"], comment["body"])
