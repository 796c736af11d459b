"""The stand-in GitHub itself: one object that holds the world, serves it over HTTP and tells Apps what happens."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox import accounts, actions, checks, issues, pages, pulls, repositories
from sandbox.actions import Actions
from sandbox.api import BASE, Api
from sandbox.auth import Caller
from sandbox.bare import Git
from sandbox.faults import Faults
from sandbox.git_http import GitHttp
from sandbox.person import Person
from sandbox.shapes import Shapes
from sandbox.state import App, Installation, Repository, User, World
from sandbox.webhooks import Delivery, Webhooks

ROUTES = (
    *accounts.ROUTES,
    *repositories.ROUTES,
    *issues.ROUTES,
    *pulls.ROUTES,
    *checks.ROUTES,
    *actions.ROUTES,
)
ZERO = "0" * 40


@dataclass(frozen=True)
class Asked:
    """One request that was answered: the route's name, the address, and how it went."""

    name: str
    path: str
    status: int
    by: str
    seconds: float


@dataclass(frozen=True)
class RepositoryHandle:
    """A repository as tests and the demo hold it."""

    id: int
    full_name: str
    path: Path
    git: Git


class _Quiet(WSGIRequestHandler):
    """Keeps connections open, as GitHub does, and writes no log of its own."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Nothing: `Sandbox.requests` is the log."""


