"""The branch that is released from, as read: its version file, its manifests, its layout; or why it cannot be used.

Releases are made from the main branch, whose manifest follows branches, or from a release branch `build-N`. Two
layouts exist. In layout *link*, release.xml is a link to build-N.xml, where every project is pinned, and that file
is edited on the release branch. In layout *tracking*, release.xml is a pinned file of its own, and build-N.xml
follows branches.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.core.manifest import BadManifest, Manifest, Project, is_commit, objections, read, select
from bot.core.refusal import AmbiguousProject, BadTree, NoSuchLine, Refusal, UnknownProject
from bot.core.shown import shown
from bot.core.snapshot import HEADS, Snapshot
from bot.core.tree import LINK, Tree
from bot.core.version import BadVersionFile, VersionFile

Layout = Literal["link", "tracking"]
RELEASE = "release.xml"
DEFAULT = "default.xml"


@dataclass(frozen=True)
class Base:
    """A branch to release from. `build` is None on the main branch; `manifest` is what the projects are taken from.

    `released` is the last release's manifest as this branch has it, None where there is none that can be read.
    """

    branch: str
    build: int | None
    layout: Layout
    versions: VersionFile
    manifest: Manifest
    manifest_file: str
    released: Manifest | None

    @property
    def ref(self) -> str:
        """The branch as a full ref."""
        return HEADS + self.branch

    @property
    def edits_in_place(self) -> bool:
        """Whether the manifest is edited where it stands; all others are printed."""
        return self.build is not None and self.layout == "link"


def read_base(snapshot: Snapshot) -> Base | Refusal:
    """The branch of a snapshot, main or release branch, or the sentence why it cannot be released from."""
    config, tree = snapshot.config, snapshot.tree
    build = config.build_number_of(snapshot.base)
    on_main = snapshot.base == config.manifest.main_branch
    if not snapshot.commit or (build is None and not on_main):
        return NoSuchLine(snapshot.base, nearest_lines(snapshot, build))
    file = config.line_file(build) if build is not None else config.manifest.main_file
    where = f"on `{snapshot.base}`"
    try:
        versions = VersionFile.read(tree, config.manifest.version_file)
    except BadVersionFile as bad:
        return BadTree(f"`{config.manifest.version_file}` {where}: {bad}")
    try:
        manifest = read(tree, file)
    except BadManifest as bad:
        return BadTree(f"`{file}` {where}: {bad}")
    wrong = _contradiction(snapshot, versions, build)
    against = objections(manifest, snapshot.url, snapshot.policy)
    if wrong or against:
        return BadTree(wrong or f"`{file}` {where}: {' '.join(against[:5])}")
    layout = layout_of(snapshot)
    base = Base(snapshot.base, build, layout, versions, _chosen(manifest, build, layout), file, _released(tree))
    return _unpinned(base, tree) or base


def nearest_lines(snapshot: Snapshot, build: int | None) -> tuple[str, ...]:
    """The lines whose build numbers are nearest, without a number the newest, as people type them; three at most."""
    lines = snapshot.lines()
    if build is not None:
        return tuple(sorted(lines, key=lambda line: abs(int(line.removeprefix("build-")) - build))[:3])
    return lines[:3]


def layout_of(snapshot: Snapshot) -> Layout:
    """How the files lie: as the configuration says, else by what release.xml is. A repository without one: *link*."""
    said = snapshot.config.manifest.layout
    if said != "auto":
        return said
    entry = snapshot.tree.get(RELEASE)
    return "link" if entry is None or entry.mode == LINK else "tracking"


def _contradiction(snapshot: Snapshot, versions: VersionFile, build: int | None) -> str | None:
    """What does not fit together on this branch."""
    tree, where = snapshot.tree, f"on `{snapshot.base}`"
    if build is not None and versions.version.build != build:
        file = snapshot.config.manifest.version_file
        return f"`{file}` {where} says {versions.version}, which is another line: set it to a version of {build}."
    entry = tree.get(RELEASE)
    if entry is not None and entry.mode == LINK and tree.resolve(RELEASE) is None:
        return f"`{RELEASE}` {where} is a link that leads to no file of this branch: turn it to the last release's."
    if build is not None and entry is None:
        return f"There is no `{RELEASE}` {where}: add it as the last release of this line had it."
    return None


def _chosen(manifest: Manifest, build: int | None, layout: Layout) -> Manifest:
    """Without the projects that are only there for those who ask for them; a file that is edited keeps them."""
    return manifest if build is not None and layout == "link" else select(manifest)


def _released(tree: Tree) -> Manifest | None:
    """The last release's manifest. One that is missing or broken says nothing: the next release repairs it."""
    if tree.read(RELEASE) is None:
        return None
    try:
        manifest = read(tree, RELEASE)
    except BadManifest:
        return None
    return manifest if manifest.projects else None


def _unpinned(base: Base, tree: Tree) -> BadTree | None:
    """A release manifest that is edited in place must be the one release.xml leads to, and pin every project."""
    if not base.edits_in_place:
        return None
    file, where = base.manifest_file, f"on `{base.branch}`"
    if tree.resolve(RELEASE) != file:
        return BadTree(f"`{RELEASE}` {where} is not a link to `{file}`, as layout *link* needs it: turn it there.")
    loose = [project.name for project in base.manifest.projects if not is_commit(project.revision)]
    if loose:
        return BadTree(
            f"`{file}` {where} does not pin {shown(loose[0])} to a full commit; a release manifest pins every project."
        )
    return None


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


def release_manifests(snapshot: Snapshot) -> tuple[bytes | None, ...]:
    """The release manifests of the branch, the last one first."""
    return tuple(snapshot.tree.read(path) for path in (RELEASE, *reversed(line_files(snapshot))))


def line_files(snapshot: Snapshot) -> list[str]:
    """Every build-*.xml of the branch, the lowest build number first; names of old, like build-0001.xml, too."""
    before, after = snapshot.config.manifest.line_file.split("{build}")
    name = re.compile(f"{re.escape(before)}([0-9]{{1,6}}){re.escape(after)}")
    numbered = [(int(match[1]), path) for path in snapshot.tree if (match := name.fullmatch(path))]
    return [path for _, path in sorted(numbered)]
