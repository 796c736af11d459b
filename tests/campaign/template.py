"""A GitHub that was seeded once and is copied for every case, because seeding it costs as much as a release in it."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bot.clock import now
from bot.settings import Settings
from bot.store import Store, engine_for
from sandbox import Sandbox
from sandbox.bare import Git
from sandbox.demo.main import EVENTS, PERMISSIONS
from sandbox.faults import Faults
from sandbox.seed import seed
from tests.stage import MANIFEST, SECRET, Stage

SPEED = 0.001
SHORT = 1024
"""Bits of the App's key: too few for the operator's settings, and signed with in an eighth of the time."""
WORLD = ("users", "repositories", "apps", "installations")


class Template:
    """The seeded repositories, the people, the App and an empty store. `settings` are those of a bot on any copy."""

    def __init__(self, changes: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="faults-template-")
        root = Path(self._folder.name)
        sandbox = Sandbox(root / "github")
        sandbox.start()
        seeded = seed(sandbox)
        app = sandbox.create_app("manifest-release-bot", "http://127.0.0.1:9/webhook", SECRET, PERMISSIONS, EVENTS)
        installation = sandbox.install(app, [MANIFEST, "coreos/scripts"])
        sandbox.stop()
        self._made = Stage(root, sandbox, seeded, app, installation, 9)
        self.settings = Settings.from_env(self._made.environment(**changes))
        app.private_key, app.public_key = _short_key()
        for repository in sandbox.world.repositories.values():
            repository.git.run("repack", "-adq")
        store = Store(engine_for(None, self.settings.data_dir), now)
        store.create_tables()
        store.engine.dispose()

    def close(self) -> None:
        """Take it away."""
        self._folder.cleanup()

    @contextmanager
    def stage(self, root: Path, faults: Faults) -> Iterator[Stage]:
        """A copy of it that runs; nothing listens for its deliveries."""
        shutil.copytree(self._made.root, root, dirs_exist_ok=True)
        sandbox = Sandbox(root / "github", speed=SPEED, faults=faults)
        sandbox.limits.lift()
        sandbox.webhooks_paused = True
        self._settle(sandbox)
        sandbox.start()
        seeded = replace(
            self._made.seeded,
            manifest=sandbox.repository(MANIFEST),
            projects={name: sandbox.repository(name) for name in self._made.seeded.projects},
        )
        (app,) = sandbox.world.apps.values()
        try:
            yield Stage(root, sandbox, seeded, app, self._made.installation, self._made.port)
        finally:
            sandbox.stop()

    def _settle(self, sandbox: Sandbox) -> None:
        """Give an empty GitHub all that this one has."""
        world = self._made.sandbox.world
        held = copy.deepcopy({name: getattr(world, name) for name in WORLD})
        for name in WORLD:
            getattr(sandbox.world, name).update(held[name])
        for repository in sandbox.world.repositories.values():
            repository.git = Git(sandbox.root / repository.git.path.relative_to(self._made.sandbox.root))
        while sandbox.world.next_id() < self._made.installation:
            """Ids that are taken."""


def _short_key() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=SHORT)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
