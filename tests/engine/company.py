"""A company of worker processes on one store, and the door through which a test gives them work."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.core.intent import Publish
from bot.flows.door import Door, prepare
from bot.store import Store, engine_for
from bot.store.slots import Slot, Slots
from tests.door import DoorUnderTest, environment
from tests.stage import free_port

T = TypeVar("T")
LEASE = 3.0
PATIENCE = 60.0
NOWHERE = "http://127.0.0.1:9"


class Company:
    """Its members are started by name, and play `tests.engine.player`."""

    def __init__(self, folder: Path, url: str, **changes: str) -> None:
        self.folder = folder
        github = {"SANDBOX": "1", "GITHUB_API_URL": NOWHERE, "GITHUB_WEB_URL": NOWHERE}
        often = {"QUEUE_POLL_SECONDS": "0.05", "LEASE_SECONDS": str(LEASE), "RECONCILE_SECONDS": "3600"}
        self.env = environment(folder, 1, DATABASE_URL=url, **github, **{**often, **changes})
        self.store = Store(engine_for(url, folder), now)
        prepare(self.store, float(self.env["QUEUE_POLL_SECONDS"]))
        self.door = Door(self.store)
        self.slots = Slots(self.store.engine)
        self.members: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a member, and wait until it works."""
        self.begin(name, "tests.engine.player", name, str(self.folder))
        self.until(f"{name} to work", lambda: "is ready" in self.log(name))
        return self.members[name]

    def begin(self, name: str, *command: str, **changes: str) -> subprocess.Popen[bytes]:
        """Start a program of ours under this name, and do not wait."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = (sys.executable, "-m", *command)
            self.members[name] = subprocess.Popen(command, env={**self.env, **changes}, stdout=log, stderr=log)
        return self.members[name]

    def receiver(self, name: str) -> DoorUnderTest:
        """Start a receiver, and wait until it listens."""
        port = free_port()
        process = self.begin(name, "bot", "web", PORT=str(port))
        door = DoorUnderTest(port, self.folder, process)
        self.until(f"{name} to listen", lambda: listens(port))
        return door

    def log(self, name: str) -> str:
        """What a member wrote to its log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def told(self) -> list[str]:
        """What the steps did: "member pull step begins|ends"."""
        path = self.folder / "told"
        return path.read_text().splitlines() if path.exists() else []

    def hold(self, step: str) -> None:
        """Let every step of this name wait in its middle."""
        (self.folder / f"hold-{step}").touch()

    def let_go(self, step: str) -> None:
        """The end of that."""
        (self.folder / f"hold-{step}").unlink()

    def publish(self, number: int, repository: int = 7) -> None:
        """Give them a release."""
        self.door.submit(f"k{number}", (Publish(RepositoryId(repository, 9, f"coreos/manifest-{repository}"), number),))

    def outcome(self, number: int) -> tuple[str, str] | None:
        """How a release ended, if it has."""
        rows = [row for row in self.store.deliveries() if row.delivery.key == f"k{number}"]
        return (rows[0].outcome, rows[0].detail) if rows and rows[0].outcome else None

    def held(self) -> tuple[Slot, ...]:
        """The slots that are held."""
        return self.slots.held()

    def until(self, what: str, look: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """Look until there is something."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.02)
        logs = "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))
        raise AssertionError(f"waited {timeout:.0f} s for {what}\n{self.told()}\n{logs}")

    def end(self) -> None:
        """End whoever is left."""
        for process in self.members.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.store.engine.dispose()


def listens(port: int) -> bool:
    """Whether somebody listens on this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
