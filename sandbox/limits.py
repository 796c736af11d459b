"""The primary rate limit: counted and told as GitHub does, and never enforced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.auth import Caller

if TYPE_CHECKING:
    from sandbox.api import Answer, Call

HOURLY = 5000
ANONYMOUS = 60
HOUR = 3600


class Limits:
    """Counts requests by who makes them and the hour in which they come."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._counts: Counter[tuple[str, int]] = Counter()

    def stamp(self, answer: Response, who: Caller) -> None:
        """Count one request and write where that leaves its maker into the answer."""
        hour = int(self._now().timestamp()) // HOUR
        self._counts[_key(who), hour] += 1
        for name, value in self.of(who).items():
            answer.headers[f"X-RateLimit-{name.title()}"] = str(value)
        answer.headers["X-RateLimit-Resource"] = "core"

    def of(self, who: Caller) -> dict[str, int]:
        """Limit, used, remaining, and when the count begins anew."""
        hour = int(self._now().timestamp()) // HOUR
        used = self._counts[_key(who), hour]
        most = ANONYMOUS if who.kind == "anonymous" else HOURLY
        return {"limit": most, "used": used, "remaining": max(0, most - used), "reset": (hour + 1) * HOUR}


def _key(who: Caller) -> str:
    """An installation has one limit for all its tokens."""
    if who.token:
        return f"installation {who.token.installation.id}"
    return f"{who.kind} {who.name}"


def show(call: Call) -> Answer:
    """GET /rate_limit."""
    core: dict[str, Any] = call.sandbox.limits.of(call.who)
    return {"resources": {"core": core, "search": core}, "rate": core}
