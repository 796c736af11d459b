"""The projects of a manifest while it is read: how they are added, extended and removed, in the order of the files.

A path belongs to one project only. A name may stand at several paths. A nested project's name and path are joined
to those of the project around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from bot.core.manifest.elements import annotations_in, file_copies, positive, truth
from bot.core.manifest.include import MAX_GROUPS, split_list
from bot.core.manifest.model import BadManifest, Default, FileCopy, Project, Remote, implied_groups
from bot.core.manifest.paths import check_path, placed
from bot.core.manifest.xml_read import Element
from bot.core.shown import shown

MAX_PROJECTS = 2000
MAX_WORK = 300_000
"""What changes to projects may cost together: a small file could otherwise change every project thousands of times."""
NOWHERE = "/"
"""The parent of what was nested in a project that was removed: no project can have that path."""


@dataclass
class Registry:
    """Every project so far by its path; `taken` are the folders of submanifests, `outer` paths with nested projects."""

    remotes: Mapping[str, Remote]
    default: Default
    taken: tuple[str, ...] = ()
    at: dict[str, Project] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)
    work: int = 0

    def projects(self) -> tuple[Project, ...]:
        """All projects in order; those inside a project that was removed went with it."""
        return tuple(project for project in self.at.values() if self._reachable(project))

    def _reachable(self, project: Project) -> bool:
        while project.parent is not None:
            if project.parent not in self.at:
                return False
            project = self.at[project.parent]
        return True

    def add(self, element: Element) -> None:
        """A <project>: it and the projects nested in it."""
        for project in self._read(element, None):
            if project.path in self.at:
                raise BadManifest(f"{element.place}: the path {shown(project.path)} is taken by another project.")
            if project.path.startswith(self.taken):
                raise BadManifest(f"{element.place}: the path {shown(project.path)} lies in a submanifest's folder.")
            if len(self.at) >= MAX_PROJECTS:
                raise BadManifest(f"{element.place}: the manifest has more than {MAX_PROJECTS} projects.")
            self.at[project.path] = project
            self.outer |= {project.parent} if project.parent else set()
            self.names.setdefault(project.name, []).append(project.path)

    def _read(self, element: Element, parent: Project | None) -> Iterator[Project]:
        name = check_path(element, "name", element.need("name"), folder=True)
        path = element.get("path")
        if path:
            check_path(element, "path", path, folder=True, here=True)
        name, path = placed(name, path, (parent.name, parent.path) if parent else None)
        remote = self._remote(element, f"the project {shown(name)}")
        revision = element.get("revision") or remote.revision or self.default.revision
        if not revision:
            raise BadManifest(f"{element.place}: the project {shown(name)} has no revision, and no default gives one.")
        groups = split_list(element.get("groups"))
        if len(groups) > MAX_GROUPS:
            raise BadManifest(f"{element.place}: the project {shown(name)} is in more than {MAX_GROUPS} groups.")
        project = Project(
            name=name,
            path=path,
            remote=remote.name,
            revision=revision,
            upstream=element.get("upstream") or self.default.upstream,
            dest_branch=element.get("dest-branch") or self.default.dest_branch,
            groups=(*groups, *(group for group in implied_groups(name, path) if group not in groups)),
            sync_c=truth(element, "sync-c", False),
            sync_s=truth(element, "sync-s", self.default.sync_s),
            sync_tags=truth(element, "sync-tags", self.default.sync_tags),
            clone_depth=positive(element, "clone-depth"),
            sync_strategy=element.get("sync-strategy"),
            copyfiles=_once(file_copies(element, "copyfile")),
            linkfiles=_once(file_copies(element, "linkfile")),
            annotations=annotations_in(element),
            parent=parent.path if parent else None,
        )
        yield project
        for child in element.children:
            if child.tag == "project":
                yield from self._read(child, project)

    def _remote(self, element: Element, whose: str) -> Remote:
        name = element.get("remote") or self.default.remote
        if name is None:
            raise BadManifest(f"{element.place}: {whose} has no remote, and no default gives one.")
        return known_remote(element, name, self.remotes)

    def extend(self, element: Element) -> None:
        """An <extend-project>: change every project of that name, or the one at `path`."""
        name, path, target = element.need("name"), element.get("path"), element.get("dest-path")
        if name not in self.names:
            raise BadManifest(f"{element.place}: there is no project {shown(name)} to extend.")
        if target and not path and len(self.names[name]) > 1:
            raise BadManifest(f"{element.place}: {shown(name)} is at several paths: dest-path needs a path beside it.")
        for at in list(self.names[name]):
            if path in (None, at):
                self.at[at] = self._extended(element, self.at[at])
                if target:
                    self._move(element, at, target)

    def _extended(self, element: Element, project: Project) -> Project:
        remote, revision = element.get("remote"), element.get("revision")
        if revision:
            self._check_base(element, project)
        if remote:
            known_remote(element, remote, self.remotes)
        self._charge(element, len(project.groups) + len(project.copyfiles + project.linkfiles + project.annotations))
        joined = dict.fromkeys((*project.groups, *split_list(element.get("groups"))))
        return replace(
            project,
            # The tool forgets here that a project came from a local manifest.
            groups=tuple(group for group in joined if not group.startswith("local:")),
            revision=revision or project.revision,
            remote=remote or project.remote,
            dest_branch=element.get("dest-branch") or project.dest_branch,
            upstream=element.get("upstream") or project.upstream,
            copyfiles=_once(project.copyfiles + file_copies(element, "copyfile")),
            linkfiles=_once(project.linkfiles + file_copies(element, "linkfile")),
            annotations=project.annotations + annotations_in(element),
        )

    def _move(self, element: Element, old: str, target: str) -> None:
        """Give the project at `old` another path, at the same place of the order; its group path:OLD stays."""
        new = check_path(element, "dest-path", target, folder=True, here=True).rstrip("/")
        if new != old and new in self.at:
            raise BadManifest(f"{element.place}: the path {shown(new)} is taken by another project.")
        self._charge(element, len(self.at))
        moved = {}
        for path, project in self.at.items():
            if path == old:
                moved[new] = replace(project, path=new)
            else:
                moved[path] = replace(project, parent=new) if project.parent == old else project
        self.at = moved
        self.outer |= {new} if old in self.outer else set()
        self.names[moved[new].name] = [new if path == old else path for path in self.names[moved[new].name]]

    def _charge(self, element: Element, cost: int) -> None:
        self.work += 10 + cost
        if self.work > MAX_WORK:
            raise BadManifest(f"{element.place}: the manifest changes its projects too often.")

    def remove(self, element: Element) -> str | None:
        """A <remove-project>. The name, where everything of that name went by it."""
        name, path = element.get("name"), element.get("path")
        if not name and not path:
            raise BadManifest(f"{element.place}: <remove-project> needs a name or a path.")
        gone = self._meant(name, path)
        if not gone and not truth(element, "optional", False):
            raise BadManifest(f"{element.place}: there is no project {shown(name or path or '')} to remove.")
        for project in gone:
            self._check_base(element, project)
            if not path and project.parent in self.at:
                raise BadManifest(f"{element.place}: the nested project {shown(project.name)} can go by its path only.")
            del self.at[project.path]
            self._orphan(element, project.path)
            self.names[project.name].remove(project.path)
        if gone and name and not path:
            del self.names[name]
            return name
        return None

    def _orphan(self, element: Element, gone: str) -> None:
        """What was nested in a project that went belongs to no other that comes to its path later."""
        if gone in self.outer:
            self._charge(element, len(self.at))
            for project in [project for project in self.at.values() if project.parent == gone]:
                self.at[project.path] = replace(project, parent=NOWHERE)

    def _meant(self, name: str | None, path: str | None) -> list[Project]:
        if path is not None:
            found = self.at.get(path)
            return [found] if found and name in (None, found.name) else []
        return [self.at[at] for at in self.names.get(name or "", ())]

    def _check_base(self, element: Element, project: Project) -> None:
        """`base-rev` says what the change was made for: where the project is elsewhere by now, it must be redone."""
        base = element.get("base-rev")
        if base and base != project.revision:
            raise BadManifest(
                f"{element.place}: base-rev is {shown(base)}, but the project is at {shown(project.revision)}."
            )


def known_remote(element: Element, name: str, remotes: Mapping[str, Remote]) -> Remote:
    """The remote of this name."""
    if name not in remotes:
        raise BadManifest(f"{element.place}: the remote {shown(name)} is not defined.")
    return remotes[name]


def _once(copies: tuple[FileCopy, ...]) -> tuple[FileCopy, ...]:
    return tuple(dict.fromkeys(copies))
