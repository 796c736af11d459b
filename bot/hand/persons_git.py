"""Git as the person runs it: their configuration, agents, helpers and keys, and the repository that they stand in.

What a repository's owner may set is taken as it is, but for what would change something beside what we ask for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.gateway import LIMIT, Answer, GitFailed, Runner
from bot.hand import address
from bot.hand.address import Address
from bot.outage import Denied

TALK = 600.0
"""Seconds that a talk with a server may take where nobody sits at a terminal."""
WITH_A_PERSON = 86_400.0
"""Seconds that it may take where somebody does, and is asked for a password or to touch a key."""
# What would point git at another repository than the one that was named.
_ELSEWHERE = re.compile(
    r"GIT_(?:DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|"
    r"SHALLOW_FILE|REPLACE_REF_BASE|IMPLICIT_WORK_TREE|INTERNAL_SUPER_PREFIX|QUARANTINE_PATH|DEFAULT_HASH|CONFIG)"
)
_SETTINGS = (
    # The person's hooks are for the person's own work. Here they could change what is pushed, or stop half of it,
    # and pre-push asks about a work tree that has nothing to do with it. The server's hooks are not concerned.
    "core.hooksPath=/dev/null",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "fetch.unpackLimit=1",  # one pack a fetch: all of it is there or nothing
    "fetch.pruneTags=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "log.showSignature=false",
    "log.follow=false",
    "user.useConfigOnly=true",  # a name that git guesses from the machine is nobody's
)
_REMOTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}", re.ASCII)


class PersonsGit(Runner):
    """Git in the person's environment. `git_dir` None: whatever repository `folder` lies in."""

    def __init__(
        self, folder: Path, git_dir: Path | None, addresses: Sequence[Address], terminal: bool, limit: float = LIMIT
    ) -> None:
        inside = {
            "GIT_ALLOW_PROTOCOL": address.allowed(addresses),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": os.devnull,
            "LANGUAGE": "C",
            "LC_ALL": "C",
        }
        if git_dir is not None:
            inside["GIT_DIR"] = str(git_dir)
        if not terminal:
            inside["GIT_TERMINAL_PROMPT"] = "0"
        hidden = [name for name in os.environ if name not in inside and _ELSEWHERE.fullmatch(name)]
        super().__init__(folder, inside, hidden, _SETTINGS, limit)
        self._terminal = terminal
        self._secrets = [each.given for each in addresses if each.given != each.shown]

    def talk(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> Answer:
        """A command that may ask the person something, on the terminal where there is one."""
        limit = WITH_A_PERSON if self._terminal else TALK
        return self._ask(arguments, data, env or {}, limit, apart=not self._terminal)


@dataclass(frozen=True)
class Home:
    """A repository on this machine. `common` is what worktrees share; a relative address is relative to `top`."""

    git_dir: Path
    common: Path
    top: Path
    bare: bool


@dataclass(frozen=True)
class Truth:
    """Where the refs are that count: at a remote, or (None) in the repository itself."""

    remote: str | None
    fetch: Address
    pushes: tuple[Address, ...]


def discover(folder: Path, remote: str) -> tuple[Home, Truth]:
    """The repository that a folder lies in. Raises Denied where there is none, or none that can be used."""
    with PersonsGit(folder, None, (), terminal=False) as git:
        home = _home(git, folder)
        return home, _truth(git, home, remote)


def _home(git: PersonsGit, folder: Path) -> Home:
    asked = ("--absolute-git-dir", "--git-common-dir", "--is-bare-repository", "--is-shallow-repository")
    answer = git.ask("rev-parse", *asked, "--show-object-format")
    if "not a git repository" in answer.err:
        raise Denied("git", f"{folder} lies in no git repository; `-R` names the folder of a clone, or an address")
    lines = _lines(git, answer)
    if len(lines) != len(asked) + 1:
        raise Denied("git", "the name of this repository's folder is more than one line; rename it")
    git_dir, common, bare, shallow, names = lines
    if names != "sha1":
        raise Denied("git", f"this repository names its objects by {names}; only SHA-1 is read")
    if shallow == "true":
        raise Denied("git", "this clone is shallow, its history cut off; run `git fetch --unshallow` in it first")
    top = git.ask("rev-parse", "--show-toplevel").out.decode("utf-8", "surrogateescape").rstrip("\n")
    around = Path(git_dir).parent if Path(git_dir).name == ".git" else Path(git_dir)
    shared = (folder / common).resolve()
    return Home(Path(git_dir), shared, Path(top or around), bare == "true")


def _truth(git: PersonsGit, home: Home, remote: str) -> Truth:
    if not _REMOTE.fullmatch(remote):
        raise Denied("git", "this is no name of a remote; `git remote` lists them")
    remotes = _lines(git, git.ask("remote"))
    if remote in remotes:
        fetch, *_ = _addresses(git, home, "--", remote)
        return Truth(remote, fetch, _addresses(git, home, "--push", "--all", "--", remote))
    if remotes or remote != "origin":
        # Taken for the truth, a clone that only calls its remote by another name would be released into.
        others = f"only {', '.join(remotes)}" if remotes else "nor any other"
        instead = "name one that it has, or mean the repository itself by an address that begins with file:///"
        raise Denied("git", f"this repository has no remote {remote}, {others}; {instead}")
    itself = Address(str(home.common), str(home.top), "file")
    return Truth(None, itself, (itself,))


def _addresses(git: PersonsGit, home: Home, *which: str) -> tuple[Address, ...]:
    return tuple(address.read(line, str(home.top)) for line in _lines(git, git.ask("remote", "get-url", *which)))


def _lines(git: PersonsGit, answer: Answer) -> list[str]:
    if answer.status:
        raise Denied("git", f"git does not open this repository: {GitFailed(answer).words}")
    return answer.out.decode("utf-8", "surrogateescape").splitlines()
