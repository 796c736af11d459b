"""A bare mirror of a manifest repository: what the server has now, its objects at hand, and pushes with leases.

A mirror is a cache. What the server has is asked anew each time, a push states for every ref what must be there
before, and what was pushed is read back: git's exit status proves nothing. A damaged mirror is thrown away.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.bare import MACHINE, BareRepository, Damaged
from bot.core.objects import Commit, Tag
from bot.core.pktline import BadPackets, Row, listed
from bot.core.push import PushResult, RefUpdate, compare, forbidden_words, rejections, verdict
from bot.core.refs import RefName, RepositoryUrl, Sha
from bot.gateway import LIMIT, REFUSALS, Answer, Gateway, GitFailed, as_fault
from bot.ls_refs import LsRefs, NoAnswer, OldServer
from bot.outage import Denied, Outage

__all__ = ["Commit", "Mirror", "Mirrors", "PushResult", "RefUpdate", "Tag"]

CONNECTIONS = 8
TIMEOUT = 20.0
MOST_PACKS = 50
MINE = ("refs/heads/", "refs/tags/", "refs/manifest-release-bot/")
"""The refs that concern us: what a server shows beside them (pull requests, above all) is left out."""
# A person's own settings must not add to what is asked for: no other tag, no submodule, no upkeep.
_PUSH = ("--quiet", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags", "--no-recurse-submodules")
FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
# What git says, talking with a server, when the fault is on our side of the wire.
_DAMAGE = re.compile(
    r"not a git repository|bad object|does not point to a valid object|loose object|packfile|corrupt|bad config|"
    r"unable to read (?:tree|[0-9a-f]{40})|cannot lock ref|Unable to create '[^']*\.lock'|invalid sha1 pointer",
    re.IGNORECASE,
)


class Mirrors:
    """The mirrors of one worker, one folder each below `root`, one user of each at a time.

    `limit`: seconds that one git command may take; `patience`: seconds to wait for another user.
    """

    def __init__(self, root: Path, allow_http: bool = False, limit: float = LIMIT, patience: float = 120.0) -> None:
        self._root = root
        self._allow_http = allow_http
        self._limit = limit
        self._patience = patience
        self._ls_refs = LsRefs(lambda address, location: False, CONNECTIONS, min(limit, TIMEOUT))

    def close(self) -> None:
        """Close the connections that are kept between two openings."""
        self._ls_refs.close()

    @contextmanager
    def open(self, repository: int, url: str, token: str | None) -> Iterator[Mirror]:
        """The mirror of a repository, made on demand; held until the block ends."""
        address = RepositoryUrl(url)
        if address.startswith("http:") and not self._allow_http:
            raise Denied("git", "only https is spoken with a server that is no sandbox")
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._root / f"{repository}.git"
        with (self._root / f"{repository}.lock").open("w") as lock:
            hold(lock, self._patience)
            path.mkdir(exist_ok=True)
            try:
                with Gateway(path, address, token, self._allow_http, self._limit) as gateway:
                    mirror = Mirror(gateway, self._ls_refs, path, address, token)
                    mirror.begin()
                    yield mirror
            except Damaged as corrupt:
                shutil.rmtree(path, ignore_errors=True)
                raise Outage("git", f"the mirror was damaged and is made anew: {corrupt}") from None


class Served(BareRepository):
    """A bare repository whose refs are at a server's: listed, fetched and pushed by git."""

    def _push_address(self) -> str:
        """Where pushes go."""
        raise NotImplementedError

    def _pushed(self, *only: str) -> Mapping[str, str]:
        """What these refs are now where pushes go."""
        raise NotImplementedError

    # Pushing

    def push(self, updates: Sequence[RefUpdate]) -> PushResult:
        """All updates or none, each only from its expected value; then what the server has is read back.

        A result that is not ok says that somebody else moved a ref. Raises Denied where the server forbids it and
        Outage where nobody knows what became of it.
        """
        named = [(RefName(each.ref), each) for each in updates]
        leases = [f"--force-with-lease={ref}:{Sha(each.expected) if each.expected else ''}" for ref, each in named]
        specs = [f"{Sha(each.new) if each.new else ''}:{ref}" for ref, each in named]
        try:
            answer = self._git.talk("push", *_PUSH, *leases, "--", self._push_address(), *specs)
        except Outage as outage:
            answer = Answer(-1, b"", f"fatal: {outage.reason}")
        result = compare(updates, self._read_back(updates, answer))
        refused = rejections(answer.out.decode("utf-8", "replace"))
        match verdict(result, refused):
            case "accepted" | "rejected":
                return result
            case "forbidden":
                raise Denied("git", f"the server refused the push: {forbidden_words(refused, answer.err)}")
            case "unknown":
                reasons = [each.reason for each in refused if "atomic" not in each.reason]
                if reasons or not answer.status:
                    raise Outage("git", f"the push came to nothing: {(reasons or ['nobody knows why'])[0][:150]}")
                raise self._fault(GitFailed(answer))

    def _read_back(self, updates: Sequence[RefUpdate], pushed: Answer) -> Mapping[str, str]:
        """What the server has after a push. Where it cannot be asked, what it said to the push counts."""
        try:
            return self._pushed(*(each.ref for each in updates))
        except (Outage, Denied) as fault:
            refusal = self._fault(GitFailed(pushed)) if pushed.status else None
            if isinstance(refusal, Denied):
                raise refusal from None
            raise Outage("git", f"what became of the push is unknown: {fault.reason}") from None

    # Talking with the server

    def _rows_by_git(self, address: str) -> Sequence[Row]:
        out = self._remote("ls-remote", "--quiet", "--", address)
        try:
            return listed(out)
        except BadPackets as bad:
            raise Outage("git", f"the server's refs cannot be read: {bad}") from None

    def _fetch_all(self, address: str, wanted: Iterable[str]) -> None:
        """Copy every ref that concerns us, unless all objects that are `wanted` are here already."""
        if self._lacks(wanted):
            specs = [f"+{start}*:{start}*" for start in MINE]
            self._remote("fetch", *FETCH, "--prune", "--", address, *specs)
            self._insist(wanted)

    def _insist(self, wanted: Iterable[str]) -> None:
        lacking = self._lacks(wanted)
        if lacking:
            raise Outage("git", f"{lacking[0][:12]} is gone from the server; its refs moved while they were read")

    def _remote(self, *arguments: str, data: bytes = b"") -> bytes:
        """A command that talks with the server: when it fails, either side may be at fault."""
        answer = self._git.talk(*arguments, data=data)
        if answer.status:
            raise self._fault(GitFailed(answer))
        return answer.out

    def _fault(self, failed: GitFailed) -> Exception:
        """What a failure of a talk with the server means."""
        ours = "\n".join(line for line in failed.err.splitlines() if not line.startswith("remote:"))
        if "fsck error" in ours:
            return Denied("git", f"git's own check refuses what the server sent: {failed.words}")
        at_home = _DAMAGE.search(ours) and not MACHINE.search(ours)
        return Damaged(failed.words) if at_home else as_fault(failed)


