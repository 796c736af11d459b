"""What a manifest says, as frozen values: remotes, the default, projects, and the few elements around them.

The words are those of the repo tool's manifest format. Defaults are already applied: a project's revision,
upstream and dest-branch are what the tool would use for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.manifest.address import fetch_address


class BadManifest(Exception):
    """A manifest cannot be used; the one sentence says where and why."""


@dataclass(frozen=True, order=True)
class Annotation:
    """A name and value for scripts; printed again only where `keep` is true."""

    name: str
    value: str
    keep: bool = True


@dataclass(frozen=True)
class Remote:
    """Where projects come from: `fetch` joined to the manifest repository's own address, then a project's name."""

    name: str
    fetch: str
    pushurl: str | None = None
    alias: str | None = None
    review: str | None = None
    revision: str | None = None
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Default:
    """What a project has that says nothing itself."""

    remote: str | None = None
    revision: str | None = None
    dest_branch: str | None = None
    upstream: str | None = None
    sync_j: int | None = None
    sync_j_max: int | None = None
    sync_c: bool = False
    sync_s: bool = False
    sync_tags: bool = True


@dataclass(frozen=True)
class FileCopy:
    """A file of the project that is copied or linked to another place of the checkout."""

    src: str
    dest: str


@dataclass(frozen=True)
class Project:
    """One git repository of the checkout.

    `name` and `path` of a nested project are the joined ones, `parent` is the path of the project around it.
    `revision` is the ref, branch or commit as written; `pin` is the commit that it is to be printed with.
    `groups` are the written ones, in order, then those that the tool adds: all, name:NAME and path:PATH.
    """

    name: str
    path: str
    remote: str
    revision: str
    upstream: str | None = None
    dest_branch: str | None = None
    groups: tuple[str, ...] = ()
    sync_c: bool = False
    sync_s: bool = False
    sync_tags: bool = True
    clone_depth: int | None = None
    sync_strategy: str | None = None
    copyfiles: tuple[FileCopy, ...] = ()
    linkfiles: tuple[FileCopy, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    parent: str | None = None
    pin: str | None = None

    @property
    def written_groups(self) -> tuple[str, ...]:
        """The groups without those that every project has of itself."""
        implied = implied_groups(self.name, self.path)
        return tuple(group for group in self.groups if group not in implied)


def implied_groups(name: str, path: str) -> tuple[str, ...]:
    """The groups that a project is in without saying so."""
    return ("all", f"name:{name}", f"path:{path}")


@dataclass(frozen=True)
class Hooks:
    """The project whose hooks run on developers' machines, and which of them."""

    project: str
    enabled: tuple[str, ...]


@dataclass(frozen=True)
class Superproject:
    """A repository that has all projects as submodules."""

    name: str
    remote: str
    revision: str


@dataclass(frozen=True)
class Submanifest:
    """Another manifest, checked out below `path` of this one."""

    name: str
    remote: str | None = None
    project: str | None = None
    manifest_name: str | None = None
    revision: str | None = None
    path: str | None = None
    groups: frozenset[str] = frozenset()
    default_groups: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    @property
    def place(self) -> str:
        """The folder it is checked out to, below the outer manifest's."""
        return self.path or self.ref.rpartition("/")[2]

    @property
    def ref(self) -> str:
        """The branch or ref of its manifest repository."""
        return self.revision or self.name


@dataclass(frozen=True)
class Oddity:
    """Something that the repo tool reads over. A `serious` one (an unknown element) stops a release."""

    sentence: str
    serious: bool


@dataclass(frozen=True)
class Manifest:
    """A manifest as read, includes and changes to projects applied.

    `projects` holds every project in the order of the files, nested ones after the one around them. `inputs` are
    the files that were read, `oddities` sentences about what the tool ignores; neither is part of what it says.
    """

    projects: tuple[Project, ...] = ()
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    default: Default = Default()
    notice: str | None = None
    server: str | None = None
    submanifests: tuple[Submanifest, ...] = ()
    hooks: Hooks | None = None
    superproject: Superproject | None = None
    bug_url: str | None = None
    prefix: str = ""
    default_groups: tuple[str, ...] = ()
    inputs: tuple[str, ...] = field(default=(), compare=False)
    oddities: tuple[Oddity, ...] = field(default=(), compare=False)

    def url(self, project: Project, manifest_url: str) -> str:
        """Where this project is cloned from, given the address of the manifest repository."""
        return fetch_address(self.remotes[project.remote].fetch, manifest_url) + "/" + project.name

    def find(self, selector: str) -> tuple[Project, ...]:
        """The projects that a person may mean: by full name, else by path, else by the last parts of the name.

        Where several have that name, the one whose path it is as well is meant. More than one answer is ambiguous.
        """
        named = tuple(project for project in self.projects if project.name == selector)
        placed = tuple(project for project in self.projects if project.path == selector)
        if named:
            both = tuple(project for project in named if project in placed)
            return both if len(named) > 1 and both else named
        if placed:
            return placed
        last = "/" + selector
        return tuple(project for project in self.projects if ("/" + project.name.rstrip("/")).endswith(last))
