"""What a release consists of: from a snapshot, a request and the answers of the servers to a plan, or a refusal.

This is the careful release engineer of the hand-written procedure, as a function. Today it plans releases on
a release branch whose manifest is fully pinned (layout *link*): COREOS_PATCH or COREOS_BRANCH goes up, the
named projects move in build-N.xml, everything else stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.core.command import Override
from bot.core.config import Config
from bot.core.hub import Comparison
from bot.core.line import Line, find_project, read_line
from bot.core.manifest import BadManifest, Manifest, PinEdit, Project, edit_in_place
from bot.core.orders import build_order, channel_orders, group_for, scripts_project
from bot.core.record import Record, sha256
from bot.core.refusal import (
    AmbiguousRevision,
    BadTree,
    Jump,
    NothingMoved,
    NotOnUpstream,
    Refusal,
    Rewind,
    UnclearUpstream,
    UnknownRevision,
    Unreadable,
    VersionTaken,
)
from bot.core.resolve import Answers, Elsewhere, Found, Move, Questions, Scattered, Silent, Unknown, Wanted
from bot.core.snapshot import HEADS, Snapshot
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.core.version import Version

Kind = Literal["patch", "branch"]
JUMP = 200
"""More commits than this in one project need --allow-jump."""


@dataclass(frozen=True)
class Request:
    """What a person asked for. `line` is the release branch; `text` the command as typed; `asked_at` UTC."""

    kind: Kind
    line: str
    overrides: tuple[Override, ...]
    flags: frozenset[str]
    actor: str
    text: str
    issue: int
    comment: int
    asked_at: datetime

    @property
    def digest(self) -> str:
        """The name of what was typed, blanks folded: who types it again asks for the same."""
        return sha256(" ".join(self.text.split()).encode())


@dataclass(frozen=True)
class ProjectChange:
    """One project that moves: pins and upstreams before and after, and the commits between."""

    name: str
    path: str
    url: str
    old: str
    new: str
    old_upstream: str | None
    new_upstream: str
    since: Comparison | None


@dataclass(frozen=True)
class Caution:
    """Something a reviewer must not miss: an upstream that changes, a pin that goes back, a project left unread."""

    kind: Literal["upstream", "rewind", "unread"]
    project: str
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """Everything that merging would do, and what a reviewer needs to judge it."""

    request: Request
    record: Record
    changes: Mapping[str, Entry | None]
    version: Version
    previous: Version
    projects: tuple[ProjectChange, ...]
    waiting: tuple[ProjectChange, ...]
    unchanged: tuple[tuple[str, str], ...]
    links: Mapping[str, tuple[str | None, str | None]]
    refs: Mapping[str, str]
    group_source: str
    cautions: tuple[Caution, ...]

    @property
    def branch(self) -> str:
        """The branch that the bot proposes from."""
        return self.record.branch

    @property
    def title(self) -> str:
        """Subject of the commit and title of the pull request."""
        return f"{self.record.base}: release {self.record.tag}"


def look_up(snapshot: Snapshot, request: Request) -> Questions | Refusal:
    """What must be resolved before this request can be planned."""
    line = read_line(snapshot)
    if not isinstance(line, Line):
        return line
    named: dict[str, Wanted] = {}
    for override in request.overrides:
        project = find_project(line.manifest, override.project)
        if not isinstance(project, Project):
            return project
        url = line.manifest.url(project, snapshot.url)
        revision = override.revision or project.revision or ""
        named[project.path] = Wanted(project, url, revision, override.upstream)
    followed = tuple(
        Wanted(project, line.manifest.url(project, snapshot.url), HEADS + line.branch)
        for project in line.manifest.projects
        if project.upstream == HEADS + line.branch and project.path not in named
    )
    return Questions(followed, tuple(named.values()))


def plan(snapshot: Snapshot, request: Request, answers: Answers) -> Plan | Refusal:
    """The plan for this request. Same inputs, same plan, same bytes."""
    line = read_line(snapshot)
    if not isinstance(line, Line):
        return line
    silent = {path: found for path, found in answers.named.items() if isinstance(found, Silent)}
    if not request.overrides:
        silent |= {path: found for path, found in answers.followed.items() if isinstance(found, Silent)}
    if silent:
        names = {project.path: project.name for project in line.manifest.projects}
        rows = tuple((names.get(path, path), found.reason) for path, found in silent.items())
        return Unreadable(rows, len(answers.named) + len(answers.followed), None)
    moving = answers.named if request.overrides else answers.followed
    projects = _changes(line.manifest, moving, snapshot)
    if not isinstance(projects, tuple):
        return projects
    refused = _refuse_moves(projects, line, request)
    if refused:
        return refused
    if not projects and "allow-empty" not in request.flags:
        return _nothing_moved(line, snapshot, request)
    version = next_version(line.versions.version, request.kind)
    taken = _taken(version, snapshot, request.kind)
    return taken or _assemble(snapshot, request, answers, line, projects, version)


def next_version(before: Version, kind: Kind) -> Version:
    """Which number goes up: `branch` is the normal release of a line, `patch` the emergency one."""
    return before.next_branch() if kind == "branch" else before.next_patch()


def _changes(manifest: Manifest, found: Mapping[str, Found], snapshot: Snapshot) -> tuple[ProjectChange, ...] | Refusal:
    """The projects whose pin or upstream would differ, in the manifest's order; the first that cannot is refused."""
    rows = []
    for project in manifest.projects:
        answer = found.get(project.path)
        if answer is None:
            continue
        if not isinstance(answer, Move):
            return _not_found(project, answer)
        if (answer.commit, answer.upstream) != (project.revision, project.upstream):
            rows.append(_change(manifest, project, answer, snapshot))
    return tuple(rows)


