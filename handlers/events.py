"""The payloads of GitHub's events, read into typed values: the only place that knows how GitHub nests them.

Two things can be wrong with a payload. A field that is there and has the wrong type makes it `Malformed`: GitHub
never sends that. A field that is missing makes it `Foreign`: it is no event of ours, whatever its header says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.hub import RepositoryId
from bot.core.intent import Intent

Payload = Mapping[str, Any]

LONGEST_LINE = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Malformed(Exception):
    """A field has a type that GitHub never gives it."""


class Foreign(Exception):
    """A field that the event must have is missing."""


@dataclass(frozen=True)
class Found:
    """What a delivery asks for: the name of what happened, and what to do about it."""

    key: str
    intents: tuple[Intent, ...]


@dataclass(frozen=True)
class CommentCreated:
    """issue_comment.created. `by_app`: written through a GitHub App, whoever is named as its author."""

    repository: RepositoryId
    issue: int
    on_pull: bool
    comment: int
    author: str
    author_id: int
    author_type: str
    sender_id: int
    by_app: bool
    body: str
    created_at: str


@dataclass(frozen=True)
class PullChanged:
    """pull_request.*, as far as it is needed to know whether to look at the pull request."""

    repository: RepositoryId
    action: str
    number: int
    merged: bool
    merge_commit: str
    head: str
    head_sha: str
    head_repository: int | None
    updated_at: str


@dataclass(frozen=True)
class RunEvent:
    """workflow_run.* and workflow_job.*: a run in some repository."""

    repository: RepositoryId
    run: int
    attempt: int
    status: str
    at: str


def comment_created(payload: Payload) -> CommentCreated:
    """Read an issue_comment payload."""
    comment, issue = part(payload, "comment"), part(payload, "issue")
    author, sender = part(comment, "user"), part(payload, "sender")
    return CommentCreated(
        repository=repository(payload),
        issue=number(issue, "number"),
        on_pull="pull_request" in issue,
        comment=number(comment, "id"),
        author=line(author, "login"),
        author_id=number(author, "id"),
        author_type=line(author, "type"),
        sender_id=number(sender, "id"),
        by_app=comment.get("performed_via_github_app") is not None,
        body=text(comment, "body"),
        created_at=moment(comment, "created_at").isoformat(),
    )


def pull_changed(payload: Payload) -> PullChanged:
    """Read a pull_request payload."""
    pull = part(payload, "pull_request")
    head = part(pull, "head")
    source = head.get("repo")
    return PullChanged(
        repository=repository(payload),
        action=line(payload, "action"),
        number=number(pull, "number"),
        merged=pull.get("merged") is True,
        merge_commit=line(pull, "merge_commit_sha") if "merge_commit_sha" in pull else "",
        head=line(head, "ref"),
        head_sha=line(head, "sha"),
        head_repository=number(source, "id") if isinstance(source, dict) else None,
        updated_at=moment(pull, "updated_at").isoformat(),
    )


def run_event(payload: Payload, name: str, id_field: str, at_fields: Sequence[str]) -> RunEvent:
    """Read a workflow_run or workflow_job payload: `name` is the part, `id_field` where the run's id stands."""
    thing = part(payload, name)
    times = [line(thing, field) for field in at_fields if thing.get(field) is not None]
    job = line(thing, "name") if "name" in thing else ""
    return RunEvent(
        repository=repository(payload),
        run=number(thing, id_field),
        attempt=number(thing, "run_attempt") if "run_attempt" in thing else 1,
        status=f"{job}/{line(thing, 'status')}",
        at=times[0] if times else "",
    )


def repository(payload: Payload) -> RepositoryId:
    """The repository that the event is about, through the installation that told it."""
    return repository_in(part(payload, "repository"), payload)


def repository_in(shape: Payload, payload: Payload) -> RepositoryId:
    """A repository named anywhere in a payload."""
    return RepositoryId(number(shape, "id"), installation(payload), line(shape, "full_name"))


def installation(payload: Payload) -> int:
    """The installation through which the event came."""
    return number(part(payload, "installation"), "id")


def part(payload: Payload, name: str) -> Payload:
    """An object inside the payload."""
    value = payload.get(name)
    if value is None:
        raise Foreign(name)
    if not isinstance(value, dict):
        raise Malformed(name)
    return value


def number(payload: Payload, name: str) -> int:
    """A positive whole number."""
    value = payload.get(name)
    if value is None:
        raise Foreign(name)
    if type(value) is not int or not 0 < value < 2**63:
        raise Malformed(name)
    return value


def text(payload: Payload, name: str) -> str:
    """A string; a missing one is empty where GitHub sends null for it."""
    if name not in payload:
        raise Foreign(name)
    value = payload[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def line(payload: Payload, name: str) -> str:
    """A name, a ref, a commit: one short line. A control character there would travel into keys and log lines."""
    value = text(payload, name)
    if len(value) > LONGEST_LINE or _CONTROL.search(value):
        raise Malformed(name)
    return value


def moment(payload: Payload, name: str) -> datetime:
    """A time with its zone, as GitHub writes it: 2013-10-25T12:00:00Z."""
    try:
        value = datetime.fromisoformat(line(payload, name).replace("Z", "+00:00"))
    except ValueError:
        raise Malformed(name) from None
    if value.tzinfo is None:
        raise Malformed(name)
    return value


def stamp(payload: Payload, name: str) -> str:
    """What tells one time from another, as it stands; empty where there is none.

    GitHub writes a moment as a text in some payloads and as a number in others.
    """
    if isinstance(payload.get(name), int):
        return str(number(payload, name))
    return line(payload, name) if name in payload else ""


def parts(payload: Payload, name: str) -> list[Payload]:
    """A list of objects inside the payload; a missing one is empty where GitHub sends null for it."""
    if name not in payload:
        raise Foreign(name)
    value = payload[name] or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(name)
    return value


NUMBERED = ("comment", "issue", "pull_request", "repository", "installation", "sender", "workflow_run", "check_run")


def check_ids(payload: Payload) -> None:
    """Refuse ids that are no positive whole numbers, wherever GitHub puts ids that are used here."""
    for name in NUMBERED:
        value = payload.get(name)
        if isinstance(value, dict) and value.get("id") is not None:
            number(value, "id")
