"""What `repo manifest -r` prints, without a sync: each project's branch or tag is looked up and nothing is cloned."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bot.core.manifest import BadManifest, Dialect, Manifest, needed, pinned, read, select, to_xml
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.hand.options import cache_folder, policy
from bot.hand.progress import Meter
from bot.hand.status import DONE, Refused
from bot.remotes import Heads, Query, Remotes, Unreadable

MOST_FILES = 2_000
LARGEST = 1024 * 1024
MOST_TOLD = 5


@dataclass(frozen=True)
class Input:
    """A manifest with the files around it; `url` is where relative addresses start, None where nobody knows."""

    tree: Tree
    file: str
    url: str | None


def pin(options: argparse.Namespace) -> int:
    """Read a manifest, pin it, print it."""
    with _input(options) as given:
        try:
            manifest = select(read(given.tree, given.file, _local(options)), options.groups)
            url = _url(manifest, given)
            answers = look_up(manifest, url, options)
            printed = to_xml(
                pinned(manifest, url, answers),
                Dialect.ALPHABETICAL if options.alphabetical else Dialect.TODAY,
                suppress_upstream=options.suppress_upstream_revision,
                suppress_dest_branch=options.suppress_dest_branch,
            )
        except BadManifest as bad:
            raise Refused(str(bad)) from None
    for oddity in manifest.oddities:
        sys.stderr.write(f"warning: {oddity.sentence}\n")
    _write(printed, options.output)
    return DONE


def look_up(manifest: Manifest, url: str, options: argparse.Namespace) -> dict[tuple[str, str], str]:
    """The commit of every ref that some project follows, by address and ref."""
    names = {manifest.url(project, url): project.name for project in manifest.projects}
    queries = [Query(names[each.url], each.url, each.refs) for each in needed(manifest, url)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Remotes(policy(options), Path(folder)) as remotes,
        Meter(sys.stderr) as meter,
    ):
        answers = remotes.heads(queries, meter.show)
    silent = [(query, found) for query, found in answers.items() if isinstance(found, Unreadable)]
    if silent:
        rows = "; ".join(f"{query.project}: {found.reason}" for query, found in silent[:MOST_TOLD])
        more = f"; and {len(silent) - MOST_TOLD} more" if len(silent) > MOST_TOLD else ""
        raise Refused(f"{len(silent)} of {len(queries)} repositories could not be read ({rows}{more}).")
    return {
        (query.url, ref): commit
        for query, found in answers.items()
        if isinstance(found, Heads)
        for ref, commit in found.refs.items()
    }


@contextmanager
def _input(options: argparse.Namespace) -> Iterator[Input]:
    """The manifest that was named: a file, a folder, or a branch of a repository that is elsewhere."""
    path = Path(options.where).expanduser()
    if path.is_file():
        yield Input(files_below(path.parent), path.name, options.url)
    elif path.is_dir() and (options.branch is None or not _is_repository(path)):
        yield Input(files_below(path), options.manifest, options.url)
    else:
        yield _from_git(options)


def _is_repository(path: Path) -> bool:
    return (path / ".git").exists() or (path / "objects").is_dir()


def _from_git(options: argparse.Namespace) -> Input:
    from bot.hand.clone import Clone  # git is only needed for what is in a repository
    from bot.hand.session import default_branch

    with Clone.open(options.where, cache_folder(os.environ.get) / "repositories") as clone:
        refs = clone.refs()
        branch = default_branch(refs, options.branch)
        clone.fetch(refs)
        return Input(clone.tree(refs[f"refs/heads/{branch}"]), options.manifest, options.url or clone.url)


def files_below(folder: Path) -> Tree:
    """The manifests below a folder, and links, as the tree of a commit."""
    entries: dict[str, Entry] = {}
    for path in islice(_walk(folder), MOST_FILES):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            entries[name] = Entry(LINK, os.fsencode(path.readlink()))
        elif path.suffix == ".xml" and path.is_file() and path.stat().st_size <= LARGEST:
            entries[name] = Entry(FILE, path.read_bytes())
    return Tree(entries)


def _walk(folder: Path) -> Iterator[Path]:
    """Files in the order of their names; hidden folders are left out."""
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(base, name) for name in sorted(files))


def _local(options: argparse.Namespace) -> dict[str, bytes]:
    if options.local_manifests is None:
        return {}
    return {path.name: path.read_bytes() for path in sorted(Path(options.local_manifests).glob("*.xml"))}


def _url(manifest: Manifest, given: Input) -> str:
    if given.url is not None:
        return given.url
    relative = [remote.name for remote in manifest.remotes.values() if "://" not in remote.fetch]
    if relative:
        raise Refused(
            f"The remote {relative[0]} has an address that starts from the manifest repository's own: "
            "say that with --url https://HOST/OWNER/NAME."
        )
    return "https://localhost/manifest"


def _write(data: bytes, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        Path(output).write_bytes(data)
