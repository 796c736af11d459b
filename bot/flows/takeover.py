"""Takes up what others left in the middle: a worker that died or ended, or this one when the database failed it.

The engine gives work back to a worker of the same name only, and a name never comes back on PostgreSQL.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from bot.flows.door import Door
from bot.flows.lock import Seat
from bot.outage import Outage

log = logging.getLogger(__name__)
LOOKS = 3
"""In so many looks one after the other must a try be ours and not run before we believe that it was left behind."""


class Takeover:
    """A thread that looks every so often until it is stopped. `running`: the tries that this process carries out."""

    def __init__(self, door: Door, seat: Seat, running: Callable[[], Collection[str]], every: float) -> None:
        self._door = door
        self._seat = seat
        self._running = running
        self._every = every
        self._idle: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="takeover", daemon=True)

    def start(self) -> None:
        """Look now, and from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Put back in the queues what nobody carries out. May raise Outage."""
        # Before the holders are asked for: who begins something after that is not among these.
        begun = self._door.under_way()
        gone = self._seat.gone(set(begun.values()))
        left = self._left_behind(begun)
        for name, worker in begun.items():
            if (worker in gone or name in left) and self._door.hand_back(name, worker):
                log.warning("%s was left in the middle by %s; it is carried on", name, worker)

    def _left_behind(self, begun: dict[str, str]) -> set[str]:
        """What the database says that we do, and we do not: the answer that we had begun it never reached us."""
        running = self._running()
        idle = {name for name, worker in begun.items() if worker == self._seat.name and name not in running}
        self._idle = {name: self._idle.get(name, 0) + 1 for name in idle}
        return {name for name, looks in self._idle.items() if looks >= LOOKS}

    def _watch(self) -> None:
        while not self._seat.lost:
            try:
                self.look()
            except Outage as outage:
                log.warning("what others left could not be looked for: %s", outage)
            except Exception:
                log.exception("the look for what others left broke")
            if self._over.wait(self._every):
                return
