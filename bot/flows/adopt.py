"""Adopt: an admin takes a merged tree that is a valid release, though not the planned one, for the release.

The decision is kept where the plan is kept: the record is written anew and sealed into the pull request, so that it
outlives our store, and publishing proves it as it proves every other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.core import refusal as no
from bot.core.adopted import NotARelease, Place, adopted
from bot.core.audit import Proof, prove
from bot.core.difference import difference
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Adopt, Publish
from bot.core.manifest import BadManifest, read
from bot.core.plan import RELEASE
from bot.core.record import Adoption, Sealed, reseal
from bot.core.refusal import BadConfiguration, Refusal
from bot.core.sensitive import sensitive
from bot.core.snapshot import TAGS, peeled
from bot.core.text import refusals, replies
from bot.core.text.difference import as_markdown
from bot.core.text.pull import sensitive_block
from bot.core.text.quote import code, marker
from bot.core.tree import object_id
from bot.flows.desk import Desk
from bot.flows.evidence import gather, merge_commit, tag_object, unpublished
from bot.flows.outcome import Outcome, Steps
from bot.gh import Repository
from bot.mirror import Commit, Mirror
from bot.reading import read_configuration
from bot.release_branch import NotAsPlanned, ensure_tip

STATES = ("merged", "publishing", "stopped")
"""What a release may be before it is adopted; a lost row is none of them, and is no hindrance."""


def adopt(desk: Desk, intent: Adopt, steps: Steps) -> Outcome:
    """What the operator ordered; told on the pull request."""
    made = steps.run("judge and seal the merged tree", judge_and_seal, desk, intent.repository, intent.pull, intent.by)
    steps.run("tell of it", _tell, desk, intent, made.get("refused") or made["text"])
    if "refused" in made:
        return Outcome("refused", "cannot be adopted")
    return Outcome(
        "done", f"{made['tag']} is adopted", later=((0.0, Publish(intent.repository, intent.pull, "resume")),)
    )


def _tell(desk: Desk, intent: Adopt, text: str) -> None:
    desk.repository(intent.repository).say(intent.pull, text, marker("adopted", intent.pull))


def judge_and_seal(desk: Desk, which: RepositoryId, number: int, by: str) -> dict[str, Any]:
    """Seal the merged tree as the release. `{"refused": text}`, or the tag and what is said."""
    found = unpublished(desk, which, number, "adopt", STATES)
    if isinstance(found, no.NothingStopped):
        return _refused(found)
    pull, sealed = found
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        made = _judge(desk, repository, mirror, pull, sealed, by)
        changes = _changes(mirror, made, repository.clone_url()) if isinstance(made, Sealed) else ""
    if not isinstance(made, Sealed):
        return _refused(made)
    body = reseal(pull.body, made, desk.marker_key)
    if pull.body != body:
        repository.edit_pull(number, body=body)
    desk.store.adopted(which.id, made.record, made.head)
    adoption = made.record.adoption
    tagged = adoption is not None and adoption.tag is not None
    return {"tag": made.record.tag, "text": replies.adopted(made.record.tag, len(made.record.files), tagged, changes)}


def _refused(reason: Refusal) -> dict[str, Any]:
    return {"refused": refusals.refused(reason)}


def _judge(desk: Desk, repository: Repository, mirror: Mirror, pull: Pull, sealed: Sealed, by: str) -> Sealed | Refusal:
    refs = mirror.refs()
    mirror.fetch(refs)
    tag = sealed.record.tag
    commit = merge_commit(desk, mirror, pull)
    if commit is None:
        return no.CannotAdopt(tag, "the merge commit is on no branch any more")
    tagged, target = refs.get(TAGS + tag), peeled(refs, TAGS + tag)
    if tagged and target != commit.sha:
        return no.CannotAdopt(tag, f"the tag {code(tag)} is at {code((target or '')[:7])}, not at the merge")
    parent = _base_before(mirror, repository, pull, commit, sealed)
    if parent is None:
        return no.CannotAdopt(tag, "it cannot be told what the branch was before the merge")
    config = read_configuration(mirror, refs, repository.default_branch())
    if isinstance(config, BadConfiguration):
        return config
    when = desk.now().isoformat(timespec="seconds")
    word = Adoption(by, when, pull.head_sha, commit.sha, parent, tagged)
    try:
        at = Place(repository.clone_url(), desk.policy)
        made = adopted(sealed, mirror.tree(parent), mirror.tree(commit.sha), config, word, at)
    except NotARelease as wrong:
        return no.CannotAdopt(tag, str(wrong).rstrip("."))
    return _proved(desk, repository, mirror, refs, pull, made, commit)


def _changes(mirror: Mirror, made: Sealed, url: str) -> str:
    """What the adopted manifest changes since the release before, and what of it is sensitive, as Markdown."""
    adoption = made.record.adoption
    if adoption is None:
        return ""
    try:
        old, new = read(mirror.tree(adoption.parent), RELEASE), read(mirror.tree(adoption.merge), RELEASE)
    except BadManifest:
        return ""
    table = as_markdown(difference(old, new, url), lambda project, before, after: None, room=20_000)
    return "\n\n".join(part for part in (table, sensitive_block(sensitive(old, new), 60)) if part)


def _proved(
    desk: Desk,
    repository: Repository,
    mirror: Mirror,
    refs: Mapping[str, str],
    pull: Pull,
    made: Sealed,
    commit: Commit,
) -> Sealed | Refusal:
    """The new plan, if all eight proofs hold for it: whatever an admin's word cannot stand for."""
    record = made.record
    try:
        tip = ensure_tip(desk.identity, mirror, record, commit)
    except NotAsPlanned as wrong:
        return no.CannotAdopt(record.tag, code(str(wrong), 300))
    payload, recorded = tag_object(desk, repository, pull, record, commit)
    tagged = refs.get(TAGS + record.tag)
    if recorded and tagged == object_id("tag", payload):
        return no.NothingStopped("adopt", record.tag, "published")
    expected = tagged or object_id("tag", payload)
    facts = gather(desk, repository, mirror, refs, pull, made, commit, expected, tip)
    if isinstance(facts, BadConfiguration):
        return facts
    failed = [proof for proof in prove(made, facts) if not proof.holds]
    return no.CannotAdopt(record.tag, _words(failed)) if failed else made


def _words(failed: list[Proof]) -> str:
    return "; ".join(f"proof {proof.number} does not hold: {code(proof.why or '', 200)}" for proof in failed)


def _base_before(mirror: Mirror, repository: Repository, pull: Pull, commit: Commit, sealed: Sealed) -> str | None:
    """The base before the merge: the first parent, or, where several commits were rebased, that of the first one.

    A rebase keeps messages and authors, so its commits are known by them. None where that does not add up.
    """
    if len(commit.parents) != 1:
        return commit.parents[0] if commit.parents else None
    told = repository.pull_messages(pull.number)
    line = mirror.first_parents(commit.sha, len(told) + 1)
    here = [mirror.commit(sha).message.strip() for sha in reversed(line[: len(told)])]
    wanted = [message.strip() for message in told]
    if here == wanted and len(line) == len(told) + 1:
        return line[-1]
    # A squash is one commit: then the one before it is none of the pull request's.
    before = mirror.commit(commit.parents[0]).message.strip()
    return None if before in wanted and commit.parents[0] != sealed.record.base_commit else commit.parents[0]