class Sandbox:
    """A GitHub on loopback. `speed` scales how long runs take; `clock` is the time that it believes."""

    def __init__(
        self,
        root: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        speed: float = 1.0,
        faults: Faults | None = None,
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.root = root
        self.speed = speed
        self.world = World(clock)
        self.faults = faults or Faults()
        self.requests: list[Asked] = []
        self._limits: Counter[str] = Counter()
        flask = Flask("sandbox")
        Api(self, flask, ROUTES)
        GitHttp(self, flask)
        pages.register(self, flask)
        self._server: BaseWSGIServer = make_server(host, port, flask, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
        self.url = f"http://{host}:{self._server.port}"
        self.api_url = self.url + BASE
        self.shapes = Shapes(self.world, self.url, self.api_url)
        self.webhooks = Webhooks(self.world, self._shape)
        self.actions = Actions(self)
        self._pool = urllib3.PoolManager(maxsize=8)
        self._thread = threading.Thread(target=self._server.serve_forever, name="sandbox", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        self.webhooks.start()

    def stop(self) -> None:
        """End everything that it began."""
        self.actions.stop()
        self.webhooks.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._pool.clear()

    # What there is

    def create_user(self, login: str, kind: str = "User") -> User:
        """A person with a token of their own."""
        with self.world.lock:
            user = User(self.world.next_id(), login, kind, f"ghp_{secrets.token_hex(18)}")
            self.world.users[login.lower()] = user
            return user

    def create_organization(self, login: str) -> User:
        """An organisation."""
        return self.create_user(login, "Organization")

    def user(self, login: str) -> User:
        """A user by login."""
        return self.world.users[login.lower()]

    def create_repository(
        self, full_name: str, private: bool = False, default_branch: str = "main"
    ) -> RepositoryHandle:
        """An empty repository of an account that exists."""
        owner, _, name = full_name.partition("/")
        git = Git(self.root / owner / f"{name}.git")
        git.init(default_branch)
        with self.world.lock:
            repository = Repository(
                self.world.next_id(), self.user(owner), name, private, default_branch, git, self.world.now()
            )
            self.world.repositories[repository.id] = repository
        return self.repository(full_name)

    def repository(self, full_name: str) -> RepositoryHandle:
        """A repository that exists."""
        found = self._repository(full_name)
        return RepositoryHandle(found.id, found.full_name, found.git.path, found.git)

    def set_role(self, full_name: str, login: str, role: str) -> None:
        """Make somebody a collaborator."""
        self._repository(full_name).roles[self.user(login).login] = role

    def create_app(
        self,
        slug: str,
        webhook_url: str,
        webhook_secret: str,
        permissions: Mapping[str, str],
        events: Iterable[str],
    ) -> App:
        """A GitHub App with a fresh key and its bot user."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        bot = self.create_user(f"{slug}[bot]", "Bot")
        bot.token = ""
        with self.world.lock:
            app = App(
                id=self.world.next_id(),
                slug=slug,
                bot=bot,
                private_key=private.decode(),
                public_key=public.decode(),
                webhook_url=webhook_url,
                webhook_secret=webhook_secret,
                permissions=dict(permissions),
                events=tuple(events),
            )
            self.world.apps[app.id] = app
        return app

    def install(self, app: App, full_names: Iterable[str]) -> int:
        """Install the App on repositories of one account; the installation's id."""
        chosen = [self._repository(name) for name in full_names]
        with self.world.lock:
            ids = [each.id for each in chosen]
            installation = Installation(self.world.next_id(), app, chosen[0].owner, ids)
            self.world.installations[installation.id] = installation
        return installation.id

    def person(self, login: str) -> Person:
        """Somebody at the keyboard."""
        return Person(self.api_url, self.user(login).token, self._pool)

    def refs(self, full_name: str) -> dict[str, str]:
        """Every ref, read from git."""
        return self._repository(full_name).git.refs()

    # Deliveries

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery so far."""
        return self.webhooks.deliveries

    def redeliver(self, delivery_id: int) -> None:
        """Send a delivery again."""
        self.webhooks.redeliver(delivery_id)

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until every delivery was sent."""
        return self.webhooks.wait_idle(timeout)

    # What routes and git need

    def emit(self, repository: Repository, who: Caller, event: str, action: str, parts: dict[str, Any]) -> None:
        """Something happened that the caller did."""
        self.webhooks.emit(event, action, repository, who.acts_as, parts)

    def log_request(self, name: str, path: str, status: int, by: str, seconds: float) -> None:
        """Keep a line about a request."""
        self.requests.append(Asked(name, path, status, by, seconds))

    def count_against_limit(self, who: Caller) -> int:
        """How many requests these credentials have made."""
        key = who.token.value if who.token else who.user.token if who.user else str(who.app.id) if who.app else ""
        self._limits[key] += 1
        return self._limits[key]

    def move_ref(self, repository: Repository, ref: str, new: str | None, sender: User, old: str | None = None) -> None:
        """Move a ref as GitHub itself does, and tell as after a push."""
        before = repository.git.refs()
        repository.git.update(ref, new, old)
        self.pushed(repository, before, sender)

    def pushed(self, repository: Repository, before: Mapping[str, str], sender: User) -> None:
        """Refs may have moved since `before`: tell of each, and bring open pull requests up to date."""
        after = repository.git.refs()
        changed = [ref for ref in sorted({*before, *after}) if before.get(ref) != after.get(ref) and "^" not in ref]
        with self.world.lock:
            for ref in changed:
                old, new = before.get(ref, ZERO), after.get(ref, ZERO)
                parts = {"ref": ref, "before": old, "after": new, "created": old == ZERO, "deleted": new == ZERO}
                self.webhooks.emit("push", "", repository, sender, {**parts, "forced": False, "commits": []})
                if ref.startswith("refs/heads/"):
                    self._update_pulls(repository, ref.removeprefix("refs/heads/"), new, sender)

    def _update_pulls(self, repository: Repository, branch: str, new: str, sender: User) -> None:
        for issue in repository.issues.values():
            pull = issue.pull
            if pull is None or issue.state != "open" or repository.id != pull.head_repository:
                continue
            if branch == pull.head and new != ZERO and new != pull.head_sha:
                before = pull.head_sha
                pulls.refresh(repository, issue)
                repository.git.update(f"refs/pull/{issue.number}/head", new)
                issue.updated_at = self.world.now()
                shape = self.shapes.pull(repository, issue)
                parts = {"number": issue.number, "pull_request": shape, "before": before, "after": new}
                self.webhooks.emit("pull_request", "synchronize", repository, sender, parts)

    def _repository(self, full_name: str) -> Repository:
        found = self.world.repository(full_name)
        if found is None:
            raise LookupError(f"there is no repository {full_name}")
        return found

    def _shape(self, thing: User | Repository) -> dict[str, Any]:
        return self.shapes.user(thing) if isinstance(thing, User) else self.shapes.repository(thing)
