"""The stand-in GitHub itself: one object that holds the world, serves it over HTTP and tells Apps what happens."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from sandbox import accounts, actions, checks, contents, issues, merges, pages, pulls, pushes, repositories, rules
from sandbox.api import BASE, Api
from sandbox.auth import Caller
from sandbox.bare import Git
from sandbox.faults import Faults
from sandbox.git_http import GitHttp
from sandbox.httpd import Server
from sandbox.limits import Limits
from sandbox.owners import Owners
from sandbox.person import Person
from sandbox.runs import Actions
from sandbox.shapes import Shapes
from sandbox.state import ROLES, App, Installation, Repository, User, World
from sandbox.webhooks import Delivery, Webhooks

ROUTES = (
    *accounts.ROUTES,
    *repositories.ROUTES,
    *contents.ROUTES,
    *issues.ROUTES,
    *pulls.ROUTES,
    *merges.ROUTES,
    *checks.ROUTES,
    *actions.ROUTES,
    *rules.ROUTES,
)


@dataclass(frozen=True)
class Asked:
    """One request that was answered: the route's name (`GET /repos/{repo}` or `git upload-pack`), the address, and how
    it went. `by` is the kind of credentials (app, installation, user, anonymous), `actor` whose they were.
    """

    name: str
    path: str
    status: int
    by: str
    seconds: float
    actor: str = ""


@dataclass(frozen=True)
class RepositoryHandle:
    """A repository as tests and the demo hold it."""

    id: int
    full_name: str
    path: Path
    git: Git


class Sandbox(Owners):
    """A GitHub on loopback. `clock` is the time that it believes, `speed` scales how long runs take, and `seed` says
    how their lengths differ.
    """

    def __init__(
        self,
        root: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        speed: float = 1.0,
        faults: Faults | None = None,
        seed: int = 0,
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.root = root
        self.speed = speed
        self.world = World(clock)
        self.limits = Limits(clock)
        self.faults = faults or Faults()
        self.requests: list[Asked] = []
        flask = Flask("sandbox")
        Api(self, flask, ROUTES)
        GitHttp(self, flask)
        pages.register(self, flask)
        self._server = Server(host, port, flask)
        self.url = f"http://{host}:{self._server.port}"
        self.api_url = self.url + BASE
        self.shapes = Shapes(self.world, self.url, self.api_url)
        self.webhooks = Webhooks(self.world, self.shapes)
        self.actions = Actions(self, random.Random(seed))
        self._pool = urllib3.PoolManager(maxsize=8)

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()

    def stop(self) -> None:
        """End everything that it began: runs, deliveries, connections and their threads."""
        self.actions.stop()
        self.webhooks.stop()
        self._pool.clear()
        self._server.stop()

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
        """Make somebody a collaborator. People without a role read what is public."""
        if role not in ROLES:
            raise ValueError(f"{role} is not one of {', '.join(ROLES)}")
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
            installation = Installation(self.world.next_id(), app, chosen[0].owner, ids, self.world.now())
            self.world.installations[installation.id] = installation
            parts = {"installation": self.shapes.installation(installation), "repositories": self._named(chosen)}
            self.webhooks.tell(installation, "installation", "created", installation.account, parts)
        return installation.id

    def add_repositories(self, installation_id: int, full_names: Iterable[str]) -> None:
        """Give an installation more repositories."""
        chosen = [self._repository(name) for name in full_names]
        with self.world.lock:
            self.world.installations[installation_id].repositories.extend(each.id for each in chosen)
            self._installation_changed(installation_id, "added", chosen)

    def remove_repositories(self, installation_id: int, full_names: Iterable[str]) -> None:
        """Take repositories from an installation; its tokens stop to see them at once."""
        chosen = [self._repository(name) for name in full_names]
        with self.world.lock:
            held = self.world.installations[installation_id].repositories
            held[:] = [each for each in held if each not in {repository.id for repository in chosen}]
            self._installation_changed(installation_id, "removed", chosen)

    def _installation_changed(self, installation_id: int, action: str, repositories: list[Repository]) -> None:
        installation = self.world.installations[installation_id]
        parts = {
            "installation": self.shapes.installation(installation),
            "repository_selection": "selected",
            "requester": None,
            "repositories_added": self._named(repositories if action == "added" else []),
            "repositories_removed": self._named(repositories if action == "removed" else []),
        }
        self.webhooks.tell(installation, "installation_repositories", action, installation.account, parts)

    def _named(self, repositories: Iterable[Repository]) -> list[dict[str, Any]]:
        names = ("id", "node_id", "name", "full_name", "private")
        return [{name: self.shapes.repository(each)[name] for name in names} for each in repositories]

    def rename_repository(self, full_name: str, name: str, login: str) -> None:
        """Give a repository another name, as this person; the old name redirects."""
        repository = self._repository(full_name)
        with self.world.lock:
            self.world.former_names[full_name.lower()] = repository.id
            old, repository.name = repository.name, name
            parts = {"changes": {"repository": {"name": {"from": old}}}}
            self.webhooks.emit("repository", "renamed", repository, self.user(login), parts)

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
        """Wait until every delivery was sent; whether that was in time."""
        return self.webhooks.wait_idle(timeout)

    def ping(self, app: App) -> None:
        """Send the App's webhook a ping, as GitHub does when it is set up."""
        self.webhooks.ping(app)

    @property
    def webhooks_paused(self) -> bool:
        """While set, deliveries are lost on their way: they are in the log as failed, and can be sent again."""
        return self.webhooks.paused

    @webhooks_paused.setter
    def webhooks_paused(self, paused: bool) -> None:
        self.webhooks.paused = paused

    def next_run(self, conclusion: str, job: str) -> None:
        """Let this job of the next run end so (`failure`, `cancelled`, `timed_out`)."""
        self.actions.next_run(job, conclusion)

    # What routes and git need

    def emit(self, repository: Repository, who: Caller, event: str, action: str, parts: dict[str, Any]) -> None:
        """Something happened that the caller did."""
        self.webhooks.emit(event, action, repository, who.acts_as, parts)

    def log_request(self, name: str, path: str, status: int, who: Caller, seconds: float) -> None:
        """Keep a line about a request."""
        self.requests.append(Asked(name, path, status, who.kind, seconds, who.name))

    def move_ref(self, repository: Repository, ref: str, new: str | None, sender: User, old: str | None = None) -> None:
        """Move a ref as GitHub itself does, and tell as after a push."""
        before = repository.git.refs()
        repository.git.update(ref, new, old)
        self.pushed(repository, before, sender)

    def pushed(self, repository: Repository, before: Mapping[str, str], sender: User) -> None:
        """Refs may have moved since `before`: tell of each, and bring open pull requests up to date."""
        pushes.tell(self, repository, pushes.between(before, repository.git.refs()), sender)

    def _repository(self, full_name: str) -> Repository:
        found = self.world.repository(full_name)
        if found is None:
            raise LookupError(f"there is no repository {full_name}")
        return found
