"""Hold releases and lift it again: of one pull request, or, from an issue, of the whole repository."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core import refusal as no
from bot.core.command import Command
from bot.core.hold import Hold, hold_message, hold_ref, read_hold
from bot.core.intent import Answer, Check
from bot.core.objects import commit_payload
from bot.core.snapshot import HEADS
from bot.core.text import replies
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.reply import refuse, say
from bot.mirror import Mirror, RefUpdate
from bot.outage import Outage


def held(mirror: Mirror, refs: Mapping[str, str], pull: int | None = None) -> Hold | None:
    """What holds this pull request, or the whole repository. The objects of `refs` must be here."""
    for what in (None, pull) if pull else (None,):
        commit = refs.get(hold_ref(what))
        if commit is not None:
            return read_hold(what, mirror.commit(commit))
    return None


def hold(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release hold`: nothing more is planned or published here until it is lifted."""
    text = steps.run("hold", _hold, desk, intent, command.text)
    return _told(desk, intent, steps, text, "held")


def unhold(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release unhold`: lift it."""
    text = steps.run("lift the hold", _unhold, desk, intent)
    if text is None:
        return refuse(desk, intent, steps, no.NotHeld(_pull(intent)), "not held")
    return _told(desk, intent, steps, text, "lifted")


def _told(desk: Desk, intent: Answer, steps: Steps, text: str, detail: str) -> Outcome:
    outcome = say(desk, intent, steps, text, "+1", detail, state="done")
    later = ((0.0, Check(intent.repository, intent.issue)),) if intent.on_pull else ()
    return Outcome(outcome.state, outcome.detail, later=later)


def _pull(intent: Answer) -> int | None:
    return intent.issue if intent.on_pull else None


def _hold(desk: Desk, intent: Answer, reason: str) -> str:
    pull = _pull(intent)
    repository = desk.repository(intent.repository)
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        there = refs.get(hold_ref(pull))
        if there is not None:
            return replies.held(read_hold(pull, mirror.commit(there)))
        done = f"held/{intent.repository.id}/{intent.comment}"
        told = desk.store.fact(done)
        if told is not None:
            return told  # it was lifted since this was carried out
        base = refs[HEADS + repository.default_branch()]
        when = datetime.fromisoformat(intent.created_at)
        message = hold_message(pull, intent.author, reason, intent.comment)
        payload = commit_payload(mirror.commit(base).tree, [], desk.identity, desk.identity, when, message)
        made = mirror.write("commit", payload)
        if not mirror.push([RefUpdate(hold_ref(pull), None, made)]).ok:
            raise Outage("git", "somebody else is holding it just now; reading it again")
        text = replies.held(Hold(pull, intent.author, when, reason))
        desk.store.remember(done, text)
        return text


def _unhold(desk: Desk, intent: Answer) -> str | None:
    """The reply; None where there is nothing to lift."""
    pull = _pull(intent)
    done = f"unheld/{intent.repository.id}/{intent.comment}"
    with desk.mirror(desk.repository(intent.repository)) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        there = refs.get(hold_ref(pull))
        lifted, _, told = (desk.store.fact(done) or "").partition(" ")
        if there is None or (lifted and there != lifted):
            return told or None  # what is there now was put up after this was carried out
        text = replies.lifted(read_hold(pull, mirror.commit(there)))
        desk.store.remember(done, f"{there} {text}")
        if not mirror.push([RefUpdate(hold_ref(pull), there, None)]).ok:
            raise Outage("git", "somebody else is lifting it just now; reading it again")
        return text
