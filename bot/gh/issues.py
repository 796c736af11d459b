"""Issues and comments of ours, looked for before they are written: each is found again by the line it ends with."""

from __future__ import annotations

from datetime import UTC, datetime

from github.GithubException import UnknownObjectException
from github.GithubObject import NotSet
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.PaginatedList import PaginatedList
from github.Repository import Repository

from bot.gh.reading import given, who


def comment(repository: Repository, comment_id: int) -> IssueComment:
    """A comment by its number. No call."""
    return IssueComment(repository.requester, url=f"{repository.url}/issues/comments/{comment_id}")


def said(repository: Repository, issue: int, marker: str, author: int, since: datetime | None) -> IssueComment | None:
    """The author's first comment there that ends with the marker. 1 call for each 100 comments up to it."""
    for each in repository.get_issue(issue).get_comments(since.astimezone(UTC) if since else NotSet):
        if who(each.user)[1] == author and (each.body or "").rstrip().endswith(marker):
            return each
    return None


class Made:
    """The comments that this process made lately: GitHub's list may not show one yet, and a twin would be made."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._ids: dict[tuple[str, int, str], int] = {}

    def note(self, repository: Repository, issue: int, marker: str, comment_id: int) -> None:
        """This one was made; the oldest are forgotten."""
        for oldest in list(self._ids)[: len(self._ids) + 1 - self._most]:
            self._ids.pop(oldest, None)
        self._ids[repository.url, issue, marker] = comment_id

    def find(self, repository: Repository, issue: int, marker: str) -> IssueComment | None:
        """The one that was made with this marker, unless somebody deleted it. 1 call where there is one."""
        made = self._ids.get((repository.url, issue, marker))
        try:
            return comment(repository, made).complete() if made else None
        except UnknownObjectException:
            return None


def say(
    repository: Repository, issue: int, text: str, marker: str, author: int, since: datetime | None, made: Made
) -> IssueComment:
    """Have the author's comment with this marker say this. 1 call, 1 to write, 1 where the list lacks what we made."""
    known = said(repository, issue, marker, author, since) or made.find(repository, issue, marker)
    if known is None:
        known = repository.get_issue(issue).create_comment(text)
        made.note(repository, issue, marker, given(known.id))
    elif (known.body or "").strip() != text.strip():
        known.edit(text)
    return known


def keep(repository: Repository, login: str, title: str, text: str, marker: str) -> int:
    """Have the issue that this author opened with this marker say this; its number.

    1 call for each 100 of its issues and pull requests, and 1 to write.
    """
    # PyGithub would have the creator fetched as an object first.
    filters = {"state": "all", "creator": login}
    for issue in PaginatedList(Issue, repository.requester, f"{repository.url}/issues", filters):
        if (issue.body or "").rstrip().endswith(marker):
            if (issue.body or "").replace("\r\n", "\n").strip() != text.strip():
                issue.edit(body=text, state="open")
            return given(issue.number)
    return given(repository.create_issue(title, text).number)
