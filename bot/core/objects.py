"""Commits and tags as bytes: computed here, so that the same plan makes the same object everywhere, and read here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Identity:
    """Who commits or tags."""

    name: str
    email: str

    def at(self, when: datetime) -> str:
        """The person and the moment as git writes them, always in UTC."""
        if when.tzinfo is None:
            raise ValueError("a moment without its time zone is no moment")
        return f"{_plain(self.name)} <{_plain(self.email)}> {int(when.timestamp())} +0000"


def _plain(text: str) -> str:
    """Without what would end the field: angle brackets, line ends, control characters."""
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip() or "unknown"


def commit_payload(
    tree: str, parents: Sequence[str], author: Identity, committer: Identity, when: datetime, message: str
) -> bytes:
    """A commit object's bytes. `tree` and `parents` are full ids; the message ends in one line end."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author.at(when)}", f"committer {committer.at(when)}"]
    return _object(lines, message)


def tag_payload(target: str, tag: str, tagger: Identity, when: datetime, message: str) -> bytes:
    """An annotated tag object's bytes, for a tag of a commit."""
    return _object([f"object {target}", "type commit", f"tag {tag}", f"tagger {tagger.at(when)}"], message)


def _object(lines: Sequence[str], message: str) -> bytes:
    text = message.replace("\0", "").rstrip("\n")
    # Half of a surrogate pair can come in JSON but cannot be written as UTF-8.
    return ("\n".join(lines) + f"\n\n{text}\n").encode("utf-8", "replace")


@dataclass(frozen=True)
class Commit:
    """One commit as read. `author` is the whole line: name, address, seconds, zone."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    committed_at: datetime
    author: str
    message: str


@dataclass(frozen=True)
class Tag:
    """One annotated tag object as read; `payload` is all its bytes, a signature among them."""

    object: str
    target: str
    type: str
    tag: str
    tagger: str
    date: datetime | None
    message: str
    payload: bytes


def read_commit(sha: str, payload: bytes) -> Commit:
    """A commit from its bytes. Raises ValueError where they are none."""
    fields, parents, message = _read(payload)
    if "tree" not in fields or "committer" not in fields:
        raise ValueError("the commit lacks its tree or its committer")
    return Commit(sha, fields["tree"], parents, _moment(fields["committer"]), fields.get("author", ""), message)


def read_tag(sha: str, payload: bytes) -> Tag:
    """An annotated tag from its bytes. Raises ValueError where they are none; a tag of old may lack its tagger."""
    fields, _, message = _read(payload)
    if not {"object", "type", "tag"} <= fields.keys():
        raise ValueError("the tag lacks its object, its type or its name")
    tagger = fields.get("tagger", "")
    date = _moment(tagger) if tagger else None
    return Tag(sha, fields["object"], fields["type"], fields["tag"], tagger, date, message, payload)


def read_tree(payload: bytes) -> Iterator[tuple[str, str, str]]:
    """Mode, name and object id of each row of a tree. Raises ValueError where it breaks off."""
    at = 0
    while at < len(payload):
        space, end = payload.index(b" ", at), payload.index(b"\0", at)
        if end + 21 > len(payload):
            raise ValueError("the tree breaks off")
        yield (
            payload[at:space].decode(),
            payload[space + 1 : end].decode("utf-8", "surrogateescape"),
            payload[end + 1 : end + 21].hex(),
        )
        at = end + 21


def _read(payload: bytes) -> tuple[dict[str, str], tuple[str, ...], str]:
    """The first value of each header, all parents, the message. Continued lines (signatures) begin with a space."""
    head, _, message = payload.decode("utf-8", "replace").partition("\n\n")
    rows = [line.partition(" ")[::2] for line in head.split("\n")]
    fields = {name: value for name, value in reversed(rows) if name}
    return fields, tuple(value for name, value in rows if name == "parent"), message


def _moment(person: str) -> datetime:
    """When, from "Name <address> seconds zone"."""
    found = re.fullmatch(r".*> (-?\d{1,11}) [+-]\d{4}", person)
    if not found:
        raise ValueError("the object's date cannot be read")
    return datetime.fromtimestamp(int(found[1]), UTC)
