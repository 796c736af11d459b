"""What changed between two releases, project by project: the question that nobody can answer by reading pins.

Projects are matched by path first, because that is where they land in the checkout, and what is left over by name.
So a project that got another name or another place is shown as one that changed, not as one gone and one new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from bot.core.manifest import Manifest, Project


@dataclass(frozen=True)
class Changed:
    """One project of both releases that is not the same in them; revisions and upstreams as the manifests say them."""

    path: str
    old_path: str
    name: str
    old_name: str
    url: str
    old_url: str
    old: str
    new: str
    old_upstream: str | None
    new_upstream: str | None

    @property
    def renamed(self) -> bool:
        """Whether its repository has another name."""
        return self.name != self.old_name

    @property
    def moved(self) -> bool:
        """Whether it lands at another place of the checkout."""
        return self.path != self.old_path

    @property
    def repinned(self) -> bool:
        """Whether it is at another revision."""
        return self.old != self.new

    @property
    def readdressed(self) -> bool:
        """Whether it comes from another address; a renamed one always does."""
        return self.url != self.old_url

    @property
    def follows_another(self) -> bool:
        """Whether it has another upstream."""
        return self.old_upstream != self.new_upstream


@dataclass(frozen=True)
class Difference:
    """How one release's projects differ from another's. `changed` and `added` have the new manifest's order."""

    changed: tuple[Changed, ...]
    added: tuple[Project, ...]
    removed: tuple[Project, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        """Whether both releases consist of the same."""
        return not (self.changed or self.added or self.removed)


def difference(old: Manifest, new: Manifest, url: str) -> Difference:
    """From `old` to `new`; `url` is the manifest repository's address, where relative addresses start."""
    before = matched(old, new)
    pairs = [(before[project.path], project) for project in new.projects if project.path in before]
    both = [_changed(was, old.url(was, url), now, new.url(now, url)) for was, now in pairs]
    changed = tuple(change for change in both if change)
    kept = {was.path for was in before.values()}
    return Difference(
        changed=changed,
        added=tuple(project for project in new.projects if project.path not in before),
        removed=tuple(project for project in old.projects if project.path not in kept),
        unchanged=len(pairs) - len(changed),
    )


def matched(old: Manifest, new: Manifest) -> Mapping[str, Project]:
    """By path in the new manifest, the project of the old one that each is; the order of projects plays no part."""
    found: dict[str, Project] = {}
    for key in _KEYS:
        taken = {was.path for was in found.values()}
        candidates: defaultdict[Hashable, list[Project]] = defaultdict(list)
        for project in sorted(old.projects, key=_path, reverse=True):
            if project.path not in taken:
                candidates[key(project)].append(project)
        for project in sorted(new.projects, key=_path):
            if project.path not in found and candidates[key(project)]:
                found[project.path] = candidates[key(project)].pop()
    return found


def _path(project: Project) -> str:
    return project.path


# Where several projects of one name changed their places, one that kept its revision is the likelier match.
_KEYS: tuple[Callable[[Project], Hashable], ...] = (
    _path,
    lambda project: (project.name, project.revision),
    lambda project: project.name,
)


def _changed(old: Project, old_url: str, new: Project, new_url: str) -> Changed | None:
    change = Changed(
        path=new.path,
        old_path=old.path,
        name=new.name,
        old_name=old.name,
        url=new_url,
        old_url=old_url,
        old=old.revision,
        new=new.revision,
        old_upstream=old.upstream,
        new_upstream=new.upstream,
    )
    differs = change.renamed or change.moved or change.repinned or change.readdressed or change.follows_another
    return change if differs else None
