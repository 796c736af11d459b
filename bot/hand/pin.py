"""What `repo manifest -r` prints, without a sync: each project's branch or tag is looked up and nothing is cloned."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.manifest import BadManifest, Dialect, Manifest, needed, pinned, read, select, to_xml
from bot.core.text.difference import plain
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.hand.options import MORE_HOSTS, cache_folder, policy
from bot.hand.progress import Meter
from bot.hand.status import DONE, FAILED, MISUSED, REFUSED, Refused
from bot.remotes import Heads, Query, Remotes, Unreadable

DEFAULT = "default.xml"
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
    silent = {query: found for query, found in answers.items() if isinstance(found, Unreadable)}
    if silent:
        raise _unreadable(silent, len(queries))
    return {
        (query.url, ref): commit
        for query, found in answers.items()
        if isinstance(found, Heads)
        for ref, commit in found.refs.items()
    }


def _unreadable(silent: dict[Query, Unreadable], total: int) -> Refused:
    """Which repositories could not be read. Trying again may help where that may be another time."""
    reasons = [(plain(query.project), plain(found.reason)) for query, found in silent.items()]
    rows = "; ".join(f"{name}: {reason}" for name, reason in reasons[:MOST_TOLD])
    more = f"; and {len(silent) - MOST_TOLD} more" if len(silent) > MOST_TOLD else ""
    passing = any(found.transient for found in silent.values())
    sentence = f"{len(silent)} of {total} repositories could not be read ({rows}{more})."
    # Nothing was tried where the policy forbids the address.
    if any(found.tries == 0 and not found.transient for found in silent.values()):
        sentence += f" {MORE_HOSTS}"
    return Refused(sentence, FAILED if passing else REFUSED)


@contextmanager
def _input(options: argparse.Namespace) -> Iterator[Input]:
    """The manifest that was named: a file, a folder, or a branch of a repository that is elsewhere."""
    path = Path(options.where).expanduser()
    if path.is_file():
        for name in ("manifest", "branch", "remote"):
            _insist_on_none(options, name, f"{plain(options.where)} is a file: name its folder, and the file with -m")
        yield Input(Tree(FilesOnDisk(path.parent)), path.name, options.url)
    elif path.is_dir() and not _is_bare(path) and (options.branch is None or not (path / ".git").exists()):
        top = f"{plain(options.where)} is not the top folder of a repository: name that one, or an address"
        _insist_on_none(options, "branch", top)
        _insist_on_none(options, "remote", "the files are read as they lie there: name a branch with -b")
        yield Input(Tree(FilesOnDisk(path)), options.manifest or DEFAULT, options.url)
    else:
        yield _from_git(options)


def _insist_on_none(options: argparse.Namespace, name: str, why: str) -> None:
    """Refuse an option that would mean nothing: the person would take what is printed for something else."""
    if getattr(options, name) is not None:
        raise Refused(f"--{name} means nothing here, for {why}; or leave --{name} out.", MISUSED)


def _is_bare(path: Path) -> bool:
    """Whether the folder is a git dir, which has no files of its own to read."""
    return (path / "objects").is_dir() and (path / "HEAD").is_file()


def _from_git(options: argparse.Namespace) -> Input:
    from bot.hand.clone import Clone  # git is only needed for what is in a repository
    from bot.hand.session import default_branch

    scratch = cache_folder(os.environ.get) / "repositories"
    with Clone.open(options.where, scratch, options.remote or "origin") as clone:
        refs = clone.refs()
        branch = default_branch(refs, options.branch)
        clone.fetch(refs)
        return Input(clone.tree(refs[f"refs/heads/{branch}"]), options.manifest or DEFAULT, options.url or clone.url)


class FilesOnDisk(Mapping[str, Entry]):
    """The files below a folder as a commit would have them, each read when it is asked for.

    A folder can be a whole checkout, so nothing is looked at that no manifest names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Entry:
        parts = name.split("/")
        if any(part in ("", ".", "..", ".git") for part in parts) or "\0" in name:
            raise KeyError(name)
        path = self._folder / name
        # A folder that is a link is none to git: what is behind it belongs to no commit of this repository.
        if any(folder.is_symlink() for folder in list(path.parents)[: len(parts) - 1]):
            raise KeyError(name)
        if path.is_symlink():
            return Entry(LINK, os.fsencode(path.readlink()))
        if not path.is_file():
            raise KeyError(name)
        if path.stat().st_size > LARGEST:
            raise Refused(f"{plain(str(path))} is larger than {LARGEST // 1024:,} KiB; that is no manifest.", MISUSED)
        return Entry(FILE, _bytes(path))

    def __iter__(self) -> Iterator[str]:
        for base, folders, files in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if name != ".git")
            yield from (Path(base, name).relative_to(self._folder).as_posix() for name in sorted(files))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise Refused(f"{plain(str(path))} cannot be read: {fault.strerror}.", MISUSED) from None


def _local(options: argparse.Namespace) -> dict[str, bytes]:
    if options.local_manifests is None:
        return {}
    folder = Path(options.local_manifests).expanduser()
    if not folder.is_dir():
        raise Refused(f"--local-manifests names {plain(str(folder))}, which is no folder.", MISUSED)
    return {path.name: _bytes(path) for path in sorted(folder.glob("*.xml"))}


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
        try:
            Path(output).expanduser().write_bytes(data)
        except OSError as fault:
            raise Refused(f"{plain(output)} cannot be written: {fault.strerror}.", MISUSED) from None
