"""A manifest repository reached by hand: through any clone of it, or by its address, as the person who sits there.

It reads, writes and pushes as the mirror does. In a clone nothing is touched but the store of objects: no branch, no
remote-tracking ref, no FETCH_HEAD, no index, no file.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.bare import Damaged
from bot.core.objects import Identity
from bot.core.pktline import BadPackets, listed
from bot.core.push import PushResult, RefUpdate
from bot.core.refs import Sha
from bot.gateway import Answer, GitFailed, on_disk
from bot.hand import address, signature
from bot.hand.address import Address
from bot.hand.persons_git import Home, PersonsGit, Truth, discover
from bot.mirror import FETCH, Served, hold, table
from bot.outage import Denied, Outage

_PATIENCE = 60.0
# How ssh, a repository on disk and git itself say no; anything else that breaks a talk may pass.
_NO = re.compile(
    r"Permission .*denied|verification failed|does not appear to be a git repository|not allowed|not found|"
    r"dubious ownership|could not read (?:Username|Password)|does not exist",
    re.IGNORECASE,
)
_END = "Could not read from remote repository"
_YOU = {
    401: "the server asks for a name and a password, or does not accept those that git has",
    404: "there is no such repository, or you may not see it",
}


@dataclass(frozen=True)
class Place:
    """Where a clone works: its git dir, where its refs are read, their repository's name, and where pushes go.

    No address has a password in it. Where there are several to push to, nothing is pushed, and the first is here.
    """

    path: Path
    url: str
    name: str
    push_url: str


class Clone(Served):
    """One open repository, for one thread. Ids and refs that are handed in must be full, else ValueError is raised."""

    def __init__(self, git: PersonsGit, home: Home, truth: Truth, offline: bool, cache: bool) -> None:
        super().__init__(git)
        self._home = home
        self._truth = truth
        self._offline = offline
        self._cache = cache
        self._seen: Sequence[str] = ()
        self.place = Place(home.git_dir, truth.fetch.shown, truth.fetch.name, truth.pushes[0].shown)

    @classmethod
    @contextmanager
    def open(cls, where: str, scratch: Path, remote: str = "origin", offline: bool = False) -> Iterator[Clone]:
        """The repository at a folder or an address; `scratch` keeps copies of those that are not on this machine.

        Raises Denied, with a sentence, for what is neither.
        """
        folder = _folder(where)
        with ExitStack() as stack:
            if folder is not None:
                home, truth = discover(folder, remote)
            else:
                home, truth = _kept(address.read(where), scratch)
                stack.enter_context(_locked(home))
            terminal = os.isatty(0)
            git = stack.enter_context(PersonsGit(home.git_dir, home.git_dir, (truth.fetch, *truth.pushes), terminal))
            clone = cls(git, home, truth, offline, cache=folder is None)
            try:
                clone._begin()
                yield clone
            except Damaged as corrupt:
                raise clone._given_up(corrupt) from None

    def _begin(self) -> None:
        if not self._cache or (self._home.git_dir / "HEAD").exists():
            return
        if self._offline:
            raise Denied("git", "nothing of this address was ever fetched here; ask again with the network")
        self._local("init", "--quiet", "--bare", "--template=", "--object-format=sha1")

    def _given_up(self, corrupt: Damaged) -> Exception:
        if not self._cache:
            return Denied("git", f"the repository {self._home.git_dir} is damaged ({corrupt}); see `git fsck` there")
        shutil.rmtree(self._home.git_dir, ignore_errors=True)
        return Outage("git", f"the copy of the repository was damaged and is made anew: {corrupt}")

    @property
    def url(self) -> str:
        """What relative addresses of projects are joined to."""
        return self._truth.fetch.shown

    # Where the truth is

    def refs(self) -> dict[str, str]:
        """Every ref that the truth has now (offline: had, when it was last fetched), tags also peeled as `ref^{}`."""
        return self._last_seen() if self._offline else table(self._rows_by_git(self._truth.fetch.given))

    def _last_seen(self) -> dict[str, str]:
        answer = self._git.ask("show-ref", "--dereference")
        if answer.status and answer.err:
            raise self._damage(GitFailed(answer))
        tracked = f"refs/remotes/{self._truth.remote}/".encode()
        try:
            rows = {name: value for value, name in (line.split(b" ", 1) for line in answer.out.splitlines())}
            if self._truth.remote and (not self._home.bare or any(name.startswith(tracked) for name in rows)):
                heads = {
                    name.replace(tracked, b"refs/heads/", 1): rows[name] for name in rows if name.startswith(tracked)
                }
                heads.pop(b"refs/heads/HEAD", None)
                rows = heads | {name: rows[name] for name in rows if name.startswith(b"refs/tags/")}
            return table(listed(b"".join(value + b"\t" + name + b"\n" for name, value in rows.items())))
        except BadPackets as bad:
            raise Denied("git", f"the refs of this repository cannot be read: {bad}") from None

    def fetch(self, refs: Mapping[str, str]) -> None:
        """Have every object of these refs, as `refs()` told them. In a clone they come without any ref."""
        self._seen = sorted(set(refs.values()))
        if self._offline:
            self._insist(refs.values())
        elif self._cache:
            self._fetch_all(self._truth.fetch.given, refs.values())
        elif lacking := set(self._lacks(refs.values())):
            tips = {value for ref, value in refs.items() if {value, refs.get(ref + "^{}")} & lacking and "^" not in ref}
            data = "".join(f"{tip}\n" for tip in sorted(tips)).encode()
            self._remote("fetch", *FETCH, "--no-prune", "--stdin", "--", self._truth.fetch.given, data=data)
            self._insist(refs.values())

    def _tips(self) -> Sequence[str]:
        """What was fetched, and not `--all`: branches that only this clone has are no part of the truth."""
        return self._seen

    # Pushing

    def push(self, updates: Sequence[RefUpdate]) -> PushResult:
        """As the mirror pushes: all updates or none, each only from its expected value; then they are read back."""
        if self._offline:
            raise Denied("git", "nothing is pushed offline; ask again with the network")
        if len(self._truth.pushes) != 1:
            several = f"{len(self._truth.pushes)} addresses, and all or nothing can be had at one only"
            raise Denied("git", f"the remote {self._truth.remote} pushes to {several}; name another remote")
        try:
            return super().push(updates)
        except Denied as refusal:
            if "branch is currently checked out" not in refusal.reason:
                raise
            way = "run `git switch --detach` there, or give the address of a bare repository"
            raise Denied(
                "git", f"one of these branches is checked out in {self._truth.pushes[0].shown}; {way}"
            ) from None

    def pushed_to(self, ref: str) -> str | None:
        """What a ref is now where pushes go."""
        return self._pushed(ref).get(ref)

    def led_on(self, commit: str, tip: str) -> bool:
        """Whether a tip read back where pushes go has this commit in its history; what is not here is fetched there."""
        if self._lacks([tip]):
            self._remote("fetch", *FETCH, "--no-prune", "--", self._push_address(), Sha(tip))
            self._insist([tip])
        return self.is_ancestor(commit, tip)

    def _push_address(self) -> str:
        return self._truth.pushes[0].given

    def _pushed(self, *only: str) -> Mapping[str, str]:
        return table(self._rows_by_git(self._push_address()), only)

    def _fault(self, failed: GitFailed) -> Exception:
        lines = [line for line in failed.err.splitlines() if line.strip() and not line.startswith(("hint:", "remote:"))]
        ends = [number for number, line in enumerate(lines) if _END in line]
        said = lines[ends[0] - 1] if ends and ends[0] else lines[-1] if lines else ""
        words = GitFailed(Answer(failed.status, b"", said)).words
        fault = super()._fault(failed)
        if isinstance(fault, Denied):
            return Denied("git", _YOU.get(fault.status or 0, fault.reason), fault.status)
        if _NO.search(said):
            return Denied("git", f"git could not talk with {self.place.url}: {words}")
        return Outage("git", f"git could not talk with {self.place.url}: {words}") if ends else fault

    # The person

    def identity(self) -> Identity:
        """Who the person is to git. Raises Denied where git was not told."""
        answer = self._git.ask("var", "GIT_COMMITTER_IDENT")
        found = re.fullmatch(r"(.+) <(.+)> \d+ [+-]\d{4}", answer.out.decode("utf-8", "replace").strip())
        if answer.status or not found:
            how = '`git config --global user.name "Your Name"` and `git config --global user.email you@example.com`'
            raise Denied("git", f"git does not know who you are; tell it with {how}")
        return Identity(found[1], found[2])

    @property
    def signs_tags(self) -> bool:
        """Whether the person's git is set to sign every tag (`tag.gpgSign`)."""
        return self._git.ask("config", "--type=bool", "--get", "tag.gpgSign").out.strip() == b"true"

    def sign_tag(self, payload: bytes) -> bytes:
        """These bytes of a tag, signed as the person's git signs tags. Raises Denied where it cannot."""
        return signature.sign_tag(self._git, self._home.common, payload)


def _folder(where: str) -> Path | None:
    """The folder that is meant, if one is."""
    if where.startswith("-") or not where.isprintable():
        return None
    path = Path(where).expanduser()
    return path.absolute() if where and path.is_dir() else None


def _kept(given: Address, scratch: Path) -> tuple[Home, Truth]:
    """The copy of a repository that is elsewhere."""
    path = scratch.absolute() / f"{hashlib.sha256(given.shown.encode()).hexdigest()[:32]}.git"
    with on_disk():
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    return Home(path, path, path, bare=True), Truth(None, given, (given,))


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    with ExitStack() as stack:
        with on_disk():
            lock = stack.enter_context(home.git_dir.with_suffix(".lock").open("w"))
        hold(lock, _PATIENCE)
        yield
