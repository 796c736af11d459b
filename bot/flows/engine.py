"""What makes flows durable: the only module that knows DBOS.

`Door` stores a delivery and queues its intents in one transaction; the receiver uses nothing else of this module.
`Engine` takes them from the queues and carries them out, step by recorded step. A step runs at least once. The
traps of DBOS 3.4 that shape this file are listed in docs/design.md, "Engine".
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, StepOptions

from bot.core.intent import Intent, Lane
from bot.flows.lock import Held, hold
from bot.flows.outcome import Outcome, Steps
from bot.flows.ticket import Patience, Setback, Ticket, settle
from bot.logs import bound
from bot.outage import Denied, Outage
from bot.settings import Settings
from bot.store import Delivery, InboxRow, Store
from bot.store.database import faults, is_sqlite

log = logging.getLogger(__name__)

APPLICATION = "manifest-release-bot"
WORKFLOW = "carry_out"
VERSION = "1"
"""Pinned: pending work of another version is never taken up, so this changes only with the meaning of a ticket."""
JSON = DBOSPortableJSONSerializer()


class Limits(TypedDict, total=False):
    """How much of a lane runs at once: in one worker, and for one repository."""

    worker_concurrency: int
    partition_concurrency: int


LANES: Mapping[Lane, Limits] = {
    "acknowledge": {"worker_concurrency": 4},
    "control": {"worker_concurrency": 4},
    "release": {"partition_concurrency": 1, "worker_concurrency": 8},
    "follow": {"partition_concurrency": 1, "worker_concurrency": 4},
}
"""The queues. Where a lane is partitioned, each repository's work happens in order, one thing after the other."""
ROUNDS = 5
"""How often an inbox row is begun anew when its work vanished, before it is parked."""
QUIET = timedelta(seconds=60)
PAUSES = (0.5, 1, 2, 4, 8, 16, 30)
"""Seconds between tries to write down how something ended."""
_UNFINISHED = ["ENQUEUED", "PENDING", "DELAYED"]
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
KEPT = timedelta(days=30)
"""How long the record of ended work is kept."""


class Door:
    """Takes deliveries in: once this returned, the work is on disk and will be carried out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._client = DBOSClient(
            system_database_engine=store.engine,
            lazy=True,
            retry_connection_errors=False,
            serializer=JSON,
            application_name=APPLICATION,
        )

    def accept(self, delivery: Delivery, intents: Sequence[Intent]) -> Literal["stored", "duplicate"]:
        """Store the delivery and queue its intents, in one transaction. Raises Outage when nothing was stored."""
        with self._store.begin() as connection:
            seq = self._store.add(connection, delivery, intents)
            if seq is None:
                self._notice_replay(connection, delivery)
                return "duplicate"
            self._queue_all(connection, seq, 1, intents, delivery.guid or delivery.key)
        return "stored"

    def submit(self, key: str, intents: Sequence[Intent], source: str = "sweep") -> Literal["stored", "duplicate"]:
        """The same for what a sweep found, under the key that its delivery has or would have had.

        What is known and was parked is begun anew: the outage that parked it may be over.
        """
        repository = intents[0].repository
        delivery = Delivery(key, source, "", repository.id, repository.installation, source=source)
        result = self.accept(delivery, intents)
        parked = self._store.parked(key) if result == "duplicate" else None
        if parked is None or parked.attempts + 1 >= ROUNDS:
            return result
        self.again(parked)
        return "stored"

    def again(self, row: InboxRow) -> None:
        """Begin the intents of a row anew: it was parked, or its work vanished."""
        with self._store.begin() as connection:
            self._store.count_attempt(connection, row.seq, row.attempts + 1)
            name = row.delivery.guid or row.delivery.key
            self._queue_all(connection, row.seq, row.attempts + 2, row.intents, name)

    def park(self, row: InboxRow, reason: str) -> None:
        """Give a row up for now."""
        with self._store.begin() as connection:
            self._store.finish(connection, row.seq, "parked", reason)

    def at_work(self, seq: int) -> bool:
        """Whether anything of this row is queued or under way."""
        with faults():
            return bool(
                self._client.list_workflows(
                    workflow_id_prefix=f"{seq:012d}.", status=_UNFINISHED, limit=1, load_input=False, load_output=False
                )
            )

    def forget(self, before: datetime, most: int = 500) -> None:
        """Delete the engine's record of work that ended before this moment; the inbox keeps what came of it."""
        with faults():
            ended = self._client.list_workflows(
                completed_before=before.isoformat(), status=_FINISHED, limit=most, load_input=False, load_output=False
            )
            if ended:
                self._client.delete_workflows([each.workflow_id for each in ended])

    def enqueue(self, connection: sa.Connection, ticket: Ticket, seconds: float = 0) -> None:
        """Queue one try in the caller's transaction, to begin in so many seconds. Once: its name decides."""
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": ticket.intent.lane,
            "workflow_id": ticket.name,
            "app_version": VERSION,
        }
        if "partition_concurrency" in LANES[ticket.intent.lane]:
            options["queue_partition_key"] = str(ticket.intent.repository.id)
        if seconds > 0:
            options["delay_seconds"] = seconds
        self._client.enqueue_in_transaction(connection, options, ticket.to_json())

    def _queue_all(
        self, connection: sa.Connection, seq: int, round_: int, intents: Sequence[Intent], delivery: str
    ) -> None:
        now = self._store.now()
        for part, intent in enumerate(intents):
            matter = part == len(intents) - 1  # what comes before the last is courtesy: a reaction
            self.enqueue(connection, Ticket(intent, seq, part, matter, now, delivery, round_))

    def _notice_replay(self, connection: sa.Connection, delivery: Delivery) -> None:
        first = self._store.body_of(connection, delivery.guid) if delivery.guid else None
        if first is not None and first != delivery.body_sha256:
            log.error("ALARM: delivery %s came again with another body; the first one stands", delivery.guid)


