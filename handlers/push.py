"""Somebody pushed a branch or a tag: an open release may have become stale, or superseded by one made by hand."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, line, part, repository


def pushed(payload: Payload) -> Found | None:
    """Look at the repository again, unless it was the push of a bot: ours are followed where they are made."""
    ref = line(payload, "ref")
    if not ref.startswith(("refs/heads/", "refs/tags/")) or line(part(payload, "sender"), "type") == "Bot":
        return None
    which = repository(payload)
    return Found(keys.content("push", f"{which.id}/{ref}/{line(payload, 'after')}"), (Reconcile(which),))
