"""The only clock of the program. What needs the time gets it as a parameter; here is where it comes from."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