def _change(manifest: Manifest, project: Project, move: Move, snapshot: Snapshot) -> ProjectChange:
    url = manifest.url(project, snapshot.url)
    old = project.revision or ""
    return ProjectChange(project.name, project.path, url, old, move.commit, project.upstream, move.upstream, move.since)


def _not_found(project: Project, answer: Unknown | Scattered | Elsewhere | Silent) -> Refusal:
    match answer:
        case Unknown(revision, ambiguous):
            return (AmbiguousRevision if ambiguous else UnknownRevision)(project.name, revision)
        case Scattered(commit, holders, not_on):
            return UnclearUpstream(project.name, commit, holders, not_on)
        case Elsewhere(commit, upstream):
            return NotOnUpstream(project.name, commit, upstream)
        case Silent(reason):
            return Unreadable(((project.name, reason),), 1, None)


def _refuse_moves(projects: tuple[ProjectChange, ...], line: Line, request: Request) -> Refusal | None:
    own = HEADS + line.branch
    for change in projects:
        since = change.since
        if since and since.behind and "allow-rewind" not in request.flags:
            return Rewind(change.name, since.behind)
        leaves = change.old_upstream if change.old_upstream == own != change.new_upstream else None
        if "allow-jump" not in request.flags and (leaves or (since and since.ahead > JUMP)):
            return Jump(change.name, since.ahead if since else 0, leaves, change.new_upstream)
    return None


def _nothing_moved(line: Line, snapshot: Snapshot, request: Request) -> Refusal:
    newest = snapshot.newest(line.build)
    tag = snapshot.config.tag_name(newest or line.versions.version)
    example = line.manifest.projects[0].name if line.manifest.projects else "PROJECT"
    return NothingMoved(line.branch, tag, example)


def _taken(version: Version, snapshot: Snapshot, kind: Kind) -> Refusal | None:
    """Refuse a version that has its tag already, or one below the line's newest release."""
    newest = snapshot.newest(version.build)
    if newest is None or version > newest:
        return None
    tag = snapshot.config.tag_name(version if version in snapshot.released else newest)
    commit = snapshot.released.get(version, snapshot.released[newest])
    return VersionTaken(tag, commit, str(next_version(newest, kind)))


