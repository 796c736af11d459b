"""Webhooks as GitHub sends them: signed, in order, ten seconds to answer, each kept in a log and sent again."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import urllib3

from sandbox.auth import iso
from sandbox.shapes_accounts import Accounts
from sandbox.state import App, Installation, Repository, User, World

TIMEOUT = 10.0
LOST = 0
"""Status code of a delivery that nobody answered."""
UNASKED = ("ping", "installation", "installation_repositories")
"""Events that every App gets, subscribed or not."""


@dataclass
class Delivery:
    """One POST to an App's webhook, and what came of it. `status_code` is 0 where there was no answer.

    `headers` are those that were sent; before that they are empty.
    """

    id: int
    guid: str
    app: App
    installation: int | None
    event: str
    action: str
    body: bytes
    delivered_at: datetime
    redelivery: bool = False
    status_code: int = LOST
    duration: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def payload(self) -> dict[str, Any]:
        """The body, read."""
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded

    @property
    def status(self) -> str:
        """How GitHub words what came of it."""
        if self.status_code == LOST:
            return "failed to connect to host"
        return "OK" if 200 <= self.status_code < 300 else f"Invalid HTTP Response: {self.status_code}"

    def signed(self) -> dict[str, str]:
        """What the POST carries, signed with the App's present secret."""
        secret = self.app.webhook_secret.encode()
        return {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "Accept": "*/*",
            "Connection": "close",
            "X-GitHub-Event": self.event,
            "X-GitHub-Delivery": self.guid,
            "X-GitHub-Hook-ID": str(self.app.id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(secret, self.body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret, self.body, hashlib.sha256).hexdigest(),
        }


class Webhooks:
    """Sends deliveries, each App's from a thread of its own: it gets them in the order in which things happened, and
    waits for no other App.
    """

    def __init__(self, world: World, shapes: Accounts) -> None:
        self._world = world
        self._shapes = shapes
        self._queues: dict[int, queue.SimpleQueue[Delivery | None]] = {}
        self._threads: list[threading.Thread] = []
        self._pool = urllib3.PoolManager(retries=False, maxsize=4)
        self.deliveries: list[Delivery] = []
        self.paused = False

    def stop(self) -> None:
        """Send what is queued, then end."""
        with self._world.lock:
            for each in self._queues.values():
                each.put(None)
            self._queues.clear()
        for thread in self._threads:
            thread.join(timeout=TIMEOUT)
        self._pool.clear()

    def is_wanted(self, event: str, repository: Repository) -> bool:
        """Whether any App would be told of this event."""
        return any(event in each.app.events for each in self._world.installation_on(repository))

    def emit(self, event: str, action: str, repository: Repository, sender: User, parts: dict[str, Any]) -> None:
        """Tell every App that is installed on the repository and subscribed to the event."""
        about = {"repository": self._shapes.repository(repository)}
        if repository.is_organization:
            about["organization"] = self._shapes.organization(repository.owner)
        for installation in self._world.installation_on(repository):
            if event in installation.app.events:
                self.tell(installation, event, action, sender, {**parts, **about})

    def tell(self, installation: Installation, event: str, action: str, sender: User, parts: dict[str, Any]) -> None:
        """Tell the App of one installation."""
        payload = {
            **({"action": action} if action else {}),
            "installation": {"id": installation.id, "node_id": f"INS_{installation.id}"},
            **parts,
            "sender": self._shapes.user(sender),
        }
        self._add(installation.app, installation.id, event, action, json.dumps(payload).encode())

    def ping(self, app: App) -> None:
        """What GitHub sends when a webhook is set up."""
        config = {"url": app.webhook_url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
        hook = {"type": "App", "id": app.id, "app_id": app.id, "name": "web", "active": True, "config": config}
        hook["events"] = list(app.events)
        hook["created_at"] = hook["updated_at"] = iso(self._world.began)
        payload = {"zen": "Keep it logically awesome.", "hook_id": app.id, "hook": hook}
        self._add(app, None, "ping", "", json.dumps(payload).encode())

    def redeliver(self, delivery_id: int) -> Delivery:
        """Send a logged delivery again, under its old GUID."""
        old = next(each for each in self.deliveries if each.id == delivery_id)
        return self._add(old.app, old.installation, old.event, old.action, old.body, old.guid)

    def wait_idle(self, timeout: float) -> bool:
        """Whether everything that has happened so far was sent within this time."""
        end = time.monotonic() + timeout
        return all(each.done.wait(max(0.0, end - time.monotonic())) for each in list(self.deliveries))

    def _add(
        self, app: App, installation: int | None, event: str, action: str, body: bytes, guid: str | None = None
    ) -> Delivery:
        with self._world.lock:
            number, now = self._world.next_id(), self._world.now()
            delivery = Delivery(number, guid or str(uuid.uuid4()), app, installation, event, action, body, now)
            delivery.redelivery = guid is not None
            self.deliveries.append(delivery)
            self._queue(app).put(delivery)
        return delivery

    def _queue(self, app: App) -> queue.SimpleQueue[Delivery | None]:
        if app.id not in self._queues:
            made: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
            thread = threading.Thread(target=self._send_all, args=(made,), name=f"webhooks-{app.slug}", daemon=True)
            self._queues[app.id] = made
            self._threads.append(thread)
            thread.start()
        return self._queues[app.id]

    def _send_all(self, deliveries: queue.SimpleQueue[Delivery | None]) -> None:
        while (delivery := deliveries.get()) is not None:
            began = time.monotonic()
            delivery.delivered_at = self._world.now()
            delivery.headers = delivery.signed()
            if not self.paused:
                self._send(delivery)
            delivery.duration = time.monotonic() - began
            delivery.done.set()

    def _send(self, delivery: Delivery) -> None:
        try:
            answer = self._pool.request(
                "POST",
                delivery.app.webhook_url,
                body=delivery.body,
                headers=delivery.headers,
                timeout=TIMEOUT,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError:
            return
        delivery.status_code = answer.status
        delivery.answer_headers = dict(answer.headers)
        delivery.answer = answer.data.decode("utf-8", "replace")[:1000]
