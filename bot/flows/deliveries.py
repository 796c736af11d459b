"""Have GitHub deliver again what did not arrive: it keeps each delivery for three days and repeats none by itself.

The sweeps find most of what was lost by looking; this brings the rest, and everything sooner after an outage.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from bot.flows.desk import Desk
from bot.gh.deliveries import HookDelivery

log = logging.getLogger(__name__)

FACT = "deliveries"
FIRST_LOOK = timedelta(hours=1)
"""How far the first look goes back: what is older and matters is found by the sweeps."""
OVERLAP = timedelta(minutes=5)
"""How much of the time before it each later look sees again: a try is listed when it has ended."""
KEPT = timedelta(days=3)
"""So long GitHub can deliver again."""
PAUSES = (timedelta(0), timedelta(minutes=2), timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))
"""How long after the try before each new try is asked for; after the last one it is given up."""
AT_ONCE = 50
"""So many are asked for in one look, the oldest first."""


@dataclass(frozen=True)
class Failed:
    """An event that has not arrived: its last try, when it first failed, and how often and when we asked for more."""

    id: int
    first: str
    asked: int = 0
    last: str = ""

    def due(self, now: datetime) -> bool:
        """Whether another try is to be asked for now."""
        if self.asked >= len(PAUSES):
            return False
        last = datetime.fromisoformat(self.last) if self.last else None
        # A last try that lies in the future was noted by a clock that was wrong.
        return last is None or last > now or now - last >= PAUSES[self.asked]


def redeliver_failed(desk: Desk, routed: Collection[str]) -> int:
    """Look what did not arrive of the events in `routed`, and ask for it again; how many were asked for.

    1 call where everything arrived.
    """
    fact = desk.store.fact(FACT)
    known = json.loads(fact) if fact else {"looked": None, "failed": {}}
    failed = {guid: Failed(**each) for guid, each in known["failed"].items()}
    deliveries = desk.hub.deliveries()
    since = _since(known["looked"], desk.time())
    listed = deliveries.since(since)
    now = desk.time()
    failed = still_failed(failed, listed, routed, now)
    due = [guid for guid, each in sorted(failed.items(), key=lambda pair: pair[1].first) if each.due(now)][:AT_ONCE]
    for guid in due:
        each = failed[guid]
        took = deliveries.redeliver(each.id)
        failed[guid] = Failed(each.id, each.first, each.asked + 1 if took else len(PAUSES), now.isoformat())
    kept = {guid: asdict(each) for guid, each in failed.items()}
    desk.store.remember(FACT, json.dumps({"looked": now.isoformat(), "failed": kept}))
    if due:
        log.warning("%d deliveries did not arrive and were asked for again", len(due))
    return len(due)


def still_failed(
    failed: Mapping[str, Failed], listed: Sequence[HookDelivery], routed: Collection[str], now: datetime
) -> dict[str, Failed]:
    """What has not arrived by its last try, `listed` being oldest first; what is too old is left out."""
    found = dict(failed)
    for each in listed:
        if each.arrived:
            found.pop(each.guid, None)
        elif each.name in routed:
            before = found.get(each.guid, Failed(each.id, each.delivered_at.isoformat()))
            found[each.guid] = Failed(each.id, before.first, before.asked, before.last)
    return {guid: each for guid, each in found.items() if now - datetime.fromisoformat(each.first) < KEPT}


def _since(looked: str | None, now: datetime) -> datetime:
    """From when on to list: a little before the last look, and never from the future on."""
    last = datetime.fromisoformat(looked) if looked else now - FIRST_LOOK
    return max(last - OVERLAP if last <= now + OVERLAP else now - FIRST_LOOK, now - KEPT)
