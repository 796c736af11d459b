"""The files of one commit, as a value: what a plan reads and what a plan writes.

A manifest repository is small (tens of files), so its whole tree is held in memory and two trees are
compared file by file. Links are followed here, inside the tree and nowhere else.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

FILE = "100644"
EXECUTABLE = "100755"
LINK = "120000"


def object_id(kind: str, payload: bytes) -> str:
    """The SHA-1 name git gives an object of this kind ("blob", "commit", "tag") with these bytes."""
    return hashlib.sha1(f"{kind} {len(payload)}\0".encode() + payload, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One file of a tree: its git mode ("100644", "100755", "120000") and its bytes (a link's are its target)."""

    mode: str
    data: bytes

    @property
    def blob(self) -> str:
        """The id of the blob that holds `data`."""
        return object_id("blob", self.data)


@dataclass(frozen=True)
class Tree:
    """All files of a commit by path. Equal trees have equal files, modes and bytes."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, path: object) -> bool:
        return path in self.entries

    def get(self, path: str) -> Entry | None:
        """The entry at exactly this path, a link unfollowed, or None."""
        return self.entries.get(path)

    def resolve(self, path: str) -> str | None:
        """Follow at most one relative link at `path`; the path of a regular file inside this tree, or None."""
        entry = self.entries.get(path)
        if entry is None or entry.mode != LINK:
            return path if entry else None
        target = entry.data.decode("utf-8", "replace")
        if target.startswith("/") or target.endswith("/"):
            return None
        landed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        found = self.entries.get(landed)
        return landed if found and found.mode != LINK else None

    def read(self, path: str) -> bytes | None:
        """The bytes of the regular file at `path`, one link followed; None where there is none."""
        landed = self.resolve(path)
        return self.entries[landed].data if landed else None

    def link(self, path: str) -> str | None:
        """The target of the link at `path`, or None where `path` is no link."""
        entry = self.entries.get(path)
        return entry.data.decode("utf-8", "replace") if entry and entry.mode == LINK else None

    def with_changes(self, changes: Mapping[str, Entry | None]) -> Tree:
        """This tree with files set and (None) removed."""
        kept = {path: entry for path, entry in self.entries.items() if path not in changes}
        return Tree(kept | {path: entry for path, entry in changes.items() if entry})

    def changes_to(self, other: Tree) -> dict[str, Entry | None]:
        """What must be set or (None) removed to turn this tree into `other`, by path in byte order."""
        paths = sorted({*self.entries, *other.entries}, key=str.encode)
        return {p: other.get(p) for p in paths if self.get(p) != other.get(p)}
