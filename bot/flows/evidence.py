"""The facts that the eight proofs are about, read from GitHub and git at the moment of publishing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from bot.core import refusal as no
from bot.core.audit import Facts
from bot.core.config import Config
from bot.core.hub import Pull, RepositoryId
from bot.core.objects import tag_payload
from bot.core.record import PREFIX, Record, Sealed
from bot.core.refusal import BadConfiguration
from bot.core.signature import is_ours, split, weaker
from bot.core.snapshot import HEADS, TAGS, released
from bot.core.text import pull as pull_words
from bot.core.tree import Tree, object_id
from bot.core.version import Version
from bot.flows.desk import Desk
from bot.gh import Repository
from bot.mirror import Commit, Mirror
from bot.outage import Outage
from bot.reading import read_configuration
from bot.release_branch import Tip
from bot.store import FREE

NOT_OURS = ""
"""What no tag on a server is."""
VISIBLE = timedelta(minutes=2)
"""A commit that was merged so long ago is on the server, or it is on no branch any more."""


def gather(
    desk: Desk,
    repository: Repository,
    mirror: Mirror,
    refs: Mapping[str, str],
    pull: Pull,
    sealed: Sealed,
    commit: Commit,
    expected: str,
    tip: Tip | None,
) -> Facts | BadConfiguration:
    """Everything that the proofs are about, read now."""
    config = read_configuration(mirror, refs, repository.default_branch())
    if isinstance(config, BadConfiguration):
        return config
    record = sealed.record
    base_head = refs.get(HEADS + record.base, "")
    parent = base_before(mirror, record, commit)
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
        expected_tag=expected,
        config=config,
        line_now=refs.get(tip.ref) if tip else None,
        expected_line=tip.commit if tip else None,
        weaker=weaker_tag(desk, mirror, refs, config, record),
    )


def weaker_tag(desk: Desk, mirror: Mirror, refs: Mapping[str, str], config: Config, record: Record) -> str | None:
    """Why our tag would be weaker than that of the release before this one; None where it would not."""
    ours = Version.parse(record.version)
    there = released(refs, config)
    line = max((version for version in there if version.build == ours.build and version < ours), default=None)
    last = line or Version.parse(record.previous)
    before = refs.get(TAGS + config.tag_name(last))
    tag = mirror.tag(before) if before else None
    verdict = desk.keyring.judge(tag.payload) if tag else None
    return weaker(verdict, desk.signer.kind if desk.signer else None)


def base_before(mirror: Mirror, record: Record, commit: Commit) -> str:
    """The base before the merge; "" where the merge commit has no parent, or is not the one that was adopted."""
    adoption = record.adoption
    if adoption is None:
        return commit.parents[0] if commit.parents else ""
    return adoption.parent if adoption.merge == commit.sha and mirror.is_ancestor(adoption.parent, commit.sha) else ""


def rival(desk: Desk, which: RepositoryId, version: str, number: int) -> int | None:
    """Another pull request that has this version now: the merge of this one was taken back, and its number taken."""
    known = desk.store.release(which.id, version)
    taken = known is not None and known.state not in FREE and known.pull not in (None, number)
    return known.pull if known and taken else None


def unpublished(
    desk: Desk, which: RepositoryId, number: int, verb: str, states: Collection[str]
) -> tuple[Pull, Sealed] | no.NothingStopped:
    """The merged release pull request that `verb` was asked for, where its release is in one of these states.

    A row that was lost is in none, and is no hindrance.
    """
    pull = desk.repository(which).pull(number)
    sealed = desk.sealed(which, pull) if pull else None
    if pull is None or sealed is None or not pull.merged or not pull.head.startswith(PREFIX):
        return no.NothingStopped(verb, f"pull request {number}", "no merged release of mine")
    record = sealed.record
    other = rival(desk, which, record.version, number)
    if other is not None:
        return no.NothingStopped(verb, record.tag, f"proposed by #{other} now")
    known = desk.store.release(which.id, record.version)
    if known is not None and known.state not in states:
        return no.NothingStopped(verb, record.tag, known.state)
    return pull, sealed


def merge_commit(desk: Desk, mirror: Mirror, pull: Pull) -> Commit | None:
    """The merge commit; None where the server does not have it though it had time to show it."""
    try:
        return mirror.commit(pull.merge_commit or "")
    except Outage:
        if pull.merged_at is None or desk.time() - pull.merged_at < VISIBLE:
            raise
        return None


def tag_object(desk: Desk, repository: Repository, pull: Pull, record: Record, commit: Commit) -> tuple[bytes, bool]:
    """The tag object's bytes as recorded before a push (True), signature and all; else made from what GitHub says.

    Those are not signed yet: a signature may come out otherwise each time, and is made right before it is recorded.
    """
    recorded = desk.store.release(repository.id.id, record.version)
    if recorded is not None and recorded.tag_payload and recorded.merge_commit == commit.sha:
        return recorded.tag_payload, True
    approvals = [
        (approval.login, approval.head)
        for approval in repository.approvals(pull.number)
        if pull.merged_at is None or approval.at <= pull.merged_at
    ]
    message = pull_words.tag_message(record, pull.number, pull.merged_by or "unknown", tuple(approvals))
    return tag_payload(commit.sha, record.tag, desk.identity, commit.committed_at, message), False


def signed(desk: Desk, payload: bytes, recorded: bool) -> bytes:
    """The tag as it is pushed: as recorded, or signed now, where there is a key."""
    whole = recorded and (desk.signer is None or split(payload).kind != "none")
    return payload if whole or desk.signer is None else desk.signer.sign(payload)


def expected_tag(desk: Desk, mirror: Mirror, record: Record, tagged: str | None, payload: bytes) -> str:
    """The tag object that counts as ours: the one there, where it is what we would push, else any other than that.

    One that differs by reviews alone counts: a review can be dismissed after the release was published and the store
    was lost. So does one made by hand that was adopted, while it is there.
    """
    if record.adoption and record.adoption.tag and record.adoption.tag == tagged:
        return tagged
    there = mirror.tag(tagged) if tagged is not None else None
    if tagged is None or there is None:
        return object_id("tag", payload)
    whole, ours = _without_reviews(there.payload), _without_reviews(payload)
    mine = is_ours(whole, ours, desk.keyring.judge(there.payload), signs=desk.signer is not None)
    return tagged if mine else NOT_OURS


def _without_reviews(payload: bytes) -> bytes:
    return re.sub(rb"(?m)^Approved-by: [^\n]*\n", b"", payload)
