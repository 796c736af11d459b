"""Carry out, or refuse, what one comment says: exactly one outcome, told once, under the comment it answers.

The order is: is the comment still what we were told, is it understood, may this person do it, does it work here;
and only then the command itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.core import refusal as no
from bot.core.command import Command, CommandSpec, Mistake, Place, Who, find, help_for, parse, render_options
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Acknowledge, Answer
from bot.core.people import may, right_of, works_in
from bot.core.plan import request_of
from bot.core.record import PREFIX, from_json
from bot.core.text import mistakes, refusals, replies
from bot.core.text.quote import marker
from bot.flows import channel, hold, propose, status, stopped
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.flows.outcome import Outcome, Steps
from bot.flows.reply import Carried, react, refuse, say
from bot.outage import Denied

LATE = timedelta(hours=1)
"""A command that is found later than this is not carried out: its author may have moved on."""
OLD = timedelta(minutes=5)
"""A command for a release that is come to later than this may have been carried out before: our store may be an old
copy, which knows nothing of it.
"""
PATIENCE = timedelta(hours=1)
"""People without the right get one refusal in this time on one issue."""


def acknowledge(desk: Desk, intent: Acknowledge, steps: Steps) -> Outcome:
    """The first sign of life: the comment was read and stored."""
    steps.run("react", react, desk, intent.repository, intent.comment, "eyes")
    return Outcome("done", "acknowledged")


def answer(desk: Desk, intent: Answer, steps: Steps) -> Outcome:
    """One comment to one outcome."""
    opened = steps.run("look for what this comment led to", _led_to, desk, intent)
    if opened is not None:
        return say(desk, intent, steps, opened, "+1", "told again what it led to", state="done")
    if steps.run("see whether it comes late", _is_late, desk, intent):
        return _late(desk, intent, steps)
    still = steps.run("read the comment again", _as_delivered, desk, intent)
    if still != "same":
        late = refusals.refused(no.Late(edited=True))
        return (
            Outcome("ignored", "the comment is gone")
            if still == "gone"
            else say(desk, intent, steps, late, "-1", "edited")
        )
    read = parse(intent.body)
    if read is None:
        return Outcome("ignored", "nothing for us")
    if isinstance(read, Mistake):
        if steps.run("be brief with strangers", _stranger_told_lately, desk, intent):
            return Outcome("refused", "a mistake of somebody without the right; told lately")
        lines = steps.run("read the release lines", _lines, desk, intent) if read.kind in LINE_MISTAKES else ()
        return say(desk, intent, steps, mistakes.mistake(read, tuple(lines)), "confused", f"mistake: {read.kind}")
    return _command(desk, intent, read, steps)


def _is_late(desk: Desk, intent: Answer) -> bool:
    return desk.time() - datetime.fromisoformat(intent.created_at) > LATE


def _late(desk: Desk, intent: Answer, steps: Steps) -> Outcome:
    """Ask to post it again; one that was answered before our store was lost keeps the answer it has."""
    if steps.run("look for the answer", _is_answered, desk, intent):
        return Outcome("ignored", "answered long ago")
    return refuse(desk, intent, steps, no.Late(edited=False), "late")


def _was_answered(desk: Desk, intent: Answer) -> bool:
    asked_at = datetime.fromisoformat(intent.created_at)
    return desk.time() - asked_at > OLD and _is_answered(desk, intent)


def _is_answered(desk: Desk, intent: Answer) -> bool:
    since = datetime.fromisoformat(intent.created_at)
    mark = marker("reply", intent.comment)
    return desk.repository(intent.repository).find_said(intent.issue, mark, since=since) is not None


LINE_MISTAKES = ("missing-line", "bad-line", "unknown-verb")


def _command(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    spec = find(command.family, command.verb)
    if spec is None:
        raise LookupError(f"the parser knows {command.verb} and the table does not")
    seen = steps.run("read who asks and where", _who_and_where, desk, intent)
    place: Place = seen["place"]
    right: Who | None = seen["right"]
    if right is None:
        return refuse(desk, intent, steps, no.CouldNotCheck(spec.name), "permission not readable")
    if not may(spec, right):
        return _not_allowed(desk, intent, spec, steps, place, right)
    if not works_in(spec, place):
        where = no.WrongPlace(spec.name, _place_words(spec), tuple(seen["pulls"]))
        return refuse(desk, intent, steps, where, "wrong place")
    if command.verb == "help":
        topic = command.args[0] if command.args else None
        usable = tuple(spec for spec in help_for(place, right) if topic in (None, spec.verb))
        options = render_options(usable[0]) if topic and usable else ""
        text = replies.help_text(tuple(spec.usage for spec in usable), intent.author, options)
        return say(desk, intent, steps, text, "+1", "help", state="done")
    return CARRIED[command.family, command.verb](desk, intent, command, steps)


def _release(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release new`, `branch` and `patch`: plan, propose, tell."""
    asked_at = datetime.fromisoformat(intent.created_at)
    request = request_of(command, intent.author, intent.issue, intent.comment, asked_at)
    which = intent.repository
    if steps.run("look for an answer from before", _was_answered, desk, intent):
        return Outcome("ignored", "answered before")
    made = steps.run("plan and push the commit", propose.plan_and_push, desk, which, request)
    if "refused" in made:
        return say(desk, intent, steps, made["refused"], "-1", "refused")
    number = steps.run("open the pull request", propose.ensure_pull, desk, which, made)
    steps.run("show the check", propose.ensure_shown, desk, which, number, made)
    record = from_json(made["record"])
    text = replies.opened(number, record, made["moved"])
    return say(desk, intent, steps, text, "+1", f"opened pull request {number}", state="done")


