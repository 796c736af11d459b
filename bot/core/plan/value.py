"""The plan as a value: everything that merging would do, complete enough to be judged, stored and compared.

It renders to Markdown (`bot.core.text.pull`), to text for a terminal and to JSON; equal inputs make equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from bot.core.hub import Comparison
from bot.core.plan.files import Changes
from bot.core.plan.request import Request
from bot.core.plan.sdk import ChosenSdk
from bot.core.record import Blob, Record, sha256
from bot.core.sensitive import Sensitive
from bot.core.version import Version


@dataclass(frozen=True)
class ProjectChange:
    """One project that is released at another commit, or under another name or upstream, and the commits between.

    `page` is the address that compares the two commits, where the project's host has one.
    """

    name: str
    path: str
    url: str
    old: str
    new: str
    old_upstream: str | None
    new_upstream: str | None
    since: Comparison | None
    old_name: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class Caution:
    """Something a reviewer must not miss. `project` is a project's name, or what else it is about.

    "upstream": another branch is followed. "rewind": it goes back. "unread": what waits there is not known.
    "unrelated": how old and new pin relate is not known. "sdk": only an untagged commit knows the SDK version.
    "again": the BUILD was released before. "pinned": it followed another branch than the line's and is pinned from now
    on. Of several unrelated ones `after` holds the names, with commas.
    """

    kind: Literal["upstream", "rewind", "unread", "unrelated", "sdk", "again", "pinned"]
    project: str
    before: str
    after: str


@dataclass(frozen=True)
class RefChange:
    """One ref: the commit it is at (None: it does not exist), what it will be at, and how it gets there.

    `new`: "merge", "tag", "second" (the commit that follows the merge on the release branch) or "same".
    """

    ref: str
    old: str | None
    new: Literal["merge", "tag", "second", "same"]
    how: str


@dataclass(frozen=True)
class Plan:
    """Everything that merging would do, and what a reviewer needs to judge it.

    `changes` are the files of the release commit, `second` those of the commit after it on the release branch.
    `unchanged` are (name, commit). `inputs` is the digest of everything that it was computed from.
    """

    request: Request
    record: Record
    changes: Changes
    second: Changes
    version: Version
    previous: Version
    sdk: ChosenSdk
    projects: tuple[ProjectChange, ...]
    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]
    waiting: tuple[ProjectChange, ...]
    unchanged: tuple[tuple[str, str], ...]
    links: Mapping[str, tuple[str | None, str | None]]
    refs: tuple[RefChange, ...]
    group_source: str
    sensitive: tuple[Sensitive, ...]
    cautions: tuple[Caution, ...]
    inputs: str

    @property
    def branch(self) -> str:
        """The branch that the bot proposes from."""
        return self.record.branch

    @property
    def title(self) -> str:
        """Subject of the commit and title of the pull request."""
        return f"{self.line}: release {self.record.tag}"

    @property
    def line(self) -> str:
        """The release branch of this release."""
        return self.record.line.branch if self.record.line else self.record.base

    @property
    def moves(self) -> int:
        """How many projects are released otherwise than before."""
        return len(self.projects) + len(self.added) + len(self.removed)


def to_json(made: Plan) -> dict[str, object]:
    """The whole plan as plain JSON: files by mode and blob, every other part as it stands in the plan.

    `plan` is the digest that commit and tag name, of what publishing needs; `digest` is over all of this.
    """
    whole: dict[str, object] = json.loads(
        json.dumps(
            {
                "plan": made.record.digest,
                "version": str(made.version),
                "previous": str(made.previous),
                "line": made.line,
                "base": {"branch": made.record.base, "commit": made.record.base_commit},
                "request": plain_request(made.request),
                "record": made.record.to_json(),
                "sdk": asdict(made.sdk),
                "files": blobs(made.changes),
                "second": blobs(made.second),
                "refs": [asdict(change) for change in made.refs],
                "projects": [asdict(change) for change in made.projects],
                "added": made.added,
                "removed": made.removed,
                "waiting": [asdict(change) for change in made.waiting],
                "unchanged": made.unchanged,
                "group": {"name": made.record.group, "source": made.group_source},
                "sensitive": [asdict(row) for row in made.sensitive],
                "cautions": [asdict(caution) for caution in made.cautions],
                "inputs": made.inputs,
            },
            sort_keys=True,
            default=str,
        )
    )
    return whole


def plain_request(request: Request) -> dict[str, object]:
    """The request as plain JSON. A set has another order in every process, so it is sorted."""
    return {**asdict(request), "flags": sorted(request.flags)}


def digest(made: Plan) -> str:
    """The name of the plan: `sha256:` over its whole JSON. Equal plans have equal digests."""
    return sha256(json.dumps(to_json(made), sort_keys=True, separators=(",", ":")).encode())


def blobs(changes: Changes) -> dict[str, Blob | None]:
    """The files as git records them in a tree: mode and blob id, None for one that is removed."""
    return {path: (entry.mode, entry.blob) if entry else None for path, entry in changes.items()}
