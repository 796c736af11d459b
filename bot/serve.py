"""Receiver and worker on one machine: two processes of this program, started again when one dies, ended together."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time

from bot.clock import now
from bot.flows.engine import prepare
from bot.settings import Settings
from bot.store import Store, engine_for

log = logging.getLogger(__name__)

COMMANDS = ("web", "worker")
GRACE = 12.0
"""Seconds that a process has to end by itself."""
SHORT_LIFE = 5.0
"""A process that lived shorter than this is not started again at once."""
REFUSED = 2
"""Exit status of a process that cannot start, and would not the next time either."""


def migrate(settings: Settings) -> None:
    """Make or bring up to date the tables of the store."""
    engine = engine_for(settings.store_url, settings.data_dir)
    prepare(Store(engine, now), settings.queue_poll_seconds)
    engine.dispose()


def serve(settings: Settings) -> int:
    """Run both until SIGTERM or SIGINT. Returns the status to exit with."""
    for warning in settings.warnings:
        log.warning("%s", warning)
    migrate(settings)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    children = [_Child(command) for command in COMMANDS]
    status = 0
    while not ending.wait(0.1):
        if any(child.watch() == REFUSED for child in children):
            status = REFUSED
            break
    for child in children:
        child.ask_to_end()
    for child in children:
        child.wait()
    return status


class _Child:
    """One process, kept alive."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._start()

    def _start(self) -> None:
        self._began = time.monotonic()
        self._process = subprocess.Popen([sys.executable, "-m", "bot", self._command, "--embedded"])

    def watch(self) -> int | None:
        """Start it again if it ended. Returns its exit status if it just ended."""
        status = self._process.poll()
        if status is None:
            return None
        log.error("%s ended with status %d; starting it again", self._command, status)
        if time.monotonic() - self._began < SHORT_LIFE:
            time.sleep(1)
        if status != REFUSED:
            self._start()
        return status

    def ask_to_end(self) -> None:
        """Ask it to finish what it does and end."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait until it has ended, and insist when it does not."""
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
