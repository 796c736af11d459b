"""The log that GitHub keeps of what it sent to our webhook, and its offer to send something again.

PyGithub knows both for the webhooks of repositories, not for an App's own; so the requests are written out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from github import Github

from bot.gh.auth import Tokens
from bot.gh.line import PAGE
from bot.outage import Denied

LOG = "/app/hook/deliveries"
MOST = 5000
"""So many deliveries are read at once, the newest first; what is older waits for nobody."""


@dataclass(frozen=True)
class HookDelivery:
    """One try to deliver one event. Tries at the same event share the `guid`; `name` is its event and action."""

    id: int
    guid: str
    delivered_at: datetime
    arrived: bool
    name: str


class Deliveries:
    """What was delivered to the App's webhook."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def since(self, moment: datetime) -> list[HookDelivery]:
        """Every try since then, oldest first. 1 call for each 100, and at least 1."""

        def work(github: Github) -> list[HookDelivery]:
            found: list[HookDelivery] = []
            for each in _newest_first(github):
                if each.delivered_at < moment or len(found) >= MOST:
                    break
                found.append(each)
            return found[::-1]

        return self._tokens.ask_as_app("list the deliveries", work)

    def redeliver(self, delivery_id: int) -> bool:
        """Ask GitHub to deliver it again; False where GitHub will not: it is too old, or on its way. 1 call."""
        try:
            self._tokens.ask_as_app(
                "have an event delivered again",
                lambda github: github.requester.requestJsonAndCheck("POST", f"{LOG}/{delivery_id}/attempts"),
            )
        except Denied as refusal:
            if refusal.status not in (400, 404, 422):
                raise
            return False
        return True


def _newest_first(github: Github) -> Iterator[HookDelivery]:
    cursor: str | None = ""
    while cursor is not None:
        parameters = {"per_page": PAGE, **({"cursor": cursor} if cursor else {})}
        headers, page = github.requester.requestJsonAndCheck("GET", LOG, parameters=parameters)
        yield from (_delivery(each) for each in page)
        cursor = _next(str(headers.get("link", "")))


def _next(links: str) -> str | None:
    """The cursor of the next page in a Link header; only that is taken from it, never an address."""
    for each in links.split(","):
        address, _, relation = each.partition(";")
        if 'rel="next"' in relation:
            cursors = parse_qs(urlsplit(address.strip(" <>")).query).get("cursor", [])
            return cursors[0] if cursors else None
    return None


def _delivery(data: dict[str, Any]) -> HookDelivery:
    action = data.get("action")
    return HookDelivery(
        id=int(data["id"]),
        guid=str(data["guid"]),
        delivered_at=datetime.fromisoformat(str(data["delivered_at"]).replace("Z", "+00:00")),
        arrived=200 <= int(data["status_code"]) < 300,
        name=f"{data['event']}.{action}" if action else str(data["event"]),
    )
