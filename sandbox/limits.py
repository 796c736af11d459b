"""Rate limits: the hourly one and the one on writing content, counted, told and enforced as GitHub does."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.auth import Caller, Refused

if TYPE_CHECKING:
    from sandbox.api import Answer, Call

HOURLY = 5000
ANONYMOUS = 60
CONTENT_PER_MINUTE = 80
CONTENT_PER_HOUR = 500
MINUTE, HOUR = 60, 3600
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class Limits:
    """Counts requests by who makes them and the hour in which they come, and refuses those that are too many.

    The public attributes may be changed while it runs; `status` is what a refusal is told with, 403 or 429.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._counts: Counter[tuple[str, int]] = Counter()
        self._content: dict[str, deque[float]] = {}
        self.most = HOURLY
        self.most_anonymous = ANONYMOUS
        self.content_per_minute = CONTENT_PER_MINUTE
        self.content_per_hour = CONTENT_PER_HOUR
        self.status = 403

    def lift(self) -> None:
        """Refuse nothing from now on: for campaigns that do more in a minute than people do in a day."""
        self.most = self.most_anonymous = self.content_per_minute = self.content_per_hour = 10**9

    def written(self, key: str) -> int:
        """How many requests of `installation ID` or `user LOGIN` have written something within the hour."""
        return len(self._content.get(key, ()))

    def admit(self, who: Caller, writes: bool) -> None:
        """Let one request in and count it, or refuse it. `writes`: it makes or changes something that people see."""
        key, now = _key(who), self._now().timestamp()
        left = self.of(who)
        if not left["remaining"]:
            raise Refused(self.status, _used_up(who))
        if writes:
            self._admit_content(key, now)
        self._counts[key, int(now) // HOUR] += 1

    def _admit_content(self, key: str, now: float) -> None:
        times = self._content.setdefault(key, deque())
        while times and times[0] <= now - HOUR:
            times.popleft()
        for most, span in ((self.content_per_minute, MINUTE), (self.content_per_hour, HOUR)):
            within = [moment for moment in times if moment > now - span]
            if len(within) >= most:
                wait = math.ceil(within[-most] + span - now) if most else span
                raise Refused(self.status, SECONDARY, headers={"Retry-After": str(max(1, wait))})
        times.append(now)

    def stamp(self, answer: Response, who: Caller) -> None:
        """Write where that leaves the caller into the answer."""
        for name, value in self.of(who).items():
            answer.headers[f"X-RateLimit-{name.title()}"] = str(value)
        answer.headers["X-RateLimit-Resource"] = "core"

    def of(self, who: Caller) -> dict[str, int]:
        """Limit, used, remaining, and when the count begins anew."""
        hour = int(self._now().timestamp()) // HOUR
        used = self._counts[_key(who), hour]
        most = self.most_anonymous if who.kind == "anonymous" else self.most
        return {"limit": most, "used": used, "remaining": max(0, most - used), "reset": (hour + 1) * HOUR}


def _key(who: Caller) -> str:
    """An installation has one limit for all its tokens."""
    if who.token:
        return f"installation {who.token.installation.id}"
    return f"{who.kind} {who.name}"


def _used_up(who: Caller) -> str:
    if who.token:
        return f"API rate limit exceeded for installation ID {who.token.installation.id}."
    return f"API rate limit exceeded for user ID {who.user.id}." if who.user else "API rate limit exceeded."


def show(call: Call) -> Answer:
    """GET /rate_limit."""
    core: dict[str, Any] = call.sandbox.limits.of(call.who)
    return {"resources": {"core": core, "search": core}, "rate": core}
