"""A push that dies in its middle: some refs moved, the others locked. No timing decides where it dies.

Git calls its `reference-transaction` hook when all refs of a push are locked and none has moved. There the whole
family of git dies. Then some of the locks are renamed, as git itself would have gone on; the others stay.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

LOCKED = 1
"""Pushes that meet the locks before they are gone, as a server's housekeeping clears them away."""
TRAP = """#!/bin/sh
if [ -x "$GIT_DIR/hooks/reference-transaction" ]; then
  "$GIT_DIR/hooks/reference-transaction" "$@" < /dev/null
fi
[ "$1" != prepared ] || kill -9 0
"""
HAND_ON = '#!/bin/sh\n[ ! -x "$GIT_DIR/hooks/{0}" ] || exec "$GIT_DIR/hooks/{0}" "$@"\n'
OTHERS = ("pre-receive", "update", "post-receive", "proc-receive")


class LockedRefs:
    """The repositories where a push died, and the locks that it left."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._trapped: dict[str, tuple[Path, Path]] = {}
        self._left: dict[str, tuple[int, list[Path]]] = {}

    def trap(self, address: str, folder: Path) -> Mapping[str, str]:
        """The settings of git's with which a push to this address dies when its refs are locked."""
        hooks = Path(tempfile.mkdtemp(prefix="trap-", dir=folder))
        for name, script in (("reference-transaction", TRAP), *((each, HAND_ON.format(each)) for each in OTHERS)):
            (hooks / name).write_text(script)
            (hooks / name).chmod(0o755)
        with self._guard:
            self._trapped[address] = (folder, hooks)
        return {"core.hooksPath": str(hooks)}

    def _spring(self, address: str) -> list[Path]:
        """The locks of the push that died here, in the order of their names; the trap is taken away."""
        with self._guard:
            folder, hooks = self._trapped.pop(address, (None, None))
        if folder is None or hooks is None:
            return []
        shutil.rmtree(hooks)
        return sorted((folder / "refs").rglob("*.lock"))

    def meet(self, address: str) -> None:
        """A push comes: it meets the locks, unless enough have."""
        with self._guard:
            pushes, locks = self._left.pop(address, (0, []))
            if pushes and locks:
                self._left[address] = (pushes - 1, locks)
                return
        for lock in locks:
            lock.unlink(missing_ok=True)

    def clear(self) -> None:
        """No locks any more."""
        with self._guard:
            left, self._left = self._left, {}
        for _, locks in left.values():
            for lock in locks:
                lock.unlink(missing_ok=True)

    def half_done(self, address: str) -> bool:
        """Go on as git would for the first half of the refs; whether a push died here at all.

        Of one ref alone, the half is none. The lock of a ref that is deleted is empty and is not renamed.
        """
        locks = self._spring(address)
        moving = [lock for lock in locks if lock.stat().st_size]
        moved = moving[: len(moving) // 2]
        for lock in moved:
            lock.rename(lock.with_suffix(""))
        with self._guard:
            self._left[address] = (LOCKED, [lock for lock in locks if lock not in moved])
        return bool(locks)
