"""What earlier releases say, and which of it a plan must know: read before planning, because planning asks nobody."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.config import Config
from bot.core.manifest import BadManifest, Manifest, read, style_in
from bot.core.plan.base import RELEASE, Base, read_base, release_manifests
from bot.core.plan.number import build_of, line_ref
from bot.core.plan.request import RELEASED, Request
from bot.core.plan.sdk import plain_version, wanted_sdk
from bot.core.refusal import BadClock
from bot.core.snapshot import TAGS, Earlier, Snapshot
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version, VersionFile


@dataclass(frozen=True)
class Recall:
    """What must be read of the past for one request.

    `releases`: whose files; `line`: the refs whose commits that the main branch lacks are counted, the release branch
    and the tag of its last release; `record`: whose tag message names the group; `manifest`: whether a release
    manifest of before is wanted, as a pattern to write by.
    """

    releases: tuple[Version, ...] = ()
    line: tuple[str, ...] = ()
    record: Version | None = None
    manifest: bool = False


def recall(snapshot: Snapshot, request: Request) -> Recall:
    """What this request needs of the past. Of a branch that cannot be released from, nothing is needed."""
    base = read_base(snapshot)
    if not isinstance(base, Base):
        return Recall()
    build = build_of(base, snapshot, request)
    last = None if isinstance(build, BadClock) else snapshot.newest(build)
    line = line_ref(base, snapshot, request)
    tag = TAGS + snapshot.config.tag_name(last) if last is not None else None
    return Recall(
        releases=tuple(sorted({*_named(request, base, snapshot), *_last(base, snapshot)})),
        line=tuple(ref for ref in (line, tag) if ref and ref in snapshot.refs) if line else (),
        record=last,
        manifest=not base.edits_in_place and style_in(*release_manifests(snapshot)) is None,
    )


def earlier(tree: Tree, config: Config) -> Earlier | None:
    """What a release had, from the tree of its tag; None where its files do not say it."""
    try:
        manifest = read(tree, RELEASE)
        versions = VersionFile.read(tree, config.manifest.version_file)
    except (BadManifest, BadVersionFile):
        return None
    return Earlier(manifest, versions.sdk)


def sdk_in_question(snapshot: Snapshot, request: Request) -> str | None:
    """The SDK version that some commit's version file must say, because no release tag has it; else None.

    It looks at the files of earlier releases, so those must be in the snapshot's past already.
    """
    base = read_base(snapshot)
    if not isinstance(base, Base):
        return None
    sdk, _ = wanted_sdk(base, snapshot, request)
    plain = plain_version(sdk)[0] if sdk else None
    known = plain is None or plain in snapshot.released or plain == base.versions.version
    return None if known else str(plain)


def sdk_of(snapshot: Snapshot, request: Request) -> str | None:
    """The SDK version that the release would be built with, unchecked; None where there is none."""
    base = read_base(snapshot)
    return wanted_sdk(base, snapshot, request)[0] if isinstance(base, Base) else None


def _last(base: Base, snapshot: Snapshot) -> tuple[Version, ...]:
    """The last release that was made of this branch."""
    version = base.versions.version if base.build is None else snapshot.newest(base.build)
    return (version,) if version is not None and version in snapshot.released else ()


def last_release(base: Base, snapshot: Snapshot) -> Manifest | None:
    """What the last release of this branch had: as its tag says, or where that is not known, as the branch says."""
    for version in _last(base, snapshot):
        if version in snapshot.past.releases:
            return snapshot.past.releases[version].manifest
    return base.manifest if base.edits_in_place else base.released


def _named(request: Request, base: Base, snapshot: Snapshot) -> tuple[Version, ...]:
    """The releases whose pins are named: by `from=`, by `=@VERSION`, and the line's last one by `=released`."""
    named = {request.pins_of} if request.pins_of else set()
    for override in request.overrides:
        version = named_release(override.revision or "", base, snapshot)
        if version is not None:
            named.add(version)
    return tuple(sorted(version for version in named if version in snapshot.released))


def named_release(revision: str, base: Base, snapshot: Snapshot) -> Version | None:
    """The release that `=released` or `=@VERSION` stands for; None where the revision is neither."""
    if revision == RELEASED:
        return snapshot.newest(base.versions.version.build) or base.versions.version
    return Version.parse(revision.removeprefix("=@")) if revision.startswith("=@") else None
