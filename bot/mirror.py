"""A bare mirror of a manifest repository: read trees, make commits and tags without a work tree, push with leases.

A mirror is a cache. What the server has is asked anew each time, a push states for every ref what must be there
before, and what was pushed is read back: git's exit status proves nothing.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from git import Repo

from bot.core.refs import RefName, Sha
from bot.core.tree import Entry, Tree
from bot.gateway import Gateway, GitFailed, as_outcome, last_words
from bot.outage import Denied, Outage

MOST_FILES = 2_000
LARGEST = 1024 * 1024
MINE = ("refs/heads/", "refs/tags/", "refs/manifest-release-bot/")
"""The refs that concern us: what a server shows beside them (pull requests, above all) is left out."""


@dataclass(frozen=True)
class Commit:
    """One commit as read."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    committed_at: datetime
    message: str


@dataclass(frozen=True)
class RefUpdate:
    """Move `ref` from exactly `expected` (None: must not exist) to `new` (None: delete it)."""

    ref: str
    expected: str | None
    new: str | None


@dataclass(frozen=True)
class PushResult:
    """What the server has after a push, by ref. `ok`: all of it is what was asked for."""

    now: Mapping[str, str | None]
    ok: bool


class Mirrors:
    """The mirrors of one worker, one folder each below `root`, one user of each at a time."""

    def __init__(self, root: Path, allow_http: bool = False) -> None:
        self._root = root
        self._allow_http = allow_http

    @contextmanager
    def open(self, repository: int, url: str, token: str | None) -> Iterator[Mirror]:
        """The mirror of a repository, made on demand; held until the block ends."""
        self._root.mkdir(parents=True, exist_ok=True)
        path = self._root / f"{repository}.git"
        with (self._root / f"{repository}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (path / "HEAD").exists():
                shutil.rmtree(path, ignore_errors=True)
                Repo.init(path, bare=True).close()
            gateway = Gateway(path, url, token, self._allow_http)
            try:
                yield Mirror(gateway, url)
            except CorruptMirror as corrupt:
                shutil.rmtree(path, ignore_errors=True)
                raise Outage("git", f"the mirror was damaged and is made anew: {corrupt}") from None
            finally:
                gateway.close()


class CorruptMirror(Exception):
    """The mirror lacks what it must have, or holds what does not check out."""


class Mirror:
    """One open mirror. Ids that are handed in must be full; anything else raises ValueError."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self._git = gateway
        self._url = url
        self._trees: dict[str, Tree] = {}

    # What the server has

    def refs(self, *only: str) -> dict[str, str]:
        """Every ref that the server has now, annotated tags also peeled as `ref^{}`; or only the named ones."""
        patterns = [RefName(ref) for ref in only]
        out = self._remote("ls-remote", "--quiet", "--", self._url, *patterns)
        found = {}
        for line in out.decode("utf-8", "replace").splitlines():
            object_id, _, ref = line.partition("\t")
            if ref.startswith(MINE):
                found[ref] = Sha(object_id)
        return dict(found)

    def fetch(self, refs: Mapping[str, str]) -> None:
        """Have every object of these refs, as `refs()` told them. Costs nothing when they are here already."""
        if not self._lacks(refs.values()):
            return
        specs = [f"+{start}*:{start}*" for start in MINE]
        options = ("--quiet", "--prune", "--no-write-fetch-head", "--no-auto-maintenance", "--no-tags")
        self._remote("fetch", *options, "--", self._url, *specs)
        lacking = self._lacks(refs.values())
        if lacking:
            raise Outage("git", f"{lacking[0][:12]} is gone from the server; its refs moved while they were read")

    def _lacks(self, objects: Iterable[str]) -> list[str]:
        wanted = sorted({Sha(each) for each in objects})
        out = self._local("cat-file", "--batch-check", data="".join(f"{each}\n" for each in wanted).encode())
        return [line.split(" ")[0] for line in out.decode().splitlines() if line.endswith(" missing")]

    # What the mirror has

    def tree(self, commit: str) -> Tree:
        """All files of a commit. Raises Denied for submodules and for more or larger files than manifests need."""
        if commit not in self._trees:
            self._trees[commit] = self._read_tree(Sha(commit))
        return self._trees[commit]

    def _read_tree(self, commit: Sha) -> Tree:
        rows = [row.split(b"\t", 1) for row in self._local("ls-tree", "-r", "-z", "-l", commit).split(b"\0") if row]
        if len(rows) > MOST_FILES:
            raise Denied("git", f"the repository holds more than {MOST_FILES} files; it is no manifest repository")
        files: dict[str, tuple[str, Sha]] = {}
        for head, raw in rows:
            mode, kind, blob, size = head.decode().split()
            path = raw.decode("utf-8", "surrogateescape")
            if kind != "blob":
                raise Denied("git", "the repository holds a submodule; a manifest repository has files and links only")
            if int(size) <= LARGEST:
                files[path] = (mode, Sha(blob))
        blobs = self._blobs([blob for _, blob in files.values()])
        return Tree({path: Entry(mode, blobs[blob]) for path, (mode, blob) in files.items()})

    def _blobs(self, wanted: Sequence[Sha]) -> dict[str, bytes]:
        asked = "".join(f"{blob}\n" for blob in dict.fromkeys(wanted)).encode()
        out, at, found = self._local("cat-file", "--batch", data=asked), 0, {}
        while at < len(out):
            end = out.index(b"\n", at)
            blob, _, size = out[at:end].decode().split(" ")
            found[blob] = out[end + 1 : end + 1 + int(size)]
            at = end + 1 + int(size) + 1
        return found

    def commit(self, sha: str) -> Commit:
        """One commit. Raises Outage where it is not here (yet)."""
        status, out, _ = self._git.ask("cat-file", "commit", Sha(sha))
        if status:
            raise Outage("git", f"the commit {sha[:12]} is not on the server yet")
        head, _, message = out.decode("utf-8", "replace").partition("\n\n")
        rows = [line.split(" ", 1) for line in head.splitlines() if " " in line]
        fields = dict(rows)
        parents = tuple(value for name, value in rows if name == "parent")
        seconds = int(fields["committer"].rsplit(" ", 2)[1])
        return Commit(sha, fields["tree"], parents, datetime.fromtimestamp(seconds, UTC), message)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is reachable from `new`; what is unknown is not."""
        status, _, _ = self._git.ask("merge-base", "--is-ancestor", Sha(old), Sha(new))
        return status == 0

    # Writing objects

    def write_tree(self, base: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree of a commit with files set and (None) removed; its id. No work tree is touched."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._local("read-tree", Sha(base), env=env)
            rows = []
            for path, entry in changes.items():
                blob = self._write("blob", entry.data) if entry else "0" * 40
                mode = entry.mode if entry else "0"
                rows.append(f"{mode} {blob}\t".encode() + path.encode("utf-8", "surrogateescape"))
            self._local("update-index", "-z", "--index-info", data=b"\0".join(rows) + b"\0", env=env)
            return Sha(self._local("write-tree", env=env).decode().strip())

    def write(self, kind: Literal["commit", "tag"], payload: bytes) -> str:
        """Store an object; its id."""
        return self._write(kind, payload)

    def _write(self, kind: str, payload: bytes) -> Sha:
        return Sha(self._local("hash-object", "-w", "-t", kind, "--stdin", data=payload).decode().strip())

    # Pushing

    def push(self, updates: Sequence[RefUpdate]) -> PushResult:
        """All updates or none, each only from its expected value; then what the server has is read back.

        A result that is not ok says that somebody else moved a ref. Raises Denied where the server forbids it and
        Outage where nobody knows what became of it.
        """
        named = [(RefName(each.ref), each) for each in updates]
        leases = [f"--force-with-lease={ref}:{Sha(each.expected) if each.expected else ''}" for ref, each in named]
        specs = [f"{Sha(each.new) if each.new else ''}:{ref}" for ref, each in named]
        arguments = ["push", "--quiet", "--porcelain", "--atomic", "--no-verify", *leases, "--", self._url, *specs]
        status, out, err = self._git.ask(*arguments)
        refs = self.refs(*(ref for ref, _ in named))
        now: dict[str, str | None] = {ref: refs.get(ref) for ref, _ in named}
        if all(now[ref] == each.new for ref, each in named):
            return PushResult(now, ok=True)
        words = out.decode("utf-8", "replace")
        if status and any(now[ref] not in (each.expected, each.new) for ref, each in named):
            return PushResult(now, ok=False)
        if "[rejected]" in words and "stale info" in words:
            return PushResult(now, ok=False)
        if "[remote rejected]" in words:
            raise Denied("git", _rejection(words))
        raise as_outcome(GitFailed(last_words(err), status))

    # Running git

    def _local(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """A command that needs nothing but the mirror: when it fails, the mirror is damaged."""
        try:
            return self._git.run(*arguments, data=data, env=env)
        except GitFailed as failed:
            raise CorruptMirror(failed.words) from None

    def _remote(self, *arguments: str) -> bytes:
        try:
            return self._git.run(*arguments)
        except GitFailed as failed:
            raise as_outcome(failed) from None


def _rejection(porcelain: str) -> str:
    row = next(line for line in porcelain.splitlines() if "[remote rejected]" in line)
    return "the server refused the push: " + row.rpartition("(")[2].rstrip(")")[:150]
