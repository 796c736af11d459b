"""From a merged release pull request to a published release: prove, tag, move channels, start the image build.

The column of steps in `publish` is the procedure. Each step looks before it writes, so a step that is entered
again, by a retry, a redelivery or another process, finishes what is missing and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.core.audit import Facts, Proof, prove
from bot.core.hub import Pull, RepositoryId, Run
from bot.core.intent import Follow, Intent, Publish
from bot.core.objects import tag_payload
from bot.core.orders import channel_moves
from bot.core.record import BuildOrder, ChannelOrder, Record, Sealed, sha256
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, TAGS, released
from bot.core.text import progress as words, pull as pull_words
from bot.core.text.quote import cell, marker, short
from bot.core.tree import Tree, object_id
from bot.core.version import Version
from bot.flows.desk import Desk, read_configuration, version_at
from bot.flows.display import show
from bot.flows.outcome import Outcome, Steps
from bot.flows.propose import PREFIX
from bot.flows.telling import tell_progress
from bot.gh import Repository
from bot.mirror import Commit, Mirror, RefUpdate
from bot.outage import Denied, Outage
from bot.store import Release

LATE = timedelta(hours=2)
"""A merge that is found later than this is published only when somebody asks for it."""
LATE_WORDS = "it was merged more than two hours ago, and nothing is published that late unasked"
AGAIN = 60.0
"""Seconds until a channel that could not be moved is tried again."""
VISIBLE = timedelta(minutes=2)
"""A commit that was merged so long ago is on the server, or it is on no branch any more."""
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
    left = steps.run("move the channels", move_channels, desk, which, version)
    steps.run("tell of the tag and the channels", tell_progress, desk, which, version)
    later: list[tuple[float, Intent]] = [(AGAIN, Publish(which, number, "channels"))] if left else []
    build = steps.run("start the image build", ensure_build, desk, which, version)
    if build["state"] == "none":
        steps.run("tell that there is no build", tell_no_build, desk, which, version, build["why"])
        why = build["why"] or "none is configured"
        return Outcome("done", f"{proved['tag']} is published without a build: {why}", later=tuple(later))
    steps.run("tell of the image build", tell_progress, desk, which, version)
    later.append((desk.settings.poll_seconds, Follow(which, version)))
    return Outcome("done", f"{proved['tag']} is published", later=tuple(later))


def prove_and_push(desk: Desk, which: RepositoryId, number: int, unattended: bool) -> dict[str, Any]:
    """All eight proofs, then the tag in one push that succeeds only where no such tag is, then read back.

    A tag that is on the server and exactly ours proves that an earlier try came so far: nothing is proved again.
    `unattended`: nobody asked for it just now, so a merge that lies long back waits for somebody who does.
    """
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
        if genuine:
            desk.store.merged(
                which.id, record, number, sealed.head, pull.merge_commit or "", pull.merged_by, pull.merged_at
            )
        with desk.mirror(repository) as mirror:
            try:
                outcome = _prove_and_push_once(desk, repository, mirror, pull, sealed, unattended)
            except Denied as refusal:
                outcome = _stopped(record, f"the server refused: {refusal.reason}", ())
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
    return not begun and pull.merged_at is not None and desk.now() - pull.merged_at > LATE


def _prove_and_push_once(
    desk: Desk, repository: Repository, mirror: Mirror, pull: Pull, sealed: Sealed, unattended: bool
) -> dict[str, Any] | None:
    """One try; None when a ref moved between the proofs and the push, so that everything must be proved again."""
    record, which = sealed.record, repository.id
    refs = mirror.refs()
    mirror.fetch(refs)
    commit = _merge_commit(desk, mirror, pull)
    if commit is None:
        return _stopped(record, f"the merge commit is on no branch of {which.name} any more", ())
    tagged = refs.get(TAGS + record.tag)
    if tagged is not None and _is_ours(mirror, tagged, record, commit):
        return _record_published(desk, which, record, commit, tagged, "tagged by an earlier try")
    if unattended and _found_late(desk, which, record, pull):
        return _stopped(record, LATE_WORDS, ())
    payload = _tag(desk, repository, pull, record, commit)
    facts = gather(desk, repository, mirror, refs, pull, sealed, commit, payload)
    if isinstance(facts, BadConfiguration):
        return _stopped(record, facts.sentence, ())
    proofs = prove(sealed, facts)
    failed = [proof for proof in proofs if not proof.holds]
    if failed:
        return _stopped(record, f"proof {failed[0].number}: {failed[0].why}", proofs)
    desk.store.publishing(which.id, record.version, payload, desk.now())
    tag = mirror.write("tag", payload)
    if not mirror.push([RefUpdate(TAGS + record.tag, None, tag)]).ok:
        return None
    return _record_published(desk, which, record, commit, tag, f"{len(proofs)} of {len(proofs)} proofs")


def _is_ours(mirror: Mirror, tagged: str, record: Record, commit: Commit) -> bool:
    """Whether this tag object is the record of exactly this plan and merge. Reviews may have changed since."""
    tag = mirror.tag(tagged)
    return tag is not None and tag.target == commit.sha and f"\nPlan: {record.digest}\n" in tag.message


def _merge_commit(desk: Desk, mirror: Mirror, pull: Pull) -> Commit | None:
    """The merge commit; None where the server does not have it though it had time to show it."""
    try:
        return mirror.commit(pull.merge_commit or "")
    except Outage:
        if pull.merged_at is None or desk.now() - pull.merged_at < VISIBLE:
            raise
        return None


def _record_published(
    desk: Desk, which: RepositoryId, record: Record, commit: Commit, tag: str, proved: str
) -> dict[str, Any]:
    """The tag is on the server: remember it, and what to tell of it."""
    how = "merge" if len(commit.parents) == 2 else "squash or rebase"
    rows = [
        words.Row("prove the merge", "done", desk.now(), f"{how} {short(commit.sha)}, {proved}"),
        words.Row("tag", "done", desk.now(), f"object {short(tag)}, pushed and read back"),
    ]
    known = desk.store.release(which.id, record.version)
    told = known is not None and bool(known.tag_object)
    desk.store.published(which.id, record.version, tag, commit.sha, [] if told else words.rows_to_json(rows))
    return {"state": "published", "version": record.version, "tag": record.tag}


def gather(
    desk: Desk,
    repository: Repository,
    mirror: Mirror,
    refs: Mapping[str, str],
    pull: Pull,
    sealed: Sealed,
    commit: Commit,
    payload: bytes,
) -> Facts | BadConfiguration:
    """Everything that the proofs are about, read now."""
    config = read_configuration(mirror, refs, repository.default_branch())
    if isinstance(config, BadConfiguration):
        return config
    record = sealed.record
    base_head = refs.get(HEADS + record.base, "")
    parent = commit.parents[0] if commit.parents else ""
    return Facts(
        repository=repository.id,
        admitted=desk.admits(repository.id),
        bot=desk.hub.bot(),
        pull=pull,
        commits=tuple(repository.pull_commits(pull.number)),
        parent=parent,
        parent_tree=mirror.tree(parent) if parent else Tree(),
        merged_tree=mirror.tree(commit.sha),
        base_head=base_head,
        base_tree=mirror.tree(base_head) if base_head else Tree(),
        merge_in_base=bool(base_head) and mirror.is_ancestor(commit.sha, base_head),
        planned_base_in_parent=bool(parent) and mirror.is_ancestor(record.base_commit, parent),
        released=released(refs, config),
        tag_now=refs.get(TAGS + record.tag),
        expected_tag=object_id("tag", payload),
        config=config,
    )


def _tag(desk: Desk, repository: Repository, pull: Pull, record: Record, commit: Commit) -> bytes:
    """The tag object's bytes: those recorded before an earlier push, else made now from what GitHub says."""
    recorded = desk.store.release(repository.id.id, record.version)
    if recorded is not None and recorded.tag_payload and recorded.merge_commit == commit.sha:
        return recorded.tag_payload
    approvals = [
        (approval.login, approval.head)
        for approval in repository.approvals(pull.number)
        if pull.merged_at is None or approval.at <= pull.merged_at
    ]
    message = pull_words.tag_message(record, pull.number, pull.merged_by or "unknown", tuple(approvals))
    return tag_payload(commit.sha, record.tag, desk.identity, commit.committed_at, message)


