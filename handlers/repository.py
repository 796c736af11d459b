"""A repository was renamed or moved: ids stay, and the store learns the new name from the intent."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, line, repository


def changed(payload: Payload) -> Found:
    """Look at the repository under its new name."""
    which = repository(payload)
    return Found(keys.content("repository", f"{which.id}/{which.name}/{line(payload, 'action')}"), (Reconcile(which),))
