"""What the planner looks at: one release branch of a manifest repository as the server had it at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.core.config import Config
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import Manifest
from bot.core.tree import Tree
from bot.core.version import Version

HEADS = "refs/heads/"
TAGS = "refs/tags/"


@dataclass(frozen=True)
class Earlier:
    """What an earlier release had: its pinned manifest and its SDK."""

    manifest: Manifest
    sdk: str | None


@dataclass(frozen=True)
class Past:
    """What was read of the past, because a request needs it.

    `releases` are those whose pins are named. `lead`: how many commits of the release branch the main branch lacks.
    `group`: what the line's last release record names. `sdk_said`: the commit whose version file says the wanted SDK
    version, which has no release tag. `sdk_problem`: why that SDK cannot be downloaded. `manifest`: a release manifest
    of before, to write the next like it, where the branch has none that can be read.
    """

    releases: Mapping[Version, Earlier] = field(default_factory=dict)
    lead: int = 0
    group: str | None = None
    sdk_said: str | None = None
    sdk_problem: str | None = None
    manifest: bytes | None = None


@dataclass(frozen=True)
class Snapshot:
    """The base branch `base` at `commit` with its tree, and every ref of the server (tags peeled as `ref^{}`).

    `url` is the manifest repository's own address: relative fetch addresses in a manifest start there. `owner` is
    the account that owns it. `policy` says which addresses of projects may be asked. `web` is GitHub's web
    address.
    `channel_files` holds, by ref, the version that version.txt says at each channel ref that exists.
    """

    repository: int
    url: str
    base: str
    commit: str
    tree: Tree
    config: Config
    refs: Mapping[str, str]
    channel_files: Mapping[str, Version]
    owner: str = ""
    policy: FetchPolicy = field(default_factory=FetchPolicy)
    past: Past = Past()
    web: str = "https://github.com"

    def compare_page(self, url: str, old: str, new: str) -> str | None:
        """The page that compares two commits of a project, where its host is known to have one."""
        address = url.rstrip("/").removesuffix(".git")
        if old == new or not address.startswith((f"{self.web}/", "https://github.com/", "https://gitlab.com/")):
            return None
        return f"{address}{'/-' if address.startswith('https://gitlab.com/') else ''}/compare/{old}...{new}"

    @cached_property
    def released(self) -> Mapping[Version, str]:
        """Every release of this repository: version to the commit that its tag stands for."""
        return released(self.refs, self.config)

    def newest(self, build: int) -> Version | None:
        """The highest released version of a line, or None."""
        return max((version for version in self.released if version.build == build), default=None)

    def lines(self) -> tuple[str, ...]:
        """The lines that have a release branch, as people type them, the newest first."""
        names = [ref.removeprefix(HEADS) for ref in self.refs if ref.startswith(HEADS)]
        return release_lines(names, self.config)


def released(refs: Mapping[str, str], config: Config) -> dict[Version, str]:
    """Version to commit for each tag whose whole name is a release tag; an annotated tag counts by its commit."""
    found = {}
    for ref, object_id in refs.items():
        if ref.startswith(TAGS) and not ref.endswith("^{}"):
            version = version_of_tag(ref.removeprefix(TAGS), config)
            if version is not None:
                found[version] = refs.get(ref + "^{}", object_id)
    return found


def peeled(refs: Mapping[str, str], ref: str) -> str | None:
    """The commit that a ref stands for, an annotated tag's too; None where there is no such ref."""
    return refs.get(ref + "^{}", refs.get(ref))


def version_of_tag(tag: str, config: Config) -> Version | None:
    """The version that a tag name stands for, or None where it is not the name of a release tag."""
    before, after = config.manifest.tag.split("{version}")
    try:
        version = Version.parse(tag.removeprefix(before).removesuffix(after))
    except ValueError:
        return None
    return version if config.tag_name(version) == tag else None


def release_lines(branches: list[str], config: Config) -> tuple[str, ...]:
    """The lines of those branches that are release branches, as people type them, whatever the branches are called.

    The newest line is the first.
    """
    builds = {build for name in branches if (build := config.build_number_of(name)) is not None}
    return tuple(f"build-{build}" for build in sorted(builds, reverse=True))
