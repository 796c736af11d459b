"""What publishing must know of a plan, small enough to travel in the pull request itself.

A record is written when a plan is proposed and read when its pull request is merged, possibly weeks later,
by another process, with the database lost. So it rides in the pull request's body, in a marker sealed with
the operator's own key: people may edit the words around it, nobody else can make or change one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MARK = "manifest-release-bot"
PREFIX = "release-bot/"
"""How the branches begin that the bot proposes from."""
_SEALED = re.compile(rf"<!-- {MARK}:plan ([A-Za-z0-9_-]{{1,60000}})\.([0-9a-f]{{64}}) -->")

Blob = tuple[str, str]
"""A file as git records it in a tree: (mode, blob id)."""


@dataclass(frozen=True)
class ChannelOrder:
    """One channel as the plan saw it and what publishing does to it. `seen` is its version then, or None."""

    name: str
    ref: str
    mode: str
    seen: str | None
    moves: bool


@dataclass(frozen=True)
class BuildOrder:
    """The image build that publishing starts: where, which workflow, and for which formats."""

    repository: str
    workflow: str
    ref: str
    image: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What a person decided for this release alone; None and () leave it to the configuration.

    `channel`: "move" takes every channel along, "keep" none. `build`: whether an image build is started.
    """

    group: str | None = None
    formats: tuple[str, ...] = ()
    channel: str | None = None
    build: bool | None = None


NO_CHOICES = Choices()


@dataclass(frozen=True)
class ProjectBranch:
    """A branch that a project's repository needs before the next release of the line: at which commit it starts."""

    name: str
    path: str
    url: str
    commit: str


@dataclass(frozen=True)
class LineOrder:
    """The release branch that a release off the main branch opens, or moves on from the commit `seen`.

    In layout *tracking* it ends in a second commit, which is on this branch only: `files` are what that one changes,
    `projects` the branches that it makes them follow.
    """

    branch: str
    ref: str
    seen: str | None
    files: Mapping[str, Blob | None] = field(default_factory=dict)
    projects: tuple[ProjectBranch, ...] = ()


@dataclass(frozen=True)
class Adoption:
    """An admin's word that a merged tree, though not the planned one, is the release; the record's files are its own.

    `head` is the head that was merged as `merge`, `parent` the base before that. `tag`: the object of the tag that
    somebody made by hand there, which is then the release's; None where we make it. `at` is ISO 8601 UTC.
    """

    by: str
    at: str
    head: str
    merge: str
    parent: str
    tag: str | None = None


@dataclass(frozen=True)
class Record:
    """A plan as publishing needs it. Commits and blobs are 40-hex, digests `sha256:` and hex, times ISO 8601 UTC."""

    repository: int
    version: str
    previous: str
    tag: str
    subject: str
    base: str
    base_commit: str
    sdk: str
    group: str
    files: Mapping[str, Blob | None]
    inputs: Mapping[str, str | None]
    channels: tuple[ChannelOrder, ...]
    build: BuildOrder | None
    config: str
    requested_by: str
    request: str
    issue: int
    comment: int
    asked_at: str
    official: bool = True
    line: LineOrder | None = None
    choices: Choices = NO_CHOICES
    last_group: str | None = None
    adoption: Adoption | None = None

    @property
    def branch(self) -> str:
        """The branch that the bot proposes this release from."""
        return PREFIX + self.tag

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the record's canonical JSON: the name of this plan."""
        return sha256(_canonical(self._plain()))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        loaded: dict[str, Any] = json.loads(_canonical(self._plain()))
        return loaded

    def _plain(self) -> dict[str, Any]:
        """Without what most records lack: a plan keeps the name it had before there were adoptions."""
        return {name: value for name, value in asdict(self).items() if name != "adoption" or value is not None}


def from_json(data: Mapping[str, Any]) -> Record:
    """The record that `to_json` wrote. Raises KeyError or TypeError on anything else."""
    build, line, choices = data["build"], data.get("line"), data.get("choices", {})
    adoption = data.get("adoption")
    return Record(
        **{
            **data,
            "files": _blobs(data["files"]),
            "line": _line(line) if line else None,
            "adoption": Adoption(**adoption) if adoption else None,
            "choices": Choices(**{**choices, "formats": tuple(choices.get("formats", ()))}),
            "channels": tuple(ChannelOrder(**channel) for channel in data["channels"]),
            "build": BuildOrder(**{**build, "formats": tuple(build["formats"])}) if build else None,
        }
    )


def _line(data: Mapping[str, Any]) -> LineOrder:
    projects = tuple(ProjectBranch(**project) for project in data["projects"])
    return LineOrder(**{**data, "files": _blobs(data["files"]), "projects": projects})


def _blobs(files: Mapping[str, Any]) -> dict[str, Blob | None]:
    return {path: tuple(blob) if blob else None for path, blob in files.items()}


@dataclass(frozen=True)
class Sealed:
    """A record bound to one pull request: its head commit and, once GitHub gave one, its number."""

    record: Record
    head: str
    number: int | None = None

    def numbered(self, number: int) -> Sealed:
        """The same, for the pull request that GitHub numbered."""
        return replace(self, number=number)


def seal(sealed: Sealed, key: bytes) -> str:
    """An HTML comment that carries the record and an HMAC-SHA256 over it. Same input, same text."""
    payload = _canonical({"record": sealed.record.to_json(), "head": sealed.head, "number": sealed.number})
    body = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    return f"<!-- {MARK}:plan {body}.{_mac(body, key)} -->"


def unseal(text: str, key: bytes) -> Sealed | None:
    """The record sealed in `text`, or None where there is none, it was altered, or there are several."""
    found = _SEALED.findall(text)
    if len(found) != 1:
        return None
    body, mac = found[0]
    if not hmac.compare_digest(_mac(body, key), mac):
        return None
    try:
        data = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return Sealed(from_json(data["record"]), data["head"], data["number"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def reseal(text: str, sealed: Sealed, key: bytes) -> str:
    """The text with this seal in the place of its own; at the end where it had none. Of several none is left."""
    marked = seal(sealed, key)
    if len(_SEALED.findall(text)) == 1:
        return _SEALED.sub(lambda found: marked, text)
    return f"{_SEALED.sub('', text).rstrip()}\n\n{marked}\n"


def sha256(data: bytes) -> str:
    """`sha256:` and the hex digest: how digests are written in records, trailers and pages."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def correlation_id(tag_object: str, request: str = "release") -> str:
    """What one image build is known by: its release's tag object and what asked for it, so that no other has it."""
    return sha256(f"{tag_object}:{request}".encode()).removeprefix("sha256:")[:20]


def _canonical(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _mac(body: str, key: bytes) -> str:
    return hmac.new(key, f"{MARK}:plan:{body}".encode(), hashlib.sha256).hexdigest()
