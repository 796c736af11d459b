"""What became of a push: judged from what the server holds afterwards, and only then from what git said.

An exit status proves nothing: a push can succeed and its answer be lost, or be refused for a ref that already is
where it should be. So each ref is compared with what was expected and what was wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

RefState = Literal["done", "unchanged", "other"]
Verdict = Literal["accepted", "rejected", "forbidden", "unknown"]

_NOTHING = "0" * 40
_ROW = re.compile(r"(.)\t[^\t:]*:([^\t]+)\t(\[[^\]]*\])?[^(]*(?:\((.*)\))?")
# Refusals that another attempt may not meet: a lock, a race inside the server, a server in trouble.
_PASSING = re.compile(
    r"cannot lock|failed to lock|\.lock|failed to update|incorrect old value|already exists|but expected|unpacker|"
    r"atomic|internal|time[d -]*out|unable to|try again|unavailable|missing necessary objects",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RefUpdate:
    """Move `ref` from exactly `expected` (None: must not exist) to `new` (None: delete it).

    Raises ValueError for an id of zeros: git takes it for "no object", so that a move would be a deletion.
    """

    ref: str
    expected: str | None
    new: str | None

    def __post_init__(self) -> None:
        if _NOTHING in (self.expected, self.new):
            raise ValueError(f"an id of zeros names no object; that {self.ref[:80]!r} is absent is said by None")


@dataclass(frozen=True)
class PushResult:
    """What the server has after a push. `done`: the new value; `unchanged`: the expected one; `other`: neither."""

    now: Mapping[str, str | None]
    states: Mapping[str, RefState]

    @property
    def ok(self) -> bool:
        """Whether all of it is as asked for."""
        return all(state == "done" for state in self.states.values())


@dataclass(frozen=True)
class Rejection:
    """One ref that git says was not updated, and git's or the server's reason."""

    ref: str
    by_server: bool
    reason: str


def compare(updates: Sequence[RefUpdate], now: Mapping[str, str | None]) -> PushResult:
    """The state of each ref, given what was read back."""
    states: dict[str, RefState] = {}
    for update in updates:
        value = now.get(update.ref)
        states[update.ref] = "done" if value == update.new else "unchanged" if value == update.expected else "other"
    return PushResult({update.ref: now.get(update.ref) for update in updates}, states)


def rejections(porcelain: str) -> list[Rejection]:
    """The refused refs of `git push --porcelain`, one line each: flag, from:to, summary and (reason)."""
    rows = (_ROW.fullmatch(line) for line in porcelain.split("\n"))
    return [Rejection(row[2], row[3] == "[remote rejected]", row[4] or "") for row in rows if row and row[1] == "!"]


def verdict(result: PushResult, refused: Sequence[Rejection]) -> Verdict:
    """`rejected`: somebody else moved a ref. `forbidden`: the server's rules say no. `unknown`: ask again later."""
    if result.ok:
        return "accepted"
    if "other" in result.states.values() or any(not each.by_server and "stale" in each.reason for each in refused):
        return "rejected"
    if any(each.by_server and not _PASSING.search(each.reason) for each in refused):
        return "forbidden"
    return "unknown"


def forbidden_words(refused: Sequence[Rejection], remote: str) -> str:
    """Why the server forbids it: git's reason, then the server's own lines, without addresses, on one line."""
    reason = next(each.reason for each in refused if each.by_server and not _PASSING.search(each.reason))
    said = [line.removeprefix("remote:").strip() for line in remote.split("\n") if line.startswith("remote:")]
    told = [line for line in said if line and not line.startswith("Review all ")]  # what follows is an address
    words = " ".join([reason, *(re.sub(r"^error: ", "", line) for line in told)])
    plain = re.sub(r"https?://\S+", "", words)
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in plain)).strip()[:300]
