"""Commits and tags as bytes: computed here, so that the same plan makes the same object everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Identity:
    """Who commits or tags."""

    name: str
    email: str

    def at(self, when: datetime) -> str:
        """The person and the moment as git writes them, always in UTC."""
        return f"{_plain(self.name)} <{_plain(self.email)}> {int(when.astimezone(UTC).timestamp())} +0000"


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
    return ("\n".join(lines) + f"\n\n{text}\n").encode()
