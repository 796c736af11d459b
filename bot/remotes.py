"""Which commit is that ref at, for a thousand projects, without cloning one: `ls-refs` over kept-alive connections.

One POST for each distinct repository and set of refs, many at a time. Where a server does not speak protocol v2, git
itself is asked. Nothing is sent but the names of refs, and only to hosts that the operator allows; a token goes to
the one address that it was handed in for, and to no place that this address redirects to.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.core import pktline
from bot.core.fetch_policy import DEFAULT_HOSTS, FetchPolicy
from bot.core.refs import RepositoryUrl
from bot.ls_refs import LARGEST, REFUSALS, LsRefs, NoAnswer, OldServer
from bot.outage import Denied, Outage

__all__ = ["DEFAULT_HOSTS", "LARGEST", "FetchPolicy", "Heads", "Query", "Remotes", "Unreadable"]

AT_ONCE = 32
TRIES = 3
TIMEOUT = 20.0
LONGEST_WAIT = 10.0
FIRST = 4
TICK = 0.003
DEAD = 12
"""After so many failed connections to a host that never answered, the rest of its repositories is not tried."""


@dataclass(frozen=True)
class Query:
    """Refs of one project's repository: full names, or prefixes that end in a slash, or HEAD."""

    project: str
    url: str
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Heads:
    """Ref to commit, annotated tags peeled. What is not in it does not exist there."""

    refs: Mapping[str, str]


@dataclass(frozen=True)
class Unreadable:
    """The repository could not be read; `reason` is a sentence. `transient`: another time it may be."""

    reason: str
    tries: int
    transient: bool


class Remotes:
    """Asks repositories for their refs, many at a time. Safe to share between threads; close it at the end.

    `scratch` is a folder for git to stand in, empty for ever; `timeout` is for one try, in seconds.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        scratch: Path,
        sleep: Callable[[float], None] = time.sleep,
        at_once: int = AT_ONCE,
        timeout: float = TIMEOUT,
    ) -> None:
        self._policy = policy
        self._scratch = scratch
        self._sleep = sleep
        self._at_once = at_once
        self._timeout = timeout
        self._ls_refs = LsRefs(policy.follows, at_once, timeout)

    def __enter__(self) -> Remotes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._ls_refs.close()

    def heads(
        self,
        queries: Sequence[Query],
        progress: Callable[[int, int], None] = lambda done, total: None,
        tokens: Mapping[str, str] | None = None,
    ) -> dict[Query, Heads | Unreadable]:
        """The answer to each query; what is asked of one repository twice is asked once.

        `progress` is told how many repositories of how many were asked. `tokens` are by address, for private ones.
        """
        distinct = list(dict.fromkeys((query.url, query.refs) for query in queries))
        answers: dict[tuple[str, tuple[str, ...]], Heads | Unreadable] = {}
        waiting, hosts, lock, tokens = iter(distinct), _Hosts(), threading.Lock(), tokens or {}

        def work() -> None:
            for asked in waiting:
                answer = self._look(*asked, tokens.get(asked[0]), hosts)
                with lock:
                    answers[asked] = answer
                    progress(len(answers), len(distinct))

        _share_out(work, min(self._at_once, len(distinct)), answers.__len__)
        return {query: answers[query.url, query.refs] for query in queries}

    def _look(self, url: str, refs: tuple[str, ...], token: str | None, hosts: _Hosts) -> Heads | Unreadable:
        address = self._policy.address(url)
        if address is None:
            return Unreadable("its address is not on a host that this bot may fetch from", 0, transient=False)
        names = _askable(refs)
        if not names:
            return Heads({})
        host = address.split("/", 3)[2]
        for attempt in range(1, TRIES + 1):
            if hosts.is_dead(host):
                return Unreadable(f"{host} does not answer", attempt - 1, transient=True)
            try:
                found = self._once(address, names, token)
            except NoAnswer as failed:
                hosts.saw(host, answered=not failed.lost)
                if not failed.passing:
                    return Unreadable(failed.reason, attempt, transient=False)
                if attempt == TRIES:
                    return Unreadable(f"{failed.reason}, {attempt} tries", attempt, transient=True)
                self._sleep(max(0.2 * 2**attempt, min(failed.wait, LONGEST_WAIT)))
            else:
                hosts.saw(host, answered=True)
                return Heads(pktline.asked_for(found, names))
        raise AssertionError("every try either answers or fails")

    def _once(self, address: RepositoryUrl, refs: tuple[str, ...], token: str | None) -> dict[str, str]:
        try:
            rows = self._ls_refs.ask(address, refs, token)
        except OldServer:
            rows = self._by_git(address, token)
        return {row.ref: row.commit for row in rows}

    def _by_git(self, address: RepositoryUrl, token: str | None) -> list[pktline.Row]:
        """The same by git itself, for servers without protocol v2: so rare that its library is loaded only here."""
        from bot.gateway import Gateway, GitFailed, as_fault, on_disk

        allow_http = (self._policy.origin or "").startswith("http:")
        try:
            with on_disk():
                self._scratch.mkdir(parents=True, exist_ok=True)
            with Gateway(self._scratch, address, token, allow_http, self._timeout, LARGEST) as gateway:
                out = gateway.run("ls-remote", "--quiet", "--", address)
        except GitFailed as failed:
            fault = as_fault(failed)
            status = fault.status if isinstance(fault, Denied) else None
            raise NoAnswer(REFUSALS.get(status or 0, f"git: {fault.reason}"), status, passing=status is None) from None
        except Outage as outage:
            raise NoAnswer(outage.reason, passing=True) from None
        if not out and not self._ls_refs.speaks_git(address, token):
            raise NoAnswer("what it answers is not git's protocol")
        try:
            return pktline.listed(out)
        except pktline.BadPackets as bad:
            raise NoAnswer(str(bad)) from None


@lru_cache(256)
def _askable(refs: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a server may be asked for; a thousand projects follow the same few refs."""
    return tuple(ref for ref in refs if pktline.askable(ref))


def _share_out(work: Callable[[], None], most: int, done: Callable[[], int]) -> None:
    """Do the work in several threads; in more of them whenever each gets little done, for then they wait for servers.

    Where the servers are near, a few threads are faster than many, which hinder each other.
    """
    with ThreadPoolExecutor(max(1, most)) as threads:
        working = {threads.submit(work) for _ in range(min(FIRST, most))}
        while len(working) < most:
            before = done()
            if not wait(working, TICK).not_done:
                break
            if done() - before < len(working):
                working |= {threads.submit(work) for _ in range(min(len(working), most - len(working)))}
        for each in working:
            each.result()


class _Hosts:
    """Which hosts are not worth another try: many connections to them failed, and none was ever answered."""

    def __init__(self) -> None:
        self._failed = Counter[str]()
        self._alive: set[str] = set()

    def saw(self, host: str, answered: bool) -> None:
        """Note how a try ended. Counting a little less than there was, between threads, does no harm."""
        if answered:
            self._alive.add(host)
        else:
            self._failed[host] += 1

    def is_dead(self, host: str) -> bool:
        """Whether to leave it."""
        return self._failed[host] >= DEAD and host not in self._alive
