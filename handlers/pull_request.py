"""A pull request changed: merged, closed, or different from before. The worker looks at how it is now."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import Check, Publish, Withdraw
from bot.core.record import PREFIX
from handlers.events import Found, Payload, PullChanged, pull_changed


def closed(payload: Payload) -> Found | None:
    """A release pull request was merged, or given up."""
    pull = pull_changed(payload)
    if not _is_release(pull):
        return None
    if pull.merged:
        key = keys.merged(pull.repository.id, pull.number, pull.merge_commit)
        return Found(key, (Publish(pull.repository, pull.number),))
    key = keys.closed(pull.repository.id, pull.number, pull.head_sha, pull.updated_at)
    return Found(key, (Withdraw(pull.repository, pull.number),))


def changed(payload: Payload) -> Found | None:
    """Opened, reopened, pushed to, or retargeted: its check has to say what that means."""
    pull = pull_changed(payload)
    key = keys.changed(pull.repository.id, pull.number, pull.action, pull.head_sha, pull.updated_at)
    return Found(key, (Check(pull.repository, pull.number),))


def _is_release(pull: PullChanged) -> bool:
    """Whether it comes from a release branch of this repository; whose it is, the proofs decide."""
    return pull.head.startswith(PREFIX) and pull.head_repository == pull.repository.id