def prepare(store: Store, queue_poll_seconds: float = 0.1) -> None:
    """Make or bring up to date all tables, the engine's too, and the queues. Safe to repeat."""
    store.create_tables()
    logging.getLogger("dbos").setLevel(logging.WARNING)
    client = DBOSClient(system_database_engine=store.engine, lazy=True, serializer=JSON, application_name=APPLICATION)
    with faults():
        DBOS.migrate(store.engine.url.render_as_string(hide_password=False))
        for lane, limits in LANES.items():
            client.register_queue(lane, polling_interval_sec=queue_poll_seconds, **limits)


class Engine:
    """Carries intents out. One in a process, one worker process on a store.

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
        self._lock: Held | None = None

    def start(self) -> None:
        """Take up what a worker before us left, and begin. Raises AnotherWorker where one is running."""
        self._lock = hold(self._store.engine, self._settings.data_dir)
        prepare(self._store, self._settings.queue_poll_seconds)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._store.engine,
            "application_version": VERSION,
            "executor_id": "embedded" if is_sqlite(self._store.engine) else "worker-1",
            "serializer": JSON,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)

        def carry_out(ticket: str) -> str:
            return self._work(ticket)

        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=20)(carry_out)
        DBOS.launch()

    def stop(self, timeout: float = 8.0) -> None:
        """Take nothing new, let running steps finish for so many seconds, and leave the rest to the next worker."""
        self._leaving.set()
        DBOS.destroy(workflow_completion_timeout_sec=max(1, int(timeout)), destroy_registry=True)
        if self._lock is not None:
            self._lock.close()

    def take_up_lost(self) -> int:
        """Begin anew what the inbox holds open though no work for it is queued; returns how many rows.

        It happens when the engine gave work up by itself: a try that killed the worker again and again.
        What ended long ago is forgotten on the way.
        """
        self.door.forget(self._store.now() - KEPT)
        self._store.forget_looks(self._store.now() - KEPT)
        lost = [row for row in self._store.open_deliveries(self._store.now() - QUIET) if not self.door.at_work(row.seq)]
        for row in lost:
            if row.attempts + 1 >= ROUNDS:
                self.door.park(row, f"its work was lost {ROUNDS} times")
            else:
                self.door.again(row)
            log.error("the work for inbox row %d was lost", row.seq)
        return len(lost)

    def _work(self, text: str) -> str:
        """The one durable procedure. It always ends well: what happened is in the settlement, not in an exception."""
        ticket = Ticket.from_json(text)
        with bound(delivery=ticket.delivery, repository=ticket.intent.repository.name):
            began = time.monotonic()
            steps = _Recorded(self._leaving)
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
        except _Broken as broken:
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
                    raise _Leave from None
        return self._settle(ticket, result)

    def _settle(self, ticket: Ticket, result: Outcome | Setback) -> str:
        """Write down how the row ended and queue what comes next, in one transaction."""
        settlement = settle(ticket, result, self._store.now(), self._roll, self._patience)
        with self._store.begin() as connection:
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


class _Leave(BaseException):
    """Ends a flow between two steps without an outcome: the next worker carries it on."""


class _Broken(Exception):
    """A step broke on our side; it was logged where it happened."""


class _Recorded:
    """Steps recorded by DBOS. Faults are recorded as values: DBOS would bring back another class of exception."""

    def __init__(self, leaving: threading.Event) -> None:
        self._leaving = leaving

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """See `Steps`."""
        if self._leaving.is_set():
            raise _Leave
        record = DBOS.run_step(StepOptions(name=name), _record, fn, args)
        if "outage" in record:
            raise Outage(*record["outage"])
        if "denied" in record:
            raise Denied(*record["denied"])
        if "bug" in record:
            raise _Broken(record["bug"])
        return record["value"]


def _record(fn: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Any]:
    """What the step returned, as JSON brings it back, or how it failed."""
    try:
        return {"value": json.loads(json.dumps(fn(*args)))}
    except Outage as outage:
        return {"outage": [outage.system, outage.reason, outage.retry_after]}
    except Denied as denied:
        return {"denied": [denied.system, denied.reason, denied.status]}
    except Exception as error:
        log.exception("the step %s broke", getattr(fn, "__name__", fn))
        return {"bug": f"{type(error).__name__}: {error}"}
