"""Git's packet lines and the one exchange of protocol v2 that is needed here: which commit is each ref at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

FLUSH = b"0000"
DELIMITER = b"0001"
LONGEST = 65516
_SIZE = re.compile(rb"[0-9a-f]{4}")
_ROW = re.compile(rb"([0-9a-f]{40}) ([^\x00-\x20\x7f]+)((?: [^\x00-\x20\x7f]+)*)\n?")
_PEELED = re.compile(rb" peeled:([0-9a-f]{40})(?: |$)")
_ASKABLE = re.compile(r"HEAD|refs/(?:[^\x00-\x20\x7f~^:?*\\\[]{0,250})")


class BadPackets(Exception):
    """What came is no answer to `ls-refs`: another protocol, another hash, or garbage."""


class OtherHash(BadPackets):
    """The repository is one of another hash than SHA-1."""


class Row(NamedTuple):
    """One ref: its object, and the commit that it stands for, another one where the object is an annotated tag."""

    ref: str
    object: str
    commit: str


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


def rows(answer: bytes) -> list[Row]:
    """The rows of an `ls-refs` answer. Raises BadPackets; a ref whose name is no text cannot be asked for."""
    found: dict[str, Row] = {}
    for payload in packets(answer):
        read = _ROW.fullmatch(payload)
        if read is None:
            raise BadPackets("a line that is no ref")
        peeled = _PEELED.search(read[3]) if read[3] else None
        try:
            value = read[1].decode()
            row = Row(read[2].decode(), value, peeled[1].decode() if peeled else value)
        except UnicodeDecodeError:
            continue
        if found.setdefault(row.ref, row) != row:
            raise BadPackets("two values for one ref")
    return list(found.values())


def refs(answer: bytes) -> dict[str, str]:
    """Ref to commit from an `ls-refs` answer; an annotated tag counts by its commit. Raises BadPackets."""
    return {row.ref: row.commit for row in rows(answer)}


def listed(printed: bytes) -> list[Row]:
    """The same rows as `git ls-remote` prints them, a tag's commit after it as `ref^{}`. Raises BadPackets."""
    found: dict[str, Row] = {}
    for text in filter(None, printed.decode("utf-8", "replace").split("\n")):
        value, _, name = text.partition("\t")
        if re.fullmatch(r"[0-9a-f]{64}", value):
            raise OtherHash("its object names are SHA-256; only SHA-1 is read")
        if not re.fullmatch(r"[0-9a-f]{40}", value):
            raise BadPackets("its list of refs cannot be read")
        ref = name.removesuffix("^{}")
        found[ref] = Row(ref, found[ref].object if ref in found else value, value)
    return list(found.values())


def packets(answer: bytes) -> Iterator[bytes]:
    """The packets of an answer, which one flush packet must end. Raises BadPackets."""
    at = 0
    while (size := answer[at : at + 4]) != FLUSH:
        end = at + int(size, 16) if _SIZE.fullmatch(size) else 0
        if not at + 4 < end <= len(answer):
            raise BadPackets("no packet where one should begin")
        yield answer[at + 4 : end]
        at = end
    if at + 4 != len(answer):
        raise BadPackets("more follows the end")


def asked_for(found: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """Of what a server sent, only what was asked for: a prefix such as refs/heads/ by its slash, else exactly."""
    names = tuple(wanted)
    whole = {each for each in names if not each.endswith("/")}
    starts = tuple(each for each in names if each.endswith("/"))
    return {ref: commit for ref, commit in found.items() if ref in whole or (starts and ref.startswith(starts))}
