"""Which commit is that ref at, for a thousand projects, without cloning one: `ls-refs` over kept-alive connections.

One POST for each distinct repository and set of refs, many at a time, all in one thread. What is not answered by that
(redirects, faults, waits) is tried more patiently, in threads. Where a server does not speak protocol v2, git
itself is asked. Nothing is sent but the names of refs, and only to hosts that the operator allows; a token goes to
the one address that it was handed in for, and to no place that this address redirects to.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.core import pktline
from bot.core.fetch_policy import DEFAULT_HOSTS, FetchPolicy
from bot.core.refs import RepositoryUrl
from bot.curl import Broken, Outcome
from bot.ls_refs import LARGEST, REFUSALS, LsRefs, NoAnswer, OldServer, Question
from bot.outage import Denied, Outage

__all__ = ["DEFAULT_HOSTS", "LARGEST", "FetchPolicy", "Heads", "Query", "Remotes", "Unreadable"]

AT_ONCE = 32
TRIES = 3
TIMEOUT = 20.0
LONGEST_WAIT = 10.0
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


_Asked = tuple[str, tuple[str, ...]]


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
        found = _Found(len(distinct), progress)
        hosts = _Hosts()
        hard = self._ask_easily(distinct, tokens or {}, found, hosts)
        waiting = iter(hard)

        def work(_: int) -> None:
            for task, begun in waiting:
                found.add(task.asked, self._ask_patiently(task, begun, hosts))

        workers = min(self._at_once, len(hard))
        with ThreadPoolExecutor(max(1, workers)) as threads:
            list(threads.map(work, range(workers)))
        return {query: found.answers[query.url, query.refs] for query in queries}

    def _ask_easily(
        self, asked: Sequence[_Asked], tokens: Mapping[str, str], found: _Found, hosts: _Hosts
    ) -> list[tuple[_Task, Outcome | None]]:
        """Ask each once, all in this thread; what did not go well is the answer, with what came of it so far.

        A host that is in trouble is not asked more.
        """
        hard: list[tuple[_Task, Outcome | None]] = []
        troubled: set[str] = set()

        def questions() -> Iterator[Question[_Task]]:
            for url, refs in asked:
                address, names = self._policy.address(url), _askable(refs)
                if address is None:
                    reason = "its address is not on a host that this bot may fetch from"
                    found.add((url, refs), Unreadable(reason, 0, transient=False))
                elif not names:
                    found.add((url, refs), Heads({}))
                else:
                    task = _Task((url, refs), address, names, tokens.get(url))
                    if task.host not in troubled:
                        yield Question(task, address, names, task.token)
                    else:
                        hard.append((task, None))

        def settle(task: _Task, outcome: Outcome) -> None:
            rows = self._ls_refs.read(outcome)
            if rows is not None:
                hosts.saw(task.host, answered=True)
                found.add(task.asked, _heads(rows, task.names))
                return
            hard.append((task, outcome))
            if isinstance(outcome, Broken) or outcome.status in (403, 429) or outcome.status >= 500:
                troubled.add(task.host)

        self._ls_refs.ask_many(questions(), max(1, min(self._at_once, len(asked))), settle)
        return hard

    def _ask_patiently(self, task: _Task, begun: Outcome | None, hosts: _Hosts) -> Heads | Unreadable:
        """Try as often as makes sense, the first try being what has begun."""
        for attempt in range(1, TRIES + 1):
            if hosts.is_dead(task.host):
                return Unreadable(f"{task.host} does not answer", attempt - 1, transient=True)
            try:
                rows = self._once(task, begun if attempt == 1 else None)
            except NoAnswer as failed:
                hosts.saw(task.host, answered=not failed.lost)
                if not failed.passing:
                    return Unreadable(failed.reason, attempt, transient=False)
                if attempt == TRIES:
                    return Unreadable(f"{failed.reason}, {attempt} tries", attempt, transient=True)
                self._sleep(max(0.2 * 2**attempt, min(failed.wait, LONGEST_WAIT)))
            else:
                hosts.saw(task.host, answered=True)
                return _heads(rows, task.names)
        raise AssertionError("every try either answers or fails")

    def _once(self, task: _Task, begun: Outcome | None) -> list[pktline.Row]:
        try:
            return self._ls_refs.ask(task.address, task.names, task.token, begun)
        except OldServer:
            return self._by_git(task.address, task.token)

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


@dataclass(frozen=True, slots=True)
class _Task:
    """What is asked of one repository: the address and the refs as given, and as they may be asked for."""

    asked: _Asked
    address: RepositoryUrl
    names: tuple[str, ...]
    token: str | None = field(repr=False)

    @property
    def host(self) -> str:
        """Whom the address leads to."""
        return self.address.split("/", 3)[2]


class _Found:
    """The answers so far, from any thread."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self.answers: dict[_Asked, Heads | Unreadable] = {}
        self._total = total
        self._progress = progress
        self._lock = threading.Lock()

    def add(self, asked: _Asked, answer: Heads | Unreadable) -> None:
        """Keep an answer, and tell how many there are."""
        with self._lock:
            self.answers[asked] = answer
            self._progress(len(self.answers), self._total)


def _heads(rows: Iterable[pktline.Row], names: tuple[str, ...]) -> Heads:
    return Heads(pktline.asked_for({row.ref: row.commit for row in rows}, names))


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
