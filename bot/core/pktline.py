"""Git's packet lines and the one exchange of protocol v2 that is needed here: which commit is each ref at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FLUSH = b"0000"
DELIMITER = b"0001"
LONGEST = 65516
_ROW = re.compile(rb"([0-9a-f]{40}) ([^\x00-\x20\x7f]+)((?: [^\x00-\x20\x7f]+)*)\n?")
_PEELED = re.compile(rb" peeled:([0-9a-f]{40})(?: |$)")


class BadPackets(Exception):
    """What came is no answer to `ls-refs`: another protocol, another hash, or garbage."""


def line(payload: bytes) -> bytes:
    """One packet. Raises ValueError for more than a packet can hold."""
    if len(payload) > LONGEST:
        raise ValueError("a packet line holds 65,516 bytes at most")
    return b"%04x%s" % (len(payload) + 4, payload)


def ls_refs(prefixes: Iterable[str]) -> bytes:
    """The request body that asks for refs by prefix, annotated tags peeled."""
    arguments = [b"peel\n", *(f"ref-prefix {prefix}\n".encode() for prefix in prefixes)]
    head = line(b"command=ls-refs\n") + line(b"object-format=sha1")
    return head + DELIMITER + b"".join(map(line, arguments)) + FLUSH


def refs(answer: bytes) -> dict[str, str]:
    """Ref to commit from an `ls-refs` answer; an annotated tag counts by its commit. Raises BadPackets."""
    found: dict[str, str] = {}
    for payload in _packets(answer):
        row = _ROW.fullmatch(payload)
        if row is None:
            raise BadPackets("a line that is no ref")
        peeled = _PEELED.search(row[3])
        found[row[2].decode("utf-8", "replace")] = (peeled[1] if peeled else row[1]).decode()
    return found


def _packets(answer: bytes) -> Iterable[bytes]:
    """The packets up to the flush that must end them."""
    at = 0
    while answer[at : at + 4] != FLUSH:
        size = answer[at : at + 4]
        if not re.fullmatch(rb"[0-9a-f]{4}", size) or int(size, 16) < 5 or at + int(size, 16) > len(answer):
            raise BadPackets("no packet where one should begin")
        yield answer[at + 4 : at + int(size, 16)]
        at += int(size, 16)


def asked_for(found: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """Of what a server sent, only what was asked for: a prefix such as refs/heads/ by its slash, else exactly."""
    whole = {each for each in wanted if not each.endswith("/")}
    starts = tuple(each for each in wanted if each.endswith("/"))
    return {ref: commit for ref, commit in found.items() if ref in whole or (starts and ref.startswith(starts))}
