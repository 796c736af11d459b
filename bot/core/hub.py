"""What GitHub told us, as plain values, so that the core can judge it and the flows can pass it on.

`bot.gh` makes these from PyGithub's objects; nothing here knows how they were fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

Reaction = Literal["eyes", "+1", "-1", "confused"]
Conclusion = Literal["success", "failure", "neutral", "cancelled"]


@dataclass(frozen=True)
class RepositoryId:
    """A repository as GitHub numbers it; `name` ("owner/name") is for people and URLs and may change."""

    id: int
    installation: int
    name: str

    @property
    def owner(self) -> str:
        """The account that owns it."""
        return self.name.partition("/")[0]


def name_on_hub(url: str, web: str) -> str | None:
    """`owner/name` of a repository's address on the GitHub at `web`; None for an address elsewhere."""
    ours, parts = urlsplit(web), urlsplit(url)
    if (parts.scheme, parts.netloc.lower()) != (ours.scheme, ours.netloc.lower()):
        return None
    name = parts.path.strip("/").removesuffix(".git")
    return name if name.count("/") == 1 else None


@dataclass(frozen=True)
class Bot:
    """Who we are on GitHub: the App and the user that acts for it ("slug[bot]")."""

    app_id: int
    user_id: int
    login: str


@dataclass(frozen=True)
class Comment:
    """A comment on an issue or pull request. Times are UTC."""

    id: int
    issue: int
    author: str
    author_id: int
    body: str
    created_at: datetime
    updated_at: datetime
    url: str
    by_app: int | None = None


@dataclass(frozen=True)
class Pull:
    """A pull request as the API shows it now; `merge_commit` is set only when merged."""

    number: int
    title: str
    body: str
    url: str
    state: Literal["open", "closed"]
    author: str
    author_id: int
    base: str
    base_sha: str
    base_repository: int
    head: str
    head_sha: str
    head_repository: int | None
    commits: int
    merged: bool = False
    merge_commit: str | None = None
    merged_by: str | None = None
    merged_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Approval:
    """A review that approved exactly the commit `head`."""

    login: str
    head: str
    at: datetime


@dataclass(frozen=True)
class Comparison:
    """How `head` relates to `base`: commits only in head (`ahead`), only in base (`behind`), newest subjects."""

    ahead: int
    behind: int
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One job of a GitHub Actions run."""

    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None
    url: str


@dataclass(frozen=True)
class Run:
    """One GitHub Actions run; `name` is what the workflow's run-name made of it."""

    id: int
    name: str
    status: str
    conclusion: str | None
    url: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    attempt: int = 1

    @property
    def ended(self) -> bool:
        """Whether GitHub will not change it any more, short of a re-run."""
        return self.status == "completed"
