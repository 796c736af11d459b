"""Names that may be handed to git or asked of a server: checked once, here, and carried by their types from then on.

The names travel into addresses, commands and Markdown, and two that look the same must not be two. So only plain
ASCII names without a meaning of their own to git or a shell are taken; git's own rules are kept along.
"""

from __future__ import annotations

import re

MAX_NAME = 100
_BRANCHES_AND_TAGS = ("refs/heads/", "refs/tags/")
_PART = r"[A-Za-z0-9_@][A-Za-z0-9_.+@=-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_OBJECT_ID = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_OF_GIT = re.compile(r"(?:[A-Z]+_)?HEAD|@")
_REF = re.compile(r"refs/(?:heads|tags|pull|manifest-release-bot)/([A-Za-z0-9._+@/-]+)")
_SHA = re.compile(r"[0-9a-f]{40}")
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\]"
_URL = re.compile(rf"(https?://(?:{_HOST})(?::[0-9]{{1,5}})?)(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
_ESCAPED = re.compile(r"%(?:[01][0-9a-f]|2[5ef]|5c|7f|(?![0-9a-f]{2}))", re.IGNORECASE)
MAX_URL = 2000


def name_problem(name: str) -> str | None:
    """Why a branch or tag must not have this name, without its refs/heads/ or refs/tags/, or None."""
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it is longer than {MAX_NAME} characters"
    if _OBJECT_ID.fullmatch(name):
        return "it looks like a commit id but is none: a commit id has forty digits, 0-9 and a-f"
    if name.startswith("refs/"):
        return "it has refs/ twice"
    if _OF_GIT.fullmatch(name):
        return "it has a meaning of its own to git"
    if not _NAME.fullmatch(name):
        return "it has characters that no name of a release may have"
    if ".." in name or any(part.endswith((".", ".lock")) for part in name.split("/")):
        return "git allows no such name"
    return None


def ref_problem(ref: str) -> str | None:
    """Why this ref, full or the short name of a branch, must not be used, or None."""
    place = next((place for place in _BRANCHES_AND_TAGS if ref.startswith(place)), "")
    if ref.startswith("refs/") and not place:
        return "it is neither a branch nor a tag, and others may be able to move it"
    return name_problem(ref.removeprefix(place))


def revision_problem(revision: str) -> str | None:
    """Why a project must not be at this revision, or None: it is a full commit id, a branch or a tag."""
    if _SHA.fullmatch(revision):
        return None if revision.strip("0") else "it is the id that means nothing"
    return ref_problem(revision)


class RefName(str):
    """A full ref name such as refs/heads/build-115: a subset of what `git check-ref-format` takes."""

    __slots__ = ()

    def __new__(cls, text: str) -> RefName:
        """Raises ValueError for anything else."""
        match = _REF.fullmatch(text)
        if not match or name_problem(match[1]):
            raise ValueError(f"{text[:80]!r} is no ref name that this program uses")
        return super().__new__(cls, text)


class Sha(str):
    """A full object id: forty characters of hexadecimal, in lower case."""

    __slots__ = ()

    def __new__(cls, text: str) -> Sha:
        """Raises ValueError for anything else."""
        if not _SHA.fullmatch(text):
            raise ValueError(f"{text[:80]!r} is no full object id")
        return super().__new__(cls, text)


class RepositoryUrl(str):
    """The http(s) address of a repository: scheme, host, perhaps a port, path. No user, query, fragment or dot-dot.

    Scheme and host are in lower case, so that one host has one spelling.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> RepositoryUrl:
        """Raises ValueError for anything else. The message does not repeat it: it may hold a password."""
        match = _URL.fullmatch(text)
        escapes = _ESCAPED.search(text) or any(part in (".", "..") for part in text.split("/"))
        if not match or escapes or len(text) > MAX_URL:
            raise ValueError("this is no plain http or https address of a repository")
        return super().__new__(cls, match[1].lower() + (match[2] or ""))
