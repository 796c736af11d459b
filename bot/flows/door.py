"""What the receiver needs of the engine: a delivery is stored and its intents queued in one transaction.

Also what the door and the engine must agree on: the queues, and the names under which work waits in them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypedDict

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from bot.core.intent import Intent, Lane
from bot.flows.ticket import Ticket
from bot.store import Delivery, InboxRow, Store
from bot.store.database import alone, faults

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
_UNFINISHED = ["ENQUEUED", "PENDING", "DELAYED"]
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


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
            if not self._store.count_attempt(connection, row.seq, row.attempts + 1, row.outcome):
                return  # it ended, or was begun anew, since it was read
            name = row.delivery.guid or row.delivery.key
            self._queue_all(connection, row.seq, row.attempts + 2, row.intents, name)

    def park(self, row: InboxRow, reason: str) -> None:
        """Give a row up for now."""
        self._store.park(row, reason)

    def at_work(self, seq: int) -> bool:
        """Whether anything of this row is queued or under way."""
        with faults():
            return bool(
                self._client.list_workflows(
                    workflow_id_prefix=f"{seq:012d}.", status=_UNFINISHED, limit=1, load_input=False, load_output=False
                )
            )

    def under_way(self) -> dict[str, str]:
        """The names of the tries that somebody has begun, and of whom."""
        with faults():
            begun = self._client.list_workflows(status="PENDING", load_input=False, load_output=False)
            return {each.workflow_id: each.executor_id or "" for each in begun}

    def begun_by(self, name: str) -> str | None:
        """Whose this try is, if it is under way."""
        with faults():
            found = self._client.list_workflows(workflow_ids=[name], load_input=False, load_output=False)
        return next((each.executor_id for each in found if each.status == "PENDING"), None)

    def hand_back(self, name: str, worker: str) -> bool:
        """Put a try that this worker had begun back in its queue, where it keeps its place. False if it moved on.

        Whatever still runs it can record nothing more: the engine gives the next one who begins it another token.
        """
        with faults():
            return self._client._sys_db.reenqueue_for_recovery(name, [worker], "control")

    def wake(self, after: datetime) -> None:
        """Have what waits for a moment beyond this one begin now: it was queued while the clock was wrong."""
        with faults():
            for each in self._client.list_workflows(status="DELAYED", load_input=False, load_output=False):
                if (each.delay_until_epoch_ms or 0) > after.timestamp() * 1000:
                    self._client.set_workflow_delay(each.workflow_id, delay_seconds=0)

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
    """Make or bring up to date all tables, the engine's too, and the queues. Safe to repeat, and at once by several."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    client = DBOSClient(system_database_engine=store.engine, lazy=True, serializer=JSON, application_name=APPLICATION)
    with alone(store.engine), faults():
        store.create_tables()
        DBOS.migrate(store.engine.url.render_as_string(hide_password=False))
        for lane, limits in LANES.items():
            client.register_queue(lane, polling_interval_sec=queue_poll_seconds, **limits)
