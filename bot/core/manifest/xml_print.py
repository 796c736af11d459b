"""Print a manifest as the repo tool does, byte for byte, in today's order of attributes or the alphabetical one.

The order is decided here and not by an XML library: the real releases of CoreOS were written by a library that
sorted attributes, today's tool keeps the order it sets them in, and a release must not differ for such a reason.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bot.core.manifest.model import (
    Annotation,
    BadManifest,
    Default,
    FileCopy,
    Manifest,
    Project,
    Remote,
    Submanifest,
    Superproject,
)
from bot.core.manifest.pin import is_commit

TOOLS_OWN_BUG_URL = "https://issues.gerritcodereview.com/issues/new?component=1370071"
INDENT = "  "
MAX_PRINTED = 10_000
"""Projects of one name are printed inside every project that has one of them inside, and in those again."""


class Dialect(Enum):
    """In which order attributes stand; the alphabetical one also keeps groups in the order they were written."""

    TODAY = "today"
    ALPHABETICAL = "alphabetical"


def to_xml(
    manifest: Manifest,
    dialect: Dialect = Dialect.TODAY,
    *,
    suppress_upstream: bool = False,
    suppress_dest_branch: bool = False,
) -> bytes:
    """The manifest as a file: pinned projects as `repo manifest -r` writes them, others as they are.

    The switches are the tool's: leave out the upstream and the dest-branch that only say what a pin was made from.
    """
    projects = ProjectPrinter(manifest, dialect, not suppress_upstream, not suppress_dest_branch)
    root = Tag("manifest", {"path": manifest.prefix or None}, list(_blocks(manifest, projects)))
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *root.lines("", dialect), ""]).encode()


@dataclass
class Tag:
    """An element to print. Attributes without a value are left out; a child None is a line of two blanks."""

    name: str
    attributes: Mapping[str, str | None]
    children: list[Tag | None] = field(default_factory=list)
    text: str = ""

    def lines(self, indent: str, dialect: Dialect) -> Iterator[str]:
        """The element, one line for each tag."""
        start = f"{indent}<{self.name}{self._attributes(dialect)}"
        if self.text:
            yield f"{start}>{_escaped(self.text)}</{self.name}>"
        elif self.children:
            yield f"{start}>"
            for child in self.children:
                if child is None:
                    yield indent + INDENT
                else:
                    yield from child.lines(indent + INDENT, dialect)
            yield f"{indent}</{self.name}>"
        else:
            yield f"{start}/>"

    def _attributes(self, dialect: Dialect) -> str:
        present = [(name, value) for name, value in self.attributes.items() if value is not None]
        if dialect is Dialect.ALPHABETICAL:
            present.sort()
        return "".join(f' {name}="{_escaped(value)}"' for name, value in present)


def _escaped(text: str) -> str:
    # Line ends and tabs stay as they are, also in attributes: so does the tool, and no release has any there.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace(">", "&gt;")


def _blocks(manifest: Manifest, projects: ProjectPrinter) -> Iterator[Tag | None]:
    """Everything inside <manifest>, in the tool's order, with a line of blanks after most blocks."""
    if manifest.notice:
        yield Tag("notice", {}, text=("\n" + 2 * INDENT).join(manifest.notice.splitlines()))
    yield from _block(_remote(manifest.remotes[name]) for name in sorted(manifest.remotes))
    yield from _block(_default(manifest.default))
    if manifest.server is not None:
        yield from _block([Tag("manifest-server", {"url": manifest.server})])
    yield from _block(_submanifest(found) for found in sorted(manifest.submanifests, key=lambda found: found.name))
    yield from projects.all()
    if manifest.hooks:
        hooks = {"in-project": manifest.hooks.project, "enabled-list": " ".join(manifest.hooks.enabled)}
        yield from (None, Tag("repo-hooks", hooks))
    if manifest.superproject:
        yield from (None, _superproject(manifest.superproject, manifest.default))
    if manifest.bug_url not in (None, TOOLS_OWN_BUG_URL):
        yield from (None, Tag("contactinfo", {"bugurl": manifest.bug_url}))


def _block(tags: Iterable[Tag]) -> list[Tag | None]:
    found: list[Tag | None] = list(tags)
    return [*found, None] if found else []


def _remote(remote: Remote) -> Tag:
    attributes = {
        "name": remote.name,
        "fetch": remote.fetch,
        "pushurl": remote.pushurl,
        "alias": remote.alias,
        "review": remote.review,
        "revision": remote.revision,
    }
    return Tag("remote", attributes, _annotations(remote.annotations))


