"""What a flow is given and what it hands back: recorded steps, and one word about how it ended.

The engine implements `Steps`; tests pass `Straight`, which just calls. Flows know nothing else of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.core.intent import Intent

State = Literal["done", "refused", "stopped", "ignored", "waiting", "parked"]
"""`parked`: given up for now, kept in the inbox. The others are ends."""


@dataclass(frozen=True)
class Outcome:
    """How carrying out an intent ended. `later` orders more work: (seconds from now, intent), each once."""

    state: State
    detail: str = ""
    later: tuple[tuple[float, Intent], ...] = ()


class Steps(Protocol):
    """The recorded parts of a flow."""

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Call `fn(*args)` and record what it returns, which must be plain JSON.

        A flow that is carried on after a crash gets the recorded answer instead of a second call. A step that was
        under way is called again, so it looks before it writes. Outage, Denied and bugs are recorded too.
        """


class Straight:
    """Steps without a record, for tests and the command line."""

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Call it."""
        return fn(*args)
