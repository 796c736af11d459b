"""Steps 4 to 6 of the hand-written procedure: the files of the release commit, for both layouts.

version.txt, build-N.xml, release.xml and default.xml change, and off the main branch an old build-*.xml goes. In
layout *tracking* the release branch gets a second commit of its own, in which some projects follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bot.core.config import Config
from bot.core.manifest import Project, Style, edit_in_place, full_ref, is_commit, read, style_of, to_xml
from bot.core.plan.base import DEFAULT, RELEASE, Base, line_files, release_manifests
from bot.core.plan.pins import Pin, pin_edits, pinned_manifest
from bot.core.plan.request import Request
from bot.core.plan.tracking import follow, unpinned
from bot.core.record import LineOrder
from bot.core.refusal import NoSuchManifest, Refusal
from bot.core.snapshot import HEADS, Snapshot
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.core.version import Version

Changes = Mapping[str, Entry | None]


@dataclass(frozen=True)
class Files:
    """What the release commit changes, and what the second commit on the release branch does; None removes a file."""

    changes: Changes
    second: Changes = field(default_factory=dict)


def release_files(
    base: Base,
    snapshot: Snapshot,
    request: Request,
    version: Version,
    sdk: str,
    pins: Mapping[str, Pin],
    renames: Mapping[str, str],
    branched: Iterable[str],
) -> Files | Refusal:
    """The files of both commits. `branched` are the paths of the projects that follow the release branch from now on.

    Raises BadManifest where a manifest cannot be edited in place.
    """
    if base.build is not None and request.old_manifests:
        return NoSuchManifest(request.old_manifests[0], ())  # only a new build brings a manifest that replaces one
    tree, config = snapshot.tree, snapshot.config
    file, version_file = config.line_file(version.build), config.manifest.version_file
    numbers = replace(tree.entries[version_file], data=base.versions.updated(version, sdk, request.dialect))
    changes = {version_file: numbers, **_manifests(base, snapshot, request, file, pins, renames)}
    if base.build is not None:
        return Files(_differing(tree, {**changes, **_switched_default(tree, config, file)}))
    gone = removed_manifests(base, snapshot, request, file)
    if not isinstance(gone, tuple):
        return gone
    second: Changes = {}
    if base.layout == "tracking" and branched:
        second = second_commit(tree.with_changes(changes), config, version.build, branched)
    return Files(_differing(tree, {**changes, **dict.fromkeys(gone)}), second)


def _manifests(
    base: Base,
    snapshot: Snapshot,
    request: Request,
    file: str,
    pins: Mapping[str, Pin],
    renames: Mapping[str, str],
) -> dict[str, Entry | None]:
    """The manifest of the line, edited or printed, and release.xml: a link to it, or a pinned file of its own."""
    tree = snapshot.tree
    if base.edits_in_place:
        written = edit_in_place(tree.read(file) or b"", pin_edits(base.manifest, pins, renames))
    else:
        written = print_manifest(base, snapshot, request, pins, renames)
    if base.layout == "link":
        return {file: _same_mode(tree, file, written), RELEASE: Entry(LINK, file.encode())}
    line = written if base.build is None else _still_following(unpinned(written, base.ref), base, pins)
    return {file: _same_mode(tree, file, line), RELEASE: _same_mode(tree, RELEASE, written)}


def _still_following(manifest: bytes, base: Base, pins: Mapping[str, Pin]) -> bytes:
    """With every project that followed the release branch following it, also where no upstream is written that says so.

    One that followed another branch is pinned from now on, as it was in the repositories that the layout comes from.
    """
    for project in base.manifest.projects:
        came_from = pins[project.path].upstream
        follows = not is_commit(project.revision) and full_ref(project.revision) == base.ref
        if follows and came_from in (None, base.ref):
            manifest = follow(manifest, [project.path], project.revision)
    return manifest


def newly_pinned(base: Base, tree: Tree) -> Iterator[Project]:
    """Who followed another branch than this release branch and is pinned in its manifest by the release, `tree`."""
    if base.build is None:
        return
    loose = [project for project in base.manifest.projects if not is_commit(project.revision)]
    strays = [project for project in loose if full_ref(project.revision) != base.ref]
    after = {project.path: project for project in read(tree, base.manifest_file).projects} if strays else {}
    yield from (project for project in strays if is_commit(after[project.path].revision))


def second_commit(tree: Tree, config: Config, build: int, branched: Iterable[str]) -> Changes:
    """What the commit after a release changes on its release branch: these projects follow that branch from now on.

    Raises BadManifest where a project is not in the manifest.
    """
    file, ref = config.line_file(build), HEADS + config.line_branch(build)
    followed = _same_mode(tree, file, follow(tree.read(file) or b"", branched, ref))
    return dict(sorted({file: followed, **_switched_default(tree, config, file)}.items()))


def again(tree: Tree, line: LineOrder) -> Changes:
    """The second commit made again from the merged tree, by nothing but what the plan recorded of it."""
    file = next(path for path, blob in line.files.items() if blob and blob[0] != LINK)
    manifest = follow(tree.read(file) or b"", [project.path for project in line.projects], line.ref)
    links = (path for path in line.files if path != file)
    return {path: Entry(LINK, file.encode()) for path in links} | {file: _same_mode(tree, file, manifest)}


def _same_mode(tree: Tree, path: str, data: bytes) -> Entry:
    """A file with the mode that it has now; a new one, or what was a link, is a regular file."""
    now = tree.get(path)
    return Entry(now.mode if now and now.mode != LINK else FILE, data)


def _differing(tree: Tree, changes: Changes) -> Changes:
    """Without what is so already, in the order of the paths."""
    return {path: entry for path, entry in sorted(changes.items()) if tree.get(path) != entry}


def print_manifest(
    base: Base, snapshot: Snapshot, request: Request, pins: Mapping[str, Pin], renames: Mapping[str, str]
) -> bytes:
    """Step 5: what `repo manifest -r` prints, in the way in which the last release's manifest is written."""
    style = style_now(snapshot, request)
    return to_xml(
        pinned_manifest(base.manifest, pins, renames),
        style.dialect,
        suppress_upstream=not style.upstream,
        suppress_dest_branch=not style.dest_branch,
    )


