"""The inbox: every delivery and every find of a sweep that asks for something, once, until it is ended."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.core.hub import RepositoryId
from bot.core.intent import Intent, from_json
from bot.store.database import begin, insert
from bot.store.tables import facts, inbox, repositories

log = logging.getLogger(__name__)

FOR_GOOD = ("comment/", "merged/", "closed/")
"""Keys that are kept for ever: carrying these out a second time is what the inbox prevents (bot.core.keys)."""
SWEEP = "sweep/"
"""How the keys of sweeps begin (bot.core.keys)."""
LONGEST = 2000
"""How much of an outcome's detail is kept, in characters."""


@dataclass(frozen=True)
class Delivery:
    """What is written down of a delivery beside its intents. A sweep's find has no `guid`."""

    key: str
    event: str
    action: str
    repository_id: int
    installation_id: int
    sender: str = ""
    guid: str | None = None
    body_sha256: str = ""
    source: str = "delivery"


@dataclass(frozen=True)
class InboxRow:
    """A stored delivery. `outcome` is None while it is open; `attempts` counts how often it was begun anew."""

    seq: int
    delivery: Delivery
    intents: tuple[Intent, ...]
    received_at: datetime
    attempts: int
    outcome: str | None
    detail: str
    finished_at: datetime | None


@dataclass(frozen=True)
class Unreadable:
    """A row that a newer version of this program stored: it waits for that version to come back."""

    seq: int
    key: str
    kinds: str


