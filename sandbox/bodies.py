"""What the fields of a request's body may hold: GitHub refuses another type before it looks at what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.auth import Refused

Holds = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _title(value: Any) -> bool:
    return _text(value) or _number(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _list(item: Holds) -> Holds:
    return lambda value: isinstance(value, list) and all(map(item, value))


def _named(key: str) -> Holds:
    """A text, or an object that holds it under this key."""
    return lambda value: _text(value) or (isinstance(value, dict) and _text(value.get(key)))


def _words(*words: str) -> Holds:
    return lambda value: value in words


def _output(value: Any) -> bool:
    return isinstance(value, dict) and all(_text(value[name]) for name in ("title", "summary", "text") if name in value)


def _permissions(value: Any) -> bool:
    return isinstance(value, dict) and all(each in ("read", "write", "admin") for each in value.values())


FIELDS: Mapping[str, Holds] = {
    "assignees": _list(_named("login")),
    "base": _text,
    "body": _text,
    "commit_id": _text,
    "commit_message": _text,
    "commit_title": _text,
    "conclusion": _text,
    "content": _text,
    "details_url": _text,
    "draft": _flag,
    "enable_debug_logging": _flag,
    "event": _text,
    "external_id": _text,
    "force": _flag,
    "head": _text,
    "head_sha": _text,
    "inputs": _object,
    "labels": _list(_named("name")),
    "maintainer_can_modify": _flag,
    "merge_method": _words("merge", "squash", "rebase"),
    "name": _text,
    "output": _output,
    "permissions": _permissions,
    "ref": _text,
    "repositories": _list(_text),
    "repository_ids": _list(_number),
    "return_run_details": _flag,
    "sha": _text,
    "state": _words("open", "closed"),
    "status": _text,
    "title": _text,
}
"""A name means the same on every route."""
SPECIAL: Mapping[str, Mapping[str, Holds]] = {
    "POST /repos/{repo}/issues": {"title": _title},
    "PATCH /repos/{repo}/issues/<int:number>": {
        "title": lambda value: value is None or _title(value),
        "body": lambda value: value is None or _text(value),
    },
    "DELETE /repos/{repo}/issues/<int:number>/assignees": {"assignees": _list(_text)},
}
"""What a route takes beyond that, or less."""


def check(route: str, body: Mapping[str, Any]) -> None:
    """Refuse a body in which a field holds what it may not."""
    holds = {**FIELDS, **SPECIAL.get(route, {})}
    for name, value in body.items():
        if name in holds and not holds[name](value):
            raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} will not do.")
