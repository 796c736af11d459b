"""PyGithub's objects read into values of `bot.core.hub`.

Reading an attribute that the answer lacked makes PyGithub fetch the object once more, unasked. So only attributes
that GitHub documents for the answer at hand are read here, and the tests count the requests of every verb.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest
from github.PullRequestReview import PullRequestReview
from github.WorkflowJob import WorkflowJob
from github.WorkflowRun import WorkflowRun

from bot.core.hub import Approval, Comment, Job, Pull, Run

T = TypeVar("T")


def given(value: T | None) -> T:
    """A value that GitHub always sends. Its absence is an unreadable answer, not a None to pass on."""
    if value is None:
        raise LookupError("a value that GitHub always sends is missing")
    return value


def maybe(value: T) -> T | None:
    """A value that GitHub may send as null, which PyGithub's types do not say."""
    return value


def who(user: NamedUser | Organization | None) -> tuple[str, int]:
    """Login and id; the account of somebody who left GitHub is null and belongs to its user "ghost"."""
    return (given(user.login), given(user.id)) if user else ("ghost", 0)


def comment(raw: IssueComment) -> Comment:
    """A comment, from any answer that has one."""
    author, author_id = who(raw.user)
    app = maybe(raw.performed_via_github_app)
    return Comment(
        id=given(raw.id),
        issue=int(given(raw.issue_url).rpartition("/")[2]),
        author=author,
        author_id=author_id,
        body=raw.body or "",
        created_at=given(raw.created_at),
        updated_at=given(raw.updated_at),
        url=given(raw.html_url),
        by_app=given(app.id) if app else None,
    )


def pull(raw: PullRequest, listed: bool = False) -> Pull:
    """A pull request. A listed one lacks `merged_by` (None) and the number of commits (0)."""
    author, author_id = who(raw.user)
    head_repository = maybe(raw.head.repo)
    merged = maybe(raw.merged_at) is not None
    return Pull(
        number=given(raw.number),
        title=given(raw.title),
        body=raw.body or "",
        url=given(raw.html_url),
        state="open" if given(raw.state) == "open" else "closed",
        author=author,
        author_id=author_id,
        base=given(raw.base.ref),
        base_sha=given(raw.base.sha),
        base_repository=given(raw.base.repo.id),
        head=given(raw.head.ref),
        head_sha=given(raw.head.sha),
        head_repository=given(head_repository.id) if head_repository else None,
        commits=0 if listed else given(raw.commits),
        merged=merged,
        merge_commit=given(raw.merge_commit_sha) if merged else None,
        merged_by=who(raw.merged_by)[0] if merged and not listed else None,
        merged_at=raw.merged_at,
        updated_at=raw.updated_at,
    )


def approvals(reviews: Iterable[PullRequestReview]) -> list[Approval]:
    """Each person's last word, where it was an approval; a mere comment takes nothing back."""
    last = {
        given(review.user.login): review
        for review in reviews
        if maybe(review.user) and review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    }
    return [
        Approval(login=login, head=given(review.commit_id), at=given(review.submitted_at))
        for login, review in last.items()
        if review.state == "APPROVED"
    ]


def run(raw: WorkflowRun) -> Run:
    """A run of GitHub Actions, with what `run-name` made of its name."""
    return Run(
        id=given(raw.id),
        name=raw.display_title or raw.name or "",
        status=given(raw.status),
        conclusion=raw.conclusion,
        url=given(raw.html_url),
        created_at=raw.created_at,
        updated_at=raw.updated_at,
        attempt=raw.run_attempt or 1,
    )


def job(raw: WorkflowJob) -> Job:
    """A job of a run's last attempt."""
    return Job(
        name=given(raw.name),
        status=given(raw.status),
        conclusion=raw.conclusion,
        started_at=raw.started_at,
        completed_at=raw.completed_at,
        url=raw.html_url or "",
    )
