"""Kills the git server in the middle of its work: at a random instant, or between the refs of one push."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from flask import Response, request

from sandbox import Sandbox
from sandbox.faults import Faults
from tests.timeline import TRAP

SOON = 0.03
"""Seconds within which a killing falls after git has begun; most of its work takes 5 to 30 ms."""
CLEARED = 0.4
"""Seconds after which what a dead git left locked is unlocked, as a server's own housekeeping does."""


class Butcher(Faults):
    """Lets everything through until it is told to kill."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._guard = threading.Lock()
        self._calls = 0
        self._pushes = 0
        self.sandbox: Sandbox | None = None
        self.killed = 0
        self.cut = 0

    def kill(self, count: int = 1) -> None:
        """Kill the next git, whatever it does."""
        with self._guard:
            self._calls += count

    def cut_push(self, count: int = 1) -> None:
        """Kill the next push when its refs are locked, and move as many of them as the dice say."""
        with self._guard:
            self._pushes += count

    def disarm(self) -> None:
        """Kill nothing more."""
        with self._guard:
            self._calls = self._pushes = 0

    def during(self, call: str, process: subprocess.Popen[bytes]) -> None:
        """See `Faults`."""
        with self._guard:
            if call == "git receive-pack" and self._pushes:
                self._pushes -= 1
                request.environ["cut"] = path = self._repository()
                (path / TRAP).touch()
            elif self._calls:
                self._calls -= 1
                threading.Thread(
                    target=self._kill_soon, args=(process, self._dice.uniform(0, SOON)), daemon=True
                ).start()

    def after(self, call: str, response: Response) -> Response:
        """See `Faults`. What git did before it died is done here, by the same renames that git does it with."""
        path: Path | None = request.environ.get("cut")
        if path is None:
            return response
        if (path / TRAP).exists():  # it had nothing to lock
            (path / TRAP).unlink()
            return response
        locks = sorted(path.glob("refs/**/*.lock"))
        self._dice.shuffle(locks)
        moved = self._dice.randint(0, len(locks))
        for lock in locks[:moved]:
            lock.rename(lock.with_suffix(""))
        self.cut += 1
        threading.Thread(target=_clear, args=(locks[moved:],), daemon=True).start()
        return response

    def _repository(self) -> Path:
        assert self.sandbox is not None
        owner, name = request.path.split("/")[1:3]
        return self.sandbox.repository(f"{owner}/{name.removesuffix('.git')}").path

    def _kill_soon(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        time.sleep(seconds)
        if process.poll() is not None:  # too late: kill the next one instead
            self.kill()
            return
        self.killed += 1
        for each in [*_descendants(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """The processes that this one has begun, and those that they have begun."""
    try:
        children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *(each for child in children for each in _descendants(child))]


def _clear(locks: list[Path]) -> None:
    time.sleep(CLEARED)
    for lock in locks:
        lock.unlink(missing_ok=True)
