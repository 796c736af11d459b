"""Compare GitHub with the store and take up what was missed: the receiver was down, a delivery was lost.

Nothing is done here. What is found becomes the same intents that a delivery would have made, stored under the
same keys, so that a delivery that comes late after all meets them and adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from bot.core import keys
from bot.core.command import looks_like_command, parse
from bot.core.hub import Comment, Pull, RepositoryId
from bot.core.intent import Acknowledge, Answer, Check, Follow, Intent, Publish, Reconcile, Withdraw
from bot.core.record import PREFIX
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.propose import open_releases
from bot.store import Release

LOOK_BACK = timedelta(hours=2)
"""How far the first sweep looks back, and the oldest merge that is published unattended."""
OVERLAP = timedelta(minutes=10)
"""How much of the time before it each later sweep looks at again."""
GRACE = timedelta(seconds=30)
"""A release that moved this recently is in good hands."""

Find = tuple[str, Sequence[Intent]]


def reconcile(desk: Desk, intent: Reconcile, steps: Steps) -> Outcome:
    """One sweep over one repository."""
    found = steps.run("sweep", sweep, desk, intent.repository)
    return Outcome("done", f"took up {found}")


def sweep(desk: Desk, which: RepositoryId) -> int:
    """Take up what no delivery told us; the number of finds that were new."""
    now = desk.now()
    mark = f"sweep/{which.id}"
    last = desk.store.fact(mark)
    since = datetime.fromisoformat(last) - OVERLAP if last else now - LOOK_BACK
    since_then = (_comments(desk, which, since), _closed(desk, which, since))
    as_it_is = (_open(desk, which, now), _unfinished(desk, which, now))
    finds = list(chain(*since_then, *as_it_is))
    new = sum(desk.submit(key, intents) for key, intents in finds)
    desk.store.remember(mark, now.isoformat())
    return new


def _comments(desk: Desk, which: RepositoryId, since: datetime) -> Iterator[Find]:
    """Commands that were commented since then."""
    ours = desk.hub.bot()
    for comment in desk.repository(which).comments_since(since):
        person = comment.author_id != ours.user_id and comment.by_app is None and not comment.author.endswith("[bot]")
        if person and comment.created_at >= since and looks_like_command(comment.body) and parse(comment.body):
            yield keys.comment(which.id, comment.id), (Acknowledge(which, comment.id), _answer(which, comment))


def _answer(which: RepositoryId, comment: Comment) -> Answer:
    return Answer(
        repository=which,
        issue=comment.issue,
        on_pull="/pull/" in comment.url,
        comment=comment.id,
        author=comment.author,
        author_id=comment.author_id,
        body=comment.body,
        created_at=comment.created_at.isoformat(),
    )


def _open(desk: Desk, which: RepositoryId, now: datetime) -> Iterator[Find]:
    """Every open release pull request: its base or the configuration may have moved under it."""
    for pull in open_releases(desk, desk.repository(which)):
        key = keys.changed(which.id, pull.number, "sweep", pull.head_sha, now.isoformat())
        yield key, (Check(which, pull.number),)


def _closed(desk: Desk, which: RepositoryId, since: datetime) -> Iterator[Find]:
    """Release pull requests of ours that were merged or closed since then."""
    ours = desk.hub.bot().user_id
    for pull in desk.repository(which).pulls("closed", limit=100):
        if pull.updated_at and pull.updated_at < since:
            return
        if pull.author_id == ours and pull.head.startswith(PREFIX) and pull.head_repository == which.id:
            yield _pull(which, pull)


def _pull(which: RepositoryId, pull: Pull) -> Find:
    at = pull.updated_at.isoformat() if pull.updated_at else ""
    if pull.merged and pull.merge_commit:
        return keys.merged(which.id, pull.number, pull.merge_commit), (Publish(which, pull.number, "sweep"),)
    return keys.closed(which.id, pull.number, pull.head_sha, at), (Withdraw(which, pull.number),)


def _unfinished(desk: Desk, which: RepositoryId, now: datetime) -> Iterator[Find]:
    """Releases that stand half-way although nothing moves them, and image builds that still run."""
    for release in desk.store.releases(which.id, ("merged", "publishing", "published", "building")):
        ended = release.state == "published" and release.plan.build is None
        if ended or now - release.updated_at < GRACE or release.pull is None:
            continue
        key = f"unfinished/{which.id}/{release.version}/{release.state}/{now.isoformat()}"
        yield key, (_next(which, release, release.pull),)


def _next(which: RepositoryId, release: Release, pull: int) -> Intent:
    if release.state == "building":
        return Follow(which, release.version, again=False)
    return Publish(which, pull, "sweep")
