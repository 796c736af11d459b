"""A release branch as read: its version file, its pinned manifest, its links; or the sentence why it cannot be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.manifest import BadManifest, Manifest, Project, is_commit, read
from bot.core.refusal import AmbiguousProject, BadTree, NoSuchLine, Refusal, UnknownProject
from bot.core.shown import shown
from bot.core.snapshot import Snapshot
from bot.core.version import BadVersionFile, VersionFile


@dataclass(frozen=True)
class Line:
    """A release branch as read: its files, and what they say."""

    branch: str
    build: int
    versions: VersionFile
    manifest: Manifest
    manifest_file: str


def read_line(snapshot: Snapshot) -> Line | Refusal:
    """The release branch of a snapshot. Layout *link* only: release.xml is a link to a wholly pinned manifest."""
    config = snapshot.config
    build = config.build_number_of(snapshot.base)
    if build is None or not snapshot.commit:
        return NoSuchLine(snapshot.base, snapshot.lines()[:3])
    version_file, file = config.manifest.version_file, config.line_file(build)
    data = snapshot.tree.read(version_file)
    if data is None or snapshot.tree.link(version_file) is not None:
        return BadTree(f"`{snapshot.base}` has no `{version_file}`, which must be a file of its own.")
    try:
        versions = VersionFile.parse(data)
        manifest = read(snapshot.tree, file)
    except BadVersionFile as bad:
        return BadTree(f"`{version_file}` on `{snapshot.base}`: {bad}")
    except BadManifest as bad:
        return BadTree(f"`{file}` on `{snapshot.base}`: {bad}")
    if versions.version.build != build:
        return BadTree(f"`{version_file}` on `{snapshot.base}` says {versions.version}, which is another line.")
    if snapshot.tree.get("release.xml") is None or snapshot.tree.resolve("release.xml") != file:
        return BadTree(
            f"`release.xml` on `{snapshot.base}` is not a link to `{file}`: this layout cannot be planned yet."
        )
    loose = [project.name for project in manifest.projects if not is_commit(project.revision)]
    if loose:
        return BadTree(
            f"`{file}` does not pin {shown(loose[0])} to a full commit; a release manifest pins every project."
        )
    return Line(snapshot.base, build, versions, manifest, file)


def find_project(manifest: Manifest, word: str) -> Project | Refusal:
    """The one project that a person means by this word."""
    found = manifest.find(word)
    if len(found) == 1:
        return found[0]
    if found:
        return AmbiguousProject(word, tuple((project.name, project.path) for project in found))
    return UnknownProject(word, _near(word, [project.name for project in manifest.projects]), len(manifest.projects))


def _near(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Names whose last part looks like the word's, best first."""
    tails = {name: name.rpartition("/")[2] for name in names}
    best = difflib.get_close_matches(word.rpartition("/")[2], list(dict.fromkeys(tails.values())), n=3, cutoff=0.6)
    return tuple(name for tail in best for name in tails if tails[name] == tail)[:3]
