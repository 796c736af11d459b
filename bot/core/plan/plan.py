"""What a release consists of: from a snapshot, a request and the answers of the servers to a plan, or a refusal.

This is the careful release engineer of the hand-written procedure, as a function. The steps are beside it, one file
each: the branch that is released from (base), the version (number), the SDK (sdk), the pins (pins), the files (files)
and what publishing moves (orders). Same inputs, same plan, same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.core.difference import Changed, Difference, difference
from bot.core.manifest import BadManifest, Manifest, Project, full_ref, objections, read
from bot.core.plan.base import DEFAULT, RELEASE, Base, find_project, read_base
from bot.core.plan.files import Files, newly_pinned, release_files
from bot.core.plan.number import Number, choose_number
from bot.core.plan.orders import build_order, channel_orders, group_for, scripts_project
from bot.core.plan.past import last_release
from bot.core.plan.pins import Pin, ask, choose_pins, renames_by_path, unknown_release
from bot.core.plan.request import Request
from bot.core.plan.sdk import ChosenSdk, choose_sdk
from bot.core.plan.value import Caution, Plan, ProjectChange, RefChange, blobs, plain_request
from bot.core.record import LineOrder, ProjectBranch, Record, sha256
from bot.core.refusal import BadTree, Jump, NothingMoved, Refusal, Rewind, ThereAlready
from bot.core.resolve import Answers, Move, Questions, Silent
from bot.core.sensitive import sensitive
from bot.core.snapshot import HEADS, TAGS, Snapshot
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version

JUMP = 200
"""More commits than this in one project need --allow-jump."""
LINKS = (DEFAULT, RELEASE)


def look_up(snapshot: Snapshot, request: Request) -> Questions | Refusal:
    """What must be resolved before this request can be planned; refused at once where no answer could help."""
    decided = _decide(snapshot, request)
    if not isinstance(decided, _Decided):
        return decided
    return ask(decided.base, snapshot, request)


def plan(snapshot: Snapshot, request: Request, answers: Answers) -> Plan | Refusal:
    """The plan for this request, or the first reason why there is none."""
    decided = _decide(snapshot, request)
    if not isinstance(decided, _Decided):
        return decided
    pins = choose_pins(decided.base, snapshot, request, answers)
    if not isinstance(pins, dict):
        return pins
    try:
        files = _files(decided, snapshot, request, pins)
        if not isinstance(files, Files):
            return files
        after = read(snapshot.tree.with_changes(files.changes), RELEASE)
        against = objections(after, snapshot.url, snapshot.policy)
        if against:
            return BadTree(f"What would be released cannot be released from again: {against[0]}")
    except BadManifest as bad:
        return BadTree(f"`{decided.base.manifest_file}` on `{snapshot.base}`: {bad}")
    except BadVersionFile as bad:
        return BadTree(f"`{snapshot.config.manifest.version_file}` on `{snapshot.base}`: {bad}")
    before = last_release(decided.base, snapshot)
    moved = difference(before or Manifest(), after, snapshot.url)
    projects = tuple(_change(changed, answers, snapshot) for changed in moved.changed)
    refused = _refuse_moves(projects, decided.base, request)
    if refused:
        return refused
    if not _is_worth_it(moved, answers, decided.sdk) and not request.allows("allow-empty"):
        return _nothing_moved(decided.base, snapshot, answers)
    return _assemble(decided, snapshot, request, answers, files, moved, projects, before, after)


@dataclass(frozen=True)
class _Decided:
    """What is decided before any server is asked."""

    base: Base
    number: Number
    sdk: ChosenSdk
    renames: Mapping[str, str]
    branched: tuple[Project, ...]


def _decide(snapshot: Snapshot, request: Request) -> _Decided | Refusal:
    base = read_base(snapshot)
    if not isinstance(base, Base):
        return base
    if request.pins_of is not None and request.pins_of not in snapshot.past.releases:
        return unknown_release(request.pins_of, snapshot)
    number = choose_number(base, snapshot, request)
    if not isinstance(number, Number):
        return number
    sdk = choose_sdk(base, snapshot, request, number.version)
    if not isinstance(sdk, ChosenSdk):
        return sdk
    renames = renames_by_path(base, request)
    if not isinstance(renames, dict):
        return renames
    branched = _branched(base, snapshot)
    return _Decided(base, number, sdk, renames, branched) if isinstance(branched, tuple) else branched


def _branched(base: Base, snapshot: Snapshot) -> tuple[Project, ...] | Refusal:
    """The projects that get a branch of their own with a new line of layout *tracking*, as the configuration says."""
    if base.build is not None or base.layout != "tracking":
        return ()
    found: dict[str, Project] = {}
    for word in snapshot.config.manifest.branch_projects:
        project = find_project(base.manifest, word)
        if not isinstance(project, Project):
            return project
        found[project.path] = project
    return tuple(found.values())


def _files(decided: _Decided, snapshot: Snapshot, request: Request, pins: Mapping[str, Pin]) -> Files | Refusal:
    paths = [project.path for project in decided.branched]
    version, sdk = decided.number.version, decided.sdk.version
    return release_files(decided.base, snapshot, request, version, sdk, pins, decided.renames, paths)


def _change(changed: Changed, answers: Answers, snapshot: Snapshot) -> ProjectChange:
    found = answers.named.get(changed.path) or answers.followed.get(changed.path)
    since = found.since if isinstance(found, Move) and found.commit == changed.new else None
    return ProjectChange(
        name=changed.name,
        path=changed.path,
        url=changed.url,
        old=changed.old,
        new=changed.new,
        old_upstream=changed.old_upstream,
        new_upstream=changed.new_upstream,
        since=since,
        old_name=changed.old_name if changed.renamed else None,
        page=snapshot.compare_page(changed.url, changed.old, changed.new),
    )


def _refuse_moves(projects: tuple[ProjectChange, ...], base: Base, request: Request) -> Refusal | None:
    """Going back, leaving the line's branch or taking very many commits must be meant.

    Pins of an older release are meant to go back. Off the main branch many commits are what a day brings.
    """
    meant_back = request.allows("allow-rewind") or request.pins_of is not None
    for change in projects:
        since = change.since
        if since and since.behind and not meant_back:
            return Rewind(change.name, since.behind)
        if base.build is None or request.allows("allow-jump"):
            continue
        left = _full(change.old_upstream) == base.ref != _full(change.new_upstream)
        leaves = change.old_upstream if left else None
        if leaves or (since and since.ahead > JUMP):
            return Jump(change.name, since.ahead if since else 0, leaves, change.new_upstream or "")
    return None


def _full(upstream: str | None) -> str | None:
    """A ref by its full name, so that a short one is known for the same."""
    return full_ref(upstream) if upstream else None


def _is_worth_it(moved: Difference, answers: Answers, sdk: ChosenSdk) -> bool:
    """Whether there is something to release: a project, or the SDK that a person named.

    Only where a person named a project is another upstream enough.
    """
    if sdk.how == "asked" and sdk.version != sdk.before:
        return True
    differ = (change.repinned or change.readdressed or change.moved for change in moved.changed)
    named = (change.path in answers.named for change in moved.changed)
    return bool(moved.added or moved.removed) or any(differ) or any(named)


def _nothing_moved(base: Base, snapshot: Snapshot, answers: Answers) -> Refusal:
    newest = snapshot.newest(base.versions.version.build)
    tag = snapshot.config.tag_name(newest or base.versions.version)
    for project in base.manifest.projects:
        found = answers.named.get(project.path)
        if isinstance(found, Move):
            return ThereAlready(project.name, found.commit, tag)
    example = base.manifest.projects[0].name if base.manifest.projects else "PROJECT"
    return NothingMoved(base.branch, tag, example)


def _assemble(
    decided: _Decided,
    snapshot: Snapshot,
    request: Request,
    answers: Answers,
    files: Files,
    moved: Difference,
    projects: tuple[ProjectChange, ...],
    before: Manifest | None,
    after: Manifest,
) -> Plan:
    version = decided.number.version
    record = _record(decided, snapshot, request, files, after)
    changed = {change.path for change in projects} | {project.path for project in moved.added}
    tree = snapshot.tree.with_changes(files.changes)
    return Plan(
        request=request,
        record=record,
        changes=files.changes,
        second=files.second,
        version=version,
        previous=decided.base.versions.version,
        sdk=decided.sdk,
        projects=projects,
        added=tuple((project.name, project.revision) for project in moved.added),
        removed=tuple((project.name, project.revision) for project in moved.removed),
        waiting=tuple(_waiting(after, answers, snapshot)),
        unchanged=tuple((p.name, p.revision) for p in after.projects if p.path not in changed),
        links={name: (snapshot.tree.link(name), tree.link(name)) for name in LINKS},
        refs=tuple(_refs(snapshot, record)),
        group_source=_group(snapshot, request, version)[1],
        sensitive=sensitive(before, after),
        cautions=tuple(_cautions(decided, projects, answers, tree)),
        inputs=_inputs_digest(snapshot, request, answers),
    )


def _group(snapshot: Snapshot, request: Request, version: Version) -> tuple[str, str]:
    return group_for(snapshot.config, version.build, snapshot.past.group, request.choices)


def _record(decided: _Decided, snapshot: Snapshot, request: Request, files: Files, after: Manifest) -> Record:
    """The plan as publishing will need it."""
    config, base, version = snapshot.config, decided.base, decided.number.version
    line = _line_order(decided, snapshot, files, after)
    tag = config.tag_name(version)
    otherwise = scripts_project(base.manifest, snapshot.owner)
    return Record(
        repository=snapshot.repository,
        version=str(version),
        previous=str(base.versions.version),
        tag=tag,
        subject=config.tag.subject.replace("{tag}", tag),
        base=snapshot.base,
        base_commit=snapshot.commit,
        sdk=decided.sdk.version,
        group=_group(snapshot, request, version)[0],
        files=blobs(files.changes),
        inputs=inputs(snapshot, base),
        channels=channel_orders(
            snapshot, version, config.line_branch(version.build), line is not None, request.choices
        ),
        build=build_order(config, version.build, otherwise, request.choices),
        config=config.digest(),
        requested_by=request.actor,
        request=request.digest,
        issue=request.issue,
        comment=request.comment,
        asked_at=request.asked_at.isoformat(),
        line=line,
        choices=request.choices,
        last_group=snapshot.past.group,
    )


def _line_order(decided: _Decided, snapshot: Snapshot, files: Files, after: Manifest) -> LineOrder | None:
    """What becomes of the release branch when the release is made off the main branch."""
    if decided.base.build is not None:
        return None
    branch = snapshot.config.line_branch(decided.number.version.build)
    pins = {project.path: project.revision for project in after.projects}
    projects = tuple(
        ProjectBranch(project.name, project.path, decided.base.manifest.url(project, snapshot.url), pins[project.path])
        for project in decided.branched
    )
    ref = HEADS + branch
    return LineOrder(branch, ref, snapshot.refs.get(ref), blobs(files.second), projects)


def inputs(snapshot: Snapshot, base: Base) -> dict[str, str | None]:
    """The blobs that the plan was computed from, by path: a change of any of them makes it stale."""
    released = base.released.inputs if base.released else ()
    paths = {snapshot.config.manifest.version_file, *LINKS, *base.manifest.inputs, *released}
    return {path: entry.blob if (entry := snapshot.tree.get(path)) else None for path in sorted(paths)}


def _inputs_digest(snapshot: Snapshot, request: Request, answers: Answers) -> str:
    """One name for all that the plan is a function of: commit, configuration, request, and what the servers said."""
    said = {
        kind: {path: repr(found) for path, found in sorted(getattr(answers, kind).items())}
        for kind in ("followed", "named", "waiting")
    }
    refs = sorted(snapshot.refs.items())
    whole = [snapshot.commit, snapshot.config.digest(), plain_request(request), repr(snapshot.past), refs, said]
    return sha256(json.dumps(whole, sort_keys=True, default=str).encode())


def _waiting(after: Manifest, answers: Answers, snapshot: Snapshot) -> Iterator[ProjectChange]:
    """What is on the release branch of a project and is not taken."""
    for project in after.projects:
        found = answers.waiting.get(project.path)
        if isinstance(found, Move) and found.commit != project.revision:
            upstream, url = project.upstream, after.url(project, snapshot.url)
            since = found.since
            yield ProjectChange(
                project.name, project.path, url, project.revision, found.commit, upstream, upstream, since
            )


def _refs(snapshot: Snapshot, record: Record) -> Iterator[RefChange]:
    """Every ref that publishing moves, and the main branch where it does not move."""
    base, line = HEADS + record.base, record.line
    yield RefChange(base, snapshot.refs.get(base), "merge", "merge")
    if line:
        yield RefChange(line.ref, line.seen, "second" if line.files else "merge", "forward" if line.seen else "create")
    yield RefChange(TAGS + record.tag, snapshot.refs.get(TAGS + record.tag), "tag", "create")
    for channel in record.channels:
        now = snapshot.refs.get(channel.ref)
        yield RefChange(channel.ref, now, "merge" if channel.moves else "same", f"channel {channel.mode}")
    main = HEADS + snapshot.config.manifest.main_branch
    if main != base and main in snapshot.refs:
        yield RefChange(main, snapshot.refs[main], "same", "none")


def _cautions(
    decided: _Decided, projects: tuple[ProjectChange, ...], answers: Answers, tree: Tree
) -> Iterator[Caution]:
    base, version = decided.base, decided.number.version
    if decided.number.again:
        yield Caution("again", str(version.build), str(decided.number.again), str(version))
    if decided.sdk.untagged:
        yield Caution("sdk", decided.sdk.version, "", decided.sdk.untagged)
    for change in projects:
        old, new = _full(change.old_upstream), _full(change.new_upstream)
        if old and new not in (None, old, None if change.path in answers.named else base.ref):
            yield Caution("upstream", change.name, change.old_upstream or "", change.new_upstream or "")
        if change.since and change.since.behind:
            yield Caution("rewind", change.name, str(change.since.behind), change.new)
    for project in newly_pinned(base, tree):
        yield Caution("pinned", project.name, project.revision, base.branch)
    unrelated = [change.name for change in projects if change.old != change.new and change.since is None]
    if unrelated:
        yield Caution("unrelated", unrelated[0], str(len(unrelated)), ", ".join(unrelated))
    names = {project.path: project.name for project in base.manifest.projects}
    for path, answer in answers.waiting.items():
        if isinstance(answer, Silent):
            yield Caution("unread", names[path], answer.reason, "")