def _stopped(record: Record, why: str, proofs: tuple[Proof, ...]) -> dict[str, Any]:
    """Nothing is published, and why."""
    rows = [[proof.number, proof.name, proof.why] for proof in proofs]
    return {"state": "stopped", "why": why, "tag": record.tag, "proofs": rows, "plan": True}


def _stopped_without_plan(desk: Desk, pull: Pull) -> dict[str, Any]:
    """A merged pull request from a release branch that holds no plan of ours: told, and blocking nothing."""
    why = "its description holds no plan that I sealed."
    return {"state": "stopped", "why": why, "tag": pull.head.removeprefix(PREFIX), "proofs": [], "plan": False}


def tell_stopped(desk: Desk, which: RepositoryId, number: int, stopped: Mapping[str, Any]) -> None:
    """One comment on the pull request: which proof, why, and what to type."""
    repository = desk.repository(which)
    proofs = [Proof(*row) for row in stopped["proofs"]]
    if not stopped["plan"]:
        text = words.stopped_without_plan(stopped["why"])
    else:
        text = words.stopped(stopped["tag"], stopped["why"], proofs)
    show(lambda: repository.say(number, text, marker("stopped", number)))
    show(lambda: repository.set_labels(number, add=["release: stopped"], remove=["release: pending"]))


