"""The App was installed, woken, or given more repositories or rights: look at each of them for what came before."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Reconcile
from handlers.events import Found, Payload, installation, part, parts, repository_in, stamp


def added(payload: Payload) -> Found | None:
    """Sweep each repository that is new, or open to us again.

    The key is as good as GitHub's `updated_at`: where that stays while a repository is taken out and put in again, the
    second time is left to the sweep by the timer, and so are new rights that are told without naming repositories. The
    delivery's GUID would tell the times apart, but it is no part of what was signed.
    """
    name = "repositories_added" if "repositories_added" in payload else "repositories"
    shapes = parts(payload, name) if name in payload else []
    new = tuple(Reconcile(repository_in(shape, payload)) for shape in shapes)
    if not new:
        return None
    named = "/".join(str(intent.repository.id) for intent in new)
    when = stamp(part(payload, "installation"), "updated_at")
    return Found(keys.content("installed", f"{installation(payload)}/{named}/{when}"), new)