class Mirror(Served):
    """One open mirror, for one thread. Ids and refs that are handed in must be full, else ValueError is raised."""

    def __init__(self, gateway: Gateway, ls_refs: LsRefs, path: Path, url: RepositoryUrl, token: str | None) -> None:
        super().__init__(gateway)
        self._ls_refs = ls_refs
        self._path = path
        self._url = url
        self._token = token

    def begin(self) -> None:
        """Make the repository where there is none."""
        if not (self._path / "HEAD").exists():
            self._local("init", "--quiet", "--bare", "--template=")

    # What the server has

    def refs(self, *only: str) -> dict[str, str]:
        """Every ref that the server has now, annotated tags also peeled as `ref^{}`; or only the named ones."""
        named = [RefName(ref) for ref in only]
        found = table(self._rows(named or MINE), named)
        # To git, any empty page is a repository without refs, served by the oldest protocol.
        if not named and not found and self._local("for-each-ref", "--count=1"):
            raise Outage("git", "the server lists no refs, though it had some")
        return found

    def _rows(self, prefixes: Sequence[str]) -> Sequence[Row]:
        """Asked by ourselves, where the server is of today; once more where the connection broke, as old ones do."""
        for last in (False, True):
            try:
                return self._ls_refs.ask(self._url, prefixes, self._token)
            except OldServer:
                break
            except NoAnswer as fault:
                if fault.status is None and fault.passing and not fault.lost and not last:
                    continue
                if fault.passing or fault.status is None:
                    raise Outage("git", fault.reason, fault.wait or None) from None
                raise Denied("git", REFUSALS.get(fault.status, fault.reason), fault.status) from None
        return self._rows_by_git(self._url)

    def fetch(self, refs: Mapping[str, str]) -> None:
        """Have every object of these refs, as `refs()` told them. Nothing is fetched when they are here already."""
        self._fetch_all(self._url, refs.values())
        self._tidy()

    def _tidy(self) -> None:
        """Each fetch leaves a pack; git is slow with very many of them."""
        if sum(1 for _ in (self._path / "objects" / "pack").glob("*.pack")) > MOST_PACKS:
            self._local("repack", "-a", "-d", "-q")

    def _push_address(self) -> str:
        return self._url

    def _pushed(self, *only: str) -> Mapping[str, str]:
        return self.refs(*only)


def table(rows: Iterable[Row], only: Sequence[str] = ()) -> dict[str, str]:
    """The refs that concern us, or only the named ones: to their objects, annotated tags also peeled as `ref^{}`."""
    found: dict[str, str] = {}
    for row in rows:
        if row.ref in only or (not only and row.ref.startswith(MINE)):
            found[row.ref] = row.object
            if row.commit != row.object:
                found[row.ref + "^{}"] = row.commit
    return found


def hold(lock: IO[str], patience: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Take the lock, which ends with its holder. Raises Outage where somebody keeps it too long."""
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Outage("git", "the mirror is in use for too long") from None
            sleep(0.01)
