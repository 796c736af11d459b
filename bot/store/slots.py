"""Numbered places for workers that share a database, each leased to one worker at a time by the database's own clock.

A worker is named after its slot and the slot's token, and a token is never given twice: two workers never bear one
name, and a name whose token has gone up is dead for good, whatever its bearer believes. Every change here is one
statement, so that two workers who want the same have it one after the other. PostgreSQL only.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from bot.store.database import begin

# While the server was down nobody could renew: when it is back, everybody has the length of a lease to do so.
_TAKE_FREE = sa.text("""
    UPDATE slots SET holder = :holder, token = token + 1, expires_at = now() + make_interval(secs => :seconds)
    WHERE number = (
        SELECT number FROM slots
        WHERE holder = ''
           OR expires_at <= now() AND pg_postmaster_start_time() <= now() - make_interval(secs => :seconds)
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING number, token
""")
_TAKE_NEW = sa.text("""
    INSERT INTO slots (number, holder, token, expires_at)
    SELECT coalesce(max(number), 0) + 1, :holder, 1, now() + make_interval(secs => :seconds) FROM slots
    ON CONFLICT DO NOTHING RETURNING number, token
""")
_RENEW = sa.text("""
    UPDATE slots SET expires_at = now() + make_interval(secs => :seconds)
    FROM (SELECT expires_at FROM slots WHERE number = :number FOR UPDATE) AS before
    WHERE number = :number AND token = :token AND holder <> ''
    RETURNING extract(epoch FROM before.expires_at - now()) AS had_left
""")
# The server's clock may be set. Back: a lease that ends so late was made before, and its holder has not renewed it.
# Forward: all have run out at once, the caller's too, which then judges nobody until it has renewed its own.
_FENCE = sa.text("""
    UPDATE slots SET token = token + 1, holder = ''
    WHERE holder <> '' AND (expires_at <= now() OR expires_at > now() + make_interval(secs => :far))
      AND number <> :number AND EXISTS (
        SELECT 1 FROM slots AS own WHERE own.number = :number AND own.token = :token AND own.holder <> ''
           AND own.expires_at > now() AND own.expires_at <= now() + make_interval(secs => :far)
      )
      AND pg_postmaster_start_time() <= now() - make_interval(secs => :seconds)
    RETURNING number, token - 1 AS token
""")
_RELEASE = sa.text("UPDATE slots SET holder = '', expires_at = now() WHERE number = :number AND token = :token")
_HELD = sa.text("SELECT number, token FROM slots WHERE holder <> '' ORDER BY number")
_CONFIRM = sa.text("SELECT 1 FROM slots WHERE number = :number AND token = :token AND holder <> '' FOR SHARE")


FAR = 60.0
"""A lease that has two lengths and these seconds left was not made by this clock. The seconds are for a worker whose
LEASE_SECONDS is another, as while it is being changed."""


@dataclass(frozen=True, order=True)
class Slot:
    """A place, and the token under which somebody has or had it."""

    number: int
    token: int

    @property
    def name(self) -> str:
        """What its holder is called."""
        return f"slot-{self.number}.{self.token}"


class Slots:
    """The table of slots. Every method may raise Outage("database")."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def take(self, holder: str, seconds: float) -> Slot:
        """Lease the lowest slot that is free or expired, or a new one. `holder` is for people: who has it."""
        values = {"holder": holder, "seconds": seconds}
        while True:
            for statement in (_TAKE_FREE, _TAKE_NEW):
                with begin(self._engine) as connection:
                    row = connection.execute(statement, values).first()
                if row:
                    return Slot(row.number, row.token)

    def renew(self, slot: Slot, seconds: float) -> float | None:
        """Lease it for so long from now; what it had left, in seconds. None where it was taken over: lost for good."""
        with begin(self._engine) as connection:
            row = connection.execute(_RENEW, {"number": slot.number, "token": slot.token, "seconds": seconds}).first()
        return float(row.had_left) if row else None

    def fence(self, own: Slot, seconds: float) -> tuple[Slot, ...]:
        """Take every lapsed lease of this length from its holder, who can neither renew nor confirm it any more.

        Nobody's unless the caller's own is good by the database's clock.
        """
        values = {"number": own.number, "token": own.token, "seconds": seconds, "far": 2 * seconds + FAR}
        with begin(self._engine) as connection:
            return tuple(Slot(row.number, row.token) for row in connection.execute(_FENCE, values))

    def held(self) -> tuple[Slot, ...]:
        """The slots whose holders may be at work, the lowest first: an expired one too, until it is fenced."""
        with begin(self._engine) as connection:
            return tuple(Slot(row.number, row.token) for row in connection.execute(_HELD))

    def release(self, slot: Slot) -> None:
        """Give it back, with everything that was done as its holder."""
        with begin(self._engine) as connection:
            connection.execute(_RELEASE, {"number": slot.number, "token": slot.token})


def confirm(connection: sa.Connection, slot: Slot) -> bool:
    """Whether the slot is still held, and will be until this transaction has ended."""
    return connection.execute(_CONFIRM, {"number": slot.number, "token": slot.token}).first() is not None
