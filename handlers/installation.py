"""The App was installed, or given more repositories: look at each of them for what came before."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, installation, parts, repository_in


def added(payload: Payload) -> Found | None:
    """Sweep each repository that is new."""
    shapes = parts(payload, "repositories_added" if "repositories_added" in payload else "repositories")
    new = tuple(Reconcile(repository_in(shape, payload)) for shape in shapes)
    if not new:
        return None
    named = "/".join(str(intent.repository.id) for intent in new)
    return Found(keys.content("installed", f"{installation(payload)}/{named}"), new)