def _assemble(
    snapshot: Snapshot,
    request: Request,
    answers: Answers,
    line: Line,
    projects: tuple[ProjectChange, ...],
    version: Version,
) -> Plan | Refusal:
    config = snapshot.config
    try:
        changes = _files(snapshot.tree, line, projects, version, config)
    except BadManifest as bad:
        return BadTree(f"`{line.manifest_file}` on `{line.branch}`: {bad}")
    record = _record(snapshot, request, line, version, changes)
    moved = {change.path for change in projects}
    waiting = _changes(line.manifest, _moves_only(answers.followed), snapshot) if request.overrides else ()
    return Plan(
        request=request,
        record=record,
        changes=changes,
        version=version,
        previous=line.versions.version,
        projects=projects,
        waiting=waiting if isinstance(waiting, tuple) else (),
        unchanged=tuple((p.name, p.revision or "") for p in line.manifest.projects if p.path not in moved),
        links={name: (snapshot.tree.link(name), _link_after(name, snapshot.tree, changes)) for name in LINKS},
        refs={ref: snapshot.refs[ref] for ref in _shown_refs(snapshot, config) if ref in snapshot.refs},
        group_source=group_for(config, line.build)[1],
        cautions=tuple(_cautions(projects, answers, line)),
    )


def _record(
    snapshot: Snapshot, request: Request, line: Line, version: Version, changes: Mapping[str, Entry | None]
) -> Record:
    """The plan as publishing will need it."""
    config = snapshot.config
    return Record(
        repository=snapshot.repository,
        version=str(version),
        previous=str(line.versions.version),
        tag=config.tag_name(version),
        subject=config.tag.subject.replace("{tag}", config.tag_name(version)),
        base=snapshot.base,
        base_commit=snapshot.commit,
        sdk=line.versions.sdk or "",
        group=group_for(config, line.build)[0],
        files={path: (entry.mode, entry.blob) if entry else None for path, entry in changes.items()},
        inputs=inputs(snapshot.tree, line.manifest, config),
        channels=channel_orders(snapshot, version, line.branch),
        build=build_order(config, line.build, scripts_project(line.manifest, snapshot.owner)),
        config=config.digest(),
        requested_by=request.actor,
        request=request.digest,
        issue=request.issue,
        comment=request.comment,
        asked_at=request.asked_at.isoformat(),
    )


LINKS = ("default.xml", "release.xml")


def _files(
    tree: Tree, line: Line, projects: tuple[ProjectChange, ...], version: Version, config: Config
) -> dict[str, Entry | None]:
    """The files that the release commit changes, and nothing else."""
    changes: dict[str, Entry | None] = {}
    version_file = config.manifest.version_file
    old = tree.entries[version_file]
    changes[version_file] = replace(old, data=line.versions.updated(version, line.versions.sdk))
    if projects:
        manifest = tree.entries[line.manifest_file]
        edits = {change.path: PinEdit(change.new, change.new_upstream) for change in projects}
        changes[line.manifest_file] = Entry(manifest.mode or FILE, edit_in_place(manifest.data, edits))
    default = tree.link("default.xml")
    if config.manifest.default_link == "switch" and default not in (None, line.manifest_file):
        changes["default.xml"] = Entry(LINK, line.manifest_file.encode())
    return dict(sorted(changes.items()))


def _link_after(name: str, tree: Tree, changes: Mapping[str, Entry | None]) -> str | None:
    return tree.with_changes(changes).link(name)


def inputs(tree: Tree, manifest: Manifest, config: Config) -> dict[str, str | None]:
    """The blobs that the plan was computed from, by path: a change of any of them makes it stale."""
    paths = {config.manifest.version_file, *LINKS, *manifest.inputs}
    return {path: entry.blob if (entry := tree.get(path)) else None for path in sorted(paths)}


def _moves_only(found: Mapping[str, Found]) -> dict[str, Found]:
    return {path: answer for path, answer in found.items() if isinstance(answer, Move)}


def _shown_refs(snapshot: Snapshot, config: Config) -> list[str]:
    channels = [HEADS + name for name in sorted(config.channels)]
    return list(dict.fromkeys([HEADS + snapshot.base, *channels, HEADS + config.manifest.main_branch]))


def _cautions(projects: tuple[ProjectChange, ...], answers: Answers, line: Line) -> Iterable[Caution]:
    for change in projects:
        if change.old_upstream and change.new_upstream != change.old_upstream:
            yield Caution("upstream", change.name, change.old_upstream, change.new_upstream)
        if change.since and change.since.behind:
            yield Caution("rewind", change.name, str(change.since.behind), change.new)
    names = {project.path: project.name for project in line.manifest.projects}
    for path, answer in answers.followed.items():
        if isinstance(answer, Silent):
            yield Caution("unread", names[path], answer.reason, "")
