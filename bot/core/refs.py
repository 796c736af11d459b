"""Names that may be handed to git or asked of a server: checked once, here, and carried by their types from then on."""

from __future__ import annotations

import re

_REF = re.compile(r"refs/(?:heads|tags|pull|manifest-release-bot)/[A-Za-z0-9._+@/-]{1,200}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}", re.ASCII)
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\]"
_URL = re.compile(rf"https?://(?:{_HOST})(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.ASCII)
_ESCAPED = re.compile(r"%(?:[01][0-9a-f]|2[ef]|5c|7f|(?![0-9a-f]{2}))", re.IGNORECASE)


class RefName(str):
    """A full ref name such as refs/heads/build-115: a subset of what `git check-ref-format` takes."""

    __slots__ = ()

    def __new__(cls, text: str) -> RefName:
        """Raises ValueError for anything else."""
        parts = text.split("/")
        # A leading dash or plus is legal to git; on a command line the one is an option, the other means force.
        ends = any(not part or part.startswith((".", "-", "+")) or part.endswith((".", ".lock")) for part in parts)
        if not _REF.fullmatch(text) or ends or ".." in text:
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
    """The http(s) address of a repository: scheme, host, perhaps a port, path. No user, query, fragment or dot-dot."""

    __slots__ = ()

    def __new__(cls, text: str) -> RepositoryUrl:
        """Raises ValueError for anything else. The message does not repeat it: it may hold a password."""
        escapes = _ESCAPED.search(text) or any(part in (".", "..") for part in text.split("/"))
        if not _URL.fullmatch(text) or escapes:
            raise ValueError("this is no plain http or https address of a repository")
        return super().__new__(cls, text)
