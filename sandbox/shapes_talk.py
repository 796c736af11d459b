"""How issues, pull requests and what people say on them are written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote

from sandbox.auth import iso
from sandbox.shapes_accounts import Accounts, Json
from sandbox.state import Comment, Issue, Pull, Reaction, Repository, Review, World

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


class Talk(Accounts):
    """Writes also what people say."""

    def __init__(self, world: World, url: str, api_url: str) -> None:
        super().__init__(world, url, api_url)
        self._sizes: dict[tuple[int, str, str], Json] = {}

    def issue(self, repository: Repository, issue: Issue) -> Json:
        """An issue, or the issue side of a pull request."""
        shape = {**self._common(repository, issue), "comments": len(issue.comments)}
        api = shape["url"]
        shape.update(
            {
                "repository_url": f"{self.api}/repos/{repository.full_name}",
                "labels_url": f"{api}/labels{{/name}}",
                "comments_url": f"{api}/comments",
                "events_url": f"{api}/events",
                "state_reason": None if issue.state == "open" else "completed",
                "closed_by": self.user(issue.closed_by) if issue.closed_by else None,
                "performed_via_github_app": self.app(issue.app) if issue.app else None,
                "timeline_url": f"{api}/timeline",
                "reactions": _rollup(api, ()),
            }
        )
        if issue.pull:
            page = shape["html_url"]
            shape["draft"] = issue.pull.draft
            shape["pull_request"] = {
                "url": f"{self.api}/repos/{repository.full_name}/pulls/{issue.number}",
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": iso(issue.pull.merged_at),
            }
        return shape

    def _common(self, repository: Repository, issue: Issue) -> Json:
        """What an issue and a pull request have alike."""
        kind = "pull" if issue.pull else "issues"
        assignees = [self.user(user) for user in issue.assignees]
        return {
            "id": issue.id,
            "node_id": f"I_{issue.id}",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body or None,
            "state": issue.state,
            "locked": issue.locked,
            "active_lock_reason": None,
            "milestone": None,
            "user": self.user(issue.user),
            "labels": [self.label(repository, name) for name in issue.labels],
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "url": f"{self.api}/repos/{repository.full_name}/issues/{issue.number}",
            "html_url": f"{self.url}/{repository.full_name}/{kind}/{issue.number}",
            "created_at": iso(issue.created_at),
            "updated_at": iso(issue.updated_at),
            "closed_at": iso(issue.closed_at),
            "author_association": repository.association(issue.user),
        }

    def label(self, repository: Repository, name: str) -> Json:
        """A label; the sandbox keeps its name only."""
        number = sum(name.encode())
        return {
            "id": number,
            "node_id": f"LA_{number}",
            "url": f"{self.api}/repos/{repository.full_name}/labels/{quote(name)}",
            "name": name,
            "description": None,
            "color": "ededed",
            "default": False,
        }

    def comment(self, repository: Repository, issue: Issue, comment: Comment) -> Json:
        """A comment."""
        kind = "pull" if issue.pull else "issues"
        api = f"{self.api}/repos/{repository.full_name}/issues/comments/{comment.id}"
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "body": comment.body,
            "user": self.user(comment.user),
            "created_at": iso(comment.created_at),
            "updated_at": iso(comment.updated_at),
            "url": api,
            "html_url": f"{self.url}/{repository.full_name}/{kind}/{issue.number}#issuecomment-{comment.id}",
            "issue_url": f"{self.api}/repos/{repository.full_name}/issues/{issue.number}",
            "author_association": repository.association(comment.user),
            "performed_via_github_app": self.app(comment.app) if comment.app else None,
            "reactions": _rollup(api, comment.reactions),
        }

    def reaction(self, reaction: Reaction) -> Json:
        """A reaction."""
        return {
            "id": reaction.id,
            "node_id": f"REA_{reaction.id}",
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": iso(reaction.created_at),
        }

    def pull(self, repository: Repository, issue: Issue, full: bool = True) -> Json:
        """A pull request; `full` as one is read, else as a list shows it (without merged_by and commit counts)."""
        pull = issue.pull
        assert pull is not None
        shape = self._common(repository, issue)
        api, page = f"{self.api}/repos/{repository.full_name}/pulls/{issue.number}", shape["html_url"]
        shape.update(
            {
                "id": pull.id,
                "node_id": f"PR_{pull.id}",
                "url": api,
                "issue_url": f"{self.api}/repos/{repository.full_name}/issues/{issue.number}",
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                **self._links(repository, issue, pull, api),
                "draft": pull.draft,
                "head": self._end(pull, pull.head, pull.head_sha, pull.head_repository),
                "base": self._end(pull, pull.base, pull.base_sha, repository.id),
                "merged_at": iso(pull.merged_at),
                "merge_commit_sha": pull.merge_commit,
                "auto_merge": None,
                "requested_reviewers": [],
                "requested_teams": [],
            }
        )
        if full:
            shape.update(self._counts(repository, issue, pull))
        return shape

    def _counts(self, repository: Repository, issue: Issue, pull: Pull) -> Json:
        """GitHub finds out later whether it can be merged: null until then, and null for what is closed."""
        return {
            "merged": pull.merged_at is not None,
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
            "mergeable": None,
            "rebaseable": None,
            "mergeable_state": "unknown",
            "maintainer_can_modify": False,
            "comments": len(issue.comments),
            "review_comments": 0,
            "commits": len(pull.commits),
            **self._size(repository, pull.base_sha, pull.head_sha),
        }

    def _size(self, repository: Repository, base: str, head: str) -> Json:
        """How much changes, counted once for each pair of commits."""
        key = (repository.id, base, head)
        if key not in self._sizes:
            rows = [row.split("\t") for row in repository.git.run("diff", "--numstat", f"{base}...{head}").splitlines()]
            counts = [sum(int(row[side]) for row in rows if row[side].isdigit()) for side in (0, 1)]
            self._sizes[key] = {"additions": counts[0], "deletions": counts[1], "changed_files": len(rows)}
        return self._sizes[key]

    def _links(self, repository: Repository, issue: Issue, pull: Pull, api: str) -> Json:
        repo, page = (
            f"{self.api}/repos/{repository.full_name}",
            f"{self.url}/{repository.full_name}/pull/{issue.number}",
        )
        links = {
            "self": api,
            "html": page,
            "issue": f"{repo}/issues/{issue.number}",
            "comments": f"{repo}/issues/{issue.number}/comments",
            "review_comments": f"{api}/comments",
            "review_comment": f"{repo}/pulls/comments{{/number}}",
            "commits": f"{api}/commits",
            "statuses": f"{repo}/statuses/{pull.head_sha}",
        }
        named = ("comments", "review_comments", "review_comment", "commits", "statuses")
        return {
            **{f"{name}_url": links[name] for name in named},
            "_links": {name: {"href": link} for name, link in links.items()},
        }

    def _end(self, pull: Pull, branch: str, sha: str, repository_id: int | None) -> Json:
        repository = self.world.repositories.get(repository_id or 0)
        owner = repository.owner if repository else None
        return {
            "label": f"{owner.login if owner else 'unknown'}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": self.user(owner) if owner else None,
            "repo": self.repository(repository) if repository else None,
        }

    def pull_link(self, repository: Repository, issue: Issue) -> Json:
        """The little that check runs and workflow runs say of a pull request."""
        pull = issue.pull
        assert pull is not None
        source = self.world.repositories.get(pull.head_repository or 0, repository)
        return {
            "id": pull.id,
            "number": issue.number,
            "url": f"{self.api}/repos/{repository.full_name}/pulls/{issue.number}",
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": self.repository_link(source)},
            "base": {"ref": pull.base, "sha": pull.base_sha, "repo": self.repository_link(repository)},
        }

    def review(self, repository: Repository, issue: Issue, review: Review) -> Json:
        """A review."""
        api = f"{self.api}/repos/{repository.full_name}/pulls/{issue.number}"
        page = f"{self.url}/{repository.full_name}/pull/{issue.number}#pullrequestreview-{review.id}"
        return {
            "id": review.id,
            "node_id": f"PRR_{review.id}",
            "user": self.user(review.user),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": api,
            "_links": {"html": {"href": page}, "pull_request": {"href": api}},
            "submitted_at": iso(review.at),
            "commit_id": review.commit,
            "author_association": repository.association(review.user),
        }


def _rollup(api: str, reactions: Iterable[Reaction]) -> Json:
    """How often each reaction was given."""
    counts = Counter(each.content for each in reactions)
    return {
        "url": f"{api}/reactions",
        "total_count": counts.total(),
        **{content: counts[content] for content in REACTIONS},
    }