CARRIED: dict[tuple[str, str], Carried] = {
    ("release", "new"): _release,
    ("release", "branch"): _release,
    ("release", "patch"): _release,
    ("release", "resume"): stopped.resume,
    ("release", "adopt"): stopped.adopt,
    ("release", "abandon"): stopped.abandon,
    ("release", "hold"): hold.hold,
    ("release", "unhold"): hold.unhold,
    ("release", "status"): status.status,
    ("channel", "show"): channel.show,
    ("channel", "set"): channel.set_,
    ("channel", "confirm"): channel.confirm,
}


def _not_allowed(desk: Desk, intent: Answer, spec: CommandSpec, steps: Steps, place: Place, right: Who) -> Outcome:
    """A refusal for people without the right, at most one an hour and issue."""
    usable = tuple(spec.name for spec in help_for(place, right))
    text = refusals.refused(no.NotAllowed(spec.name, replies.MAY_RELEASE, usable))
    if steps.run("be brief with repeated asking", _refused_lately, desk, intent):
        return Outcome("refused", "not allowed; told lately")
    return say(desk, intent, steps, text, "-1", "not allowed")


def _led_to(desk: Desk, intent: Answer) -> str | None:
    """What to reply where this comment's pull request was opened by an earlier try, whatever became of it since."""
    release = desk.store.release_of_comment(intent.repository.id, intent.comment)
    if release is None:
        return None
    number = release.pull or propose.ended_pull(desk, intent.repository, release.plan)
    return replies.opened(number, release.plan, None) if number is not None else None


def _stranger_told_lately(desk: Desk, intent: Answer) -> bool:
    """Whether the author may use nothing but help and was answered here within the hour."""
    try:
        right = right_of(desk.repository(intent.repository).role(intent.author, intent.author_id))
    except Denied:
        right = "everyone"
    return right == "everyone" and _refused_lately(desk, intent)


def _refused_lately(desk: Desk, intent: Answer) -> bool:
    key = f"refused/{intent.repository.id}/{intent.issue}/{intent.author_id}"
    known = desk.store.fact(key)
    when, _, comment = (known or "").partition(" ")
    ago = desk.now() - datetime.fromisoformat(when) if known else PATIENCE
    # A clock that was put back makes it a moment to come: then nobody was told lately.
    if comment != str(intent.comment) and timedelta(0) <= ago < PATIENCE:
        return True
    desk.store.remember(key, f"{desk.now().isoformat()} {intent.comment}")
    return False


def _as_delivered(desk: Desk, intent: Answer) -> str:
    """`same`, `edited` or `gone`: the comment as it is now, against the one that was delivered.

    GitHub may not know yet by its number what it has just told us of: gone is what its list does not show either.
    """
    repository = desk.repository(intent.repository)
    now = repository.comment(intent.comment)
    if now is None:
        listed = repository.comments_since(datetime.fromisoformat(intent.created_at))
        now = next((each for each in listed if each.id == intent.comment), None)
    if now is None:
        return "gone"
    return "same" if _lines_of(now.body) == _lines_of(intent.body) and now.author_id == intent.author_id else "edited"


def _lines_of(body: str) -> str:
    return body.replace("\r\n", "\n")


def _lines(desk: Desk, intent: Answer) -> list[str]:
    """The newest release lines, to suggest; display only."""
    found = show(lambda: propose.release_lines(desk, intent.repository))
    return list(found or ())


def _who_and_where(desk: Desk, intent: Answer) -> dict[str, Any]:
    """The right of the author, from the API alone, and what the place is. Anything unclear is no right."""
    repository = desk.repository(intent.repository)
    pull = repository.pull(intent.issue) if intent.on_pull else None
    place = _place(desk, intent.repository, pull)
    try:
        right: Who | None = right_of(repository.role(intent.author, intent.author_id))
    except Denied:
        right = None
    here = place in ("open pull", "merged pull")
    pulls = [] if here else [each.number for each in propose.open_releases(desk, repository)]
    return {"right": right, "place": place, "pulls": pulls}


def _place(desk: Desk, which: RepositoryId, pull: Pull | None) -> Place:
    if pull is None:
        return "issue"
    ours = pull.author_id == desk.hub.bot().user_id and pull.head.startswith(PREFIX)
    if ours and pull.merged:
        return "merged pull"
    return "open pull" if ours and pull.state == "open" else "pull"


def _place_words(spec: CommandSpec) -> str:
    return {"merged pull": "a merged release pull request", "open pull": "an open release pull request"}.get(
        spec.places[0], "issues and pull requests"
    )
