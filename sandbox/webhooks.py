"""Webhooks as GitHub sends them: signed, in order, ten seconds to answer, each kept in a log and sent again."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import urllib3

from sandbox.state import App, Installation, Repository, User, World

TIMEOUT = 10.0
LOST = 0
"""Status code of a delivery that nobody answered."""


@dataclass
class Delivery:
    """One POST to an App's webhook, and what came of it. `status_code` is 0 where there was no answer."""

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
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def payload(self) -> dict[str, Any]:
        """The body, read."""
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded

    @property
    def headers(self) -> dict[str, str]:
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
    """Sends deliveries from one thread, so that an App gets them in the order in which things happened."""

    def __init__(self, world: World, shape: Callable[[User | Repository], dict[str, Any]]) -> None:
        self._world = world
        self._shape = shape
        self._queue: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._pool = urllib3.PoolManager(retries=False, maxsize=4)
        self._thread = threading.Thread(target=self._send_all, name="sandbox-webhooks", daemon=True)
        self.deliveries: list[Delivery] = []
        self.paused = False

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is queued, then end."""
        self._queue.put(None)
        self._thread.join(timeout=TIMEOUT)
        self._pool.clear()

    def emit(self, event: str, action: str, repository: Repository, sender: User, parts: dict[str, Any]) -> None:
        """Tell every App that is installed on the repository and subscribed to the event."""
        for installation in self._world.installation_on(repository):
            if event in installation.app.events:
                self.tell(installation, event, action, sender, {**parts, "repository": self._shape(repository)})

    def tell(self, installation: Installation, event: str, action: str, sender: User, parts: dict[str, Any]) -> None:
        """Tell the App of one installation."""
        payload = {
            **({"action": action} if action else {}),
            **parts,
            "sender": self._shape(sender),
            "installation": {"id": installation.id, "node_id": f"INS_{installation.id}"},
        }
        self._add(installation.app, installation.id, event, action, json.dumps(payload).encode())

    def ping(self, app: App) -> None:
        """What GitHub sends when a webhook is set up."""
        payload = {"zen": "Keep it logically awesome.", "hook_id": app.id, "hook": {"type": "App", "id": app.id}}
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
        delivery = Delivery(
            self._world.next_id(), guid or str(uuid.uuid4()), app, installation, event, action, body, self._world.now()
        )
        delivery.redelivery = guid is not None
        self.deliveries.append(delivery)
        self._queue.put(delivery)
        return delivery

    def _send_all(self) -> None:
        while (delivery := self._queue.get()) is not None:
            began = time.monotonic()
            if not self.paused:
                delivery.status_code = self._send(delivery)
            delivery.duration = time.monotonic() - began
            delivery.done.set()

    def _send(self, delivery: Delivery) -> int:
        try:
            answer = self._pool.request(
                "POST", delivery.app.webhook_url, body=delivery.body, headers=delivery.headers, timeout=TIMEOUT
            )
        except urllib3.exceptions.HTTPError:
            return LOST
        return int(answer.status)
