"""The values of a configuration with their defaults: those of a repository shaped like the seed's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

from bot.core.record import sha256
from bot.core.version import Version

Role = Literal["write", "maintain", "admin"]
"""GitHub's role names, from the least on."""


@dataclass(frozen=True)
class ManifestFiles:
    """How the manifest repository lies. `{build}` and `{version}` are the only placeholders."""

    main_branch: str = "master"
    main_file: str = "master.xml"
    version_file: str = "version.txt"
    layout: Literal["auto", "link", "tracking"] = "auto"
    line_branch: str = "build-{build}"
    line_file: str = "build-{build}.xml"
    tag: str = "v{version}"
    old_manifests: Literal["keep-previous", "remove-oldest"] = "keep-previous"
    default_link: Literal["switch", "keep"] = "switch"
    branch_projects: tuple[str, ...] = ()
    epoch: date = date(2013, 7, 1)


@dataclass(frozen=True)
class Sdk:
    """Which SDK a release takes when nobody says so, and whether a development build's may be taken."""

    default: Literal["auto", "previous", "keep"] = "auto"
    allow_build_id: bool = False


@dataclass(frozen=True)
class Channel:
    """When a channel moves, and for which releases: all, those off the main branch (`new`), or those of some lines."""

    mode: Literal["newer", "always", "ff", "never"] = "newer"
    releases: Literal["all", "new"] | tuple[str, ...] = "all"


@dataclass(frozen=True)
class Tag:
    """The first line of a release tag's message."""

    subject: str = "CoreOS {tag}"


@dataclass(frozen=True)
class Build:
    """The image build that publishing starts. `repository` None: the project `scripts` of the same owner, if any."""

    trigger: Literal["dispatch", "push", "none"] = "dispatch"
    repository: str | None = None
    workflow: str = "image-build.yml"
    test_workflow: str = "image-test.yml"
    ref: str = "master"
    image: str = "prod"
    group: str = "alpha"
    formats: tuple[str, ...] = ("qemu",)
    timeout: timedelta = timedelta(hours=8)


@dataclass(frozen=True)
class Line:
    """What is different for one release line; None and () mean: as for the others."""

    group: str | None = None
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class People:
    """Who has a right: everybody with this role or more, and those named."""

    role: Role = "write"
    teams: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class Permissions:
    """Who may release, who may do what an admin may, and what a merge needs besides."""

    releaser: People = People()
    admin: People = People(role="maintain")
    merger_must_be: Literal["releaser", "admin", "anyone"] = "releaser"
    second_person: bool = False


@dataclass(frozen=True)
class Commands:
    """Which bots may give commands, and who may ask for a plan."""

    allow_bots: tuple[str, ...] = ()
    plan_for: Literal["releasers", "everyone"] = "releasers"


@dataclass(frozen=True)
class Notes:
    """Whether a release on GitHub is made for a release of ours."""

    github_release: Literal["none", "draft", "publish"] = "none"


@dataclass(frozen=True)
class Config:
    """The whole configuration of one repository. Equal configurations have equal digests."""

    version: int = 1
    manifest: ManifestFiles = ManifestFiles()
    sdk: Sdk = Sdk()
    channels: Mapping[str, Channel] = field(default_factory=lambda: {"dev-channel": Channel()})
    tag: Tag = Tag()
    build: Build = Build()
    lines: Mapping[int, Line] = field(default_factory=dict)
    permissions: Permissions = Permissions()
    commands: Commands = Commands()
    notes: Notes = Notes()

    def line_branch(self, build: int) -> str:
        """The release branch of a build number."""
        return self.manifest.line_branch.replace("{build}", str(build))

    def line_file(self, build: int) -> str:
        """The manifest file of a build number."""
        return self.manifest.line_file.replace("{build}", str(build))

    def tag_name(self, version: Version) -> str:
        """The tag of a release."""
        return self.manifest.tag.replace("{version}", str(version))

    def build_number_of(self, branch: str) -> int | None:
        """The build number whose release branch this is, or None where it is no release branch."""
        match = self._line_branches.fullmatch(branch)
        return int(match[1]) if match else None

    def is_release_base(self, branch: str) -> bool:
        """Whether releases are made on this branch: the main branch or a release branch."""
        return branch == self.manifest.main_branch or self.build_number_of(branch) is not None

    def digest(self) -> str:
        """`sha256:` and the hex digest of everything this says, defaults included."""
        plain = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str)
        return sha256(plain.encode())

    @cached_property
    def _line_branches(self) -> re.Pattern[str]:
        before, after = self.manifest.line_branch.split("{build}")
        return re.compile(f"{re.escape(before)}([1-9][0-9]{{0,5}}){re.escape(after)}")
