"""The three ways out of *stopped*, as they are commanded on the pull request: resume, adopt, abandon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.core import refusal as no
from bot.core.command import Command
from bot.core.hub import RepositoryId
from bot.core.intent import Answer, Publish
from bot.core.text import replies
from bot.flows.abandon import give_up, open_revert_of
from bot.flows.adopt import judge_and_seal
from bot.flows.desk import Desk
from bot.flows.evidence import rival
from bot.flows.outcome import Outcome, Steps
from bot.flows.reply import refuse, say

RESUMABLE = ("proposed", "stopped", "merged", "publishing", "published")


def resume(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release resume`: prove again and go on, if the release stopped."""
    seen = steps.run("read the release", _state, desk, intent.repository, intent.issue)
    if seen["revert"] is not None:
        return refuse(desk, intent, steps, no.BeingTakenBack(seen["tag"], seen["revert"]), "a revert is open")
    if seen["state"] not in RESUMABLE:
        reason = no.NothingStopped("resume", seen["tag"], seen["state"])
        return refuse(desk, intent, steps, reason, "nothing to resume")
    outcome = say(desk, intent, steps, replies.resumed(seen["tag"]), "+1", "resumed", state="done")
    return replace(outcome, later=((0.0, Publish(intent.repository, intent.issue, "resume")),))


def adopt(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release adopt` on a merged pull request: take the merged tree for the release, then publish it."""
    step = "judge and seal the merged tree"
    made = steps.run(step, judge_and_seal, desk, intent.repository, intent.issue, intent.author)
    if "refused" in made:
        return refuse(desk, intent, steps, made["refused"], "cannot be adopted")
    outcome = say(desk, intent, steps, made["text"], "+1", f"{made['tag']} is adopted", state="done")
    return replace(outcome, later=((0.0, Publish(intent.repository, intent.issue, "resume")),))


def abandon(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/release abandon`: open the pull request that takes the merge back."""
    made = give_up(desk, intent.repository, intent.issue, intent.author, steps)
    if "refused" in made:
        return refuse(desk, intent, steps, made["refused"], "cannot be abandoned")
    text = replies.abandoned(made["tag"], made["number"])
    return say(desk, intent, steps, text, "+1", f"{made['tag']} is given up", state="done")


def _state(desk: Desk, which: RepositoryId, number: int) -> dict[str, Any]:
    repository = desk.repository(which)
    pull = repository.pull(number)
    sealed = desk.sealed(which, pull) if pull else None
    if sealed is None:
        return {"state": "stopped", "tag": "this release", "revert": None}
    tag = sealed.record.tag
    other = rival(desk, which, sealed.record.version, number)
    if other is not None:
        return {"state": f"proposed by #{other} now", "tag": tag, "revert": None}
    row = desk.store.release(which.id, sealed.record.version)
    state = row.state if row else "merged"
    if row is not None and state == "failed" and row.run_id is None:
        state = "published"  # it was never built
    revert = open_revert_of(repository, tag) if state in ("stopped", "merged") else None
    return {"state": state, "tag": tag, "revert": revert}
