"""What a manifest may not have if a release is to be made from it, though the repo tool would take it.

Pinning follows the repo tool. A release is stricter: it must be one manifest that says all, with names that are
safe to show and to ask for, and with addresses on hosts that are known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest.address import climbs_out, fetch_address
from bot.core.manifest.model import Manifest, Project
from bot.core.manifest.paths import path_problem
from bot.core.manifest.refs import ref_problem, revision_problem
from bot.core.manifest.xml_print import inner
from bot.core.shown import shown

_PART = r"[A-Za-z0-9_.][A-Za-z0-9_.+@~-]*"
_NAME = re.compile(rf"{_PART}(?:/+{_PART})*/?")
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_ADDRESS = re.compile(r"[!-~]+")
_NO_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)")
_OTHER_TRANSPORT = re.compile(r"-|[A-Za-z0-9+.-]+::")


def objections(manifest: Manifest, manifest_url: str, policy: FetchPolicy) -> tuple[str, ...]:
    """Every reason against a release, a sentence each; `policy` says which addresses may be asked."""
    return (
        *(oddity.sentence for oddity in manifest.oddities if oddity.serious),
        *_submanifests(manifest),
        *_addresses(manifest, manifest_url, policy),
        *_defaults(manifest),
        *_nested(manifest),
        *(sentence for project in manifest.projects for sentence in _project(project)),
    )


def _submanifests(manifest: Manifest) -> Iterator[str]:
    for found in manifest.submanifests:
        yield f"<submanifest> {shown(found.name)}: a release is made from one manifest only."


def _nested(manifest: Manifest) -> Iterator[str]:
    """Nested projects that the tool's way of printing does not keep: what it wrote would be read as something else.

    It prints projects of one name inside every project that has one of them inside, and it leaves out a path that
    is like the short name, though without one the project would go to where its full name says.
    """
    names = Counter(project.name for project in manifest.projects)
    at = {project.path: project for project in manifest.projects}
    for project in manifest.projects:
        outer = at.get(project.parent or "")
        if outer and names[project.name] > 1:
            yield f"The nested project {shown(project.name)} is refused: another project has the same full name."
        elif outer and inner(project.name, outer.name) == inner(project.path, outer.path):
            yield f"The nested project {shown(project.name)} is refused: its path must differ from its short name."


def _addresses(manifest: Manifest, manifest_url: str, policy: FetchPolicy) -> Iterator[str]:
    """Every remote counts, also one that no project uses yet."""
    for remote in manifest.remotes.values():
        problem = _address_problem(remote.fetch, manifest_url, policy)
        if problem:
            yield f"The remote {shown(remote.name)} is fetched from {shown(remote.fetch)}, which is refused: {problem}."
        # Nothing is pushed there by us; on the machine of a developer this would run a program.
        if remote.pushurl and _OTHER_TRANSPORT.match(remote.pushurl):
            yield f"The pushurl {shown(remote.pushurl)} of {shown(remote.name)} is refused: it is no address."


def _address_problem(fetch: str, manifest_url: str, policy: FetchPolicy) -> str | None:
    if fetch.startswith("-"):
        return "it starts with a dash, as an option does"
    if climbs_out(fetch, manifest_url):
        return "it climbs above its host"
    if not _ADDRESS.fullmatch(fetch):
        return "it has blanks or other characters that no address has"
    if _NO_SLASHES.match(fetch):
        # As the repo tool joins it, https:HOST/x is a folder HOST beside the manifest repository.
        return "it looks like an address with a host, and would be joined as a folder"
    if policy.address(fetch_address(fetch, manifest_url) + "/any") is None:
        return "only plain https addresses on known hosts are asked"
    return None


def _defaults(manifest: Manifest) -> Iterator[str]:
    """What a project would have that says nothing itself counts as well, also where each project says something."""
    default = manifest.default
    for word, ref in (("revision", default.revision), ("upstream", default.upstream)):
        yield from _ref(word, ref, "the default")
    yield from _ref("dest-branch", default.dest_branch, "the default")
    for remote in manifest.remotes.values():
        yield from _ref("revision", remote.revision, f"the remote {shown(remote.name)}")
    superproject = manifest.superproject
    if superproject:
        yield from _ref("revision", superproject.revision, "the superproject")
        if not _NAME.fullmatch(superproject.name) or path_problem(superproject.name):
            yield f"The superproject {shown(superproject.name)} is refused: its name is none that a release may have."


def _ref(word: str, ref: str | None, whose: str) -> Iterator[str]:
    problem = (revision_problem if word == "revision" else ref_problem)(ref) if ref else None
    if ref and problem:
        yield f"The {word} {shown(ref)} of {whose} is refused: {problem}."


def _project(project: Project) -> Iterator[str]:
    name = shown(project.name)
    if not _NAME.fullmatch(project.name) or _dotted(project.name):
        yield f"The project {name} is refused: its name has characters that no name of a release may have."
    elif not _PATH.fullmatch(project.path) or _dotted(project.path):
        yield f"The path {shown(project.path)} of {name} is refused: no path of a release is written so."
    for copy in (*project.copyfiles, *project.linkfiles):
        for end in (copy.src, copy.dest):
            if not end.isprintable() or "\\" in end:
                yield f"The file {shown(end)} of {name} is refused: no path of a release is written so."
    yield from _ref("revision", project.revision, name)
    yield from _ref("upstream", project.upstream, name)
    yield from _ref("dest-branch", project.dest_branch, name)


def _dotted(path: str) -> bool:
    """Whether a part ends with a dot: some file systems drop it, and `.git.` would be `.git` there."""
    return any(part.endswith(".") and part != "." for part in path.split("/"))
