"""A stand-in GitHub that is built once and furnished anew for each example, which costs a copy of one bare repository.

Time stands still in it unless somebody lets it pass, and deliveries stay where they are until somebody hands them over.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.core.hub import RepositoryId
from bot.settings import Settings
from sandbox import Sandbox
from sandbox.demo.main import EVENTS, PERMISSIONS
from sandbox.person import Person
from sandbox.seed import MANIFEST, PEOPLE, Seeded, seed
from sandbox.state import Repository
from sandbox.webhooks import Delivery
from tests.stage import MARKER_KEY, SECRET

ADMIN = "margaret"
SCRIPTS = "coreos/scripts"


class Clock:
    """GitHub's time, and the bot's, which may be `off`."""

    def __init__(self) -> None:
        self.moment = datetime(2013, 11, 4, 9, 0, 0, 250_000, tzinfo=UTC)
        self.off = timedelta()

    def github(self) -> datetime:
        """The time on GitHub."""
        return self.moment

    def ours(self) -> datetime:
        """The time where the bot runs."""
        return self.moment + self.off

    def go(self, seconds: float) -> None:
        """Let time pass everywhere."""
        self.moment += timedelta(seconds=seconds)


class House:
    """The sandbox, its seed, and the App; `furnish` makes it as it was at the beginning."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self.sandbox = Sandbox(root / "github", clock=self.clock.github, speed=0.0)
        self.sandbox.limits.lift()
        self.sandbox.webhooks_paused = True
        self.sandbox.start()
        self.seeded: Seeded = seed(self.sandbox)
        self.sandbox.create_user(ADMIN)
        self.app = self.sandbox.create_app(
            "manifest-release-bot", "http://127.0.0.1:9/webhook", SECRET, PERMISSIONS, EVENTS
        )
        self.key: Any = load_pem_private_key(self.app.private_key.encode(), password=None)
        """The App's key, read once: to read it takes as long as ten requests."""
        self.installation = self.sandbox.install(self.app, [MANIFEST, SCRIPTS])
        self._settings = self._read_settings()
        self._seeded_path = root / "seeded.git"
        git = self.seeded.manifest.git
        git.run("repack", "-adq")
        git.run("pack-refs", "--all")
        shutil.copytree(git.path, self._seeded_path)
        self.manifest = self._found(MANIFEST)

    def furnish(self) -> None:
        """A manifest repository as it was seeded, under an id that no mirror and no store has seen."""
        world = self.sandbox.world
        self.rest()
        with world.lock:
            old = self.manifest
            shutil.rmtree(old.git.path)
            shutil.copytree(self._seeded_path, old.git.path)
            fresh = replace(old, id=world.next_id(), issues={}, checks=[], runs=[], rulesets=[])
            fresh.roles = {**PEOPLE, ADMIN: "admin"}
            del world.repositories[old.id]
            world.repositories[fresh.id] = fresh
            self.manifest = fresh
            scripts = self._found(SCRIPTS)
            scripts.runs.clear()
            world.installations[self.installation].repositories[:] = [fresh.id, scripts.id]
            world.tokens.clear()
            self.sandbox.webhooks.deliveries.clear()
            self.sandbox.requests.clear()
        self.clock.moment, self.clock.off = Clock().moment, timedelta()

    @property
    def which(self) -> RepositoryId:
        """The manifest repository as the bot names it."""
        return RepositoryId(self.manifest.id, self.installation, MANIFEST)

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything that was told so far."""
        return self.sandbox.deliveries

    def person(self, login: str) -> Person:
        """Somebody at the keyboard."""
        return self.sandbox.person(login)

    def refs(self) -> dict[str, str]:
        """The manifest repository's refs."""
        return self.manifest.git.refs()

    def rest(self) -> None:
        """Wait until every run has ended and every delivery is in the list."""
        scripts = self._found(SCRIPTS)
        while any(run.status != "completed" for run in list(scripts.runs)):
            time.sleep(0.001)

    def settings(self, data: Path) -> Settings:
        """The operator's settings of a bot with this DATA_DIR."""
        return replace(self._settings, data_dir=data)

    def _read_settings(self) -> Settings:
        return Settings.from_env(
            {
                "APP_ID": str(self.app.id),
                "PRIVATE_KEY": self.app.private_key,
                "WEBHOOK_SECRET": SECRET,
                "MARKER_KEY": MARKER_KEY,
                "DATA_DIR": str(self.root / "data"),
                "GITHUB_API_URL": self.sandbox.api_url,
                "GITHUB_WEB_URL": self.sandbox.url,
                "BASE_URL": "http://127.0.0.1:9",
                "SANDBOX": "1",
                "DISPATCH_LOOKUP_SECONDS": "1",
            }
        )

    def _found(self, name: str) -> Repository:
        found = self.sandbox.world.repository(name)
        if found is None:
            raise LookupError(f"there is no repository {name}")
        return found


@contextmanager
def house(root: Path) -> Iterator[House]:
    """A house that is torn down at the end."""
    built = House(root)
    try:
        yield built
    finally:
        built.sandbox.stop()
