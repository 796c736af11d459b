"""Compare GitHub with the store and take up what was missed: the receiver was down, a delivery was lost.

Nothing is done here. What is found becomes the same intents that a delivery would have made, stored under the
same keys, so that a delivery that comes late after all meets them and adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from bot.core import keys
from bot.core.command import Command, Mistake, find, parse
from bot.core.hub import Comment, Pull, RepositoryId
from bot.core.intent import Acknowledge, Answer, Check, Follow, Intent, Publish, Reconcile, Withdraw
from bot.core.record import PREFIX
from bot.core.text.quote import marker
from bot.flows.by_hand import look_for_tags
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.flows.outcome import Outcome, Steps
from bot.flows.propose import PENDING, open_releases
from bot.flows.rebuild import ensure_known
from bot.outage import Outage
from bot.store import Release
from bot.store.releases import FREE, PROPOSED, PUBLISHED

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
    try:
        steps.run("look for releases made by hand", look_for_tags, desk, intent.repository)
    except Outage as outage:
        return Outcome("done", f"took up {found}; tags are looked at by the next sweep: {outage}")
    return Outcome("done", f"took up {found}")


def sweep(desk: Desk, which: RepositoryId) -> int:
    """Take up what no delivery told us; the number of finds that were new."""
    lost = ensure_known(desk, which)
    pulls = open_releases(desk, desk.repository(which))
    now = desk.time()  # of GitHub, which has just told it: what is compared below happened there
    mark = f"sweep/{which.id}"
    since = looks_back_to(desk.store.fact(mark), now)
    finds = chain(
        _comments(desk, which, since, lost),
        _closed(desk, which, since),
        _open(desk, which, pulls, now),
        _gone(desk, which, pulls, now),
        _unfinished(desk, which, now),
        _parked(desk, which),
    )
    new = sum(desk.submit(key, intents) for key, intents in finds)
    desk.store.remember(mark, now.isoformat())
    return new


def looks_back_to(last: str | None, now: datetime) -> datetime:
    """From when on a sweep looks: from a little before the last one, unless that one was in the future."""
    before = datetime.fromisoformat(last) if last else None
    return before - OVERLAP if before is not None and before <= now + OVERLAP else now - LOOK_BACK


def _comments(desk: Desk, which: RepositoryId, since: datetime, lost: bool) -> Iterator[Find]:
    """Commands that were commented since then; of those that the store has no outcome of, only those without an answer
    of ours: it was lost, or is an old copy, and they were carried out before.
    """
    ours, repository = desk.hub.bot(), desk.repository(which)
    for comment in repository.comments_since(since):
        person = comment.author_id != ours.user_id and comment.by_app is None and not comment.author.endswith("[bot]")
        read = parse(comment.body) if person and comment.created_at >= since else None
        if read is None:
            continue
        key, seen = keys.comment(which.id, comment.id), Acknowledge(which, comment.id)
        unheard = lost or desk.store.outcome(key) is None
        answered = unheard and repository.find_said(comment.issue, marker("reply", comment.id), comment.created_at)
        believed = comment if _is_as_posted(comment, read) else replace(comment, body="")
        yield key, (seen,) if answered else (seen, _answer(which, believed))


def _is_as_posted(comment: Comment, read: Command | Mistake) -> bool:
    """Whether this can only be what its author posted: those with write access may edit what others wrote.

    GitHub tells when a comment was edited to the second. So a command for admins counts only as it was delivered; one
    that was not is asked for again, as one that was edited.
    """
    spec = find(read.family, read.verb) if isinstance(read, Command) else None
    return comment.updated_at <= comment.created_at and (spec is None or spec.who != "admin")


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


def _open(desk: Desk, which: RepositoryId, pulls: Sequence[Pull], now: datetime) -> Iterator[Find]:
    """Every open release pull request: its base or the configuration may have moved under it."""
    for pull in pulls:
        _know_open(desk, which, pull)
        key = keys.changed(which.id, pull.number, "sweep", pull.head_sha, now.isoformat())
        yield key, (Check(which, pull.number),)


def _know_open(desk: Desk, which: RepositoryId, pull: Pull) -> None:
    """Have the store hold an open release as proposed: it may have been reopened, or opened just before a crash."""
    sealed = desk.sealed(which, pull)
    if sealed is None or sealed.number != pull.number or sealed.record.repository != which.id:
        return
    known = desk.store.release(which.id, sealed.record.version)
    if known is None or known.state in FREE:
        desk.store.proposed(which.id, sealed.record, pull.number, sealed.head)
        show(lambda: desk.repository(which).set_labels(pull.number, add=[PENDING], remove=[]))


def _gone(desk: Desk, which: RepositoryId, pulls: Sequence[Pull], now: datetime) -> Iterator[Find]:
    """Releases that we hold for open and GitHub does not, however long ago they were merged or closed."""
    still = {pull.number for pull in pulls}
    for release in desk.store.releases(which.id, PROPOSED):
        if release.pull is None or release.pull in still or _moved_lately(desk, release):
            continue
        pull = desk.repository(which).pull(release.pull)
        if pull is None or pull.state == "open":
            continue
        key, intents = _pull(which, pull)
        # What was taken up and came to an end without an effect is taken up again, under a name of its own.
        ended = desk.store.outcome(key) not in (None, "parked")
        yield (f"again/{key}/{now.isoformat()}" if ended else key), intents


def _closed(desk: Desk, which: RepositoryId, since: datetime) -> Iterator[Find]:
    """Release pull requests of ours that were merged or closed since then."""
    ours = desk.hub.bot().user_id
    for pull in desk.repository(which).pulls("closed", limit=100):
        if pull.updated_at and pull.updated_at < since:
            return
        known = desk.store.release_of_pull(which.id, pull.number)
        if known is not None and known.state in PUBLISHED:
            continue
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
        # A reason with a published release says that its image build is not to be started unasked.
        ended = release.state == "published" and (release.plan.build is None or bool(release.reason))
        if ended or release.pull is None or _moved_lately(desk, release):
            continue
        key = f"unfinished/{which.id}/{release.version}/{release.state}/{now.isoformat()}"
        yield key, (_next(which, release, release.pull),)


def _moved_lately(desk: Desk, release: Release) -> bool:
    """Whether it is in good hands. What moved in the future was written down while our clock was wrong."""
    return timedelta(0) <= desk.now() - release.updated_at < GRACE


def _next(which: RepositoryId, release: Release, pull: int) -> Intent:
    if release.state == "building":
        return Follow(which, release.version, again=False)
    return Publish(which, pull, "sweep")


def _parked(desk: Desk, which: RepositoryId) -> Iterator[Find]:
    """What an outage put an end to; it is over, for GitHub has just answered.

    Not commands: whoever typed one was told to post it again. Not what broke on our side: that would break again.
    """
    for row in desk.store.parked_of(which.id):
        told = any(isinstance(intent, Answer) for intent in row.intents)
        if not told and not row.detail.startswith("incident "):
            # As it is reached now: it may have been renamed, or have come to another installation.
            yield row.delivery.key, tuple(replace(intent, repository=which) for intent in row.intents)
