"""What a manifest may not have if a release is to be made from it, though the repo tool would take it.

Pinning follows the repo tool. A release is stricter: it must be one manifest that says all, with names that are
safe to show and to ask for, and with addresses on hosts that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.core.manifest.address import address_problem, climbs_out, fetch_address
from bot.core.manifest.model import Manifest, Project
from bot.core.manifest.refs import ref_problem, revision_problem
from bot.core.shown import shown

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+@~-]*(?:/+[A-Za-z0-9_.][A-Za-z0-9_.+@~-]*)*/?")


def objections(manifest: Manifest, manifest_url: str, hosts: Sequence[str]) -> tuple[str, ...]:
    """Every reason against a release, a sentence each; `hosts` are known ones, `*.example.org` for all below one."""
    return (
        *(oddity.sentence for oddity in manifest.oddities if oddity.serious),
        *_submanifests(manifest),
        *_addresses(manifest, manifest_url, hosts),
        *(sentence for project in manifest.projects for sentence in _project(project)),
    )


def _submanifests(manifest: Manifest) -> Iterator[str]:
    for found in manifest.submanifests:
        yield f"<submanifest> {shown(found.name)}: a release is made from one manifest only."


def _addresses(manifest: Manifest, manifest_url: str, hosts: Sequence[str]) -> Iterator[str]:
    """Every remote counts, also one that no project uses yet."""
    for remote in manifest.remotes.values():
        if climbs_out(remote.fetch, manifest_url):
            problem: str | None = "it climbs above its host"
        else:
            problem = address_problem(remote.fetch, fetch_address(remote.fetch, manifest_url), manifest_url, hosts)
        if problem:
            yield f"The remote {shown(remote.name)} is fetched from {shown(remote.fetch)}, which is refused: {problem}."


def _project(project: Project) -> Iterator[str]:
    name = shown(project.name)
    if not _NAME.fullmatch(project.name):
        yield f"The project {name} is refused: its name has characters that no name of a release may have."
    problem = revision_problem(project.revision)
    if problem:
        yield f"The revision {shown(project.revision)} of {name} is refused: {problem}."
    for word, ref in (("upstream", project.upstream), ("dest-branch", project.dest_branch)):
        problem = ref_problem(ref) if ref else None
        if ref and problem:
            yield f"The {word} {shown(ref)} of {name} is refused: {problem}."
