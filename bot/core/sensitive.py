"""What a release changes besides its commits, though nobody would look for it: where code comes from, what runs.

A row of a manifest can run a hook on a developer's machine, write over a file of another project, or send everybody
to another server. Tools take such a row without a word, so a reviewer of a release is shown each that is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.core.difference import matched
from bot.core.manifest import FileCopy, Manifest, Project, Remote

Kind = Literal[
    "remote", "address", "repo-hooks", "copyfile", "linkfile", "superproject", "manifest-server", "contactinfo"
]


@dataclass(frozen=True)
class Sensitive:
    """One such change. `before` is empty for what is new, `after` for what is gone.

    `subject` says which one of its kind, or repeats the kind where there can be only one. All but `kind` is foreign.
    """

    kind: Kind
    subject: str
    before: str
    after: str


def sensitive(old: Manifest | None, new: Manifest) -> tuple[Sensitive, ...]:
    """All of them, kind by kind and in each by subject, whatever the order of the files.

    Without an old manifest everything counts as new, except remotes: a first release must have some.
    """
    before = old or Manifest(remotes=new.remotes)
    return (
        *_remotes(before.remotes, new.remotes),
        *_addresses(before, new),
        *_row("repo-hooks", "repo-hooks", _hooks(before), _hooks(new)),
        *_copies(before, new),
        *_row("superproject", "superproject", _superproject(before), _superproject(new)),
        *_row("manifest-server", "manifest-server", before.server or "", new.server or ""),
        *_row("contactinfo", "contactinfo", before.bug_url or "", new.bug_url or ""),
    )


def _row(kind: Kind, subject: str, before: str, after: str) -> Iterator[Sensitive]:
    if before != after:
        yield Sensitive(kind, subject, before, after)


def _remotes(old: Mapping[str, Remote], new: Mapping[str, Remote]) -> Iterator[Sensitive]:
    for name in sorted({*old, *new}):
        yield from _row("remote", name, _remote(old.get(name)), _remote(new.get(name)))


def _remote(remote: Remote | None) -> str:
    """What decides where code comes from and goes to; an alias and annotations do not."""
    if remote is None:
        return ""
    said = {"fetch": remote.fetch, "pushurl": remote.pushurl, "review": remote.review, "revision": remote.revision}
    return " ".join(f"{key}={value}" for key, value in said.items() if value)


def _addresses(old: Manifest, new: Manifest) -> Iterator[Sensitive]:
    before = matched(old, new)
    for project in sorted(new.projects, key=lambda project: project.path):
        was = before.get(project.path)
        # Where only the remote itself changed its row says so, once for all of its projects.
        if was and (was.name, was.remote) != (project.name, project.remote):
            yield from _row("address", project.path, _address(old, was), _address(new, project))


def _address(manifest: Manifest, project: Project) -> str:
    return f"{manifest.remotes[project.remote].fetch.rstrip('/')}/{project.name}"


def _hooks(manifest: Manifest) -> str:
    """The project and its hooks; their order has no meaning."""
    return f"{manifest.hooks.project}: {' '.join(sorted(manifest.hooks.enabled))}" if manifest.hooks else ""


def _superproject(manifest: Manifest) -> str:
    found = manifest.superproject
    return f"{manifest.remotes[found.remote].fetch.rstrip('/')}/{found.name} {found.revision}" if found else ""


def _copies(old: Manifest, new: Manifest) -> Iterator[Sensitive]:
    """The files that land outside their project; the subject is where."""
    yield from _landings("copyfile", _landing(old, _copyfiles), _landing(new, _copyfiles))
    yield from _landings("linkfile", _landing(old, _linkfiles), _landing(new, _linkfiles))


def _landings(kind: Kind, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Sensitive]:
    for place in sorted({*before, *after}):
        yield from _row(kind, place, before.get(place, ""), after.get(place, ""))


def _landing(manifest: Manifest, copies: Callable[[Project], tuple[FileCopy, ...]]) -> Mapping[str, str]:
    """Which file comes to which place. The tool lets several come to one, so there can be more than one answer."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for project in manifest.projects:
        for copy in copies(project):
            found[copy.dest].append(f"{project.path}/{copy.src}")
    return {place: " ".join(sorted(sources)) for place, sources in found.items()}


def _copyfiles(project: Project) -> tuple[FileCopy, ...]:
    return project.copyfiles


def _linkfiles(project: Project) -> tuple[FileCopy, ...]:
    return project.linkfiles
