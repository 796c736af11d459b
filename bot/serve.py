"""Receiver and worker on one machine: two processes of this program, started again when one dies, ended together."""

from __future__ import annotations

import ctypes
import logging
import signal
import socket
import subprocess
import sys
import time

from bot.clock import now
from bot.ending import Ending, until_it_answers
from bot.flows.door import prepare
from bot.settings import Settings
from bot.store import Store, engine_for

log = logging.getLogger(__name__)

COMMANDS = ("web", "worker")
GRACE = 9.5
"""Seconds that both processes have to end by themselves."""
SHORT_LIFE = 5.0
"""A process that lived shorter than this is started again after a wait, each time a longer one."""
LONGEST_WAIT = 30.0
REFUSED = 2
"""Exit status of a process that cannot start, and would not the next time either."""
_PR_SET_PDEATHSIG = 1


class PortTaken(Exception):
    """Something else listens where the receiver should. The message is one sentence for the operator."""


def migrate(settings: Settings) -> None:
    """Make or bring up to date the tables of the store."""
    engine = engine_for(settings.store_url, settings.data_dir)
    prepare(Store(engine, now), settings.queue_poll_seconds)
    engine.dispose()


def serve(settings: Settings) -> int:
    """Run both until SIGTERM or SIGINT. Returns the status to exit with. Raises PortTaken."""
    _check_port(settings.host, settings.port)
    ending = Ending()
    ending.listen()
    if not until_it_answers(ending, lambda: migrate(settings)):
        return 0
    children = [Child(command) for command in COMMANDS]
    status = 0
    while not ending.wait(0.1):
        if any(child.watch() == REFUSED for child in children):
            status = REFUSED
            break
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + GRACE
    for child in children:
        child.wait(deadline)
    return status


class Child:
    """One process, kept alive."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._wait = 0.0
        self._start()

    def _start(self) -> None:
        self._began = time.monotonic()
        # A session of its own: Ctrl-C in a terminal reaches us alone, and we end both in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", self._command, "--embedded"],
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    def watch(self) -> int | None:
        """Start it again if it ended, at once or after a wait. Returns its exit status while it is not running."""
        status = self._process.poll()
        if status is None:
            return None
        if status == REFUSED:
            return status
        lived = time.monotonic() - self._began
        if lived >= SHORT_LIFE:
            self._wait = 0.0
        if lived < self._wait:
            return status
        log.error("%s ended with status %d after %.1f s; starting it again", self._command, status, lived)
        self._wait = min(LONGEST_WAIT, max(1.0, self._wait * 2))
        self._start()
        return status

    def ask_to_end(self) -> None:
        """Ask it to finish what it does and end."""
        self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait until it has ended, and insist after the deadline."""
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not end in time; what it was doing is carried on at the next start", self._command)
            self._process.kill()
            self._process.wait()


def _end_with_parent() -> None:
    """In the child: have Linux send SIGTERM should we be killed, for nobody else would end it then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"Cannot listen on {host}:{port}: {error.strerror}. Set PORT to another one.") from None
