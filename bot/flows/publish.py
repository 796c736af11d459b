"""From a merged release pull request to a published release: prove, tag, move channels, start the image build.

The column of steps in `publish` is the procedure. Each step looks before it writes, so a step that is entered
again, by a retry, a redelivery or another process, finishes what is missing and changes nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.core.audit import LASTING, Proof, exits, prove
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Follow, Intent, Publish
from bot.core.record import PREFIX, Record, Sealed
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, TAGS, peeled
from bot.core.text import progress as words, stopped as words_stopped
from bot.core.text.quote import code, marker, short
from bot.core.tree import object_id
from bot.flows.abandon import open_revert_of
from bot.flows.branches import ensure_project_branches
from bot.flows.channels import move_channels
from bot.flows.desk import UNKNOWN, Desk
from bot.flows.dispatch import ask_about_build, ensure_build, tell_no_build
from bot.flows.display import show
from bot.flows.evidence import expected_tag, gather, merge_commit, rival, signed, tag_object
from bot.flows.hold import held
from bot.flows.outcome import Outcome, Steps
from bot.flows.rebuild import ensure_known
from bot.flows.telling import tell_progress
from bot.gh import Repository
from bot.mirror import Commit, Mirror, RefUpdate
from bot.outage import Denied, Outage
from bot.release_branch import NotAsPlanned, Tip, ensure_tip, is_behind

log = logging.getLogger(__name__)

LATE = timedelta(hours=2)
"""A merge that is found later than this is published only when somebody asks for it."""
LATE_WORDS = "it was merged more than two hours ago, and nothing is published that late unasked"
TRIES = 5
"""How often the proofs are made again when a ref moves between the proofs and the push."""


def publish(desk: Desk, intent: Publish, steps: Steps) -> Outcome:
    """Publish what this merged pull request released, or stop and say why."""
    which, number = intent.repository, intent.pull
    unattended = intent.reason != "resume"
    proved = steps.run("prove the merge and push the tag", prove_and_push, desk, which, number, unattended)
    if proved["state"] == "ignored":
        return Outcome("ignored", proved["why"])
    if proved["state"] == "stopped":
        steps.run("say why it stopped", tell_stopped, desk, which, number, proved)
        return Outcome("stopped", proved["why"])
    version = proved["version"]
    if not unattended:
        steps.run("say that it goes on", tell_resumed, desk, which, number, version)
    left = steps.run("move the channels", move_channels, desk, which, version)
    left |= steps.run("make the projects' branches", ensure_project_branches, desk, which, version)
    steps.run("tell of the tag and the channels", tell_progress, desk, which, version)
    steps.run("see the tag on GitHub", ensure_visible, desk, which, version)
    later: list[tuple[float, Intent]] = []
    if left:
        later.append((desk.settings.retry_longest_seconds, Publish(which, number, "channels")))
    build = steps.run("start the image build", ensure_build, desk, which, version, not unattended)
    if build["state"] == "unknown":
        steps.run("ask about the image build", ask_about_build, desk, which, version)
        return Outcome("done", f"{proved['tag']} is published: {build['why']}", later=tuple(later))
    if build["state"] == "none":
        steps.run("tell that there is no build", tell_no_build, desk, which, version, build["why"])
        why = build["why"] or "none is configured"
        return Outcome("done", f"{proved['tag']} is published without a build: {why}", later=tuple(later))
    steps.run("tell of the image build", tell_progress, desk, which, version)
    later.append((desk.settings.poll_seconds, Follow(which, version)))
    return Outcome("done", f"{proved['tag']} is published", later=tuple(later))


def prove_and_push(desk: Desk, which: RepositoryId, number: int, unattended: bool) -> dict[str, Any]:
    """All eight proofs, then the tag, and the release branch that is opened, in one push by leases, then read back.

    A tag that is on the server and exactly ours proves that an earlier try came so far: nothing is proved again.
    `unattended`: nobody asked for it just now, so a merge that lies long back waits for somebody who does.
    """
    ensure_known(desk, which)
    repository = desk.repository(which)
    for _ in range(TRIES):
        pull = repository.pull(number)
        if pull is None or not pull.merged:
            raise Outage("github", f"pull request {number} does not show its merge yet", retry_after=5)
        if not pull.head.startswith(PREFIX):
            return {"state": "ignored", "why": f"pull request {number} is no release pull request"}
        sealed = desk.sealed(which, pull)
        if sealed is None:
            return _stopped_without_plan(desk, pull)
        record = sealed.record
        genuine = _is_genuine(desk, pull, sealed)
        other = rival(desk, which, record.version, number) if genuine else None
        if other is not None:
            return {"state": "ignored", "why": f"#{other} has the version {record.version} now"}
        if genuine:
            desk.store.merged(
                which.id, record, number, sealed.head, pull.merge_commit or "", pull.merged_by, pull.merged_at
            )
        with desk.mirror(repository) as mirror:
            try:
                outcome = _prove_and_push_once(desk, repository, mirror, pull, sealed, unattended)
            except Denied as refusal:
                if refusal.status in UNKNOWN:
                    raise
                outcome = _stopped(record, refusal.reason, ())
        if outcome is not None and outcome["state"] == "stopped" and genuine:
            desk.store.stopped(which.id, record.version, outcome["why"])
        if outcome is not None:
            return outcome
    raise Outage("git", f"refs of {which.name} kept moving while the tag was pushed")


def _is_genuine(desk: Desk, pull: Pull, sealed: Sealed) -> bool:
    """Whether it is our own pull request for this plan: a copy of its text must not touch what is stored of it."""
    return pull.author_id == desk.hub.bot().user_id and sealed.number == pull.number


def _found_late(desk: Desk, which: RepositoryId, record: Record, pull: Pull) -> bool:
    """Whether the merge lies too long back for publishing that nobody waits for, and has not begun to be published."""
    release = desk.store.release(which.id, record.version)
    begun = release is not None and release.state not in ("merged", "stopped")
    return not begun and pull.merged_at is not None and desk.time() - pull.merged_at > LATE


def _prove_and_push_once(
    desk: Desk, repository: Repository, mirror: Mirror, pull: Pull, sealed: Sealed, unattended: bool
) -> dict[str, Any] | None:
    """One try; None when a ref moved between the proofs and the push, so that everything must be proved again."""
    record, which = sealed.record, repository.id
    refs = mirror.refs()
    mirror.fetch(refs)
    commit = merge_commit(desk, mirror, pull)
    if commit is None:
        return _stopped(record, f"the merge commit is on no branch of {which.name} any more", ())
    tagged = refs.get(TAGS + record.tag)
    tip, wrong = _tip(desk, mirror, record, commit)
    payload, recorded = tag_object(desk, repository, pull, record, commit)
    if recorded and tagged == object_id("tag", payload):
        return _finish(desk, which, mirror, refs, record, commit, tagged, tip)
    if tagged is None and unattended and _found_late(desk, which, record, pull):
        return _stopped(record, LATE_WORDS, ())
    hold = held(mirror, refs, pull.number) if tagged is None else None
    if hold is not None:
        return _stopped(record, hold.plain, ())
    revert = open_revert_of(repository, record.tag) if tagged is None else None
    if revert is not None:
        return _stopped(record, f"pull request {revert} takes its merge back", ())
    expected = expected_tag(desk, mirror, record, tagged, payload)
    facts = gather(desk, repository, mirror, refs, pull, sealed, commit, expected, tip)
    if isinstance(facts, BadConfiguration):
        return _stopped(record, facts.sentence, ())
    proofs = prove(sealed, facts)
    published = tagged == expected
    failed = [proof for proof in proofs if not proof.holds and (proof.number in LASTING or not published)]
    if failed or wrong:
        by_hand = tagged is not None and peeled(refs, TAGS + record.tag) == commit.sha
        why = f"proof {failed[0].number}: {failed[0].why}" if failed else wrong or ""
        return _stopped(record, why, proofs, by_hand)
    if published:
        return _finish(desk, which, mirror, refs, record, commit, expected, tip)
    whole = signed(desk, payload, recorded)
    desk.store.publishing(which.id, record.version, whole, desk.now())
    tag = mirror.write("tag", whole)
    updates = [RefUpdate(TAGS + record.tag, None, tag), *([tip.update] if tip else [])]
    if not mirror.push(updates).ok:
        return None
    return _record_published(desk, which, record, commit, tag, f"{len(proofs)} of {len(proofs)} proofs")


def _tip(desk: Desk, mirror: Mirror, record: Record, commit: Commit) -> tuple[Tip | None, str | None]:
    """Where the release branch goes, or why the merged tree does not lead there."""
    try:
        return ensure_tip(desk.identity, mirror, record, commit), None
    except NotAsPlanned as wrong:
        return None, str(wrong)


def _finish(
    desk: Desk,
    which: RepositoryId,
    mirror: Mirror,
    refs: Mapping[str, str],
    record: Record,
    commit: Commit,
    tag: str,
    tip: Tip | None,
) -> dict[str, Any] | None:
    """The tag is there and ours. Where the push was cut off behind it, the release branch is pushed again."""
    now = refs.get(tip.ref) if tip else None
    if tip and is_behind(mirror, tip, now):
        log.error("ALARM: %s was pushed and %s was not; pushing the rest", record.tag, tip.ref)
        if not mirror.push([tip.update]).ok:
            return None
    published = _record_published(desk, which, record, commit, tag, "tagged by an earlier try")
    if tip and now not in (tip.seen, tip.commit) and not (now and mirror.is_ancestor(tip.commit, now)):
        log.error("ALARM: %s of %s does not hold the release %s", tip.ref, which.name, record.tag)
        where = f"is at {short(now)}, which does not hold the release" if now else "is gone"
        row = words.Row(code(tip.ref.removeprefix(HEADS)), "failed", desk.now(), f"{where}; put it right by hand")
        desk.store.add_rows(which.id, record.version, words.rows_to_json([row]))
    return published


def _record_published(
    desk: Desk, which: RepositoryId, record: Record, commit: Commit, tag: str, proved: str
) -> dict[str, Any]:
    """The tag is on the server: remember it, and what to tell of it."""
    how = "merge" if len(commit.parents) == 2 else "squash or rebase"
    rows = [
        words.Row("prove the merge", "done", desk.now(), f"{how} {short(commit.sha)}, {proved}"),
        _tagged_row(desk, record, tag),
    ]
    known = desk.store.release(which.id, record.version)
    told = known is not None and bool(known.tag_object)
    desk.store.published(which.id, record.version, tag, commit.sha, [] if told else words.rows_to_json(rows))
    return {"state": "published", "version": record.version, "tag": record.tag}


def _tagged_row(desk: Desk, record: Record, tag: str) -> words.Row:
    how = "signed, " if desk.signer is not None and not (record.adoption and record.adoption.tag) else ""
    if record.line is None:
        return words.Row("tag", "done", desk.now(), f"{how}object {short(tag)}, pushed and read back")
    together = f"{how}object {short(tag)} with {code(record.line.branch)}, one atomic push, read back"
    return words.Row("tag and release branch", "done", desk.now(), together)


def ensure_visible(desk: Desk, which: RepositoryId, version: str) -> None:
    """Raise Outage until GitHub itself shows the tag: what it starts next looks for it there."""
    release = desk.store.release(which.id, version)
    if release is None or release.run_id is not None:
        return
    seen = desk.repository(which).tag(release.plan.tag)
    if seen != release.tag_object:
        raise Outage("github", f"GitHub does not show the tag {release.plan.tag} yet", retry_after=2)


def _stopped(record: Record, why: str, proofs: tuple[Proof, ...], tag_at_merge: bool = False) -> dict[str, Any]:
    """Nothing is published: why, and what can be done about it."""
    rows = [[proof.number, proof.name, proof.why] for proof in proofs]
    ways = exits((proof.number for proof in proofs if not proof.holds), tag_at_merge)
    return {"state": "stopped", "why": why, "tag": record.tag, "proofs": rows, "ways": ways, "plan": True}


def _stopped_without_plan(desk: Desk, pull: Pull) -> dict[str, Any]:
    """A merged pull request from a release branch that holds no plan of ours: told, and blocking nothing."""
    why = "its description holds no plan that I sealed."
    return {"state": "stopped", "why": why, "tag": pull.head.removeprefix(PREFIX), "plan": False}


def tell_stopped(desk: Desk, which: RepositoryId, number: int, stopped: Mapping[str, Any]) -> None:
    """One comment on the pull request: which proof, why, and what to type."""
    repository = desk.repository(which)
    if not stopped["plan"]:
        text = words_stopped.stopped_without_plan(stopped["why"])
    else:
        proofs = [Proof(*row) for row in stopped["proofs"]]
        text = words_stopped.stopped(stopped["tag"], stopped["why"], proofs, stopped["ways"])
    show(lambda: repository.say(number, text, marker("stopped", number)))
    show(lambda: repository.set_labels(number, add=["release: stopped"], remove=["release: pending"]))


def tell_resumed(desk: Desk, which: RepositoryId, number: int, version: str) -> None:
    """Have the comment that said why it stopped say that this is over, where there is one."""
    repository = desk.repository(which)
    release = desk.store.release(which.id, version)
    mark = marker("stopped", number)
    if release is None:
        return
    since, text = release.merged_at, words_stopped.resumed(release.plan.tag)
    told = show(lambda: repository.find_said(number, mark, since=since))
    if told is not None:
        show(lambda: repository.say(number, text, mark, since=since))
