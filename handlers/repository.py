"""A repository was renamed or moved: ids stay, and the store learns the new name from the intent."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, line, part, repository, stamp


def changed(payload: Payload) -> Found:
    """Look at the repository under its new name."""
    which, when = repository(payload), stamp(part(payload, "repository"), "updated_at")
    named = f"{which.id}/{which.name}/{line(payload, 'action')}/{when}"
    return Found(keys.content("repository", named), (Reconcile(which),))
