"""The door: POST /webhook. Verify, read, translate, store; then answer. It asks nobody and waits for nobody.

Nothing is parsed before the signature over the raw bytes holds. An answer of 202 means that the delivery is on
disk. What it answers:

    200 ping                      400 headers or JSON that GitHub never sends     413 more than 5 MiB
    202 stored                    403 no valid signature                          415 not application/json
    204 nothing for us            405 not POST      411 no Content-Length         503 could not be stored
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from flask import Blueprint, Response, request

from bot.core.hub import RepositoryId
from bot.core.intent import Intent
from bot.logs import bound
from bot.outage import Outage
from bot.settings import Secret
from bot.store import Delivery
from handlers import ROUTES
from handlers.events import Foreign, Found, Malformed, Payload, check_ids, installation, line, repository
from handlers.strict_json import NotJson, load

log = logging.getLogger(__name__)

LARGEST = 5 * 1024 * 1024
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_GUID = re.compile(r"[A-Za-z0-9-]{1,72}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)


class Inbox(Protocol):
    """Where deliveries go. `accept` returns once the delivery is on disk, and raises Outage when it is not."""

    def accept(self, delivery: Delivery, intents: Sequence[Intent]) -> str:
        """Store it with what it asks for."""


class Refusal(Exception):
    """An answer other than success, with a few words for whoever reads the delivery log on GitHub."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def blueprint(
    inbox: Inbox, secrets: Sequence[Secret], admits: Callable[[RepositoryId], bool] = lambda repository: True
) -> Blueprint:
    """The receiver. `secrets` are the current one and, during a rotation, the one before."""
    routes = Blueprint("receiver", __name__)

    # Without `provide_automatic_options` Flask would answer OPTIONS, and only POST is spoken here.
    @routes.route("/webhook", methods=["POST"], provide_automatic_options=False)
    def webhook() -> Response:
        try:
            body = _body()
            _verify(body, secrets)
            return _answer(inbox, admits, body)
        except Refusal as refusal:
            return Response(f"{refusal.words}\n", refusal.status, content_type="text/plain")
        except Exception:
            # Ours to mend, and the sender's to send again: GitHub keeps a delivery that was answered 503.
            log.exception("a delivery broke the receiver")
            return Response("something broke here; deliver it again\n", 503, content_type="text/plain")

    return routes


def _body() -> bytes:
    """The raw bytes, as many as the sender announced. Reads nothing that is too long or of another type."""
    length = request.content_length
    if length is None:
        raise Refusal(411, "Content-Length is required")
    if length > LARGEST:
        raise Refusal(413, f"at most {LARGEST} bytes are taken")
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Refusal(415, "application/json in UTF-8 is required")
    if request.headers.get("Content-Encoding"):
        raise Refusal(415, "encoded bodies are not decoded")
    body = request.stream.read(length)
    if len(body) != length:
        raise Refusal(400, "the body is shorter than Content-Length says")
    return body


def _verify(body: bytes, secrets: Sequence[Secret]) -> None:
    """HMAC-SHA256 over the raw bytes, compared in constant time, with any of the secrets."""
    given = request.headers.get("X-Hub-Signature-256", "")
    if not _SIGNATURE.fullmatch(given):
        raise Refusal(403, "no valid X-Hub-Signature-256")
    for age, secret in enumerate(secrets):
        expected = "sha256=" + hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected.encode(), given.encode()):
            if age:
                log.warning("a delivery was signed with WEBHOOK_SECRET_PREVIOUS")
            return
    raise Refusal(403, "no valid X-Hub-Signature-256")


def _answer(inbox: Inbox, admits: Callable[[RepositoryId], bool], body: bytes) -> Response:
    guid, event = request.headers.get("X-GitHub-Delivery", ""), request.headers.get("X-GitHub-Event", "")
    if not _GUID.fullmatch(guid) or not _EVENT.fullmatch(event):
        raise Refusal(400, "X-GitHub-Delivery and X-GitHub-Event are required")
    try:
        payload = load(body)
        check_ids(payload)
    except NotJson as wrong:
        raise Refusal(400, f"not JSON: {wrong}") from None
    except Malformed as wrong:
        raise Refusal(400, f"{wrong} is not what GitHub sends") from None
    if event == "ping":
        return Response("pong\n", 200, content_type="text/plain")
    with bound(delivery=guid):
        return _route(inbox, admits, event, guid, body, payload)


def _route(
    inbox: Inbox, admits: Callable[[RepositoryId], bool], event: str, guid: str, body: bytes, payload: dict[str, Any]
) -> Response:
    action = payload.get("action")
    name = f"{event}.{action}" if isinstance(action, str) else event
    handler = ROUTES.get(name)
    if handler is None:
        return Response(status=204)
    try:
        found = handler(payload)
        if found is None or not all(admits(intent.repository) for intent in found.intents):
            return Response(status=204)
        delivery = _delivery(payload, event, str(action or ""), guid, body, found)
    except Foreign as missing:
        log.warning("a delivery that says it is %s holds no %s", name, missing)
        return Response(status=204)
    except Malformed as wrong:
        raise Refusal(400, f"{wrong} is not what GitHub sends") from None
    try:
        result = inbox.accept(delivery, found.intents)
    except Outage as outage:
        log.warning("a delivery could not be stored: %s", outage)
        raise Refusal(503, "could not be stored; deliver it again") from None
    log.info("%s %s", name, result, extra={"key": found.key, "repository": found.intents[0].repository.name})
    return Response(f"{result}\n", 202, content_type="text/plain")


def _delivery(payload: Payload, event: str, action: str, guid: str, body: bytes, found: Found) -> Delivery:
    about = repository(payload) if "repository" in payload else found.intents[0].repository
    sender = payload.get("sender")
    return Delivery(
        key=found.key,
        event=event,
        action=action,
        repository_id=about.id,
        installation_id=installation(payload),
        sender=line(sender, "login") if isinstance(sender, dict) else "",
        guid=guid,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
