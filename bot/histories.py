"""How the commits of a project relate, on any host: its history is fetched once, without files, and asked at home.

GitHub answers such questions itself; every other server only sends objects. So the commits of all branches and tags
are brought into a scratch repository. `git fetch --filter` would write down there that the server is to be asked for
whatever is missing: an id that a person invented would be sent to it, and an old or bad server makes such a fetch
start itself over and over. So git's transport is spoken with directly, which fetches and promises nothing. A commit
that no branch and no tag reaches does not exist here, whatever the server has stored.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bot.core.fetch_policy import FetchPolicy
from bot.core.hub import Comparison
from bot.core.refs import RepositoryUrl, Sha
from bot.gateway import Answer, Gateway, GitFailed, as_fault, on_disk
from bot.ls_refs import LsRefs, NoAnswer, OldServer
from bot.outage import Denied, Outage

LARGEST = 512 * 1024 * 1024
"""Bytes that one history may take; a server that cannot leave the files out sends them too."""
MOST_SUBJECTS = 250
BRANCHES, TAGS = "refs/heads/", "refs/tags/"
_SHORT = re.compile(r"[0-9a-f]{7,39}", re.ASCII)
_ROW = re.compile(rf"([0-9a-f]{{40}}) (?:{BRANCHES}|{TAGS})[^^]+")  # not what a tag stands for, which has a ^
_REDIRECTED = re.compile(r"returned error: 30[12378]\b")
# The transport lists refs in the old protocol only. Git's strict check is left out: it misses the files, and refuses
# real histories for crooked dates and names. Each object still has to have its name, and no file is ever written.
_SETTINGS = ("-c", "protocol.version=0", "-c", "fetch.fsckObjects=false")
# The signal is ignored, so that git says what happened and takes its half a file away.
_CAPPED = 'trap "" XFSZ; ulimit -f "$0" && exec "$@"'
_WITHOUT_FILES = "option filter tree:0\noption progress false\noption verbosity 0\n"
_TOO_LARGE = "File too large"


class Histories:
    """The commits of projects' repositories, fetched without their files. Not to be shared between threads.

    `scratch` is a folder of its own, made on demand, that goes with `close`. `limit`: seconds that one git command
    may take; `largest`: bytes that one history may take.
    """

    def __init__(self, policy: FetchPolicy, scratch: Path, limit: float = 60.0, largest: int = LARGEST) -> None:
        self._policy = policy
        self._scratch = scratch
        self._limit = limit
        self._largest = largest
        self._open: dict[RepositoryUrl, _History] = {}

    def __enter__(self) -> Histories:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take everything that was fetched away."""
        self._open.clear()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # Questions. `heads` is every branch and tag of the repository with its commit, tags peeled. The first question
    # about a repository fetches its history, the later ones ask nobody, as long as the heads are the same.

    def lengthen(self, url: str, heads: Mapping[str, str], short: str) -> tuple[str, ...]:
        """The full ids that begin with a short one; several: ambiguous. Raises ValueError for no short id."""
        if not _SHORT.fullmatch(short):
            raise ValueError(f"{short[:80]!r} is no short commit id")
        history = self._history(url, heads)
        return history.beginning(short) if history else ()

    def holding(self, url: str, heads: Mapping[str, str], commit: str, refs: Sequence[str]) -> dict[str, bool]:
        """For each of these branches and tags whether it reaches the commit."""
        sha, history = Sha(commit), self._history(url, heads)
        reaching = history.reaching(sha) if history else frozenset()
        return {ref: ref.startswith((BRANCHES, TAGS)) and heads.get(ref) in reaching for ref in refs}

    def compare(self, url: str, heads: Mapping[str, str], old: str, new: str) -> Comparison | None:
        """How `new` relates to `old`, with the newest subjects of what only it has; None where one is unknown."""
        base, head, history = Sha(old), Sha(new), self._history(url, heads)
        return history.compare(base, head) if history else None

    # Fetching

    def _history(self, url: str, heads: Mapping[str, str]) -> _History | None:
        """The history with these heads, None where there are none. Raises Denied where it must not be fetched."""
        address = self._policy.address(url)
        if address is None:
            raise Denied("git", "its address is not on a host that this bot may fetch from")
        branches = frozenset(Sha(commit) for ref, commit in heads.items() if ref.startswith(BRANCHES))
        tags = frozenset(Sha(commit) for ref, commit in heads.items() if ref.startswith(TAGS))
        if not branches | tags:
            return None
        history = self._open.get(address)
        if history is None or history.heads != (branches, tags):
            self._open.pop(address, None)
            history = self._open[address] = self._fetched(address, branches, tags)
        return history

    def _fetched(self, address: RepositoryUrl, branches: frozenset[Sha], tags: frozenset[Sha]) -> _History:
        """The history as the server has it now. Raises Outage where it lacks one of the branches' commits."""
        path = self._scratch / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.git"
        shutil.rmtree(path, ignore_errors=True)
        try:
            with on_disk():
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            allow_http = (self._policy.origin or "").startswith("http:")
            with _Capped(path, address, None, allow_http, self._limit, largest=self._largest) as git:
                self._fetch(git, address)
            return _History(git, branches, tags)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # what a fetch that was broken off has left can be large
            raise

    def _fetch(self, git: Gateway, address: RepositoryUrl) -> None:
        _local(git, "init", "--quiet", "--bare", "--template=")
        answer = _transport(git, address, "list\n\n")
        if answer.status and _REDIRECTED.search(answer.err):
            address = self._moved(address)
            answer = _transport(git, address, "list\n\n")
        if not answer.status:
            rows = map(_ROW.fullmatch, answer.out.decode("utf-8", "replace").split("\n"))
            wanted = "".join(f"fetch {sha} {sha}\n" for sha in sorted({row[1] for row in rows if row}))
            answer = _transport(git, address, f"{_WITHOUT_FILES}{wanted}\n\n") if wanted else answer
        if answer.status:
            raise _fault(answer, self._largest)

    def _moved(self, address: RepositoryUrl) -> RepositoryUrl:
        """Where the server redirects to, as far as that may be followed: git itself would go anywhere."""
        places = [address]

        def follows(_: RepositoryUrl, location: str) -> bool:
            there = self._policy.address(location) if self._policy.follows(address, location) else None
            places.extend([there] if there else [])
            return there is not None

        asker = LsRefs(follows, 1, self._limit)
        try:
            with suppress(NoAnswer, OldServer):
                asker.ask(address, ("HEAD",), None)
        finally:
            asker.close()
        return places[-1]


