"""The database engine as this program needs it: SQLite that loses nothing, or PostgreSQL; and what a fault means."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from bot.outage import Outage

FILE = "bot.sqlite3"
HASTE_MS = 1000
"""Who waits shorter than this for another writer is in haste: no statement of theirs takes longer than SLOWEST_MS."""
SLOWEST_MS = 4000
MAKING = {"name": "manifest-release-bot tables"}
PUNCTUAL = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 6000,
}
"""How libpq notices within seconds that the other end went away without a word."""


class Unusable(Exception):
    """This machine's SQLite cannot hold the store. The message is one sentence for the operator."""


def engine_for(url: str | None, data_dir: Path, busy_ms: int = 10_000) -> sa.Engine:
    """The engine for `url`, or for a SQLite file in `data_dir` where there is none. Connects at first use.

    `busy_ms` is how long a connection waits for another writer: short where somebody waits for an answer.
    """
    if url is None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = f"sqlite:///{data_dir / FILE}"
    parsed = sa.make_url(url)
    return _sqlite(parsed, busy_ms) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed, busy_ms, 20)


def apart(engine: sa.Engine) -> sa.Engine:
    """A small engine on the same PostgreSQL database, for what must not wait for a connection of the large one."""
    return _postgresql(engine.url, 0, 2)


def is_sqlite(engine: sa.Engine) -> bool:
    """Whether the store is a file on this machine, which one worker alone may work on."""
    return engine.dialect.name == "sqlite"


def _postgresql(url: sa.URL, busy_ms: int, connections: int) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=max(1.0, busy_ms / 1000),
        pool_pre_ping=True,
        connect_args=PUNCTUAL,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        if busy_ms < HASTE_MS:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {SLOWEST_MS}")
            connection.commit()

    return engine


def _sqlite(url: sa.URL, busy_ms: int) -> sa.Engine:
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        raise Unusable(
            f"Python {sys.version_info.major}.{sys.version_info.minor} needs SQLite 3.42 or newer for the store, "
            f"and this one has {sqlite3.sqlite_version}: use Python 3.11, or set DATABASE_URL to a PostgreSQL database."
        )
    engine = sa.create_engine(url, pool_size=20, max_overflow=0, pool_timeout=max(1.0, busy_ms / 1000))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # writers queue at BEGIN, instead of failing in the middle
        connection.execute(f"PRAGMA busy_timeout={busy_ms}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a committed row survives a power cut
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


@contextmanager
def begin(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction: committed at the end of the block, undone when it raises. Faults of the database are an Outage."""
    with faults(), engine.begin() as connection:
        yield connection


@contextmanager
def alone(engine: sa.Engine) -> Iterator[None]:
    """A block that one process at a time is in, for tables are not made by two at once. SQLite sees to it by itself."""
    if is_sqlite(engine):
        yield
        return
    with faults(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Asked for again and again: a statement that waits for it would hold up an index that is made meanwhile.
        while not connection.execute(sa.text("SELECT pg_try_advisory_lock(hashtext(:name))"), MAKING).scalar():
            time.sleep(0.2)
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(hashtext(:name))"), MAKING)


@contextmanager
def faults() -> Iterator[None]:
    """Turns what a database does when it is away, locked or full into an Outage."""
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.DataError):
        raise
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise Outage("database", _reason(error)) from error


def _reason(error: Exception) -> str:
    """The driver's own words, without the statement and its parameters."""
    words = str(error.orig) if isinstance(error, sa.exc.DBAPIError) else "every connection is in use"
    return words.partition("\n")[0][:200] or type(error).__name__


def insert(engine: sa.Engine) -> Callable[[sa.Table], Any]:
    """The dialect's INSERT, which knows ON CONFLICT."""
    if is_sqlite(engine):
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert
