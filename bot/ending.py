"""The wish to end, as SIGTERM and SIGINT bring it: a plain flag that is looked at several times a second.

A `threading.Event` will not do: when a signal arrives while the main thread is inside the event's own lock, the
handler waits for that lock for ever, and the process no longer ends.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType

from bot.outage import Outage

log = logging.getLogger(__name__)

LONGEST_WAIT = 10.0
"""Seconds between two tries to start while something that is needed does not answer."""
SLICE = 0.1
"""Seconds between two looks."""


class Ending:
    """Whether somebody asked this process to end."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as the wish to end. To be called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def wait(self, seconds: float = float("inf")) -> bool:
        """Wait so long, or until somebody asks; whether somebody did. Any thread may wait."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(SLICE, left))
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def until_it_answers(ending: Ending, start: Callable[[], None]) -> bool:
    """Start, again and again while what is needed for it is away. False when somebody asked to end before it was."""
    wait = 1.0
    while not ending.asked:
        try:
            start()
            return True
        except Outage as outage:
            log.warning("cannot start yet: %s; trying again in %.0f s", outage, wait)
            ending.wait(wait)
            wait = min(LONGEST_WAIT, wait * 2)
    return False