class Inbox:
    """The half of the Store that keeps deliveries, and the small facts that sweeps remember."""

    engine: sa.Engine
    now: Callable[[], datetime]

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that several changes share, the engine's among them."""
        return begin(self.engine)

    def add(self, connection: sa.Connection, delivery: Delivery, intents: Sequence[Intent]) -> int | None:
        """Store a delivery in this transaction and return its number; None where its key or GUID is known."""
        values = {
            **asdict(delivery),
            "intents": json.dumps([intent.to_json() for intent in intents], separators=(",", ":")),
            "received_at": self.now().isoformat(),
            "attempts": 0,
            "detail": "",
        }
        added = insert(self.engine)(inbox).values(values).on_conflict_do_nothing().returning(inbox.c.seq)
        seq = connection.execute(added).scalar()
        for repository in {intent.repository for intent in intents} if seq is not None else ():
            self._know_repository(connection, repository)
        return seq

    def body_of(self, connection: sa.Connection, guid: str) -> str | None:
        """The digest of the body that first came with this GUID."""
        found = connection.execute(sa.select(inbox.c.body_sha256).where(inbox.c.guid == guid)).scalar()
        return None if found is None else str(found)

    def seen(self, key: str) -> bool:
        """Whether this happening was taken up already."""
        with self.begin() as connection:
            return connection.execute(sa.select(inbox.c.seq).where(inbox.c.key == key)).first() is not None

    def count_attempt(self, connection: sa.Connection, seq: int, attempts: int, outcome: str | None) -> bool:
        """Note that the row's intents are begun for the so-manieth time; it is open again."""
        again = {"attempts": attempts, "outcome": None, "detail": "", "finished_at": None}
        mine = (inbox.c.seq == seq, inbox.c.attempts == attempts - 1, inbox.c.outcome.is_not_distinct_from(outcome))
        return connection.execute(inbox.update().where(*mine).values(again)).rowcount == 1

    def park(self, row: InboxRow, reason: str) -> None:
        """Note that a row was given up for now, unless it ended or was begun anew since it was read."""
        given_up = {"outcome": "parked", "detail": _text(reason), "finished_at": self.now().isoformat()}
        mine = (inbox.c.seq == row.seq, inbox.c.attempts == row.attempts, inbox.c.outcome.is_(None))
        with self.begin() as connection:
            connection.execute(inbox.update().where(*mine).values(given_up))

    def finish(self, connection: sa.Connection, seq: int, outcome: str, detail: str) -> None:
        """Note how the row's intents ended, in this transaction."""
        ended = {"outcome": outcome, "detail": _text(detail), "finished_at": self.now().isoformat()}
        connection.execute(inbox.update().where(inbox.c.seq == seq).values(ended))

    def delivery(self, seq: int) -> InboxRow | None:
        """One row of the inbox."""
        rows = self._rows(inbox.c.seq == seq)
        return rows[0] if rows else None

    def parked(self, key: str) -> InboxRow | None:
        """The row with this key, if it was given up for now."""
        rows = self._rows(inbox.c.key == key, inbox.c.outcome == "parked")
        return rows[0] if rows else None

    def parked_of(self, repository: int) -> list[InboxRow]:
        """What was given up for now of this repository, oldest first."""
        return self._rows(inbox.c.repository_id == repository, inbox.c.outcome == "parked")

    def outcome(self, key: str) -> str | None:
        """How the row with this key ended; None while it is open, or where there is none."""
        with self.begin() as connection:
            found = connection.execute(sa.select(inbox.c.outcome).where(inbox.c.key == key)).scalar()
            return None if found is None else str(found)

    def open_deliveries(self, before: datetime) -> list[InboxRow]:
        """What came before this moment and has not ended, oldest first.

        So has what seems to come from the future: it was stored while the clock was wrong.
        """
        came = sa.or_(inbox.c.received_at < before.isoformat(), inbox.c.received_at > self.now().isoformat())
        return self._rows(inbox.c.outcome.is_(None), came)

    def open_count(self) -> int:
        """How many rows have not ended."""
        with self.begin() as connection:
            counted = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.outcome.is_(None))
            return int(connection.execute(counted).scalar() or 0)

    def being_swept(self) -> frozenset[int]:
        """The repositories that are asked to be swept, and were not yet."""
        asked = (inbox.c.outcome.is_(None), inbox.c.key.startswith(SWEEP))
        with self.begin() as connection:
            return frozenset(connection.execute(sa.select(inbox.c.repository_id).where(*asked)).scalars())

    def deliveries(self, limit: int = 100, outcome: str | None = None) -> list[InboxRow]:
        """The newest rows, for people; with `outcome`, those that ended so."""
        wanted = () if outcome is None else (inbox.c.outcome == outcome,)
        return self._rows(*wanted, newest=limit)

    def unreadable(self) -> list[Unreadable]:
        """What has not ended, or was given up for now, and asks for something that is unknown here."""
        query = sa.select(inbox).where(sa.or_(inbox.c.outcome.is_(None), inbox.c.outcome == "parked"))
        with self.begin() as connection:
            rows = list(connection.execute(query.order_by(inbox.c.seq)).mappings())
        return [Unreadable(row["seq"], row["key"], _kinds(row)) for row in rows if _intents(row) is None]

    def forget_looks(self, before: datetime) -> None:
        """Delete what ended before this moment and only asked to look how things are: to look again does no harm."""
        done_for_good = sa.or_(*(inbox.c.key.startswith(prefix) for prefix in FOR_GOOD))
        ended = (inbox.c.outcome.is_not(None), inbox.c.received_at < before.isoformat())
        with self.begin() as connection:
            connection.execute(inbox.delete().where(*ended, sa.not_(done_for_good)))

    def repositories(self) -> tuple[RepositoryId, ...]:
        """Every repository that a stored intent was for, with its present name."""
        with self.begin() as connection:
            rows = connection.execute(sa.select(repositories).order_by(repositories.c.id)).mappings()
            return tuple(RepositoryId(row["id"], row["installation"], row["name"]) for row in rows)

    def fact(self, key: str) -> str | None:
        """What was remembered under this key."""
        with self.begin() as connection:
            found = connection.execute(sa.select(facts.c.value).where(facts.c.key == key)).scalar()
            return None if found is None else str(found)

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact, such as how far the last sweep looked."""
        kept = insert(self.engine)(facts).values(key=key, value=value)
        with self.begin() as connection:
            connection.execute(kept.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def _rows(self, *wanted: sa.ColumnElement[bool], newest: int | None = None) -> list[InboxRow]:
        query = sa.select(inbox).where(*wanted).order_by(inbox.c.seq.desc() if newest else inbox.c.seq).limit(newest)
        with self.begin() as connection:
            rows = list(connection.execute(query).mappings())
        found = []
        for row in rows:
            intents = _intents(row)
            if intents is None:
                log.warning("inbox row %d asks for %s, which this version does not know", row["seq"], _kinds(row))
            else:
                found.append(_row(row, intents))
        return found

    def _know_repository(self, connection: sa.Connection, repository: RepositoryId) -> None:
        """Keep the repository's id, and the name and installation it has now."""
        now = {"installation": repository.installation, "name": repository.name}
        known = insert(self.engine)(repositories).values(id=repository.id, **now)
        changed = sa.or_(repositories.c.name != repository.name, repositories.c.installation != repository.installation)
        connection.execute(known.on_conflict_do_update(index_elements=["id"], set_=now, where=changed))


def _intents(row: Any) -> tuple[Intent, ...] | None:
    """What the row asks for; None where that is unknown here, which must hold up no other row."""
    try:
        return tuple(from_json(intent) for intent in json.loads(row["intents"]))
    except (KeyError, TypeError):
        return None


def _kinds(row: Any) -> str:
    return ", ".join(str(intent.get("kind")) for intent in json.loads(row["intents"]))[:200]


def _row(row: Any, intents: tuple[Intent, ...]) -> InboxRow:
    return InboxRow(
        seq=row["seq"],
        delivery=Delivery(**{field.name: row[field.name] for field in fields(Delivery)}),
        intents=intents,
        received_at=datetime.fromisoformat(row["received_at"]),
        attempts=row["attempts"],
        outcome=row["outcome"],
        detail=row["detail"],
        finished_at=datetime.fromisoformat(row["finished_at"]) if row["finished_at"] else None,
    )


def _text(text: str) -> str:
    """A detail as every database takes it: no NUL, no half of a surrogate pair, not too long."""
    return text[:LONGEST].replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()
