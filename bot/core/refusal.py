"""Why a request is refused, as data: one small class per reason, so that nobody matches on sentences.

`bot.core.text` turns each into the sentence a person reads; a reason without a sentence fails type checking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class NoSuchLine:
    """The release branch does not exist; `near` are existing ones, the likeliest first."""

    line: str
    near: tuple[str, ...]


@dataclass(frozen=True)
class NothingMoved:
    """No project that follows the release branch has moved since `tag`."""

    line: str
    tag: str
    example: str


@dataclass(frozen=True)
class UnknownProject:
    """No project of the manifest answers to this word."""

    word: str
    near: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class AmbiguousProject:
    """Several projects answer to this word: (name, path) of each."""

    word: str
    matches: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NamedTwice:
    """Two words name one project, and only one of them can be meant."""

    project: str
    first: str
    second: str


@dataclass(frozen=True)
class UnknownRevision:
    """The commit is on no branch of the project's repository, or the ref does not exist there."""

    project: str
    revision: str


@dataclass(frozen=True)
class AmbiguousRevision:
    """A short commit id that more than one commit answers to."""

    project: str
    revision: str


@dataclass(frozen=True)
class UnclearUpstream:
    """The commit is on several branches and on none that would be taken without asking."""

    project: str
    commit: str
    holders: tuple[str, ...]
    not_on: tuple[str, ...]


@dataclass(frozen=True)
class NotOnUpstream:
    """The commit is not reachable from the upstream that was named."""

    project: str
    commit: str
    upstream: str


@dataclass(frozen=True)
class Rewind:
    """The project would go back: `commits` of the released pin would be lost."""

    project: str
    commits: int


@dataclass(frozen=True)
class Jump:
    """The project would take `commits` commits, or leave its line's branch for another."""

    project: str
    commits: int
    leaves: str | None
    takes: str


@dataclass(frozen=True)
class VersionTaken:
    """The tag of the planned version exists already; `free` is the next version that has none."""

    tag: str
    commit: str
    free: str


@dataclass(frozen=True)
class VersionTooLow:
    """The version is not above `now`, which `branch` is at."""

    version: str
    now: str
    branch: str


@dataclass(frozen=True)
class WrongLine:
    """The version that was named belongs to another build number than `line`'s; `kind` is the command."""

    version: str
    line: str
    kind: str


@dataclass(frozen=True)
class LineHasMore:
    """A second release of this build off `main` would lose `commits` commits that only the release branch has."""

    line: str
    commits: int
    main: str


@dataclass(frozen=True)
class BadClock:
    """The build number cannot be told from the time; the sentence says why."""

    sentence: str


@dataclass(frozen=True)
class SdkMissing:
    """The version file names no SDK, so a person must."""

    file: str
    branch: str


@dataclass(frozen=True)
class SdkEqual:
    """The SDK would be the very version that is released."""

    version: str


@dataclass(frozen=True)
class SdkBuildId:
    """The SDK is a development build; `plain` is the version without the build id."""

    sdk: str
    plain: str


@dataclass(frozen=True)
class UnknownSdk:
    """No release tag has this version and no version file says it; `near` are versions that exist."""

    sdk: str
    near: tuple[str, ...]


@dataclass(frozen=True)
class SdkUnreachable:
    """The SDK exists as a version, but its files cannot be downloaded: `why`, such as HTTP 404."""

    sdk: str
    why: str


@dataclass(frozen=True)
class UnknownRelease:
    """The release whose pins were named does not exist here, or its files cannot be read."""

    version: str
    near: tuple[str, ...]


@dataclass(frozen=True)
class NotInRelease:
    """The release whose pin was named does not have this project."""

    project: str
    version: str


@dataclass(frozen=True)
class NothingToFollow:
    """The project is pinned without an upstream, so there is nothing that it could move to by itself."""

    project: str


@dataclass(frozen=True)
class NoSuchManifest:
    """A manifest that is to be removed is not an old one of this branch; `old` are those that are."""

    file: str
    old: tuple[str, ...]


@dataclass(frozen=True)
class AlreadyOpen:
    """A release pull request is open on this base. `same` tells whether it already proposes what was asked."""

    number: int
    version: str
    base: str
    same: bool


@dataclass(frozen=True)
class BeingProposed:
    """Another command holds the version and has not led to a pull request yet."""

    version: str
    base: str


@dataclass(frozen=True)
class BranchTaken:
    """The branch to propose from holds commits of somebody else."""

    branch: str


@dataclass(frozen=True)
class NotPublished:
    """A release of this base was merged and is not published yet."""

    number: int
    version: str
    base: str


@dataclass(frozen=True)
class NotAllowed:
    """The person lacks the right; `may` are the verbs this person has in this place."""

    verb: str
    needs: str
    may: tuple[str, ...]


@dataclass(frozen=True)
class CouldNotCheck:
    """GitHub did not say what the person may do; without an answer nothing runs."""

    verb: str


@dataclass(frozen=True)
class WrongPlace:
    """The command exists and does not work here; `place` says where it does, `pulls` where it would now."""

    verb: str
    place: str
    pulls: tuple[int, ...]


@dataclass(frozen=True)
class Unreadable:
    """Some projects' repositories could not be read: (name, reason) of each; tried again until `until`."""

    projects: tuple[tuple[str, str], ...]
    total: int
    until: datetime | None


@dataclass(frozen=True)
class BadTree:
    """The base branch holds a file that cannot be released from; the sentence names file and cure."""

    sentence: str


@dataclass(frozen=True)
class BadConfiguration:
    """The repository's configuration file does not read; the sentence names line and cure."""

    sentence: str


@dataclass(frozen=True)
class Late:
    """The comment is too old to act on, or was edited since it was posted."""

    edited: bool


@dataclass(frozen=True)
class NotYet:
    """What was asked belongs to the grammar and is not built yet."""

    what: str
    instead: str


Refusal = (
    NoSuchLine
    | NothingMoved
    | UnknownProject
    | AmbiguousProject
    | NamedTwice
    | UnknownRevision
    | AmbiguousRevision
    | UnclearUpstream
    | NotOnUpstream
    | Rewind
    | Jump
    | VersionTaken
    | VersionTooLow
    | WrongLine
    | LineHasMore
    | BadClock
    | SdkMissing
    | SdkEqual
    | SdkBuildId
    | UnknownSdk
    | SdkUnreachable
    | UnknownRelease
    | NotInRelease
    | NothingToFollow
    | NoSuchManifest
    | AlreadyOpen
    | BeingProposed
    | BranchTaken
    | NotPublished
    | NotAllowed
    | CouldNotCheck
    | WrongPlace
    | Unreadable
    | BadTree
    | BadConfiguration
    | Late
    | NotYet
)
