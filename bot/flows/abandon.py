"""Abandon: give a release up that was merged and not published, by a pull request that takes its merge back.

The bot never rewrites a branch that people build on. Merging the pull request is people's decision; from then on the
base no longer holds the release, and its number is free.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.core import refusal as no
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Abandon
from bot.core.objects import commit_payload
from bot.core.record import Record
from bot.core.refusal import Refusal
from bot.core.snapshot import HEADS, TAGS, peeled
from bot.core.text import refusals, replies, stopped as words
from bot.core.text.quote import code, marker
from bot.core.tree import Entry
from bot.flows.desk import Desk
from bot.flows.evidence import base_before, merge_commit, unpublished
from bot.flows.outcome import Outcome, Steps
from bot.gh import Repository
from bot.mirror import Commit, Mirror, RefUpdate
from bot.outage import Denied, Outage

REVERT = "release-bot-revert/"
"""How the branches begin from which merges are taken back; they are no release branches."""
STATES = ("merged", "publishing", "stopped", "superseded")


def abandon(desk: Desk, intent: Abandon, steps: Steps) -> Outcome:
    """What the operator ordered; told on the pull request."""
    made = give_up(desk, intent.repository, intent.pull, intent.by, steps)
    text = made.get("refused") or replies.abandoned(made["tag"], made["number"])
    steps.run("tell of it", _tell, desk, intent, text)
    return Outcome("refused", "cannot be abandoned") if "refused" in made else Outcome("done", "revert proposed")


def _tell(desk: Desk, intent: Abandon, text: str) -> None:
    desk.repository(intent.repository).say(intent.pull, text, marker("abandoned", intent.pull))


def give_up(desk: Desk, which: RepositoryId, number: int, by: str, steps: Steps) -> dict[str, Any]:
    """Have the revert's branch and pull request. `{"refused": text}`, or the tag and the number of the latter (None:
    the base holds nothing of the release any more).
    """
    made: dict[str, Any] = steps.run("push the revert", push_revert, desk, which, number)
    if "refused" in made or made["branch"] is None:
        return {**made, "number": None}
    return {**made, "number": steps.run("open the revert", open_revert, desk, which, number, by, made)}


def push_revert(desk: Desk, which: RepositoryId, number: int) -> dict[str, Any]:
    """The commit that takes the merge back, on a branch of ours."""
    found = unpublished(desk, which, number, "abandon", STATES)
    if isinstance(found, no.NothingStopped):
        return _refused(found)
    pull, sealed = found
    repository, record = desk.repository(which), sealed.record
    with desk.mirror(repository) as mirror:
        record = replace(record, base=pull.base)  # it may have been retargeted
        made = _revert(desk, mirror, pull, record)
    if isinstance(made, no.CannotAbandon):
        return _refused(made)
    if made is None:
        desk.store.stopped(which.id, record.version, "its merge was taken back")
        desk.store.superseded(which.id, record.version)
    return {"tag": record.tag, "branch": REVERT + record.tag if made else None, "base": record.base, "head": made}


def _refused(reason: Refusal) -> dict[str, Any]:
    return {"refused": refusals.refused(reason)}


def _revert(desk: Desk, mirror: Mirror, pull: Pull, record: Record) -> str | no.CannotAbandon | None:
    """The pushed commit; None where there is nothing left to take back."""
    refs = mirror.refs()
    mirror.fetch(refs)
    commit = merge_commit(desk, mirror, pull)
    base = refs.get(HEADS + record.base)
    tagged = peeled(refs, TAGS + record.tag)
    if tagged is not None and tagged == pull.merge_commit:
        return no.CannotAbandon(record.tag, "its tag is on the server, and a tag is never taken back")
    if commit is None or base is None:
        return None
    changes = _back(mirror, record, commit, base)
    if isinstance(changes, no.CannotAbandon):
        return changes
    if not changes:
        return None
    tree = mirror.write_tree(base, changes)
    when = pull.merged_at or desk.now()
    message = words.revert_message(record.subject, commit.sha, pull.number)
    head = mirror.write("commit", commit_payload(tree, [base], desk.identity, desk.identity, when, message))
    ref = HEADS + REVERT + record.tag
    if refs.get(ref) != head and not mirror.push([RefUpdate(ref, refs.get(ref), head)]).ok:
        raise Outage("git", f"the branch {REVERT}{record.tag} was moved by somebody else; reading it again")
    return head


def _back(mirror: Mirror, record: Record, commit: Commit, base: str) -> dict[str, Entry | None] | no.CannotAbandon:
    """What each file that the merge changed is to be again; one that was changed since is a person's to judge."""
    parent = base_before(mirror, record, commit) or (commit.parents[0] if commit.parents else "")
    if not parent:
        return no.CannotAbandon(record.tag, "the merge commit has no parent")
    before, merged, now = mirror.tree(parent), mirror.tree(commit.sha), mirror.tree(base)
    changes: dict[str, Entry | None] = {}
    for path in before.changes_to(merged):
        if now.get(path) == before.get(path):
            continue
        if now.get(path) != merged.get(path):
            return no.CannotAbandon(record.tag, f"{code(path)} was changed on {code(record.base)} since")
        changes[path] = before.get(path)
    return changes


def open_revert(desk: Desk, which: RepositoryId, number: int, by: str, made: dict[str, Any]) -> int:
    """The pull request of the revert, opened or found."""
    repository = desk.repository(which)
    title, body = words.revert_title(made["tag"]), words.revert_body(made["tag"], number, by)
    pull = repository.open_pull(made["branch"], made["base"], title, body)
    if pull.author_id != desk.hub.bot().user_id:
        raise Denied("github", f"pull request {pull.number} of somebody else is open from {made['branch']}")
    return pull.number


def open_revert_of(repository: Repository, tag: str) -> int | None:
    """The open pull request that would take this release back."""
    found = repository.pulls("open", head=REVERT + tag, limit=1)
    return found[0].number if found else None
