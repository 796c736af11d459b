"""What makes flows durable: the engine takes tries from the queues and carries them out, step by recorded step.

A step runs at least once. With `bot.flows.door`, `recorded` and `takeover` this is all that knows DBOS; the traps of
DBOS 3.4 that shape it are listed in docs/design.md, "Engine".
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from dbos import DBOS, DBOSConfig

from bot.core.intent import Intent
from bot.flows.door import APPLICATION, JSON, ROUNDS, VERSION, WORKFLOW, Door, prepare
from bot.flows.lock import Seat, sit
from bot.flows.outcome import Outcome, Steps
from bot.flows.recorded import Broken, Leave, Recorded
from bot.flows.takeover import Takeover
from bot.flows.ticket import Patience, Setback, Ticket, settle
from bot.logs import bound
from bot.outage import Denied, Outage
from bot.settings import Settings
from bot.store import InboxRow, Store
from bot.store.database import faults

__all__ = ["ROUNDS", "Door", "Engine", "prepare"]

log = logging.getLogger(__name__)

DEATHS = 20
"""Whatever was under way when a worker died so often, the engine takes for what kills it, and begins it no more."""
PAUSES = (0.5, 1, 2, 4, 8, 16, 30)
"""Seconds between tries to write down how something ended."""
KEPT = timedelta(days=30)
"""How long the record of ended work is kept."""


class Engine:
    """Carries intents out. One in a process; one process on a SQLite store, any number on PostgreSQL.

    `carry_out` is the table of flows. `on_bug` tells people, with an incident's id, that something broke on our side;
    it may be called again for the same incident until it returns. `on_parked` tells them that an outage outlasted us.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        carry_out: Callable[[Intent, Steps], Outcome],
        on_bug: Callable[[Intent, str], None] = lambda intent, incident: None,
        on_parked: Callable[[Intent, str], None] = lambda intent, reason: None,
        *,
        roll: Callable[[], float] = random.random,
        patience: Patience | None = None,
    ) -> None:
        self.door = Door(store)
        self._settings = settings
        self._store = store
        self._carry_out = carry_out
        self._on_bug = on_bug
        self._on_parked = on_parked
        self._roll = roll
        self._patience = patience or _patience(settings)
        self._leaving = threading.Event()
        self._running: set[str] = set()
        self._seat: Seat
        self._takeover: Takeover

    def start(self) -> None:
        """Begin, with what a worker before us left. Raises AnotherWorker, and Outage when nothing was begun."""
        prepare(self._store, self._settings.queue_poll_seconds)
        lease = self._settings.lease_seconds
        self._seat = sit(self._store.engine, self._settings.data_dir, lease)
        try:
            with faults():
                self._launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            self._seat.close()
            raise
        self._takeover = Takeover(self.door, self._seat, lambda: frozenset(self._running), min(2.0, lease / 10))
        self._takeover.start()

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._store.engine,
            "application_version": VERSION,
            "executor_id": self._seat.name,
            "serializer": JSON,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)

        def carry_out(ticket: str) -> str:
            return self._work(ticket)

        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=DEATHS)(carry_out)
        DBOS.launch()

    @property
    def lost(self) -> bool:
        """Whether another worker took our place: nothing more is begun here."""
        return self._seat.lost

    def leads(self) -> bool:
        """Whether what one worker alone should do is for us. May raise Outage."""
        return self._seat.leads()

    def stop(self, timeout: float = 8.0) -> None:
        """Take nothing new, let running steps finish for so many seconds, and leave the rest to other workers."""
        self._leaving.set()
        self._takeover.stop()
        DBOS.destroy(workflow_completion_timeout_sec=max(1, int(timeout)), destroy_registry=True)
        self._seat.close()

    def take_up_lost(self) -> int:
        """Begin anew what the inbox holds open though no work for it is queued; returns how many rows.

        It happens when the engine gave work up by itself: a try that killed the worker again and again, or that was
        under way as often when something else did. What ended long ago is forgotten on the way.
        """
        self.door.wake(self._store.now() + timedelta(hours=2))
        self.door.forget(self._store.now() - KEPT)
        self._store.forget_looks(self._store.now() - KEPT)
        lost = [row for row in self._store.open_deliveries(self._store.now()) if self._is_lost(row)]
        for row in lost:
            if row.attempts + 1 >= ROUNDS:
                self.door.park(row, f"its work was lost {ROUNDS} times")
            else:
                self.door.again(row)
            log.error("the work for inbox row %d was lost", row.seq)
        return len(lost)

    def _is_lost(self, row: InboxRow) -> bool:
        """A row and its work begin in one transaction, and end in one: looked at twice, for it may end meanwhile."""
        return not self.door.at_work(row.seq) and self._store.delivery(row.seq) == row

    def _work(self, text: str) -> str:
        """The one durable procedure. It always ends well: what happened is in the settlement, not in an exception."""
        ticket = Ticket.from_json(text)
        if ticket.name in self._running or not self._is_ours(ticket):
            raise Leave
        self._running.add(ticket.name)
        try:
            with bound(delivery=ticket.delivery, repository=ticket.intent.repository.name):
                return self._carry_to_an_end(ticket)
        finally:
            self._running.discard(ticket.name)

    def _is_ours(self, ticket: Ticket) -> bool:
        """Whether nobody took it up meanwhile: the engine may have waited for the database since we began it."""
        try:
            return self.door.begun_by(ticket.name) == self._seat.name
        except Outage as outage:
            log.warning("%s is not begun now: %s", ticket.name, outage)
            return False

    def _carry_to_an_end(self, ticket: Ticket) -> str:
        began = time.monotonic()
        steps = Recorded(self._seat, self._leaving)
        result = self._try(ticket, steps)
        if isinstance(result, Setback) and result.bug and not ticket.told:
            result = self._tell(ticket, result, steps)
        ended = self._settle_in_the_end(ticket, result)
        if isinstance(result, Setback) and not result.bug and ended.startswith("parked"):
            self._tell_of_parking(ticket, result.reason)
        spent = round((time.monotonic() - began) * 1000)
        kind = type(ticket.intent).__name__
        log.info("%s: %s", kind, ended, extra={"ticket": ticket.name, "milliseconds": spent})
        return ended

    def _try(self, ticket: Ticket, steps: Steps) -> Outcome | Setback:
        try:
            return self._carry_out(ticket.intent, steps)
        except Outage as outage:
            return Setback(str(outage), outage.retry_after)
        except Denied as denied:
            if ticket.intent.lane == "acknowledge":
                return Outcome("refused", str(denied))
            log.warning("incident %s: not allowed: %s", ticket.incident, denied)
            return Setback(f"incident {ticket.incident}: {denied}", bug=True)
        except Broken as broken:
            return Setback(f"incident {ticket.incident}: {broken}", bug=True)
        except Exception as error:
            log.exception("incident %s", ticket.incident)
            return Setback(f"incident {ticket.incident}: {type(error).__name__}", bug=True)

    def _tell(self, ticket: Ticket, result: Setback, steps: Steps) -> Setback:
        try:
            steps.run("tell of the incident", self._on_bug, ticket.intent, ticket.incident)
        except Exception:
            log.exception("incident %s could not be told", ticket.incident)
            return result
        return Setback(result.reason, result.retry_after, bug=True, told=True)

    def _tell_of_parking(self, ticket: Ticket, reason: str) -> None:
        try:
            self._on_parked(ticket.intent, reason)
        except Exception:
            log.exception("that %s was given up could not be told", ticket.name)

    def _settle_in_the_end(self, ticket: Ticket, result: Outcome | Setback) -> str:
        """Settle, waiting out a database that is away. No recorded step: to settle twice comes to the same."""
        for pause in PAUSES:
            try:
                return self._settle(ticket, result)
            except Outage as outage:
                log.warning("the end of %s could not be written down yet: %s", ticket.name, outage)
                if self._leaving.wait(pause):
                    raise Leave from None
        raise Leave  # it stays begun by us; `Takeover` puts it back, and its recorded steps are not repeated

    def _settle(self, ticket: Ticket, result: Outcome | Setback) -> str:
        """Write down how the row ended and queue what comes next, in one transaction."""
        settlement = settle(ticket, result, self._store.now(), self._roll, self._patience)
        with self._store.begin() as connection:
            if not self._seat.confirm(connection):
                raise Leave
            if settlement.outcome and ticket.matter:
                self._store.finish(connection, ticket.seq, settlement.outcome.state, settlement.outcome.detail)
            for seconds, later in settlement.queue:
                self.door.enqueue(connection, later, seconds)
        if settlement.outcome:
            return f"{settlement.outcome.state}: {settlement.outcome.detail}"
        return f"again in {settlement.queue[0][0]:.1f} s" + (
            f": {result.reason}" if isinstance(result, Setback) else ""
        )


def _patience(settings: Settings) -> Patience:
    first, longest = settings.retry_first_seconds, settings.retry_longest_seconds
    return Patience(first, longest, settings.retry_limit_seconds)