def _default(default: Default) -> list[Tag]:
    attributes = {
        "remote": default.remote,
        "revision": default.revision,
        "dest-branch": default.dest_branch,
        "upstream": default.upstream,
        "sync-j": _number(default.sync_j),
        "sync-j-max": _number(default.sync_j_max),
        "sync-c": "true" if default.sync_c else None,
        "sync-s": "true" if default.sync_s else None,
        "sync-tags": None if default.sync_tags else "false",
    }
    return [Tag("default", attributes)] if any(attributes.values()) else []


def _submanifest(submanifest: Submanifest) -> Tag:
    attributes = {
        "name": submanifest.name,
        "remote": submanifest.remote,
        "project": submanifest.project,
        "manifest-name": submanifest.manifest_name,
        "revision": submanifest.revision,
        "path": submanifest.path,
        "groups": ",".join(sorted(submanifest.groups)) or None,
        "default-groups": ",".join(submanifest.default_groups) or None,
    }
    return Tag("submanifest", attributes, _annotations(submanifest.annotations))


def _superproject(superproject: Superproject, default: Default) -> Tag:
    attributes = {
        "name": superproject.name,
        "remote": superproject.remote if superproject.remote != default.remote else None,
        "revision": superproject.revision if superproject.revision != default.revision else None,
    }
    return Tag("superproject", attributes)


@dataclass
class ProjectPrinter:
    """Prints the projects: by name in code point order, those of one name in the order of the files."""

    manifest: Manifest
    dialect: Dialect
    upstream: bool
    dest_branch: bool

    def __post_init__(self) -> None:
        self.printed = 0
        self.named: dict[str, list[Project]] = {}
        self.inside: dict[str | None, set[str]] = {}
        for project in self.manifest.projects:
            self.named.setdefault(project.name, []).append(project)
            self.inside.setdefault(project.parent, set()).add(project.name)

    def all(self, outer: Project | None = None) -> Iterator[Tag]:
        """The projects directly inside `outer`, or those at the top."""
        for name in sorted(self.inside.get(outer.path if outer else None, ())):
            for project in self.named[name]:
                yield self._project(project, outer)

    def _project(self, project: Project, outer: Project | None) -> Tag:
        self.printed += 1
        if self.printed > MAX_PRINTED:
            raise BadManifest("The manifest repeats its nested projects more often than can be printed.")
        name = inner(project.name, outer.name) if outer else project.name
        path = inner(project.path, outer.path) if outer else project.path
        groups = project.written_groups
        attributes = {
            "name": name,
            "path": path if path != name else None,
            "remote": project.remote if project.remote != self.manifest.default.remote else None,
            **(self._where_pinned(project) if project.pin else self._where_followed(project)),
            "groups": ",".join(groups if self.dialect is Dialect.ALPHABETICAL else sorted(set(groups))) or None,
            "sync-c": "true" if project.sync_c else None,
            "sync-s": "true" if project.sync_s else None,
            "sync-tags": None if project.sync_tags else "false",
            "clone-depth": _number(project.clone_depth),
            "sync-strategy": project.sync_strategy,
        }
        return Tag("project", attributes, [*_children(project), *self.all(project)])

    def _where_pinned(self, project: Project) -> dict[str, str | None]:
        """The commit, and which branch it was taken from: what is written or the default, else what was followed."""
        followed = project.revision if project.revision != project.pin else None
        return {
            "revision": project.pin,
            "upstream": (project.upstream or followed) if self.upstream else None,
            "dest-branch": (project.dest_branch or followed) if self.dest_branch else self._own_dest_branch(project),
        }

    def _where_followed(self, project: Project) -> dict[str, str | None]:
        """The branch or commit where it is not the default's."""
        default = self.manifest.default
        usual = self.manifest.remotes[project.remote].revision or default.revision
        said = is_commit(project.revision) or project.revision != usual
        upstream = project.upstream
        return {
            "revision": project.revision if said else None,
            "upstream": None if upstream == project.revision == default.upstream else upstream,
            "dest-branch": self._own_dest_branch(project),
        }

    def _own_dest_branch(self, project: Project) -> str | None:
        return project.dest_branch if project.dest_branch != self.manifest.default.dest_branch else None


def _children(project: Project) -> Iterator[Tag]:
    yield from _copies("copyfile", project.copyfiles)
    yield from _copies("linkfile", project.linkfiles)
    yield from (tag for tag in _annotations(project.annotations) if tag)


def _copies(name: str, copies: Iterable[FileCopy]) -> Iterator[Tag]:
    return (Tag(name, {"src": copy.src, "dest": copy.dest}) for copy in copies)


def _annotations(annotations: Iterable[Annotation]) -> list[Tag | None]:
    return [Tag("annotation", {"name": kept.name, "value": kept.value}) for kept in annotations if kept.keep]


def inner(whole: str, outer: str) -> str:
    """What must be joined to the outer name or path to get the whole one."""
    return posixpath.relpath("/" + whole, "/" + outer)


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)
