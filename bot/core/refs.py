"""Names of refs and objects that may be handed to git: checked once, here, and carried by their types from then on."""

from __future__ import annotations

import re

_REF = re.compile(r"refs/(?:heads|tags|pull|manifest-release-bot)/[A-Za-z0-9._+@/-]{1,200}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}", re.ASCII)


class RefName(str):
    """A full ref name such as refs/heads/build-115: a subset of what `git check-ref-format` takes."""

    __slots__ = ()

    def __new__(cls, text: str) -> RefName:
        """Raises ValueError for anything else."""
        parts = text.split("/")
        ends = any(not part or part.startswith((".", "-")) or part.endswith((".", ".lock")) for part in parts)
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
