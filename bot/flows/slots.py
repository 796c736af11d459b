"""A worker's lease of a slot, and the heart that keeps it: who falls silent is taken over, and does nothing more.

The database's clock says when a lease has run out; our own says when to stop believing in it, which is always sooner,
for it starts before the statement is sent. A worker that cannot reach the database waits, and goes on when the lease
can still be renewed. One that was taken over finds its token gone and ends.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Collection

import sqlalchemy as sa

from bot.outage import Outage
from bot.store.database import apart
from bot.store.slots import Slots, confirm

log = logging.getLogger(__name__)

BEATS = 4
"""How often a lease is renewed while it lasts."""
TRUST = 0.9
"""The part of a lease that we believe in; the rest is for a clock that runs faster than ours."""


class Lease:
    """A leased slot (see `bot.flows.lock.Seat`), renewed by a thread of its own until closed or lost."""

    def __init__(self, engine: sa.Engine, seconds: float) -> None:
        self._seconds = seconds
        self._engine = apart(engine)
        self._slots = Slots(self._engine)
        self._lost = False
        self._over = threading.Event()
        sent = clock()
        self._slot = self._slots.take(f"{socket.gethostname()[:60]} {os.getpid()}", seconds)
        self._until = sent + seconds * TRUST
        self._steady_since = float("-inf")
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)
        self._heart.start()
        log.info("this worker is %s", self.name)

    @property
    def name(self) -> str:
        """The slot's number and token."""
        return self._slot.name

    @property
    def lost(self) -> bool:
        """Whether the slot was taken over."""
        return self._lost

    def good(self) -> bool:
        """Whether nobody can have taken it over yet. Asks our own clock alone, so it costs nothing."""
        return not self._lost and clock() < self._until

    def confirm(self, connection: sa.Connection) -> bool:
        """Asks the database, and keeps the slot until the transaction has ended."""
        if not self._lost and confirm(connection, self._slot):
            return True
        self._lose()
        return False

    def gone(self, names: Collection[str]) -> set[str]:
        """Those whose lease was let run out or given back.

        Who could not reach the database, or found its clock set, does not judge others by it until the length of a
        lease later: it was so for all, and they must have had time to renew theirs.
        """
        if self.good() and clock() - self._steady_since >= self._seconds:
            for slot in self._slots.fence(self._slot, self._seconds):
                log.warning("%s fell silent and was taken over", slot.name)
        held = {slot.name for slot in self._slots.held()}
        return {name for name in names if name not in held}

    def leads(self) -> bool:
        """Whether ours is the lowest slot that is held."""
        return self._slots.held()[:1] == (self._slot,)

    def close(self) -> None:
        """Give the slot back, so that what is left is taken up at once."""
        self._over.set()
        self._heart.join()
        try:
            if not self._lost:
                self._slots.release(self._slot)
        except Outage as outage:
            log.warning("%s could not be given back, and runs out by itself: %s", self.name, outage)
        self._engine.dispose()

    def _beat(self) -> None:
        """Renew, more often while that fails."""
        usual = self._seconds / BEATS
        pause, failing = usual, False
        while not self._over.wait(pause) and not self._lost:
            sent = clock()
            try:
                had_left = self._slots.renew(self._slot, self._seconds)
            except Outage as outage:
                log.warning("%s could not be renewed: %s", self.name, outage)
                self._steady_since = float("inf")
                pause, failing = min(1.0, usual / 2), True
                continue
            if had_left is None:
                self._lose()
                return
            if failing or sent >= self._until or self._was_set(had_left - (self._until - sent)):
                self._steady_since = clock()
                log.warning("%s is renewed again: nobody had taken it over", self.name)
            self._until = sent + self._seconds * TRUST
            pause, failing = usual, False

    def _was_set(self, more: float) -> bool:
        """Whether the database's clock was set: what our lease had left more than we believed tells."""
        return abs(more - self._seconds * (1 - TRUST)) > self._seconds / BEATS

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            log.error("%s was taken over by another worker: this one does nothing more and ends", self.name)


def clock() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
