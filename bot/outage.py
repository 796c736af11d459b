"""The one exception that means "try again later": something outside did not answer as it should.

Every class that talks to an outside system (gh, mirror, remotes, store) raises it for faults that a later
attempt may not meet. The engine retries it; anything else that escapes a step is a bug and is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Outage(Exception):
    """An outside system failed in a way that a retry may cure.

    `system` is one word for people (github, git, database); `reason` is one sentence without secrets;
    `retry_after` is what the system itself asked for, in seconds, or None.
    """

    def __init__(self, system: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(f"{system}: {reason}")
        self.system = system
        self.reason = reason
        self.retry_after = retry_after


class Denied(Exception):
    """An outside system understood and said no (403, 404, 422, a protected ref): a retry will not cure it.

    `status` is the HTTP status where there was one. The flow that meets it decides what to tell people.
    """

    def __init__(self, system: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"{system}: {reason}")
        self.system = system
        self.reason = reason
        self.status = status


def twice(ask: Callable[[], T]) -> T:
    """What it returns. Now and then GitHub does not find what is there: that is believed when it is said twice."""
    try:
        return ask()
    except Denied as refusal:
        if refusal.status not in (403, 404):
            raise
        return ask()
