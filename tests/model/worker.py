"""A worker without threads: the inbox on disk, one piece of work after the other, steps recorded, and it may die.

What the engine keeps in the database is kept over a death here: the queue, the recorded steps, what is ordered for
later. All else, tokens and mirrors' locks and connections, is lost with it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.core import keys
from bot.core.intent import Intent, Reconcile
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome
from bot.flows.table import carry_out, tell_of_parking
from bot.gh import Hub
from bot.mirror import Mirrors
from bot.outage import Denied, Outage
from bot.remotes import Remotes
from bot.signing import Keyring
from bot.store import Delivery, Store, engine_for
from bot.store.database import FILE
from bot.worker import policy
from handlers import ROUTES
from handlers.events import Payload
from tests.model.house import House

TRIES = 8
"""After so many outages in a row work is parked."""
PAUSE = 5.0
ROUNDS = 400
"""No example has so much work: more of it goes in a circle."""


class Died(BaseException):
    """The process ended here."""


@dataclass
class Work:
    """One intent in the queue; `answers` are its recorded steps. The inbox row ends with the last of its intents."""

    seq: int
    last: bool
    intent: Intent
    due: datetime
    tries: int = 0
    answers: list[str] = field(default_factory=list)


class Fuse:
    """Burns down by one with each step boundary, and ends the process when it is out; -1 never does."""

    def __init__(self) -> None:
        self.left = -1

    def boundary(self) -> None:
        """A moment in which a process may end."""
        if self.left == 0:
            self.left = -1
            raise Died
        self.left -= self.left > 0


class Recorded:
    """Steps that are answered from the record after a death."""

    def __init__(self, work: Work, fuse: Fuse) -> None:
        self._answers = work.answers
        self._fuse = fuse
        self._next = 0

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Call it, or tell what it said before."""
        position, self._next = self._next, self._next + 1
        if position < len(self._answers):
            return json.loads(self._answers[position])
        self._fuse.boundary()
        answer = json.dumps(fn(*args))
        self._fuse.boundary()
        self._answers.append(answer)
        return json.loads(answer)


Heard = Callable[[Intent, Outcome | None], None]
"""Told of each intent that came to an end, and of its outcome; None where it was parked."""


