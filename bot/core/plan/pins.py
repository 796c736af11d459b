"""Step 5 of the hand-written procedure: at which commit every project is released.

Off the main branch every project that follows a branch is looked up; one that main's manifest pins itself stays. On a
release branch only what follows that branch moves, or only the projects that a person names. A project that does not
move keeps the pin of the last release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.command import Override
from bot.core.difference import matched
from bot.core.manifest import Manifest, PinEdit, Project, full_ref, is_commit
from bot.core.plan.base import Base, find_project
from bot.core.plan.past import last_release, named_release
from bot.core.plan.request import Request, Selection
from bot.core.refusal import (
    AmbiguousRevision,
    NamedTwice,
    NothingToFollow,
    NotInRelease,
    NotOnUpstream,
    NotPinned,
    Refusal,
    UnclearUpstream,
    UnknownRelease,
    UnknownRevision,
    Unreadable,
)
from bot.core.resolve import Answers, Elsewhere, Move, Questions, Scattered, Silent, Unknown, Wanted
from bot.core.snapshot import Snapshot
from bot.core.version import Version


@dataclass(frozen=True)
class Pin:
    """Where a project is released: the commit, and its upstream where that is not what the manifest says already."""

    commit: str
    upstream: str | None = None


@dataclass(frozen=True)
class Stand:
    """Where a project stands before the release: the pin it keeps if it does not move, and the ref that it follows.

    `released` is the commit of the last release, from which its move is counted. `recalled`: the pin that it keeps is
    the one of the release that the request names.
    """

    project: Project
    url: str
    held: Pin | None
    follows: str | None
    released: str | None
    recalled: bool = False

    @property
    def is_loose(self) -> bool:
        """Whether the manifest names no commit for it."""
        return not is_commit(self.project.revision)


def stands(base: Base, snapshot: Snapshot, request: Request) -> tuple[Stand, ...] | Refusal:
    """Every project of the manifest and where it stands. `from=VERSION` puts it where that release had it."""
    last = _of_release(last_release(base, snapshot), base, snapshot)
    now = _of_release(base.released, base, snapshot)
    recalled: Mapping[str, Project] = {}
    if request.pins_of is not None:
        earlier = snapshot.past.releases.get(request.pins_of)
        if earlier is None:
            return unknown_release(request.pins_of, snapshot)
        recalled = _of_release(earlier.manifest, base, snapshot)
        loose = [project.name for project in recalled.values() if not is_commit(project.revision)]
        if loose:
            return NotPinned(loose[0], str(request.pins_of))
    return tuple(
        _stand(project, base, snapshot, request, last.get(project.path), now.get(project.path), recalled)
        for project in base.manifest.projects
    )


def _stand(
    project: Project,
    base: Base,
    snapshot: Snapshot,
    request: Request,
    last: Project | None,
    now: Project | None,
    recalled: Mapping[str, Project],
) -> Stand:
    url = base.manifest.url(project, snapshot.url)
    said = project.upstream if is_commit(project.revision) else project.revision
    follows = full_ref(said) if said else None
    released = last.revision if last and is_commit(last.revision) else None
    if request.pins_of is not None and project.path in recalled:
        pin = _pin_of(recalled[project.path], project, base, request.pins_of.build)
        return Stand(project, url, pin, follows, released, recalled=True)
    held = Pin(project.revision) if is_commit(project.revision) else _pin_of(now, project, base, base.build)
    return Stand(project, url, held, follows, released)


def _of_release(manifest: Manifest | None, base: Base, snapshot: Snapshot) -> Mapping[str, Project]:
    """By path, what a release had of each project; of another repository nothing, for its commits are others."""
    if manifest is None:
        return {}
    found = matched(manifest, base.manifest)
    urls = {project.path: base.manifest.url(project, snapshot.url) for project in base.manifest.projects}
    return {path: was for path, was in found.items() if manifest.url(was, snapshot.url) == urls[path]}


def _pin_of(was: Project | None, project: Project, base: Base, build: int | None) -> Pin | None:
    """The pin of a release of line `build`, with its upstream; None where it had none."""
    if was is None or not is_commit(was.revision):
        return None
    return Pin(was.revision, None if _stays_on_line(project, base, build) else was.upstream)


def _stays_on_line(project: Project, base: Base, build: int | None) -> bool:
    """Whether a pin of a release of line `build` leaves the project following this release branch.

    The first release of a line is made off the main branch, so its manifest does not say yet who follows the line.
    """
    return base.build is not None and base.build == build and full_ref(project.revision) == base.ref


def selection(base: Base, request: Request) -> Selection:
    """What moves besides the named projects, where nobody says: all off main, what is branched on a release branch."""
    if request.projects is not None:
        return request.projects
    if base.build is None:
        return "none" if request.pins_of else "all"
    return "none" if request.overrides or request.pins_of else "branched"


def moves(stand: Stand, base: Base, chosen: Selection) -> bool:
    """Whether an unnamed project is looked up anew."""
    if stand.held is None:
        return True  # nothing says where it was, so it must be looked up
    if chosen == "none":
        return False
    branched = base.build is not None and (stand.is_loose or stand.follows == base.ref)
    if chosen == "branched":
        return branched
    return stand.is_loose or (base.build is not None and stand.follows is not None)


def ask(base: Base, snapshot: Snapshot, request: Request) -> Questions | Refusal:
    """What the servers must say before the projects can be pinned."""
    standing = stands(base, snapshot, request)
    return _questions(standing, base, snapshot, request) if isinstance(standing, tuple) else standing


def _questions(standing: tuple[Stand, ...], base: Base, snapshot: Snapshot, request: Request) -> Questions | Refusal:
    named = _named(standing, base, snapshot, request)
    if not isinstance(named, dict):
        return named
    chosen = selection(base, request)
    followed, waiting = [], []
    for stand in standing:
        want = Wanted(stand.project, stand.url, stand.follows or "", held=stand.released)
        if stand.project.path in named:
            continue
        if moves(stand, base, chosen):
            followed.append(want)
        elif stand.recalled and stand.held:
            followed.append(replace(want, revision=stand.held.commit, upstream=stand.held.upstream, trusted=True))
        elif base.build is not None and stand.follows == base.ref and stand.held:
            waiting.append(replace(want, held=stand.held.commit))  # counted from where it stays
    return Questions(tuple(followed), tuple(named.values()), tuple(waiting))


def _named(
    standing: tuple[Stand, ...], base: Base, snapshot: Snapshot, request: Request
) -> dict[str, Wanted] | Refusal:
    """What is wanted of the named projects, by path."""
    at = {stand.project.path: stand for stand in standing}
    named: dict[str, Wanted] = {}
    words: dict[str, str] = {}
    for override in request.overrides:
        project = find_project(base.manifest, override.project)
        if not isinstance(project, Project):
            return project
        first = words.setdefault(project.path, override.project)
        if first != override.project:
            return NamedTwice(project.name, first, override.project)
        want = _wanted(at[project.path], override, base, snapshot)
        if not isinstance(want, Wanted):
            return want
        named[project.path] = want
    return named


def _wanted(stand: Stand, override: Override, base: Base, snapshot: Snapshot) -> Wanted | Refusal:
    project, held = stand.project, stand.held.commit if stand.held else None
    revision = override.revision
    if revision is None and stand.is_loose:
        revision = override.upstream  # where nothing is pinned, another upstream is another branch to follow
    version = named_release(revision, base, snapshot) if revision else None
    if version is not None:
        was = _in_release(project, version, base, snapshot)
        if not isinstance(was, Project):
            return was
        upstream = override.upstream or (None if _stays_on_line(project, base, version.build) else was.upstream)
        return Wanted(project, stand.url, was.revision, upstream, stand.released, trusted=override.upstream is None)
    if revision is None and held is None and override.upstream is None:
        return NothingToFollow(project.name)
    return Wanted(project, stand.url, revision or held or override.upstream or "", override.upstream, stand.released)


def _in_release(project: Project, version: Version, base: Base, snapshot: Snapshot) -> Project | Refusal:
    """The project as that release had it."""
    earlier = snapshot.past.releases.get(version)
    manifest = earlier.manifest if earlier else base.released if version == base.versions.version else None
    if manifest is None:
        return unknown_release(version, snapshot)
    was = _of_release(manifest, base, snapshot).get(project.path)
    return was if was and is_commit(was.revision) else NotInRelease(project.name, str(version))


def unknown_release(version: Version, snapshot: Snapshot) -> UnknownRelease:
    """The refusal for a release that is not there or cannot be read, with some that are near to it."""
    others = (each for each in snapshot.released if each != version)  # it can be there and not be readable
    near = sorted(others, key=lambda each: (abs(each.build - version.build), each))[:3]
    return UnknownRelease(str(version), tuple(map(str, near)))


def choose_pins(base: Base, snapshot: Snapshot, request: Request, answers: Answers) -> dict[str, Pin] | Refusal:
    """The pin of every project by its path, or the first reason why there is none.

    Raises ValueError where something that was asked is not answered: a plan must not leave out what a person named.
    """
    standing = stands(base, snapshot, request)
    if not isinstance(standing, tuple):
        return standing
    questions = _questions(standing, base, snapshot, request)
    if not isinstance(questions, Questions):
        return questions
    unanswered = [want.project.path for want in questions.named if want.project.path not in answers.named]
    unanswered += [want.project.path for want in questions.followed if want.project.path not in answers.followed]
    if unanswered:
        raise ValueError(f"nobody answered what was asked of {unanswered[0]}")
    needed = {**answers.followed, **answers.named}
    names = {stand.project.path: stand.project.name for stand in standing}
    silent = [(names.get(path, path), found.reason) for path, found in needed.items() if isinstance(found, Silent)]
    if silent:
        return Unreadable(tuple(silent), len(needed), None)
    pins: dict[str, Pin] = {}
    chosen = selection(base, request)
    for stand in standing:
        path = stand.project.path
        found = answers.named.get(path) or (answers.followed.get(path) if moves(stand, base, chosen) else None)
        if isinstance(found, Move):
            pins[path] = Pin(found.commit, found.upstream if path in answers.named else None)
        elif found is not None:
            return not_found(stand.project, found)
        elif stand.held is not None:
            pins[path] = stand.held
        else:
            return UnknownRevision(stand.project.name, stand.follows or "")
    return pins


def not_found(project: Project, answer: Unknown | Scattered | Elsewhere | Silent) -> Refusal:
    """The refusal for an answer that names no commit."""
    match answer:
        case Unknown(revision, ambiguous):
            return (AmbiguousRevision if ambiguous else UnknownRevision)(project.name, revision)
        case Scattered(commit, holders, not_on):
            return UnclearUpstream(project.name, commit, holders, not_on)
        case Elsewhere(commit, upstream):
            return NotOnUpstream(project.name, commit, upstream)
        case Silent(reason):
            return Unreadable(((project.name, reason),), 1, None)


def pinned_manifest(manifest: Manifest, pins: Mapping[str, Pin], renames: Mapping[str, str]) -> Manifest:
    """The manifest with every project pinned, ready to be printed; `renames` are new names by path."""
    projects = (_pinned(project, pins[project.path]) for project in manifest.projects)
    return replace(manifest, projects=tuple(_renamed(project, renames.get(project.path)) for project in projects))


def _pinned(project: Project, pin: Pin) -> Project:
    # A commit that the manifest names itself is no branch that could be written down as the upstream.
    revision = pin.commit if is_commit(project.revision) else project.revision
    return replace(project, pin=pin.commit, revision=revision, upstream=pin.upstream or project.upstream)


def _renamed(project: Project, name: str | None) -> Project:
    if name is None:
        return project
    groups = tuple(f"name:{name}" if group == f"name:{project.name}" else group for group in project.groups)
    return replace(project, name=name, groups=groups)


def pin_edits(manifest: Manifest, pins: Mapping[str, Pin], renames: Mapping[str, str]) -> dict[str, PinEdit]:
    """What to change in a manifest that is edited in place, by path: attribute values of projects that move."""
    edits = {}
    for project in manifest.projects:
        pin, name = pins[project.path], renames.get(project.path)
        differs = pin.commit != project.revision or pin.upstream not in (None, project.upstream)
        if differs or name:
            edits[project.path] = PinEdit(pin.commit, pin.upstream, name)
    return edits


def renames_by_path(base: Base, request: Request) -> dict[str, str] | Refusal:
    """The new names that were asked for, by the path of the project."""
    found = {}
    for word, name in request.renames.items():
        project = find_project(base.manifest, word)
        if not isinstance(project, Project):
            return project
        found[project.path] = name
    return found
