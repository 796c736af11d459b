"""Somebody pressed "Re-run" on our check."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Check
from handlers.events import Found, Payload, number, part, repository, text


def rerequested(payload: Payload) -> Found | None:
    """Check the pull requests of this head again."""
    run, which = part(payload, "check_run"), repository(payload)
    pulls = [number(pull, "number") for pull in run.get("pull_requests") or () if isinstance(pull, dict)]
    if not pulls:
        return None
    at = f"{number(run, 'id')}/{run.get('completed_at') or ''}"
    key = keys.changed(which.id, pulls[0], "rerequested", text(run, "head_sha"), at)
    return Found(key, tuple(Check(which, pull) for pull in pulls))
