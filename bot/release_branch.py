"""The release branch that a release off the main branch opens, or moves on: which commit it is to be at.

In layout *link* that is the merge itself. In layout *tracking* it is a commit on top of it, in which some projects
follow the branch from then on; its bytes are a function of plan and merge, so every try makes the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.bare import BareRepository
from bot.core.manifest import BadManifest
from bot.core.objects import Commit, Identity, commit_payload
from bot.core.plan import again, blobs
from bot.core.push import RefUpdate
from bot.core.record import LineOrder, Record
from bot.core.refs import Sha


@dataclass(frozen=True)
class Tip:
    """Where the release branch goes: from the commit `seen` (None: it does not exist yet) to `commit`."""

    ref: str
    seen: str | None
    commit: str

    @property
    def update(self) -> RefUpdate:
        """The push that opens or moves it, by the lease that it is as the plan saw it."""
        return RefUpdate(self.ref, self.seen, self.commit)


class NotAsPlanned(Exception):
    """The merged tree does not lead to the second commit that was planned; the sentence says where."""


def ensure_tip(who: Identity, repository: BareRepository, record: Record, merge: Commit) -> Tip | None:
    """The tip of the release branch, its commit written to the repository; None for a release on a release branch.

    Raises NotAsPlanned.
    """
    line = record.line
    if line is None:
        return None
    if not line.files:
        return Tip(line.ref, line.seen, merge.sha)
    try:
        changes = again(repository.tree(merge.sha), line)
    except BadManifest as bad:
        raise NotAsPlanned(f"the commit that follows the release on {line.branch} cannot be made: {bad}") from None
    if blobs(changes) != dict(line.files):
        raise NotAsPlanned(f"the commit that follows the release on {line.branch} would not be the planned one")
    tree = repository.write_tree(merge.sha, changes)
    payload = commit_payload(tree, [merge.sha], who, who, merge.committed_at, second_message(line))
    return Tip(line.ref, line.seen, Sha(repository.write("commit", payload)))


def second_message(line: LineOrder) -> str:
    """Subject and body of the second commit, as the repositories that have such commits write them."""
    names = " ".join(project.name.rpartition("/")[2] for project in line.projects)
    return f"{line.branch}: branch projects\n\nBranched: {names}\n"


def is_behind(repository: BareRepository, tip: Tip, now: str | None) -> bool:
    """Whether the branch is still where the plan saw it, though the tag is there: the push was cut off in between."""
    return now == tip.seen and now != tip.commit and not (now and repository.is_ancestor(tip.commit, now))
