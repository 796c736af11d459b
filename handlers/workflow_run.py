"""A GitHub Actions run or one of its jobs changed; the worker knows which runs are ours."""

from __future__ import annotations

from bot.core import keys
from bot.core.intent import RunChanged
from handlers.events import Found, Payload, RunEvent, run_event


def changed(payload: Payload) -> Found:
    """A run."""
    return _found(run_event(payload, "workflow_run", "id", ("updated_at", "created_at")))


def job_changed(payload: Payload) -> Found:
    """A job of a run."""
    return _found(run_event(payload, "workflow_job", "run_id", ("completed_at", "started_at")))


def _found(event: RunEvent) -> Found:
    key = keys.run(event.repository.id, event.run, event.attempt, event.status, event.at)
    return Found(key, (RunChanged(event.repository, event.run),))
