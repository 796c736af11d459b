"""One try at one intent, as it waits in a queue, and what follows from how a try ended. Pure: the engine stores it.

A try that met an outage is not repeated in place: it ends, and a later try takes a new place in the queue, so that
whoever waits behind it may go first. Every name made here is a function of the try before, so that a try that is
carried on after a crash makes the same names and orders nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from bot.core.intent import Intent, from_json
from bot.flows.outcome import Outcome


@dataclass(frozen=True)
class Ticket:
    """One try. `seq` and `part`: which intent of which inbox row; `matter`: whether its end is the row's end.

    `round` counts how often the row was begun anew, `attempt` the tries since, `bugs` those that broke on our side
    and `told` whether people know. `lineage` is empty for the row's own intents and names those ordered later.
    """

    intent: Intent
    seq: int
    part: int
    matter: bool
    since: datetime
    delivery: str = ""
    round: int = 1
    attempt: int = 1
    bugs: int = 0
    told: bool = False
    lineage: str = ""

    @property
    def name(self) -> str:
        """Unique, and in the order of the inbox where the clock cannot tell two apart."""
        return self._root + (f".a{self.attempt}" if self.attempt > 1 else "")

    @property
    def incident(self) -> str:
        """What people quote when this broke: the same for every try."""
        return hashlib.sha256(self._root.encode()).hexdigest()[:8]

    @property
    def _root(self) -> str:
        again = f".r{self.round}" if self.round > 1 else ""
        return f"{self.seq:012d}.{self.part}{again}" + (f".{self.lineage}" if self.lineage else "")

    def to_json(self) -> str:
        """One line of ASCII JSON."""
        return json.dumps({**asdict(self), "intent": self.intent.to_json(), "since": self.since.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> Ticket:
        """The ticket that `to_json` wrote, in this version or another: of a newer one, fields unknown here are ignored.

        Raises KeyError on an intent of an unknown kind.
        """
        data = json.loads(text)
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        since = datetime.fromisoformat(data["since"])
        return cls(**{**known, "intent": from_json(data["intent"]), "since": since})

    def ordered(self, index: int, intent: Intent, matter: bool, now: datetime) -> Ticket:
        """The first try at the index-th intent that this one ordered."""
        lineage = hashlib.sha256(f"{self.name}/{index}".encode()).hexdigest()[:12]
        return Ticket(intent, self.seq, self.part, matter, now, self.delivery, self.round, lineage=lineage)


@dataclass(frozen=True)
class Setback:
    """A try that did not come to an end: an outage, or (`bug`) something that broke on our side."""

    reason: str
    retry_after: float | None = None
    bug: bool = False
    told: bool = False


@dataclass(frozen=True)
class Patience:
    """How long to keep trying: waits double from `first` to `longest` seconds, for `limit` seconds in all."""

    first: float = 1.0
    longest: float = 60.0
    limit: float = 3600.0
    bugs: int = 3

    def wait(self, attempt: int, roll: float) -> float:
        """Seconds to wait after this many tries; `roll` from 0 to 1 spreads those that failed together."""
        return min(self.longest, self.first * 2.0 ** min(attempt - 1, 30)) * (0.5 + roll / 2)


@dataclass(frozen=True)
class Settlement:
    """What becomes of a try: the row's end (None: not yet), and the tries to queue, each in so many seconds."""

    outcome: Outcome | None
    queue: tuple[tuple[float, Ticket], ...] = ()


def settle(
    ticket: Ticket, result: Outcome | Setback, now: datetime, roll: Callable[[], float], patience: Patience
) -> Settlement:
    """Decide it."""
    if isinstance(result, Outcome):
        open_still = result.state == "waiting" and bool(result.later)
        return Settlement(
            None if open_still else result,
            tuple(
                (seconds, ticket.ordered(index, intent, ticket.matter and open_still, now))
                for index, (seconds, intent) in enumerate(result.later)
            ),
        )
    bugs = ticket.bugs + result.bug
    wait = max(patience.wait(ticket.attempt, roll()), result.retry_after or 0.0)
    spent = now + timedelta(seconds=wait) - ticket.since > timedelta(seconds=patience.limit)
    if spent or bugs >= patience.bugs:
        return Settlement(Outcome("parked", result.reason))
    again = replace(ticket, attempt=ticket.attempt + 1, bugs=bugs, told=ticket.told or result.told)
    return Settlement(None, ((wait, again),))
