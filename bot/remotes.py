"""Which commit is that ref at, for a thousand projects, without cloning one: `ls-refs` over kept-alive connections.

One POST for each distinct repository and set of refs, many at a time. Where a server does not speak protocol v2, git
itself is asked. Nothing is sent but the names of refs, and only to hosts that the operator allows; a token goes to
the one address that it was handed in for, and to no place that this address redirects to.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as broken

from bot.core import pktline
from bot.core.fetch_policy import DEFAULT_HOSTS, FetchPolicy
from bot.core.refs import RepositoryUrl
from bot.gateway import Gateway, GitFailed, as_fault, on_disk
from bot.outage import Denied, Outage

__all__ = ["DEFAULT_HOSTS", "FetchPolicy", "Heads", "Query", "Remotes", "Unreadable"]

AT_ONCE = 32
TRIES = 3
TIMEOUT = 20.0
LARGEST = 4 * 1024 * 1024
REDIRECTS = 3
LONGEST_WAIT = 10.0
SERVICE = "/git-upload-pack"
DEAD = 12
"""After so many failed connections to a host that never answered, the rest of its repositories is not tried."""
REFUSALS = {
    401: "the server asks for a password: it is private, or it does not exist",
    403: "the server forbids reading it",
    404: "there is no such repository",
    410: "the repository is gone",
}
_NO_V2 = (400, 405, 415, 501)
_REDIRECT = (301, 302, 303, 307, 308)
_HEADERS = {
    "Git-Protocol": "version=2",
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": "application/x-git-upload-pack-result",
    "Accept-Encoding": "identity",
    "User-Agent": "git/manifest-release-bot",
}


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


class _Failed(Exception):
    """One try came to nothing. `passing`: the next may not. `lost`: the host did not answer at all."""

    def __init__(self, reason: str, passing: bool = False, lost: bool = False, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing
        self.lost = lost
        self.wait = wait


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
        self._pool = urllib3.PoolManager(num_pools=64, maxsize=at_once, retries=False, timeout=timeout)

    def __enter__(self) -> Remotes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

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
        hosts, lock, done = _Hosts(), threading.Lock(), Counter[str]()

        def look(asked: tuple[str, tuple[str, ...]]) -> Heads | Unreadable:
            answer = self._look(*asked, (tokens or {}).get(asked[0]), hosts)
            with lock:
                done["all"] += 1
                progress(done["all"], len(distinct))
            return answer

        with ThreadPoolExecutor(max(1, min(self._at_once, len(distinct)))) as threads:
            answers = dict(zip(distinct, threads.map(look, distinct), strict=True))
        return {query: answers[query.url, query.refs] for query in queries}

    def _look(self, url: str, refs: tuple[str, ...], token: str | None, hosts: _Hosts) -> Heads | Unreadable:
        address = self._policy.address(url)
        if address is None:
            return Unreadable("its address is not on a host that this bot may fetch from", 0, transient=False)
        names = tuple(ref for ref in refs if pktline.askable(ref))
        if not names:
            return Heads({})
        host = urlsplit(address).netloc
        for attempt in range(1, TRIES + 1):
            if hosts.is_dead(host):
                return Unreadable(f"{host} does not answer", attempt - 1, transient=True)
            try:
                found = self._once(address, names, token)
            except _Failed as failed:
                hosts.saw(host, answered=not failed.lost)
                if not failed.passing:
                    return Unreadable(failed.reason, attempt, transient=False)
                if attempt == TRIES:
                    return Unreadable(f"{failed.reason}, {attempt} tries", attempt, transient=True)
                self._sleep(max(0.2 * 2**attempt, failed.wait))
            else:
                hosts.saw(host, answered=True)
                return Heads(pktline.asked_for(found, names))
        raise AssertionError("every try either answers or fails")

    def _once(self, address: RepositoryUrl, refs: tuple[str, ...], token: str | None) -> dict[str, str]:
        status, data, wait = self._post(address, pktline.ls_refs(refs), token)
        if status == 200:
            try:
                return pktline.refs(data)
            except pktline.BadPackets:
                return self._by_git(address, token)
        if status in _NO_V2:
            return self._by_git(address, token)
        if status in REFUSALS:
            raise _Failed(REFUSALS[status])
        raise _Failed(f"the server answered {status}", status >= 500 or status == 429, wait=wait)

    def _post(self, address: RepositoryUrl, body: bytes, token: str | None) -> tuple[int, bytes, float]:
        """Status, body and wished-for wait of one POST; redirects on the same host are followed, without the token."""
        url = address.rstrip("/") + SERVICE
        headers = {**_HEADERS, **(urllib3.make_headers(basic_auth=f"x-access-token:{token}") if token else {})}
        end = time.monotonic() + self._timeout
        for _ in range(REDIRECTS + 1):
            with self._request(url, headers, body) as answer:
                if answer.status not in _REDIRECT:
                    return answer.status, _read(answer, LARGEST, end), _wait(answer)
                _read(answer, 1 << 16, end)
                url = _joined(url, answer.headers.get("Location", ""))
            if not self._policy.follows(address, url.removesuffix(SERVICE)):
                raise _Failed("it redirects to another host")
            headers = _HEADERS
        raise _Failed("it redirects too often")

    @contextmanager
    def _request(
        self, url: str, headers: Mapping[str, str], body: bytes | None, method: str = "POST"
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """One request; its connection is kept where the answer was read to its end, and closed otherwise."""
        try:
            answer = self._pool.request(
                method, url, body=body, headers=headers, redirect=False, preload_content=False, decode_content=False
            )
            try:
                yield answer
            finally:
                answer.close()  # an answer that was read to its end has given its connection back by now
        except broken.HTTPError as fault:
            raise _Failed(_words(fault), passing=True, lost=isinstance(fault, _LOST)) from None

    def _by_git(self, address: RepositoryUrl, token: str | None) -> dict[str, str]:
        """The same by git itself, for servers without protocol v2."""
        allow_http = (self._policy.origin or "").startswith("http:")
        try:
            with on_disk():
                self._scratch.mkdir(parents=True, exist_ok=True)
            with Gateway(self._scratch, address, token, allow_http, self._timeout, LARGEST) as gateway:
                out = gateway.run("ls-remote", "--quiet", "--", address)
        except GitFailed as failed:
            fault = as_fault(failed)
            status = fault.status if isinstance(fault, Denied) else None
            raise _Failed(REFUSALS.get(status or 0, f"git: {fault.reason}"), passing=status is None) from None
        except (Outage, Denied) as fault:
            raise _Failed(fault.reason, passing=True) from None
        if not out and not self._speaks_git(address, token):
            raise _Failed("what it answers is not git's protocol")
        return _peeled(row.partition("\t")[::2] for row in out.decode("utf-8", "replace").splitlines())

    def _speaks_git(self, address: RepositoryUrl, token: str | None) -> bool:
        """Whether it advertises refs; to git, any empty page is a repository without refs, of the oldest protocol."""
        url = f"{address.rstrip('/')}/info/refs?service=git-upload-pack"
        headers = urllib3.make_headers(basic_auth=f"x-access-token:{token}") if token else {}
        with self._request(url, headers, None, "GET") as answer:
            return answer.headers.get("Content-Type") == "application/x-git-upload-pack-advertisement"


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


_LOST = (broken.TimeoutError, broken.NewConnectionError)


def _words(fault: broken.HTTPError) -> str:
    match fault:
        case broken.NameResolutionError():
            return "the name of its host is not known"
        case broken.NewConnectionError():  # a TimeoutError too, to urllib3
            return "its host cannot be reached"
        case broken.TimeoutError():
            return "timeout"
        case broken.SSLError():
            return "the certificate of its host is not accepted"
        case _:
            return "the connection broke off"


def _read(answer: urllib3.BaseHTTPResponse, most: int, end: float) -> bytes:
    """The whole body, piece by piece, so that neither a large answer nor a slow one holds us for long."""
    body = bytearray()
    while piece := answer.read1(1 << 16):
        body += piece
        if len(body) > most:
            raise _Failed(f"the answer is larger than {most // 1024:,} KiB")
        if time.monotonic() > end:
            raise _Failed("timeout", passing=True, lost=True)
    return bytes(body)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _wait(answer: urllib3.BaseHTTPResponse) -> float:
    """How long the server asks us to wait, within reason."""
    wished = answer.headers.get("Retry-After", "")
    return min(float(wished), LONGEST_WAIT) if re.fullmatch(r"\d{1,5}", wished) else 0.0


def _peeled(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Ref to commit from the rows of `git ls-remote`, in which a tag's commit follows as `ref^{}`."""
    found: dict[str, str] = {}
    for value, ref in rows:
        if re.fullmatch(r"[0-9a-f]{64}", value):
            raise _Failed("its object names are SHA-256; only SHA-1 is read")
        if not re.fullmatch(r"[0-9a-f]{40}", value):
            raise _Failed("its list of refs cannot be read")
        found[ref.removesuffix("^{}")] = value
    return found
