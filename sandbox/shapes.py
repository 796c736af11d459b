"""How the stand-in GitHub writes its things as JSON: the fields that clients read, named and nested as GitHub does."""

from __future__ import annotations

from typing import Any

from sandbox.auth import iso
from sandbox.state import App, CheckRun, Comment, Installation, Issue, Job, Pull, Repository, Review, Run, User, World

Json = dict[str, Any]


class Shapes:
    """Writes JSON for one world under one address."""

    def __init__(self, world: World, url: str, api_url: str) -> None:
        self._world = world
        self._url = url
        self._api = api_url

    def user(self, user: User) -> Json:
        """A user, an organisation or a bot."""
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "type": user.type,
            "url": f"{self._api}/users/{user.login}",
            "html_url": f"{self._url}/{user.login}",
            "avatar_url": f"{self._url}/avatars/{user.id}",
            "site_admin": False,
        }

    def app(self, app: App) -> Json:
        """An App."""
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": f"A_{app.id}",
            "name": app.slug,
            "owner": self.user(app.bot),
            "html_url": f"{self._url}/apps/{app.slug}",
            "permissions": app.permissions,
            "events": list(app.events),
        }

    def installation(self, installation: Installation) -> Json:
        """An installation of an App."""
        return {
            "id": installation.id,
            "account": self.user(installation.account),
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_type": installation.account.type,
            "permissions": installation.app.permissions,
            "events": list(installation.app.events),
            "repository_selection": "selected",
            "suspended_at": None,
        }

    def repository(self, repository: Repository) -> Json:
        """A repository."""
        name = repository.full_name
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "html_url": f"{self._url}/{name}",
            "url": f"{self._api}/repos/{name}",
            "clone_url": f"{self._url}/{name}.git",
            "default_branch": repository.default_branch,
            "fork": False,
            "archived": False,
            "disabled": False,
            "created_at": iso(repository.created_at),
        }

    def issue(self, repository: Repository, issue: Issue) -> Json:
        """An issue, or the issue side of a pull request."""
        kind = "pull" if issue.pull else "issues"
        shape: Json = {
            "id": issue.id,
            "node_id": f"I_{issue.id}",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": issue.state,
            "locked": False,
            "user": self.user(issue.user),
            "labels": [{"id": index, "name": name, "color": "ededed"} for index, name in enumerate(issue.labels, 1)],
            "assignees": [self.user(user) for user in issue.assignees],
            "comments": len(issue.comments),
            "url": f"{self._api}/repos/{repository.full_name}/issues/{issue.number}",
            "html_url": f"{self._url}/{repository.full_name}/{kind}/{issue.number}",
            "created_at": iso(issue.created_at),
            "updated_at": iso(issue.updated_at),
            "closed_at": iso(issue.closed_at),
            "author_association": "MEMBER",
            "performed_via_github_app": self.app(issue.app) if issue.app else None,
        }
        if issue.pull:
            shape["pull_request"] = {
                "url": f"{self._api}/repos/{repository.full_name}/pulls/{issue.number}",
                "html_url": shape["html_url"],
                "merged_at": iso(issue.pull.merged_at),
            }
        return shape

    def comment(self, repository: Repository, issue: Issue, comment: Comment) -> Json:
        """A comment."""
        kind = "pull" if issue.pull else "issues"
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "body": comment.body,
            "user": self.user(comment.user),
            "created_at": iso(comment.created_at),
            "updated_at": iso(comment.updated_at),
            "url": f"{self._api}/repos/{repository.full_name}/issues/comments/{comment.id}",
            "html_url": f"{self._url}/{repository.full_name}/{kind}/{issue.number}#issuecomment-{comment.id}",
            "issue_url": f"{self._api}/repos/{repository.full_name}/issues/{issue.number}",
            "author_association": "MEMBER",
            "performed_via_github_app": self.app(comment.app) if comment.app else None,
        }

    def reaction(self, reaction: tuple[int, User, str]) -> Json:
        """A reaction."""
        number, user, content = reaction
        return {"id": number, "node_id": f"REA_{number}", "user": self.user(user), "content": content}

    def pull(self, repository: Repository, issue: Issue, full: bool = True) -> Json:
        """A pull request; `full` as one is read, else as a list shows it (without merged_by and commit counts)."""
        pull = issue.pull
        assert pull is not None
        shape = self.issue(repository, issue)
        shape.update(
            {
                "id": pull.id,
                "node_id": f"PR_{pull.id}",
                "url": f"{self._api}/repos/{repository.full_name}/pulls/{issue.number}",
                "issue_url": f"{self._api}/repos/{repository.full_name}/issues/{issue.number}",
                "draft": pull.draft,
                "head": self._end(pull, pull.head, pull.head_sha, pull.head_repository),
                "base": self._end(pull, pull.base, pull.base_sha, repository.id),
                "merged_at": iso(pull.merged_at),
                "merge_commit_sha": pull.merge_commit,
            }
        )
        shape.pop("pull_request", None)
        shape.pop("comments", None)
        if full:
            shape.update(
                {
                    "merged": pull.merged_at is not None,
                    "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
                    "mergeable": issue.state == "open",
                    "mergeable_state": "clean",
                    "commits": len(pull.commits),
                    "comments": len(issue.comments),
                }
            )
        return shape

    def _end(self, pull: Pull, branch: str, sha: str, repository_id: int | None) -> Json:
        repository = self._world.repositories.get(repository_id or 0)
        owner = repository.owner if repository else None
        return {
            "label": f"{owner.login if owner else 'unknown'}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": self.user(owner) if owner else None,
            "repo": self.repository(repository) if repository else None,
        }

    def review(self, review: Review) -> Json:
        """A review."""
        return {
            "id": review.id,
            "node_id": f"PRR_{review.id}",
            "user": self.user(review.user),
            "state": review.state,
            "body": "",
            "commit_id": review.commit,
            "submitted_at": iso(review.at),
        }

    def check(self, repository: Repository, check: CheckRun) -> Json:
        """A check run."""
        return {
            "id": check.id,
            "node_id": f"CR_{check.id}",
            "head_sha": check.head,
            "name": check.name,
            "status": check.status,
            "conclusion": check.conclusion,
            "external_id": check.external_id,
            "output": {"title": None, "summary": None, "text": None, "annotations_count": 0, **check.output},
            "app": self.app(check.app),
            "url": f"{self._api}/repos/{repository.full_name}/check-runs/{check.id}",
            "html_url": f"{self._url}/{repository.full_name}/runs/{check.id}",
            "started_at": iso(check.started_at),
            "completed_at": iso(check.completed_at),
            "pull_requests": [],
        }

    def run(self, repository: Repository, run: Run) -> Json:
        """A GitHub Actions run."""
        base = f"{self._api}/repos/{repository.full_name}/actions/runs/{run.id}"
        return {
            "id": run.id,
            "node_id": f"WFR_{run.id}",
            "name": run.workflow,
            "display_title": run.name,
            "path": f".github/workflows/{run.workflow}@{run.branch}",
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": "workflow_dispatch",
            "status": run.status,
            "conclusion": run.conclusion,
            "head_branch": run.branch,
            "head_sha": run.head,
            "workflow_id": 1,
            "actor": self.user(run.actor),
            "url": base,
            "html_url": f"{self._url}/{repository.full_name}/actions/runs/{run.id}",
            "jobs_url": f"{base}/jobs",
            "created_at": iso(run.created_at),
            "updated_at": iso(run.updated_at),
            "run_started_at": iso(run.created_at),
            "pull_requests": [],
        }

    def job(self, repository: Repository, run: Run, job: Job) -> Json:
        """One job of a run."""
        return {
            "id": job.id,
            "node_id": f"J_{job.id}",
            "run_id": run.id,
            "run_attempt": run.attempt,
            "name": job.name,
            "status": job.status,
            "conclusion": job.conclusion,
            "started_at": iso(job.started_at or run.created_at),
            "completed_at": iso(job.completed_at),
            "head_sha": run.head,
            "url": f"{self._api}/repos/{repository.full_name}/actions/jobs/{job.id}",
            "html_url": f"{self._url}/{repository.full_name}/actions/runs/{run.id}/job/{job.id}",
            "steps": [],
        }
