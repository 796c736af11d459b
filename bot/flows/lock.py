"""The right to work on a store: all of a SQLite file for one worker alone, or a leased slot of a PostgreSQL database.

The engine takes whoever bears one name for one process, so a name is never borne by two at once.
"""

from __future__ import annotations

import fcntl
from collections.abc import Collection
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from bot.flows.slots import Lease
from bot.store.database import is_sqlite


class AnotherWorker(Exception):
    """A worker is running on this store already. The message is one sentence for the operator."""


class Seat(Protocol):
    """What makes this process a worker. Kept until closed, or until it is lost to another."""

    @property
    def name(self) -> str:
        """Whom the engine writes down as the one at work."""

    @property
    def lost(self) -> bool:
        """Whether another has it now. It never comes back: this process must end."""

    def good(self) -> bool:
        """Whether a step may begin now, as far as this process can tell by itself."""

    def confirm(self, connection: sa.Connection) -> bool:
        """Whether it is still ours, and will be until this transaction has ended."""

    def gone(self, names: Collection[str]) -> set[str]:
        """Which of these will certainly never work again: what they had begun may be taken up. May raise Outage."""

    def leads(self) -> bool:
        """Whether what one worker alone should do is for us. May raise Outage."""

    def close(self) -> None:
        """Give it back."""


def sit(engine: sa.Engine, data_dir: Path, lease_seconds: float) -> Seat:
    """Become a worker of this store. Raises AnotherWorker where there is room for one and it is taken, and Outage."""
    return Alone(data_dir) if is_sqlite(engine) else Lease(engine, lease_seconds)


class Alone:
    """The whole store, by a lock on a file that the system takes off when this process dies."""

    name = "embedded"
    lost = False

    def __init__(self, data_dir: Path) -> None:
        self._file = _lock(data_dir)

    def good(self) -> bool:
        """Always."""
        return True

    def confirm(self, connection: sa.Connection) -> bool:
        """Always."""
        return True

    def gone(self, names: Collection[str]) -> set[str]:
        """Everybody else."""
        return {name for name in names if name != self.name}

    def leads(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Take the lock off."""
        self._file.close()


def _lock(data_dir: Path) -> TextIOWrapper:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (data_dir / "worker.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AnotherWorker(f"Another worker is running on {data_dir}: stop it first.") from None
    return file
