"""Which names of branches, tags and commits a release may be made from: fewer than git allows, none that harm.

The names travel into addresses, commands and Markdown, and two that look the same must not be two. So only plain
ASCII names without a meaning of their own to git or a shell are taken; git's own rules are kept along.
"""

from __future__ import annotations

import re

MAX_NAME = 100
_PLACES = ("refs/heads/", "refs/tags/", "refs/")
_PART = r"[A-Za-z0-9_@][A-Za-z0-9_.+@=-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_OBJECT_ID = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def revision_problem(revision: str) -> str | None:
    """Why a project must not be at this revision, or None: it is a full commit id or a ref."""
    if _COMMIT.fullmatch(revision):
        return None if revision.strip("0") else "it is the id that means nothing"
    return ref_problem(revision)


def ref_problem(ref: str) -> str | None:
    """Why this ref, full or the short name of a branch, must not be used, or None."""
    name = next((ref.removeprefix(place) for place in _PLACES if ref.startswith(place)), ref)
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it is longer than {MAX_NAME} characters"
    if _OBJECT_ID.fullmatch(name):
        return "it looks like a commit id but is none: a commit id has forty digits, 0-9 and a-f"
    if name.startswith("refs/"):
        return "it has refs/ twice"
    if re.fullmatch("(?:[A-Z]+_)?HEAD|@", name):
        return "it has a meaning of its own to git"
    if not _NAME.fullmatch(name):
        return "it has characters that no name of a release may have"
    if ".." in name or any(part.endswith((".", ".lock")) for part in name.split("/")):
        return "git allows no such name"
    return None