class Worker:
    """Takes deliveries and carries out what they ask for."""

    def __init__(self, house: House, folder: Path, heard: Heard) -> None:
        self._house = house
        self._heard = heard
        self._clock = house.clock
        self.settings = house.settings(folder)
        self.store = Store(engine_for(None, folder), self._clock.ours)
        self.store.create_tables()
        self.fuse = Fuse()
        self.queue: list[Work] = []
        self.deaths = 0
        self._open()

    def _open(self) -> None:
        settings, folder = self.settings, self.settings.data_dir
        self._hub = Hub(settings.github_api_url, settings.app_id, self._house.key, self._clock.ours)
        self._remotes = Remotes(policy(settings), folder / "scratch")
        self._mirrors = Mirrors(folder / "mirrors", allow_http=True)
        self.desk = Desk(
            settings=settings,
            hub=self._hub,
            mirrors=self._mirrors,
            remotes=self._remotes,
            histories=folder / "histories",
            policy=policy(settings),
            sdk_check=None,
            store=self.store,
            now=self._clock.ours,
            submit=self.submit,
            keyring=Keyring(settings.trusted_keys),
        )

    def _close(self) -> None:
        self._remotes.close()
        self._mirrors.close()
        self._hub.close()

    def end(self) -> None:
        """Let go of everything."""
        self._close()
        self.store.engine.dispose()

    def restart(self) -> None:
        """Die and begin again with what is on disk."""
        self._close()
        self._open()
        self.sweep()

    def lose_store(self) -> None:
        """The database is gone with all that was queued; a new worker begins with an empty one."""
        self._replace_store(None)

    def copy_store(self, to: Path) -> None:
        """A copy of the database as it is now, as an operator's backup makes it."""
        with closing(sqlite3.connect(self._database())) as here, closing(sqlite3.connect(to)) as there:
            here.backup(there)

    def restore_store(self, copy: Path) -> None:
        """The database is a copy from before; what is queued begins with what that holds open."""
        self._replace_store(copy)

    def _database(self) -> Path:
        return self.settings.data_dir / FILE

    def _replace_store(self, copy: Path | None) -> None:
        name = self._database()
        self.end()
        for path in self.settings.data_dir.glob("*.sqlite*"):
            path.unlink()
        if copy is not None:
            shutil.copyfile(copy, name)
        self.store = Store(engine_for(None, self.settings.data_dir), self._clock.ours)
        self.store.create_tables()
        self.queue.clear()
        self._open()
        for row in self.store.open_deliveries(self._clock.ours()):
            self._enqueue(row.seq, row.intents)
        self.sweep()

    # The door

    def hand(self, event: str, action: str, guid: str, payload: Payload) -> None:
        """A delivery comes in."""
        handler = ROUTES.get(f"{event}.{action}" if action else event)
        found = handler(payload) if handler else None
        if found is not None:
            about = found.intents[0].repository
            self._take(Delivery(found.key, event, action, about.id, about.installation, guid=guid), found.intents)

    def submit(self, key: str, intents: Sequence[Intent]) -> bool:
        """A sweep found something; what was parked begins anew."""
        about = intents[0].repository
        if self._take(Delivery(key, "sweep", "", about.id, about.installation, source="sweep"), intents):
            return True
        parked = self.store.parked(key)
        if parked is None:
            return False
        with self.store.begin() as connection:
            self.store.count_attempt(connection, parked.seq, parked.attempts + 1, parked.outcome)
        self._enqueue(parked.seq, intents)
        return True

    def _take(self, delivery: Delivery, intents: Sequence[Intent]) -> bool:
        with self.store.begin() as connection:
            seq = self.store.add(connection, delivery, intents)
        if seq is not None:
            self._enqueue(seq, intents)
        return seq is not None

    def _enqueue(self, seq: int, intents: Sequence[Intent]) -> None:
        now = self._clock.ours()
        self.queue += [Work(seq, part is intents[-1], part, now) for part in intents]

    # The work

    def sweep(self) -> None:
        """What the timer orders."""
        self.submit(keys.sweep(self._house.which.id, self._clock.ours().isoformat()), (Reconcile(self._house.which),))

    def work(self, patient: bool = False) -> None:
        """Carry out what is due; `patient`: let time pass until nothing is left."""
        for _ in range(ROUNDS):
            due = [each for each in self.queue if each.due <= self._clock.ours()]
            if due:
                self._carry(due[0])
            elif patient and self.queue:
                self._clock.go(max(1.0, (min(each.due for each in self.queue) - self._clock.ours()).total_seconds()))
            else:
                return
        raise AssertionError(f"work without end: {[each.intent for each in self.queue][:5]}")

    def _carry(self, work: Work) -> None:
        try:
            outcome = carry_out(self.desk, work.intent, Recorded(work, self.fuse))
        except Died:
            self.deaths += 1
            self.restart()
            return
        except Outage as outage:
            work.tries, work.answers = work.tries + 1, []
            work.due = self._clock.ours() + timedelta(seconds=min(outage.retry_after or PAUSE, 60))
            if work.tries >= TRIES:
                self._finish(work, "parked", str(outage))
                tell_of_parking(self.desk, work.intent, str(outage))
                self._heard(work.intent, None)
            return
        except Denied as denied:
            if work.intent.lane != "acknowledge":
                raise AssertionError(f"{work.intent} was not allowed: {denied}") from denied
            outcome = Outcome("refused", str(denied))
        finally:
            self._house.rest()
        self._finish(work, outcome.state, outcome.detail)
        now = self._clock.ours()
        for seconds, later in outcome.later:
            self.queue.append(Work(work.seq, False, later, now + timedelta(seconds=seconds)))
        self._heard(work.intent, outcome)

    def _finish(self, work: Work, state: str, detail: str) -> None:
        self.queue.remove(work)
        if work.last:
            with self.store.begin() as connection:
                self.store.finish(connection, work.seq, state, detail)