def move_channels(desk: Desk, which: RepositoryId, version: str) -> bool:
    """Each channel that is to move, by its own compare-and-swap. A channel delays nothing and vetoes nothing.

    Returns whether one was left because git did not answer: it is tried again later, and the build does not wait.
    """
    release = desk.store.release(which.id, version)
    if release is None:
        raise LookupError(f"release {version} of {which.name} is not in the store")
    record = release.plan
    repository = desk.repository(which)
    rows = []
    settled = {row.step for row in words.rows_from_json(release.rows) if row.state in ("done", "skipped")}
    for order in record.channels:
        if order.name in settled:
            continue  # decided once: where a person moves it afterwards is that person's decision
        try:
            with desk.mirror(repository) as mirror:
                rows.append(_move_channel(desk, mirror, repository, order, record, release.merge_commit))
        except Outage as outage:
            rows.append(words.Row(order.name, "waiting", desk.now(), cell(outage.reason)))
    desk.store.add_rows(which.id, version, words.rows_to_json(rows))
    return any(row.state == "waiting" for row in rows)


def _move_channel(
    desk: Desk, mirror: Mirror, repository: Repository, order: ChannelOrder, record: Record, target: str
) -> words.Row:
    for _ in range(TRIES):
        refs = mirror.refs()
        now = refs.get(order.ref)
        if now == target:
            return words.Row(order.name, "done", desk.now(), f"at {short(target)}")
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
        if isinstance(config, BadConfiguration):
            return words.Row(order.name, "failed", desk.now(), cell(config.sentence))
        tagged = [version for version, commit in released(refs, config).items() if commit == now]
        seen = max(tagged, default=None) or (version_at(mirror, now, config) if now else None)
        if now and seen is None and order.mode == "newer":
            return words.Row(order.name, "failed", desk.now(), "stays: it is at a version that I cannot read")
        if not channel_moves(order.mode, seen, Version.parse(record.version)):
            return words.Row(order.name, "skipped", desk.now(), f"stays at {seen or 'where it is'}")
        if order.mode == "ff" and now and not mirror.is_ancestor(now, target):
            return words.Row(order.name, "skipped", desk.now(), "stays: not a fast-forward")
        try:
            result = mirror.push([RefUpdate(order.ref, now, target)])
        except Denied as refusal:
            return words.Row(order.name, "failed", desk.now(), f"not allowed: {cell(refusal.reason)}")
        if result.ok:
            return words.Row(order.name, "done", desk.now(), f"{short(now) if now else 'new'} → {short(target)}")
    return words.Row(order.name, "failed", desk.now(), "kept moving; left where it is")


def correlation_id(tag_object: str, request: str = "release") -> str:
    """What names one wanted image build: the tag object and the request that asked for it."""
    return sha256(f"{tag_object}:{request}".encode()).removeprefix("sha256:")[:20]


def ensure_build(desk: Desk, which: RepositoryId, version: str) -> dict[str, str]:
    """Have exactly one run of the image build for this tag: `{"state": "running" | "none", "why": …}`.

    Looked for before every dispatch; after a dispatch whose answer was lost, looked for until a run of it would
    have appeared. The workflow itself ends a twin, so that a build is started at least once and happens once.
    """
    release = desk.store.release(which.id, version)
    if release is None:
        raise LookupError(f"release {version} of {which.name} is not in the store")
    order = release.plan.build
    if order is None:
        return {"state": "none", "why": ""}
    if release.run_id is None:
        try:
            run = _find_or_dispatch(desk, which, release, order)
        except Denied as refusal:
            desk.store.not_dispatched(which.id, version)
            desk.store.build_ended(which.id, version, "failed", refusal.reason)
            return {"state": "none", "why": refusal.reason}
        desk.store.building(which.id, version, run.id, run.url)
    return {"state": "running", "why": ""}


def _find_or_dispatch(desk: Desk, which: RepositoryId, release: Release, order: BuildOrder) -> Run:
    builds = desk.hub.builds(which, order.repository)
    wanted = correlation_id(release.tag_object)
    since = (release.merged_at or desk.now()) - timedelta(minutes=10)
    run = builds.find_run(order.workflow, wanted, since)
    if run is None:
        _wait_for_earlier_dispatch(desk, release.dispatched_at)
        desk.store.dispatching(which.id, release.version, wanted, desk.now())
        inputs = {"tag": release.plan.tag, "correlation_id": wanted, "formats": ",".join(order.formats)}
        run = builds.dispatch(order.workflow, order.ref, inputs) or builds.find_run(order.workflow, wanted, since)
    if run is None:
        raise Outage("github", "the run that was dispatched has not appeared yet", retry_after=2)
    return run


def _wait_for_earlier_dispatch(desk: Desk, dispatched_at: datetime | None) -> None:
    if dispatched_at is None:
        return
    left = dispatched_at + timedelta(seconds=desk.settings.dispatch_lookup_seconds) - desk.now()
    if left > timedelta(0):
        raise Outage("github", "looking for the run of an earlier dispatch", retry_after=min(5.0, left.total_seconds()))


def tell_no_build(desk: Desk, which: RepositoryId, version: str, why: str) -> None:
    """The final comment where publishing is the end."""
    release = desk.store.release(which.id, version)
    if release is None or release.pull is None:
        return
    number, tag = release.pull, release.plan.tag
    desk.repository(which).say(number, words.published_without_build(tag, why), marker("end", tag))
