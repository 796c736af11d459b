"""One published release as it was read, long after its merge: the facts that the rules of `bot.core.verify` judge.

The layouts of the manifest's files are known here. They are read from the tree and not from the configuration,
because lines of different layouts lived side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bot.core.config import Config
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, Manifest, Project, full_ref, is_commit, read
from bot.core.objects import Tag
from bot.core.plan import DEFAULT, RELEASE
from bot.core.shown import shown
from bot.core.signature import TrustedKey, Verdict
from bot.core.snapshot import HEADS, TAGS
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version, VersionFile

_TRAILER = re.compile(r"^(Plan|SDK|Inputs): (.*)$", re.MULTILINE)
_INPUT = re.compile(r"(\S.*?)=([0-9a-f]{40})(?= |$)")


@dataclass(frozen=True)
class Recorded:
    """What a tag's message says of the files: the SDK, and the blobs by path that the release was planned from."""

    sdk: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Published:
    """Everything that was read of one release.

    `refs` are all refs of the server, tags peeled as `ref^{}`; `url` is its address and `policy` says where projects
    may come from. `tag` is None for a lightweight tag. `commit` is the tagged one, `tree` its files and `parent_tree`
    those of its first parent. `on_branches` are branches that contain the commit, by full name: the
    release branch, or where that does not, all others. `branch_version` is what version.txt says at the tip of the
    release branch, `channel_versions` what it says at each channel, by full ref: None where it cannot be read.
    `trusted` are the keys that may sign tags, and `signature` is what was thought of the tag's by them; without any
    it is None.
    """

    version: Version
    config: Config
    url: str
    refs: Mapping[str, str]
    tag: Tag | None
    commit: str
    tree: Tree
    parent_tree: Tree | None
    on_branches: frozenset[str]
    branch_version: Version | None
    channel_versions: Mapping[str, Version | None]
    policy: FetchPolicy
    trusted: tuple[TrustedKey, ...] = ()
    signature: Verdict | None = None

    @property
    def tag_ref(self) -> str:
        """The tag that this release must have."""
        return TAGS + self.config.tag_name(self.version)

    @property
    def branch(self) -> str:
        """The release branch that it must be on."""
        return HEADS + self.config.line_branch(self.version.build)

    @property
    def line_file(self) -> str:
        """The manifest of its line."""
        return self.config.line_file(self.version.build)

    @cached_property
    def versions(self) -> VersionFile | str:
        """version.txt as read, or the sentence why it cannot be."""
        try:
            return VersionFile.read(self.tree, self.config.manifest.version_file)
        except BadVersionFile as bad:
            return str(bad)

    @cached_property
    def manifest(self) -> Manifest | str:
        """What was released, or the sentence why it cannot be read. The oldest releases have no release.xml."""
        return _manifest(self.tree, RELEASE if RELEASE in self.tree else self.line_file)

    @cached_property
    def default(self) -> Manifest | str:
        """What the repo tool takes when nobody names a manifest, or the sentence why it cannot be read."""
        return _manifest(self.tree, DEFAULT)

    @cached_property
    def recorded(self) -> Recorded | None:
        """The record in the tag's message; None where it holds none, as in releases made without this program."""
        found = dict(_TRAILER.findall(self.tag.message)) if self.tag else {}
        if not {"Plan", "SDK", "Inputs"} <= found.keys() or not found["Plan"].startswith("sha256:"):
            return None
        return Recorded(found["SDK"], dict(_INPUT.findall(found["Inputs"])))

    @cached_property
    def line_files(self) -> re.Pattern[str]:
        """Which files are manifests of some line; the first lines' numbers began with zeros."""
        before, after = self.config.manifest.line_file.split("{build}")
        return re.compile(f"{re.escape(before)}[0-9]{{1,9}}{re.escape(after)}")

    def contradiction(self) -> str | None:
        """Where a release.xml of its own and the line's manifest differ by more than pins, as a sentence.

        It matters to the next release, which starts from the line's manifest.
        """
        line = _manifest(self.tree, self.line_file)
        if isinstance(self.manifest, str) or isinstance(line, str):
            return self.manifest if isinstance(self.manifest, str) else str(line)
        return contradiction(self.manifest, line, self.line_file)


def contradiction(released: Manifest, of_line: Manifest, line: str) -> str | None:
    """Where what is released and the manifest of its line, the file `line`, differ by more than pins."""
    there = {project.path: project for project in of_line.projects}
    for project in released.projects:
        other = there.pop(project.path, None)
        if other is None or other.name != project.name or not _pinned_from(other, project):
            return f"{RELEASE} and {shown(line)} do not say the same of {shown(project.path)}."
    return f"{shown(line)} also has {shown(next(iter(there)))}, which {RELEASE} lacks." if there else None


def _manifest(tree: Tree, path: str) -> Manifest | str:
    """The manifest at this path, or the sentence why it cannot be read."""
    try:
        return read(tree, path)
    except BadManifest as bad:
        return str(bad)


def _pinned_from(loose: Project, pinned: Project) -> bool:
    """Whether this is the project as it is, or pinned at what it follows."""
    if loose.revision == pinned.revision:
        return True
    follows = None if is_commit(loose.revision) else full_ref(loose.revision)
    return follows is not None and pinned.upstream is not None and full_ref(pinned.upstream) == follows
