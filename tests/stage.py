"""A stage for whole-bot tests: the stand-in GitHub, a seeded manifest repository, and the bot's real processes.

Nothing here reaches into the bot: people act over REST, processes are started as their user starts them, and what
happened is read from GitHub and git.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sandbox import App, Sandbox
from sandbox.demo.main import EVENTS, PERMISSIONS
from sandbox.faults import Faults
from sandbox.person import Person
from sandbox.seed import Seeded, seed

T = TypeVar("T")
QUICK = {
    "POLL_SECONDS": "0.1",
    "DISPATCH_LOOKUP_SECONDS": "1",
    "RETRY_FIRST_SECONDS": "0.05",
    "RETRY_LONGEST_SECONDS": "1",
    "RECONCILE_SECONDS": "3",
}
"""The bot's waits, scaled for campaigns (`Stage.changes`)."""
MANIFEST = "coreos/manifest"
SECRET = "a webhook secret of some length"
MARKER_KEY = "a marker key of thirty-two characters or more"
PATIENCE = 60.0


@dataclass
class Stage:
    """Everything that one test plays with."""

    root: Path
    sandbox: Sandbox
    seeded: Seeded
    app: App
    installation: int
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    """What this stage's operator sets otherwise."""
    programs: dict[str, list[str]] = field(default_factory=dict)
    """What runs instead of the bot's own `web` or `worker`: arguments of Python."""

    def environment(self, **changes: str) -> dict[str, str]:
        """The operator's environment of this stage's bot."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "APP_ID": str(self.app.id),
            "PRIVATE_KEY": self.app.private_key,
            "WEBHOOK_SECRET": SECRET,
            "MARKER_KEY": MARKER_KEY,
            "DATA_DIR": str(self.root / "data"),
            "GITHUB_API_URL": self.sandbox.api_url,
            "GITHUB_WEB_URL": self.sandbox.url,
            "BASE_URL": f"http://127.0.0.1:{self.port}",
            "SANDBOX": "1",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "POLL_SECONDS": "0.2",
            "QUEUE_POLL_SECONDS": "0.05",
            "DISPATCH_LOOKUP_SECONDS": "3",
            "RECONCILE_SECONDS": "2",
            **self.changes,
            **changes,
        }

    def person(self, login: str) -> Person:
        """Somebody at the keyboard."""
        return self.sandbox.person(login)

    def refs(self) -> dict[str, str]:
        """The manifest repository's refs, read from git."""
        return self.sandbox.refs(MANIFEST)

    # Processes

    def migrate(self) -> None:
        """Make the store."""
        subprocess.run(
            [sys.executable, "-m", "bot", "migrate"], env=self.environment(), check=True, capture_output=True
        )

    def start(self, *names: str) -> None:
        """Start `web`, `worker` or both, and wait until deliveries can be taken."""
        for name in names or ("web", "worker"):
            log = (self.root / f"{name}.log").open("ab")
            arguments = [sys.executable, *self.programs.get(name, ["-m", "bot", name, "--embedded"])]
            self.processes[name] = subprocess.Popen(arguments, env=self.environment(), stdout=log, stderr=log)
            log.close()
        if "web" in (names or ("web",)):
            self.until("the receiver", self._listens)

    def kill(self, name: str) -> None:
        """SIGKILL: no last words."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """SIGTERM to what runs."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    # The story

    def ask(self, command: str, login: str = "octocat", issue: int | None = None) -> tuple[int, int]:
        """Comment; the issue's number and the comment's id."""
        person = self.person(login)
        number = issue or person.open_issue(MANIFEST, "a release")
        return number, person.comment(MANIFEST, number, command)

    def reply(self, issue: int, comment: int) -> str:
        """The bot's answer to this comment, when it has come."""

        def look() -> str | None:
            marker = f"<!-- manifest-release-bot:reply {comment} -->"
            found = [
                each["body"] for each in self.person("octocat").comments(MANIFEST, issue) if marker in each["body"]
            ]
            return found[0] if found else None

        return self.until("the reply", look)

    def pull(self) -> dict[str, Any]:
        """The one open pull request, when it is there."""
        return self.until("the pull request", lambda: next(iter(self.person("octocat").pulls(MANIFEST)), None))

    def said(self, number: int, marker: str) -> list[str]:
        """The comments of the bot that hold this hidden marker."""
        comments = self.person("octocat").comments(MANIFEST, number)
        return [each["body"] for each in comments if f"manifest-release-bot:{marker}" in each["body"]]

    def until(self, what: str, look: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """Look until there is something."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.03)
        logs = "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(self.root.glob("*.log"))
        )
        raise AssertionError(f"waited {timeout:.0f} s for {what}\n{logs}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def stage(root: Path, speed: float = 0.2, faults: Faults | None = None) -> Iterator[Stage]:
    """A stage with its GitHub running and no bot yet; everything is ended at the end."""
    sandbox = Sandbox(root / "github", speed=speed, faults=faults)
    sandbox.limits.lift()  # a campaign asks in a minute what people ask in a week
    sandbox.start()
    seeded = seed(sandbox)
    port = free_port()
    app = sandbox.create_app("manifest-release-bot", f"http://127.0.0.1:{port}/webhook", SECRET, PERMISSIONS, EVENTS)
    installation = sandbox.install(app, [MANIFEST, "coreos/scripts"])
    made = Stage(root, sandbox, seeded, app, installation, port)
    try:
        yield made
    finally:
        made.stop()
        sandbox.stop()
