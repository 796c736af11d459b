"""Reasons of the release as a whole: its version, its SDK, its files, the releases that it refers to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NothingMoved:
    """No project that follows the release branch has moved since `tag`."""

    line: str
    tag: str
    example: str


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
class NotPinned:
    """The release whose pins are to be taken does not pin this project to a commit."""

    project: str
    version: str


@dataclass(frozen=True)
class BuildOutOfRange:
    """A build number of which no release branch could be made that is known as one again."""

    build: int
    branch: str


@dataclass(frozen=True)
class NoSuchManifest:
    """A manifest that is to be removed is not an old one of this branch; `old` are those that are."""

    file: str
    old: tuple[str, ...]
