"""Somebody pushed a branch or a tag: an open release may have become stale, or superseded by one made by hand."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, line, part, repository, stamp


def pushed(payload: Payload) -> Found | None:
    """Look at the repository again, unless it was the push of a bot: ours are followed where they are made."""
    ref = line(payload, "ref")
    if not ref.startswith(("refs/heads/", "refs/tags/")) or line(part(payload, "sender"), "type") == "Bot":
        return None
    which = repository(payload)
    # A branch may come to a commit more than once, so when it was pushed tells one push from another.
    moved = f"{stamp(payload, 'before')}/{line(payload, 'after')}/{stamp(part(payload, 'repository'), 'pushed_at')}"
    return Found(keys.content("push", f"{which.id}/{ref}/{moved}"), (Reconcile(which),))
