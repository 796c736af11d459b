"""What the bot was asked to do, as frozen data: all that travels from the door to the worker.

An intent is small, holds no secret and turns into plain JSON and back, because it is stored with the
delivery that caused it and may be carried out by another process, another day, more than once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

from bot.core.hub import RepositoryId

Lane = Literal["acknowledge", "control", "release", "follow"]


@dataclass(frozen=True)
class Intent:
    """Something to do for one repository. `lane` says which queue carries it (design.md, "lanes")."""

    repository: RepositoryId
    lane: ClassVar[Lane] = "release"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with the class name under "kind"."""
        return {"kind": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Acknowledge(Intent):
    """React to a comment, so that its author sees within a second that it was read and stored."""

    comment: int
    lane: ClassVar[Lane] = "acknowledge"


@dataclass(frozen=True)
class Answer(Intent):
    """Carry out, or refuse, what one comment says: `body` as delivered, `created_at` in ISO 8601 UTC."""

    issue: int
    on_pull: bool
    comment: int
    author: str
    author_id: int
    body: str
    created_at: str
    lane: ClassVar[Lane] = "release"


@dataclass(frozen=True)
class AnswerNow(Answer):
    """An Answer that only reads or only explains (help, a mistake): it must not wait behind a release."""

    lane: ClassVar[Lane] = "control"


@dataclass(frozen=True)
class Publish(Intent):
    """Publish what this merged pull request released, if all proofs hold. `reason`: merge, sweep or resume."""

    pull: int
    reason: str = "merge"


@dataclass(frozen=True)
class Adopt(Intent):
    """Take the merged tree of a stopped release for the release, on the word of `by`."""

    pull: int
    by: str


@dataclass(frozen=True)
class Abandon(Intent):
    """Give a stopped release up: open the pull request that takes its merge back, on the word of `by`."""

    pull: int
    by: str


@dataclass(frozen=True)
class Withdraw(Intent):
    """A release pull request was closed unmerged: drop its branch and free its version."""

    pull: int


@dataclass(frozen=True)
class Check(Intent):
    """Say on this pull request's head whether merging it would publish what was planned."""

    pull: int


@dataclass(frozen=True)
class Follow(Intent):
    """Look at the image build of this version and tell people what is new about it.

    `again`: order the next look while it runs. A look that an event asked for does not: the chain has its own.
    """

    version: str
    again: bool = True
    lane: ClassVar[Lane] = "follow"


@dataclass(frozen=True)
class RunChanged(Intent):
    """A GitHub Actions run in `repository` (where images are built) changed; most runs there are not ours."""

    run: int
    lane: ClassVar[Lane] = "follow"


@dataclass(frozen=True)
class Reconcile(Intent):
    """Compare GitHub with our store for this repository and take up what was missed."""

    lane: ClassVar[Lane] = "control"


KINDS: dict[str, type[Intent]] = {
    kind.__name__: kind
    for kind in (
        *(Acknowledge, Answer, AnswerNow, Publish, Adopt, Abandon),
        *(Withdraw, Check, Follow, RunChanged, Reconcile),
    )
}


def from_json(data: Mapping[str, Any]) -> Intent:
    """The intent that `to_json` wrote. Fields of a newer version are ignored. Raises KeyError on an unknown kind."""
    kind = KINDS[data["kind"]]
    known = {f.name for f in fields(kind)} - {"repository"}
    given = {name: value for name, value in data.items() if name in known}
    which = {f.name: data["repository"][f.name] for f in fields(RepositoryId)}
    return kind(repository=RepositoryId(**which), **given)


def dumps(intent: Intent) -> str:
    """One line of ASCII JSON; a NUL in a comment stays escaped, so every database takes it."""
    return json.dumps(intent.to_json(), separators=(",", ":"), sort_keys=True)
