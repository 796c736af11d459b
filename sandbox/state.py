"""What the stand-in GitHub knows: users, repositories, issues, pull requests, runs. Plain data, guarded by one lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.bare import Git

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
"""In rising order: each may do what those before it may."""


@dataclass
class User:
    """A person, an organisation or an App's bot."""

    id: int
    login: str
    type: str = "User"
    token: str = ""


@dataclass
class App:
    """A GitHub App. `webhook_url` and `webhook_secret` may be changed while it runs."""

    id: int
    slug: str
    bot: User
    private_key: str
    public_key: str
    webhook_url: str
    webhook_secret: str
    permissions: dict[str, str]
    events: tuple[str, ...]


@dataclass
class Installation:
    """An App on an account, with the repositories it was given."""

    id: int
    app: App
    account: User
    repositories: list[int]
    created_at: datetime
    granted: dict[str, str] | None = None
    suspended_at: datetime | None = None

    @property
    def permissions(self) -> dict[str, str]:
        """What was granted to it: all that the App asks for, unless its owner has not accepted all of that."""
        return self.app.permissions if self.granted is None else self.granted


@dataclass
class Token:
    """An installation token: what it may do, and where, until it expires."""

    value: str
    installation: Installation
    permissions: dict[str, str]
    repositories: tuple[int, ...]
    expires_at: datetime

    def sees(self, repository: Repository) -> bool:
        """Whether it was made for this repository, and the installation still has it."""
        return repository.id in self.repositories and repository.id in self.installation.repositories


@dataclass
class Reaction:
    """What somebody put under a comment."""

    id: int
    user: User
    content: str
    created_at: datetime


@dataclass
class Comment:
    """A comment on an issue or pull request."""

    id: int
    issue: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    app: App | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass
class Review:
    """A review of a pull request."""

    id: int
    user: User
    state: str
    commit: str
    at: datetime
    body: str = ""


@dataclass
class Pull:
    """What a pull request has beyond its issue. `head_repository` is None when the fork is gone."""

    id: int
    base: str
    head: str
    head_repository: int | None
    base_sha: str
    head_sha: str
    commits: list[str] = field(default_factory=list)
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit: str | None = None
    reviews: list[Review] = field(default_factory=list)
    draft: bool = False


@dataclass
class Issue:
    """An issue; with `pull`, a pull request. They share one row of numbers."""

    id: int
    number: int
    user: User
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    closed_by: User | None = None
    app: App | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    pull: Pull | None = None
    locked: bool = False


@dataclass
class CheckRun:
    """A check on a commit, made by an App."""

    id: int
    app: App
    head: str
    name: str
    status: str
    conclusion: str | None
    output: dict[str, Any]
    external_id: str
    started_at: datetime
    completed_at: datetime | None = None
    details_url: str = ""


@dataclass
class Job:
    """One job of a run and how it will end."""

    id: int
    name: str
    ends: str = "success"
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass
class Run:
    """One GitHub Actions run of the workflow file `workflow`. `title` is what the file calls itself, `name` what its
    `run-name` makes of the inputs. Its jobs run one after the other.
    """

    id: int
    number: int
    workflow: str
    title: str
    name: str
    branch: str
    head: str
    inputs: dict[str, str]
    actor: User
    created_at: datetime
    updated_at: datetime
    jobs: list[Job]
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    began_at: datetime | None = None


@dataclass
class Ruleset:
    """What may not be done to some branches or tags, and who may all the same."""

    id: int
    name: str
    target: str
    enforcement: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    rules: list[dict[str, Any]]
    bypass: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime


@dataclass
class Repository:
    """A repository: its bare git repository and what GitHub keeps around it."""

    id: int
    owner: User
    name: str
    private: bool
    default_branch: str
    git: Git
    created_at: datetime
    roles: dict[str, str] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    checks: list[CheckRun] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    rulesets: list[Ruleset] = field(default_factory=list)
    archived: bool = False

    @property
    def is_organization(self) -> bool:
        """Whether an organisation owns it."""
        return self.owner.type == "Organization"

    @property
    def full_name(self) -> str:
        """owner/name."""
        return f"{self.owner.login}/{self.name}"

    def role(self, user: User | None) -> str:
        """What this user may do here."""
        if user is not None and user.id == self.owner.id:
            return "admin"
        return self.roles.get(user.login if user else "", "none" if self.private else "read")

    def association(self, user: User) -> str:
        """How GitHub describes an author to readers."""
        if user.id == self.owner.id:
            return "OWNER"
        return "NONE" if user.login not in self.roles else "MEMBER" if self.is_organization else "COLLABORATOR"

    def comment(self, comment_id: int) -> tuple[Issue, Comment] | None:
        """A comment with its issue."""
        for issue in self.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        return None


class World:
    """Everything there is. Hold `lock` while reading or changing it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.lock = threading.RLock()
        self.now = now
        self.began = now()
        self._ids = itertools.count(1001)
        self._requests = itertools.count(1)
        self.users: dict[str, User] = {}
        self.repositories: dict[int, Repository] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.former_names: dict[str, int] = {}

    def next_id(self) -> int:
        """A number that nothing else has."""
        return next(self._ids)

    def next_request(self) -> int:
        """The number of one more REST call."""
        return next(self._requests)

    def repository(self, full_name: str) -> Repository | None:
        """By owner/name, letter case ignored as GitHub does."""
        wanted = full_name.lower()
        return next((each for each in self.repositories.values() if each.full_name.lower() == wanted), None)

    def installation_on(self, repository: Repository) -> list[Installation]:
        """The installations that see this repository; those that are suspended see nothing."""
        return [
            each
            for each in self.installations.values()
            if repository.id in each.repositories and each.suspended_at is None
        ]

    def user_by_token(self, token: str) -> User | None:
        """Whose personal token this is."""
        return next((user for user in self.users.values() if token and user.token == token), None)
