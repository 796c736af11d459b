"""Our own tables: the inbox of deliveries and what is known of each release, beside the engine's in one database.

Everything about releases here is a cache or a display: git and the pull requests are the truth, and with the
database lost it is written anew. The inbox alone is ours: a delivery is answered 202 when its row is on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from bot.store.database import begin, engine_for
from bot.store.inbox import Delivery, Inbox, InboxRow, Unreadable
from bot.store.releases import FREE, UNPUBLISHED, Release, Releases, ReleaseState
from bot.store.tables import metadata

__all__ = [
    "FREE",
    "UNPUBLISHED",
    "Delivery",
    "InboxRow",
    "Release",
    "ReleaseState",
    "Store",
    "Unreadable",
    "engine_for",
]


class Store(Inbox, Releases):
    """Everything that is stored, by named questions and changes. Safe to share between threads.

    Every method may raise Outage("database"): the disk is full, the file is locked, the server is away.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self.engine = engine
        self.now = now

    def create_tables(self) -> None:
        """Make the tables that are missing. Does nothing to those that are there."""
        with begin(self.engine) as connection:
            metadata.create_all(connection)

    def check(self) -> None:
        """Raise Outage unless the database answers and holds our tables."""
        self.fact("")
