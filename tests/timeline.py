"""Every change of a repository's refs, in order and with its author, as git itself reports it while it happens.

A look at the refs now and then would miss a tag that moved and moved back. So git's own `reference-transaction` hook
writes down each transaction, once its refs are locked and once they have moved; what a killed git could not write down
any more is found by looking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.bare import HEADS, TAGS, ZERO, Git

HOOK = "hooks/reference-transaction"
LOG = "ref-log"
TRAP = "die-with-locks"
"""While this file is in the repository, the next push dies when it has locked its refs and moved none."""
SCRIPT = f"""#!/bin/sh
case "$1" in
prepared)
  printf "~ %s\\n%s\\n" "$REMOTE_USER" "$(cat)" >> "$GIT_DIR/{LOG}"
  [ ! -e "$GIT_DIR/{TRAP}" ] || {{ rm "$GIT_DIR/{TRAP}"; kill -9 $PPID; }} ;;
committed) printf "= %s\\n%s\\n" "$REMOTE_USER" "$(cat)" >> "$GIT_DIR/{LOG}" ;;
esac
"""
_LINE = re.compile(r"[0-9a-f]{40} ([0-9a-f]{40}) (refs/(?:heads|tags)/\S+)")


@dataclass(frozen=True)
class Change:
    """One ref that went from `old` to `new` (ZERO: not there). `by` pushed it; "" is GitHub itself, or a hand on disk.

    Those of one `moment` happened in one transaction. What was `found` by looking happened nobody knows when, and by
    whom where git had told of it before ("?": it had not).
    """

    moment: int
    ref: str
    old: str
    new: str
    by: str
    found: bool = False

    @property
    def made(self) -> bool:
        """Whether it was not there before."""
        return self.old == ZERO

    @property
    def gone(self) -> bool:
        """Whether it is not there any more."""
        return self.new == ZERO


class Timeline:
    """The changes of one repository's branches and tags since this was made."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._log = git.path / LOG
        self._read = 0
        self._moment = 0
        self._begun: dict[tuple[str, str], str] = {}
        """Who was about to move a ref to an object, the last time that anybody was."""
        self.changes: list[Change] = []
        hook = git.path / HOOK
        if not hook.exists():
            hook.write_text(SCRIPT)
            hook.chmod(0o755)
        self._log.touch()
        self._read = self._log.stat().st_size
        self.before = _told(git)
        """The refs when this began."""
        self.refs: dict[str, str] = dict(self.before)
        """The refs as they are after the changes."""

    def look(self) -> list[Change]:
        """What has changed since the last look."""
        known = len(self.changes)
        self._take(self._reported())
        seen = _told(self._git)
        # What git reported while we looked is older than what we saw.
        self._take(self._reported())
        for ref in sorted({*seen, *self.refs}):
            if ref not in seen or self.refs.get(ref) != seen[ref]:
                self._lost(ref)
        return self.changes[known:]

    def _lost(self, ref: str) -> None:
        """A change that is not reported: the git that made it was killed, or has not come to it yet."""
        now = self._git.run("for-each-ref", "--format=%(objectname)", ref) or ZERO
        self._take(self._reported())
        if self.refs.get(ref, ZERO) != now:
            self._moment += 1
            self._add(ref, now, self._begun.get((ref, now), "?"), found=True)

    def _reported(self) -> str:
        with self._log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode()

    def _take(self, text: str) -> None:
        by, moved = "", False
        for line in text.splitlines():
            if line.startswith(("= ", "~ ")):
                by, moved = line[2:], line.startswith("=")
                self._moment += moved
            elif not (told := _LINE.fullmatch(line)):
                continue
            elif moved:
                self._add(told[2], told[1], by)
            else:
                self._begun[told[2], told[1]] = by

    def _add(self, ref: str, new: str, by: str, found: bool = False) -> None:
        old = self.refs.get(ref, ZERO)
        if old == new:
            return  # git reports a deletion twice: from the packed refs and from the loose ones
        self.changes.append(Change(self._moment, ref, old, new, by, found))
        if new == ZERO:
            self.refs.pop(ref, None)
        else:
            self.refs[ref] = new


def _told(git: Git) -> dict[str, str]:
    """Branches and tags, each with the object that it names."""
    return {ref: name for ref, name in _plain(git.refs()).items() if ref.startswith((HEADS, TAGS))}


def _plain(refs: Mapping[str, str]) -> dict[str, str]:
    return {ref: name for ref, name in refs.items() if not ref.endswith("^{}")}