def style_now(snapshot: Snapshot, request: Request) -> Style:
    """How this repository writes its release manifests: as the last one is, else as the newest old one is."""
    style = style_of(*release_manifests(snapshot), snapshot.past.manifest)
    return style if request.dest_branch is None else replace(style, dest_branch=request.dest_branch)


def removed_manifests(base: Base, snapshot: Snapshot, request: Request, file: str) -> tuple[str, ...] | Refusal:
    """The old build-*.xml that go with a release off the main branch.

    `keep-previous` keeps the newest of them. `remove-oldest` removes the one that sorts first as text, as the
    script of the CoreOS repository did, and keeps all others. A request can name them itself. One that another link
    than release.xml leads to, or that the main manifest includes, stays.
    """
    linked = {snapshot.tree.resolve(path) for path in snapshot.tree if path != RELEASE and snapshot.tree.link(path)}
    needed = {*linked, *base.manifest.inputs, file}
    old = [path for path in line_files(snapshot) if path not in needed]
    if request.old_manifests is not None:
        strange = [path for path in request.old_manifests if path not in old]
        return NoSuchManifest(strange[0], tuple(old)) if strange else request.old_manifests
    if snapshot.config.manifest.old_manifests == "remove-oldest":
        return tuple(sorted(old, key=str.encode)[:1])
    return tuple(old[:-1])


def _switched_default(tree: Tree, config: Config, file: str) -> dict[str, Entry | None]:
    """Step 6: on a release branch `default.xml` leads to its own manifest, so that a checkout needs no `-m`."""
    present = tree.link(DEFAULT)
    if config.manifest.default_link == "keep" or present in (None, file):
        return {}
    return {DEFAULT: Entry(LINK, file.encode())}
