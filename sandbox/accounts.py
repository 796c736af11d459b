"""Routes about the App itself, its installations and tokens, its deliveries, and users."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import jsonify, make_response, request

from sandbox import limits
from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import LEVELS, SUSPENDED, Refused, iso
from sandbox.state import App, Installation, Token
from sandbox.webhooks import Delivery

LIFETIME = timedelta(hours=1)
NOT_GRANTED = "The permissions requested are not granted to this installation."
NOT_THERE = "There is at least one repository that does not exist or is not accessible to the parent installation."


def _me(call: Call) -> App:
    assert call.who.app is not None
    return call.who.app


def _app(call: Call) -> Answer:
    me = _me(call)
    count = sum(each.app is me for each in call.sandbox.world.installations.values())
    return {**call.sandbox.shapes.app(me), "installations_count": count}


def _installations(call: Call) -> Answer:
    mine = [each for each in call.sandbox.world.installations.values() if each.app is call.who.app]
    return Page([call.sandbox.shapes.installation(each) for each in mine])


def _get_installation(call: Call) -> Answer:
    return call.sandbox.shapes.installation(_installation(call))


def _repository_installation(call: Call) -> Answer:
    for each in call.sandbox.world.installations.values():
        if each.app is call.who.app and call.repo.id in each.repositories:
            return call.sandbox.shapes.installation(each)
    raise Refused(404, "Not Found")


def _installation(call: Call) -> Installation:
    found = call.sandbox.world.installations.get(call.parameters["installation_id"])
    if found is None or found.app is not call.who.app:
        raise Refused(404, "Not Found")
    return found


def _access_token(call: Call) -> Answer:
    """A token for some repositories and permissions of an installation: never more than it was given."""
    installation, world = _installation(call), call.sandbox.world
    if installation.suspended_at:
        raise Refused(403, SUSPENDED)
    repositories = _chosen(call, installation)
    permissions = dict(call.body.get("permissions") or installation.permissions)
    for name, level in permissions.items():
        held = installation.permissions.get(name, "read" if name == "metadata" else "")
        if LEVELS.get(level, 9) > LEVELS.get(held, 0):
            raise Refused(422, NOT_GRANTED)
    permissions.setdefault("metadata", "read")
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
        raise Refused(422, NOT_THERE)
    return tuple(chosen)


def _installation_repositories(call: Call) -> Answer:
    """What the token sees. It may be narrower than the installation, and lose what the installation lost."""
    assert call.who.token is not None
    world = call.sandbox.world
    seen = [each for each in call.who.token.repositories if each in call.who.token.installation.repositories]
    return Page([call.sandbox.shapes.repository(world.repositories[each]) for each in seen], "repositories")


def _user(call: Call) -> Answer:
    found = call.sandbox.world.users.get(call.parameters["login"].lower())
    if found is None:
        raise Refused(404, "Not Found")
    return call.sandbox.shapes.profile(found)


def _myself(call: Call) -> Answer:
    if call.who.token:
        raise Refused(403, "Resource not accessible by integration")
    return call.sandbox.shapes.profile(call.who.acts_as)


def _deliveries(call: Call) -> Answer:
    """Newest first, page by page with a cursor: the id of the last delivery of the page before."""
    mine = [
        each for each in reversed(call.sandbox.webhooks.deliveries) if each.app is call.who.app and each.done.is_set()
    ]
    cursor, size = call.query("cursor"), min(100, max(1, int(call.query("per_page") or 30)))
    if cursor:
        mine = [each for each in mine if each.id < int(cursor)]
    shown = mine[:size]
    answer = make_response(jsonify([_delivery_shape(each) for each in shown]))
    if len(mine) > size:
        url = f"{request.base_url}?per_page={size}&cursor={shown[-1].id}"
        answer.headers["Link"] = f'<{url}>; rel="next"'
    return answer


def _delivery(call: Call) -> Answer:
    delivery = _find_delivery(call)
    return {
        **_delivery_shape(delivery),
        "url": delivery.app.webhook_url,
        "request": {"headers": delivery.headers, "payload": delivery.payload},
        "response": {"headers": delivery.answer_headers, "payload": delivery.answer},
    }


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
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action or None,
        "installation_id": delivery.installation,
        "repository_id": (delivery.payload.get("repository") or {}).get("id"),
        "throttled_at": None,
    }


ROUTES = (
    Route("GET", "/app", "app", _app),
    Route("GET", "/app/installations", "app", _installations),
    Route("GET", "/app/installations/<int:installation_id>", "app", _get_installation),
    Route("POST", "/app/installations/<int:installation_id>/access_tokens", "app", _access_token),
    Route("GET", "/app/hook/deliveries", "app", _deliveries),
    Route("GET", "/app/hook/deliveries/<int:delivery_id>", "app", _delivery),
    Route("POST", "/app/hook/deliveries/<int:delivery_id>/attempts", "app", _redeliver),
    Route("GET", "/installation/repositories", "token", _installation_repositories),
    Route("GET", "/repos/{repo}/installation", "app", _repository_installation),
    Route("GET", "/rate_limit", "", limits.show),
    Route("GET", "/user", "", _myself),
    Route("GET", "/users/<login>", "", _user),
)
