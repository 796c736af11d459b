"""How a command is answered: one written reply under its comment, and one reaction, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.core.command import Command
from bot.core.hub import Reaction, RepositoryId
from bot.core.intent import Answer
from bot.core.refusal import Refusal
from bot.core.text import refusals
from bot.core.text.quote import marker
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.flows.outcome import Outcome, Steps
from bot.outage import Denied, twice

Carried = Callable[[Desk, Answer, Command, Steps], Outcome]
"""A flow that carries out one command that was understood, from somebody who may, in a place where it works."""


def react(desk: Desk, which: RepositoryId, comment: int, reaction: Reaction) -> None:
    """A reaction is display: it may fail."""
    show(lambda: desk.repository(which).react(comment, reaction))


def reply(desk: Desk, intent: Answer, text: str, reaction: Reaction) -> None:
    """The one written answer to this comment, and the reaction that goes with it."""
    since = datetime.fromisoformat(intent.created_at)
    repository, mark = desk.repository(intent.repository), marker("reply", intent.comment)
    try:
        twice(lambda: repository.say(intent.issue, text, mark, since=since))
    except Denied as refusal:
        if refusal.status not in (403, 404, 410):
            raise  # a locked or deleted issue takes no comment, and never will: that is no reason to retry
    react(desk, intent.repository, intent.comment, reaction)


def say(
    desk: Desk, intent: Answer, steps: Steps, text: str, reaction: Reaction, detail: str, state: Any = "refused"
) -> Outcome:
    """Answer, and end so."""
    steps.run("reply", reply, desk, intent, text, reaction)
    return Outcome(state, detail)


def refuse(desk: Desk, intent: Answer, steps: Steps, reason: Refusal | str, detail: str) -> Outcome:
    """Answer with a refusal, given as data or as the words that were made of it."""
    text = reason if isinstance(reason, str) else refusals.refused(reason)
    return say(desk, intent, steps, text, "-1", detail)
