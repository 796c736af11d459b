"""One worker on a store: two would run the same steps at once, for the engine does not tell them apart."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from bot.store.database import faults, is_sqlite

NAME = "manifest-release-bot worker"


class AnotherWorker(Exception):
    """A worker is running on this store already. The message is one sentence for the operator."""


class Held(Protocol):
    """What a second worker would need; it is let go when closed, and when this process dies."""

    def close(self) -> None:
        """Let it go."""


def hold(engine: sa.Engine, data_dir: Path) -> Held:
    """Become the worker of this store. Raises AnotherWorker where there is one."""
    return _file(data_dir) if is_sqlite(engine) else _advisory(engine)


def _file(data_dir: Path) -> Held:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (data_dir / "worker.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise AnotherWorker(f"Another worker is running on {data_dir}: stop it first.") from None
    return lock


def _advisory(engine: sa.Engine) -> Held:
    """PostgreSQL lets go of it when the connection ends, however it ends."""
    with faults():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(sa.text("SELECT pg_try_advisory_lock(hashtext(:name))"), {"name": NAME}).scalar():
            return connection
        connection.close()
    raise AnotherWorker("Another worker is running on this database: this version allows one.")
