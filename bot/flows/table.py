"""Which flow carries out which intent: the one table between the engine and the flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.core.intent import (
    Abandon,
    Acknowledge,
    Adopt,
    Answer,
    AnswerNow,
    Check,
    Follow,
    Intent,
    Publish,
    Reconcile,
    RunChanged,
    Withdraw,
)
from bot.core.text import replies
from bot.core.text.quote import marker
from bot.flows.abandon import abandon
from bot.flows.adopt import adopt
from bot.flows.answer import acknowledge, answer
from bot.flows.build import follow, run_changed
from bot.flows.check import check
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.publish import publish
from bot.flows.reconcile import reconcile
from bot.flows.withdraw import withdraw

FLOWS: dict[type[Intent], Callable[[Desk, Any, Steps], Outcome]] = {
    Acknowledge: acknowledge,
    Answer: answer,
    AnswerNow: answer,
    Publish: publish,
    Adopt: adopt,
    Abandon: abandon,
    Withdraw: withdraw,
    Check: check,
    Follow: follow,
    RunChanged: run_changed,
    Reconcile: reconcile,
}

PULLS = (Publish, Adopt, Abandon)
"""What is ordered about a pull request, which is then where people are told."""


def carry_out(desk: Desk, intent: Intent, steps: Steps) -> Outcome:
    """Carry out one intent, if it is of a repository that the operator lets this bot serve."""
    if not desk.admits(intent.repository):
        return Outcome("ignored", f"installation {intent.repository.installation} is not served")
    return FLOWS[type(intent)](desk, intent, steps)


def tell_of_parking(desk: Desk, intent: Intent, reason: str) -> None:
    """Tell who waits that an outage outlasted our patience. A publication is taken up again by the sweep."""
    if isinstance(intent, Adopt | Abandon):
        text = replies.parked(f"what {intent.by} ordered from a shell", reason)
        desk.repository(intent.repository).say(intent.pull, text, marker("parked", type(intent).__name__, intent.pull))
    if isinstance(intent, Answer):
        text = replies.parked(intent.body.strip().partition("\n")[0], reason)
        desk.repository(intent.repository).say(intent.issue, text, marker("parked", intent.comment))


def tell_of_bug(desk: Desk, intent: Intent, incident: str) -> None:
    """Tell the people who wait that something broke on our side, where there is a place to tell it."""
    place = intent.issue if isinstance(intent, Answer) else intent.pull if isinstance(intent, PULLS) else None
    # One comment of a pull request's, whichever try broke: a sweep begins what broke again and again.
    mark = marker("incident", f"pull {place}") if isinstance(intent, PULLS) else marker("incident", incident)
    if place is not None:
        desk.repository(intent.repository).say(place, replies.our_fault(incident), mark)
