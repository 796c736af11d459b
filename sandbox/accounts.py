"""Routes about the App itself, its installations and tokens, its deliveries, and users."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import LEVELS, Refused, iso
from sandbox.state import Installation, Token
from sandbox.webhooks import Delivery

LIFETIME = timedelta(hours=1)


def _app(call: Call) -> Answer:
    assert call.who.app is not None
    return call.sandbox.shapes.app(call.who.app)


def _installations(call: Call) -> Answer:
    mine = [each for each in call.sandbox.world.installations.values() if each.app is call.who.app]
    return Page([call.sandbox.shapes.installation(each) for each in mine])


def _installation(call: Call) -> Installation:
    found = call.sandbox.world.installations.get(call.parameters["installation_id"])
    if found is None or found.app is not call.who.app:
        raise Refused(404, "Not Found")
    return found


def _access_token(call: Call) -> Answer:
    """A token for some repositories and permissions of an installation: never more than it was given."""
    installation, world = _installation(call), call.sandbox.world
    repositories = _chosen(call, installation)
    permissions = call.body.get("permissions") or dict(installation.app.permissions)
    for name, level in permissions.items():
        held = installation.app.permissions.get(name, "read" if name == "metadata" else "")
        if LEVELS.get(level, 9) > LEVELS.get(held, 0):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    token = Token(f"ghs_{secrets.token_hex(18)}", installation, permissions, repositories, world.now() + LIFETIME)
    world.tokens[token.value] = token
    selected = [call.sandbox.shapes.repository(world.repositories[each]) for each in repositories]
    narrowed = bool(call.body.get("repository_ids") or call.body.get("repositories"))
    return 201, {
        "token": token.value,
        "expires_at": iso(token.expires_at),
        "permissions": permissions,
        "repository_selection": "selected",
        **({"repositories": selected} if narrowed else {}),
    }


def _chosen(call: Call, installation: Installation) -> tuple[int, ...]:
    ids = call.body.get("repository_ids") or []
    names = {name.lower() for name in call.body.get("repositories") or []}
    if not ids and not names:
        return tuple(installation.repositories)
    by_name = {call.sandbox.world.repositories[each].name.lower(): each for each in installation.repositories}
    chosen = [*ids, *(by_name.get(name, 0) for name in names)]
    if not set(chosen) <= set(installation.repositories):
        raise Refused(
            422, "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return tuple(chosen)


def _installation_repositories(call: Call) -> Answer:
    assert call.who.token is not None
    world = call.sandbox.world
    return Page(
        [call.sandbox.shapes.repository(world.repositories[each]) for each in call.who.token.repositories],
        "repositories",
    )


def _user(call: Call) -> Answer:
    found = call.sandbox.world.users.get(call.parameters["login"].lower())
    if found is None:
        raise Refused(404, "Not Found")
    return call.sandbox.shapes.user(found)


def _deliveries(call: Call) -> Answer:
    mine = [
        each for each in reversed(call.sandbox.webhooks.deliveries) if each.app is call.who.app and each.done.is_set()
    ]
    return Page([_delivery_shape(each) for each in mine])


def _delivery(call: Call) -> Answer:
    delivery = _find_delivery(call)
    return {**_delivery_shape(delivery), "request": {"headers": delivery.headers, "payload": delivery.payload}}


def _redeliver(call: Call) -> Answer:
    call.sandbox.webhooks.redeliver(_find_delivery(call).id)
    return 202, {}


def _find_delivery(call: Call) -> Delivery:
    wanted = call.parameters["delivery_id"]
    for each in call.sandbox.webhooks.deliveries:
        if each.id == wanted and each.app is call.who.app:
            return each
    raise Refused(404, "Not Found")


def _delivery_shape(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": iso(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": round(delivery.duration, 3),
        "status": "OK" if 200 <= delivery.status_code < 300 else "failed to connect to host",
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action or None,
        "installation_id": delivery.installation,
        "repository_id": (delivery.payload.get("repository") or {}).get("id"),
    }


ROUTES = (
    Route("GET", "/app", "app", _app),
    Route("GET", "/app/installations", "app", _installations),
    Route("POST", "/app/installations/<int:installation_id>/access_tokens", "app", _access_token),
    Route("GET", "/app/hook/deliveries", "app", _deliveries),
    Route("GET", "/app/hook/deliveries/<int:delivery_id>", "app", _delivery),
    Route("POST", "/app/hook/deliveries/<int:delivery_id>/attempts", "app", _redeliver),
    Route("GET", "/installation/repositories", "token", _installation_repositories),
    Route("GET", "/users/<login>", "", _user),
)
