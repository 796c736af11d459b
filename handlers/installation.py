"""The App was installed, woken, or given more repositories or rights: look at each of them for what came before."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, installation, line, part, parts, repository_in


def added(payload: Payload) -> Found | None:
    """Sweep each repository that is new, or open to us again."""
    shapes = parts(payload, "repositories_added" if "repositories_added" in payload else "repositories")
    new = tuple(Reconcile(repository_in(shape, payload)) for shape in shapes)
    if not new:
        return None
    named = "/".join(str(intent.repository.id) for intent in new)
    # GitHub writes this moment as a text in some payloads and as a number in others.
    about = part(payload, "installation")
    when = line(about, "updated_at") if isinstance(about.get("updated_at"), str) else about.get("updated_at", "")
    return Found(keys.content("installed", f"{installation(payload)}/{named}/{when}"), new)
