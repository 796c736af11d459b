"""Git's packet lines and the one exchange of protocol v2 that is needed here: which commit is each ref at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

FLUSH = b"0000"
DELIMITER = b"0001"
LONGEST = 65516
_ROW = re.compile(rb"([0-9a-f]{40}) ([^\x00-\x20\x7f]+)((?: [^\x00-\x20\x7f]+)*)\n?")
_PEELED = re.compile(rb" peeled:([0-9a-f]{40})(?: |$)")
_ASKABLE = re.compile(r"HEAD|refs/(?:[^\x00-\x20\x7f~^:?*\\\[]{0,250})")


class BadPackets(Exception):
    """What came is no answer to `ls-refs`: another protocol, another hash, or garbage."""


def askable(ref: str) -> bool:
    """Whether this can be the name of a ref, or a prefix of names that ends in a slash."""
    return bool(_ASKABLE.fullmatch(ref)) and ref.isprintable() and ".." not in ref and "//" not in ref


def line(payload: bytes) -> bytes:
    """One packet. Raises ValueError for more than a packet can hold."""
    if len(payload) > LONGEST:
        raise ValueError("a packet line holds 65,516 bytes at most")
    return b"%04x%s" % (len(payload) + 4, payload)


def ls_refs(prefixes: Iterable[str]) -> bytes:
    """The request body that asks for refs by prefix, annotated tags peeled. Raises ValueError for no ref's name."""
    arguments = [b"peel\n"]
    for prefix in prefixes:
        if not askable(prefix):
            raise ValueError(f"{prefix[:80]!r} is no name of a ref")
        arguments.append(f"ref-prefix {prefix}\n".encode())
    head = line(b"command=ls-refs\n") + line(b"object-format=sha1")
    return head + DELIMITER + b"".join(map(line, arguments)) + FLUSH


def refs(answer: bytes) -> dict[str, str]:
    """Ref to commit from an `ls-refs` answer; an annotated tag counts by its commit. Raises BadPackets."""
    found: dict[str, str] = {}
    for payload in packets(answer):
        row = _ROW.fullmatch(payload)
        if row is None:
            raise BadPackets("a line that is no ref")
        peeled = _PEELED.search(row[3])
        commit = (peeled[1] if peeled else row[1]).decode()
        try:
            ref = row[2].decode()
        except UnicodeDecodeError:
            continue  # nobody can ask for it
        if found.setdefault(ref, commit) != commit:
            raise BadPackets("two values for one ref")
    return found


def packets(answer: bytes) -> Iterator[bytes]:
    """The packets of an answer, which one flush packet must end. Raises BadPackets."""
    at = 0
    while (size := answer[at : at + 4]) != FLUSH:
        if not re.fullmatch(rb"[0-9a-f]{4}", size) or int(size, 16) < 5 or at + int(size, 16) > len(answer):
            raise BadPackets("no packet where one should begin")
        yield answer[at + 4 : at + int(size, 16)]
        at += int(size, 16)
    if at + 4 != len(answer):
        raise BadPackets("more follows the end")


def asked_for(found: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """Of what a server sent, only what was asked for: a prefix such as refs/heads/ by its slash, else exactly."""
    names = tuple(wanted)
    whole = {each for each in names if not each.endswith("/")}
    starts = tuple(each for each in names if each.endswith("/"))
    return {ref: commit for ref, commit in found.items() if ref in whole or (starts and ref.startswith(starts))}
