"""Pinning: every project gets the commit that its branch or tag is at, without a clone.

The core asks no server. `needed` says which refs of which repositories must be known, somebody looks them up, and
`pinned` puts the answers in. A project that names a commit already is not looked up again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.manifest.model import BadManifest, Manifest, Project
from bot.core.shown import shown

HEADS = "refs/heads/"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Query:
    """Which refs of the repository at `url` must be known."""

    url: str
    refs: tuple[str, ...]


class RefNotFound(BadManifest):
    """A project follows a ref that its repository does not have."""

    def __init__(self, project: Project, ref: str, others: int) -> None:
        more = ""
        if others:
            more = f" ({others} more {'project' if others == 1 else 'projects'} cannot be pinned either)"
        super().__init__(f"{shown(project.name)} has no {shown(ref)}{more}.")
        self.project = project
        self.ref = ref


def is_commit(revision: str) -> bool:
    """Whether it is a whole commit id: forty lower-case hexadecimal digits, nothing shorter."""
    return bool(_COMMIT.fullmatch(revision))


def full_ref(revision: str) -> str:
    """The ref that a revision stands for: a short name is a branch, never a tag."""
    return revision if revision.startswith("refs/") else HEADS + revision


def needed(manifest: Manifest, manifest_url: str) -> tuple[Query, ...]:
    """One query for each repository, with every ref that some project of it follows, in the manifest's order."""
    wanted: dict[str, dict[str, None]] = {}
    for project in manifest.projects:
        if not is_commit(project.revision):
            refs = wanted.setdefault(manifest.url(project, manifest_url), {})
            refs[full_ref(project.revision)] = None
    return tuple(Query(url, tuple(refs)) for url, refs in wanted.items())


def pinned(manifest: Manifest, manifest_url: str, answers: Mapping[tuple[str, str], str]) -> Manifest:
    """The manifest with a commit for every project. `answers` has the commit (a tag's, peeled) by address and ref."""
    found, missing = [], []
    for project in manifest.projects:
        ref = full_ref(project.revision)
        commit = answers.get((manifest.url(project, manifest_url), ref))
        if is_commit(project.revision):
            commit = project.revision
        if commit is None:
            missing.append((project, ref))
        else:
            found.append(replace(project, pin=commit))
    if missing:
        raise RefNotFound(*missing[0], len(missing) - 1)
    return replace(manifest, projects=tuple(found))
