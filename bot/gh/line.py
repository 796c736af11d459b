"""The connections to GitHub's API that all jobs share, and what a failed call means to us.

PyGithub keeps the request under way inside its connection object, so two threads on one of its objects can send
each other's token. Here a line belongs to one caller at a time and then goes back on a shelf, still connected.
"""

from __future__ import annotations

import email.utils
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from github import Github
from github.Auth import Auth
from github.GithubException import (
    BadAttributeException,
    GithubException,
    IncompletableObject,
    RateLimitExceededException,
)
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from urllib3 import Retry

from bot.outage import Denied, Outage

T = TypeVar("T")

PAGE = 100
USER_AGENT = "manifest-release-bot"
API_VERSION = "2022-11-28"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOLERANCE = timedelta(seconds=10)
"""Clocks that differ by less than this agree: an answer takes time, and its date is in whole seconds."""

# What PyGithub, or our reading of its objects, trips over when an answer is not what GitHub documents.
_UNREADABLE = (
    BadAttributeException,
    IncompletableObject,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
)


class _Bearer(Auth):
    """The Authorization of the line's present user; it also sees, and counts, every request made."""

    def __init__(self) -> None:
        self.secret: str | None = None
        self.requests = 0

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.secret or ""

    def authentication(self, headers: dict[str, Any]) -> None:
        self.requests += 1
        if self.secret is not None:
            super().authentication(headers)


class _Retry(Retry):
    """PyGithub hands nothing of ours to its connections but this; so it also says who wants to see every answer."""

    notice: Callable[[requests.Response], None] | None = None


class _Http(HTTPRequestsConnectionClass):
    """A connection whose answers are seen."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _let_see(self.session, self.retry)


class _Https(HTTPSRequestsConnectionClass):
    """The same over TLS."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _let_see(self.session, self.retry)


def _let_see(session: requests.Session, retry: object) -> None:
    notice = retry.notice if isinstance(retry, _Retry) else None
    if notice is not None:
        session.hooks["response"].append(lambda answer, *_args, **_options: notice(answer))


Requester.injectConnectionClasses(_Http, _Https)


class _Line:
    """One keep-alive connection to the API."""

    def __init__(self, api_url: str, timeout: int, notice: Callable[[requests.Response], None]) -> None:
        self.bearer = _Bearer()
        self.github = Github(
            auth=self.bearer,
            base_url=api_url,
            timeout=timeout,
            user_agent=USER_AGENT,
            per_page=PAGE,
            pool_size=1,
            lazy=True,  # an object is fetched when it is read, not when it is named
            seconds_between_requests=0,
            seconds_between_writes=0,
            api_version=API_VERSION,
            retry=_retry(notice),
        )


def _retry(notice: Callable[[requests.Response], None]) -> _Retry:
    # PyGithub's own choice would repeat a POST, and would sleep out a rate limit inside the step.
    retry = _Retry(
        total=2,
        allowed_methods=("GET", "HEAD"),
        status_forcelist=(500, 502, 503, 504),
        backoff_factor=0.2,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    retry.notice = notice
    return retry


class Lines:
    """A shelf of lines to one API. `calls` counts the requests made so far, by what they were for.

    `skew` is how far the API's clock is ahead of ours by its last answer; None until one came.
    """

    def __init__(self, api_url: str, timeout: int, clock: Callable[[], datetime]) -> None:
        parts = urlsplit(api_url)
        if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
            raise ValueError(f"GitHub's API is reached over https only, not at {api_url!r}")
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._shelf: list[_Line] = []
        self._closed = False
        self.calls: Counter[str] = Counter()
        self.skew: timedelta | None = None

    def time(self) -> datetime:
        """The time by the API's clock, as far as an answer told it; ours may be wrong."""
        skew = self.skew
        return self._clock() if skew is None or abs(skew) < TOLERANCE else self._clock() + skew

    def ask(self, doing: str, token: str | None, work: Callable[[Github], T]) -> T:
        """What `work` gets from GitHub with this token; `doing` is the verb for people: "read a comment".

        Raises Outage for what a later attempt may not meet, and Denied for GitHub's refusals.
        """
        line = self._take(token)
        try:
            return work(line.github)
        except requests.RequestException as fault:
            raise Outage("github", f"could not {doing}: {_network(fault)}") from None  # it carries our token
        except _UNREADABLE as fault:
            raise Outage("github", f"could not {doing}: the answer was unreadable ({type(fault).__name__})") from fault
        except GithubException as answer:
            raise _refusal(answer, doing, self.time()) from None  # it carries the whole answer
        finally:
            self._put_back(line, doing)

    def close(self) -> None:
        """Hang up; lines in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._shelf = self._shelf, []
        for line in idle:
            line.github.close()

    def _take(self, token: str | None) -> _Line:
        with self._lock:
            line = self._shelf.pop() if self._shelf else None  # the last one used is the least likely to be stale
        line = line or _Line(self._api_url, self._timeout, self._notice)
        line.bearer.secret = token
        line.bearer.requests = 0
        return line

    def _notice(self, answer: requests.Response) -> None:
        moment = _moment(answer.headers.get("date", ""))
        if moment is not None:
            self.skew = moment - self._clock()

    def _put_back(self, line: _Line, doing: str) -> None:
        line.bearer.secret = None
        with self._lock:
            self.calls[doing] += line.bearer.requests
            if not self._closed:
                self._shelf.append(line)
                return
        line.github.close()


def _network(fault: requests.RequestException) -> str:
    """What went wrong on the way, without the URL or anything else that the exception holds."""
    return "no answer in time" if isinstance(fault, requests.Timeout) else f"no connection ({type(fault).__name__})"


def _refusal(answer: GithubException, doing: str, now: datetime) -> Outage | Denied:
    """Whether a status of 400 or more is worth another attempt."""
    headers = {name.lower(): str(value) for name, value in (answer.headers or {}).items()}
    limited = answer.status == 429 or (
        answer.status == 403
        and (
            isinstance(answer, RateLimitExceededException)
            or "retry-after" in headers
            or headers.get("x-ratelimit-remaining") == "0"
        )
    )
    if limited:
        return Outage("github", f"could not {doing}: GitHub's rate limit is used up", _wait(headers, now))
    sentence = f"could not {doing}: GitHub answered {answer.status}{_words(answer.data)}"
    if answer.status >= 500 or answer.status == 408:
        return Outage("github", sentence, _retry_after(headers, now))
    return Denied("github", sentence, answer.status)


def _wait(headers: dict[str, str], now: datetime) -> float:
    """Seconds until the rate limit allows another call: GitHub says so, or recommends a minute."""
    after = _retry_after(headers, now)
    if after is not None:
        return after
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return min(max(float(reset) - now.timestamp() + 1, 1), 3600)
    return 60


def _retry_after(headers: dict[str, str], now: datetime) -> float | None:
    """The Retry-After header, in either of its two forms."""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return min(float(value), 3600)
    moment = _moment(value)
    return None if moment is None else min(max((moment - now).total_seconds(), 0), 3600)


def _moment(value: str) -> datetime | None:
    """A date as HTTP writes it; None for anything else."""
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _words(data: object) -> str:
    """GitHub's own words about an error, cut and in printable ASCII."""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    found = [data.get("message"), *(errors if isinstance(errors, list) else [])]
    parts = [item.get("message") or item.get("code") if isinstance(item, dict) else item for item in found]
    text = "; ".join(part for part in parts if isinstance(part, str))
    return f" ({json.dumps(text[:200])[1:-1]})" if text else ""
