"""What a bare repository holds: read checked against its name, and written without a work tree. No server here."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from bot.core.objects import Commit, Tag, read_commit, read_tag, read_tree
from bot.core.refs import Sha
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry, Tree
from bot.gateway import GitFailed, Runner, on_disk
from bot.outage import Denied, Outage

MOST_FILES = 2_000
LARGEST = 1024 * 1024
LARGEST_TREE = 64 * 1024 * 1024
DEEPEST = 32
FOLDER = "40000"
_MODES = {"100644": FILE, "100664": FILE, "100755": EXECUTABLE, "120000": LINK}
# What says that the machine is in trouble, not the repository.
MACHINE = re.compile(r"No space left|Cannot allocate|out of memory|Too many open files|Read-only file|Disk quota")


class Damaged(Exception):
    """The repository lacks what it must have, or holds what does not check out."""


class BareRepository:
    """One open repository, for one thread. Ids that are handed in must be full, else ValueError is raised."""

    def __init__(self, git: Runner) -> None:
        self._git = git
        self._trees: dict[Sha, Tree] = {}
        self._blobs: dict[Sha, bytes] = {}

    # Reading

    def tree(self, commit: str) -> Tree:
        """All files of a commit. Raises Denied for submodules and for more or larger files than manifests need."""
        sha = Sha(commit)
        if sha not in self._trees:
            self._trees[sha] = self._read_tree(Sha(self.commit(sha).tree))
        return self._trees[sha]

    def _read_tree(self, tree: Sha) -> Tree:
        entries: dict[str, Entry] = {}
        size = 0
        for number, (mode, path, sha) in enumerate(self._walk(tree, "")):
            if number >= MOST_FILES:
                raise _no_manifests(f"more than {MOST_FILES:,} files")
            if mode == FOLDER:
                continue
            if mode not in _MODES:
                raise _no_manifests("a submodule")
            data = self._blobs[sha] = self._blobs.get(sha) or self._object(sha, "blob")
            size += len(data)
            if size > LARGEST_TREE:
                raise _no_manifests(f"more than {LARGEST_TREE // 1024**2} MiB of files")
            entries[path] = Entry(_MODES[mode], data)
        return Tree(entries)

    def _walk(self, tree: Sha, folder: str) -> Iterator[tuple[str, str, Sha]]:
        """Each row of a tree as mode, path and object, folders too, so that who counts them can stop in time."""
        if folder.count("/") > DEEPEST:
            raise _no_manifests(f"more than {DEEPEST} folders inside each other")
        for mode, name, sha in read_tree(self._object(tree, "tree")):
            yield mode, folder + name, Sha(sha)
            if mode == FOLDER:
                yield from self._walk(Sha(sha), f"{folder}{name}/")

    def commit(self, sha: str) -> Commit:
        """One commit. Raises Outage where it is not here (yet)."""
        payload = self._found(Sha(sha), "commit")
        if payload is None:
            raise Outage("git", f"the commit {sha[:12]} is not on the server yet")
        try:
            return read_commit(sha, payload)
        except ValueError as fault:
            raise Denied("git", f"the commit {sha[:12]} cannot be read: {fault}") from None

    def tag(self, sha: str) -> Tag | None:
        """An annotated tag by its object's id; None where the id is a commit's, that is, the tag a lightweight one."""
        found = self._read(Sha(sha))
        if found is None:
            raise Outage("git", f"the tag object {sha[:12]} is not on the server yet")
        kind, payload = found
        try:
            return read_tag(sha, payload) if kind == "tag" else None
        except ValueError as fault:
            raise Denied("git", f"the tag object {sha[:12]} cannot be read: {fault}") from None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is reachable from `new`; what is unknown is not."""
        answer = self._git.ask("merge-base", "--is-ancestor", Sha(old), Sha(new))
        if answer.status > 1 and not self._lacks([old, new]):
            raise self._damage(GitFailed(answer))
        return answer.status == 0

    def first_parents(self, commit: str, most: int) -> tuple[str, ...]:
        """The commit and those before it by first parents, at most so many."""
        out = self._local("rev-list", "--first-parent", f"--max-count={int(most)}", Sha(commit))
        return tuple(out.decode().split())

    def lead(self, branch: str, over: str) -> int:
        """How many commits are reachable from the one commit and not from the other."""
        return int(self._local("rev-list", "--count", Sha(branch), f"^{Sha(over)}"))

    def history_of(self, path: str, most: int) -> Iterator[tuple[str, bytes]]:
        """The commits that changed a file, newest first, each with what the file is from there on."""
        options = ("--stdin", f"--max-count={int(most)}", "--raw", "--no-abbrev", "--no-renames", "--format=%H")
        tips = _ended([tip.encode() for tip in self._tips()], b"\n")
        if not tips:  # git would take it for HEAD
            return
        out = self._local("--literal-pathspecs", "log", *options, "--", path, data=tips).decode("utf-8", "replace")
        commit = ""
        for line in filter(None, out.split("\n")):
            if not line.startswith(":"):
                commit = Sha(line)
            elif (blob := line.split(" ")[3]).strip("0"):
                found = self._found(Sha(blob), "blob")
                if found is not None:
                    yield commit, found

    def _tips(self) -> Iterable[str]:
        """What all history is reachable from, as `git log` is told."""
        return self._local("for-each-ref", "--format=%(objectname)").decode().split()

    def _found(self, sha: Sha, kind: str) -> bytes | None:
        found = self._read(sha)
        if found is not None and found[0] != kind:
            raise Denied("git", f"{sha[:12]} is a {found[0]}, not a {kind}")
        return found[1] if found else None

    def _object(self, sha: Sha, kind: str) -> bytes:
        payload = self._found(sha, kind)
        if payload is None:
            raise Damaged(f"{kind} {sha[:12]} is missing")
        return payload

    def _read(self, sha: Sha) -> tuple[str, bytes] | None:
        try:
            return self._git.read(sha, LARGEST)
        except GitFailed as failed:
            raise self._damage(failed) from None

    # Writing

    def write_tree(self, base: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree of a commit with files set and (None) removed; its id. No work tree is touched.

        Raises ValueError for a path that git takes for none of a file.
        """
        entries = self.tree(base).with_changes(changes).entries
        folders = {path[: slash.start()] for path in entries for slash in re.finditer("/", path)}
        if folders & entries.keys():
            raise ValueError("a path is a file and a folder at once")
        self._write_blobs([entry for entry in changes.values() if entry])
        rows = [
            f"{e.mode} {e.blob}\t".encode() + path.encode("utf-8", "surrogateescape") for path, e in entries.items()
        ]
        with on_disk(), tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            answer = self._git.ask("update-index", "-z", "--index-info", data=_ended(rows, b"\0"), env=env)
            if answer.status or "Ignoring path" in answer.err:
                raise self._damage(GitFailed(answer), nonsense="Ignoring path|malformed")
            return str(Sha(self._local("write-tree", env=env).decode().strip()))

    def _write_blobs(self, entries: Sequence[Entry]) -> None:
        """Store them all with one process, each by way of a file of its own."""
        with on_disk(), tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, str(number)) for number in range(len(entries))]
            for path, entry in zip(paths, entries, strict=True):
                path.write_bytes(entry.data)
            names = _ended([str(path).encode() for path in paths], b"\n")
            self._local("hash-object", "-w", "-t", "blob", "--no-filters", "--stdin-paths", data=names)

    def write(self, kind: Literal["commit", "tag"], payload: bytes) -> str:
        """Store an object; its id. Raises ValueError for bytes that are none of that kind."""
        # Git before 2.40 stores nearly anything that begins well.
        if kind == "commit":
            read_commit("", payload)
        elif read_tag("", payload).date is None:
            raise ValueError("the tag lacks its tagger")
        answer = self._git.ask("hash-object", "-w", "-t", kind, "--stdin", data=payload)
        if answer.status:
            raise self._damage(GitFailed(answer), nonsense=r"corrupt (commit|tag)|malformed|object fails fsck|refusing")
        return str(Sha(answer.out.decode().strip()))

    # Running git

    def _lacks(self, objects: Iterable[str]) -> list[str]:
        wanted = sorted({Sha(each) for each in objects})
        if not wanted:
            return []
        out = self._local("cat-file", "--batch-check", data="".join(f"{each}\n" for each in wanted).encode())
        return [line.split(" ")[0] for line in out.decode().splitlines() if line.endswith(" missing")]

    def _local(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """A command that needs nothing but the mirror: when it fails, the mirror is damaged."""
        try:
            return self._git.run(*arguments, data=data, env=env)
        except GitFailed as failed:
            raise self._damage(failed) from None

    def _damage(self, failed: GitFailed, nonsense: str = "") -> Exception:
        """What a failure here means; `nonsense` are the words that say that git was given some."""
        if nonsense and re.search(nonsense, failed.err):
            return ValueError(failed.words)
        if failed.status < 0 and failed.words == "git said nothing":
            return Outage("git", "git was ended by somebody")
        return Outage("git", failed.words) if MACHINE.search(failed.err) else Damaged(failed.words)


def _no_manifests(what: str) -> Denied:
    return Denied("git", f"the repository holds {what}; that is no manifest repository")


def _ended(rows: Sequence[bytes], end: bytes) -> bytes:
    return b"".join(row + end for row in rows)
