"""Somebody pressed "Re-run" on our check."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Check
from handlers.events import Found, Payload, line, number, part, parts, repository


def rerequested(payload: Payload) -> Found | None:
    """Check the pull requests of this head again."""
    run, which = part(payload, "check_run"), repository(payload)
    pulls = [number(pull, "number") for pull in parts(run, "pull_requests")]
    if not pulls:
        return None
    at = f"{number(run, 'id')}/{line(run, 'completed_at') if 'completed_at' in run else ''}"
    key = keys.changed(which.id, pulls[0], "rerequested", line(run, "head_sha"), at)
    return Found(key, tuple(Check(which, pull) for pull in pulls))
