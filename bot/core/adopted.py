"""A merged tree that is a valid release though not the planned one: the record that it would have been planned as.

Reviewers push commits to a release pull request, and sometimes it is merged so. What they made can be right. This
judges it by what a release must be, and then writes the record anew, so that publishing proves it as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.audit import decisions, planned_decisions
from bot.core.config import Config
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, Manifest, is_commit, objections, read
from bot.core.plan import DEFAULT, RELEASE, again, blobs
from bot.core.plan.orders import build_order, channels_for, group_for
from bot.core.published import contradiction
from bot.core.record import Adoption, Blob, ChannelOrder, LineOrder, Record, Sealed
from bot.core.shown import shown
from bot.core.snapshot import HEADS
from bot.core.tree import Entry, Tree
from bot.core.version import BadVersionFile, Version, VersionFile


class NotARelease(Exception):
    """The merged tree is no valid release of this version. The message says where, harmless as Markdown."""


@dataclass(frozen=True)
class Place:
    """Where the manifest repository is, and which addresses its projects may have."""

    url: str
    policy: FetchPolicy


def adopted(sealed: Sealed, parent: Tree, merged: Tree, config: Config, adoption: Adoption, at: Place) -> Sealed:
    """The plan that leads from `parent` to `merged`, by the present configuration. Raises NotARelease."""
    record = sealed.record
    changes = parent.changes_to(merged)
    if not changes:
        raise NotARelease("the merge changes nothing")
    _check_paths(record, changes, config)
    sdk = _check_version(record, merged, config)
    manifest = _check_manifest(record, merged, config, at)
    _check_default(record, parent, merged, config)
    files: dict[str, Blob | None] = {path: _blob(entry) for path, entry in changes.items()}
    whole = replace(
        record,
        base_commit=adoption.parent,
        sdk=sdk,
        files=files,
        inputs={path: _blob_id(parent, path) for path in record.inputs},
        line=_second(record.line, merged, manifest) if record.line else None,
        config=config.digest(),
        adoption=adoption,
    )
    return Sealed(_decided(whole, config), adoption.head, sealed.number)


def _check_paths(record: Record, changes: Mapping[str, Entry | None], config: Config) -> None:
    """A release changes its own files; of other lines' manifests it may only take old ones away."""
    own = {config.manifest.version_file, RELEASE, DEFAULT, config.line_file(_version(record).build)}
    before, after = config.manifest.line_file.split("{build}")
    for path, entry in changes.items():
        old = entry is None and path.startswith(before) and path.endswith(after)
        if path not in own and not old:
            raise NotARelease(f"it also changes {shown(path)}, which is no part of a release")


def _check_version(record: Record, merged: Tree, config: Config) -> str:
    """The SDK version that the merged version file says, beside the planned version."""
    try:
        file = VersionFile.read(merged, config.manifest.version_file)
    except BadVersionFile as bad:
        raise NotARelease(str(bad)) from None
    if str(file.version) != record.version:
        raise NotARelease(f"{shown(config.manifest.version_file)} says {file.version}, the plan was {record.version}")
    if not file.sdk:
        raise NotARelease(f"{shown(config.manifest.version_file)} says no SDK version")
    if file.sdk == str(file.version):
        raise NotARelease("the SDK version is the version that is released")
    return file.sdk


def _check_manifest(record: Record, merged: Tree, config: Config, at: Place) -> Manifest:
    """What is released: nothing to object to, every project pinned to a full commit, and one line file that fits."""
    line = config.line_file(_version(record).build)
    try:
        released, of_line = read(merged, RELEASE), read(merged, line)
    except BadManifest as bad:
        raise NotARelease(str(bad)) from None
    loose = [project.name for project in released.projects if not is_commit(project.revision)]
    if loose or not released.projects:
        raise NotARelease(f"{shown(loose[0])} is not pinned to a commit" if loose else "release.xml lists no projects")
    wrong = [*objections(released, at.url, at.policy), *objections(of_line, at.url, at.policy)]
    wrong += [why for why in (contradiction(released, of_line, line),) if why]
    if wrong:
        raise NotARelease(wrong[0].rstrip("."))
    return released


def _check_default(record: Record, parent: Tree, merged: Tree, config: Config) -> None:
    """default.xml stays what it was, or leads to the line's manifest."""
    now = merged.get(DEFAULT)
    if now != parent.get(DEFAULT) and merged.link(DEFAULT) != config.line_file(_version(record).build):
        raise NotARelease(f"{DEFAULT} leads elsewhere than to the line's own manifest")


def _second(line: LineOrder, merged: Tree, manifest: Manifest) -> LineOrder:
    """The commit that follows on the release branch, as it is after this merge."""
    pins = {project.path: project.revision for project in manifest.projects}
    gone = [project.path for project in line.projects if project.path not in pins]
    if gone:
        raise NotARelease(f"{shown(gone[0])}, which {shown(line.branch)} is to follow, is not in it")
    fresh = replace(line, projects=tuple(replace(each, commit=pins[each.path]) for each in line.projects))
    if not line.files:
        return fresh
    try:
        return replace(fresh, files=blobs(again(merged, fresh)))
    except BadManifest as bad:
        raise NotARelease(str(bad)) from None


def _decided(record: Record, config: Config) -> Record:
    """With channels, group and build as the configuration says now, where that is not what was planned."""
    if decisions(config, record) == planned_decisions(record):
        return record
    build = _version(record).build
    seen = {order.name: order for order in record.channels}
    line = record.line.branch if record.line else record.base
    return replace(
        record,
        channels=tuple(
            replace(seen[name], mode=mode, moves=mode != "never")
            if name in seen
            else ChannelOrder(name, HEADS + name, mode, None, mode != "never")
            for name, mode in channels_for(config, line, record.line is not None, record.choices)
        ),
        group=group_for(config, build, record.last_group, record.choices)[0],
        build=build_order(config, build, record.build.repository if record.build else None, record.choices),
    )


def _version(record: Record) -> Version:
    return Version.parse(record.version)


def _blob(entry: Entry | None) -> Blob | None:
    return (entry.mode, entry.blob) if entry else None


def _blob_id(tree: Tree, path: str) -> str | None:
    entry = tree.get(path)
    return entry.blob if entry else None