class _Capped(Gateway):
    """A gateway where no file grows beyond `largest` bytes: a server of anybody's could fill the disk otherwise."""

    def __init__(
        self, folder: Path, url: RepositoryUrl, token: None, allow_http: bool, limit: float, *, largest: int
    ) -> None:
        super().__init__(folder, url, token, allow_http, limit)
        self._program = ["sh", "-c", _CAPPED, str(largest // 512), *self._program, *_SETTINGS]


class _History:
    """One repository's commits, at home. `heads` are its branches' commits and what its tags stand for."""

    def __init__(self, git: Gateway, branches: frozenset[Sha], tags: frozenset[Sha]) -> None:
        self.heads = (branches, tags)
        self._git = git
        self._reaching: dict[Sha, frozenset[str]] = {}
        kinds = self._kinds(branches | tags)
        gone = sorted(branches - kinds.keys())
        if gone:
            raise Outage("git", f"{gone[0][:12]} is gone from the server; its refs moved while they were read")
        self._tips = frozenset(sha for sha, kind in kinds.items() if kind == "commit")
        # With it git walks by generation. By date alone, commits with invented dates make it count wrong.
        _local(git, "commit-graph", "write", "--stdin-commits", "--no-progress", data=_lines(self._tips))

    def beginning(self, short: str) -> tuple[str, ...]:
        """The commits whose ids begin so, in order."""
        # Every id is printed and compared here, so that only what is reached counts.
        found = _local(self._git, "rev-list", "--stdin", data=_lines(self._tips))
        return tuple(sorted(sha for sha in found.decode().split() if sha.startswith(short)))

    def reaching(self, commit: Sha) -> frozenset[str]:
        """The commits of branches and tags that reach this one; none where there is no such commit."""
        if commit not in self._reaching:
            self._reaching[commit] = self._walked(commit)
        return self._reaching[commit]

    def _walked(self, commit: Sha) -> frozenset[str]:
        if self._kinds([commit]).get(commit) != "commit":
            return frozenset()
        # All that lies between the commit and the heads, and descends from it: the heads in it are the answer.
        between = _local(self._git, "rev-list", "--ancestry-path", "--stdin", data=_lines([f"^{commit}", *self._tips]))
        return self._tips & {commit, *between.decode().split()}

    def compare(self, old: Sha, new: Sha) -> Comparison | None:
        """Counts, and the newest subjects of what only `new` has, newest first."""
        if not all(sha in self._tips or self.reaching(sha) for sha in (old, new)):
            return None
        counted = _local(self._git, "rev-list", "--date-order", "--left-right", "--count", f"{old}...{new}")
        behind, ahead = map(int, counted.split())
        options = ("--date-order", f"--max-count={MOST_SUBJECTS}", "--format=:%s")
        rows = _local(self._git, "rev-list", *options, new, f"^{old}").decode("utf-8", "replace").split("\n")
        return Comparison(ahead, behind, tuple(row[1:] for row in rows if row.startswith(":")))

    def _kinds(self, objects: Iterable[Sha]) -> dict[Sha, str]:
        """What each of these is; what is missing is left out."""
        out = _local(self._git, "cat-file", "--batch-check=%(objectname) %(objecttype)", data=_lines(objects))
        rows = (line.split(" ") for line in out.decode().splitlines())
        return {Sha(sha): kind for sha, kind in rows if kind != "missing"}


def _local(git: Gateway, *arguments: str, data: bytes = b"") -> bytes:
    """A command that needs no server and reaches none. Raises Outage where it fails: the scratch folder is at fault."""
    try:
        return git.run(*arguments, data=data)
    except GitFailed as failed:
        raise Outage("git", failed.words) from None


def _transport(git: Gateway, address: RepositoryUrl, orders: str) -> Answer:
    """Speak with the part of git that speaks with servers, in the way that `man gitremote-helpers` tells."""
    program = "remote-https" if address.startswith("https:") else "remote-http"
    return git.talk(program, "origin", address, data=orders.encode())


def _fault(answer: Answer, largest: int) -> Outage | Denied:
    """What a fetch that failed means."""
    if _TOO_LARGE in answer.err:
        return Denied("git", f"its history is larger than {largest // 1024**2} MiB")
    return as_fault(GitFailed(answer))


def _lines(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()
