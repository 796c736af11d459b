"""How the stand-in GitHub writes its things as JSON: the fields that clients read, named and nested as GitHub does.

Three layers, each writing more: accounts and repositories, what people say, and (here) commits, checks and runs.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote
from zlib import crc32

from sandbox.auth import iso
from sandbox.shapes_accounts import Json
from sandbox.shapes_talk import Talk
from sandbox.state import CheckRun, Job, Repository, Run

FOLDER = ".github/workflows/"
UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
WORDS = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}


def workflow_id(workflow: str) -> int:
    """A number for a workflow file that is the same in every sandbox."""
    return crc32(workflow.encode()) & 0x7FFFFFF


class Shapes(Talk):
    """Writes everything."""

    def commit(self, repository: Repository, sha: str) -> Json:
        """A commit as lists and comparisons show it."""
        text = repository.git.run("show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", sha)
        tree, parents, an, ae, ad, cn, ce, cd, *message = text.split("\n")
        repo, page = f"{self.api}/repos/{repository.full_name}", f"{self.url}/{repository.full_name}/commit"
        return {
            "sha": sha,
            "node_id": f"C_{sha}",
            "url": f"{repo}/commits/{sha}",
            "html_url": f"{page}/{sha}",
            "comments_url": f"{repo}/commits/{sha}/comments",
            "commit": {
                "author": {"name": an, "email": ae, "date": _utc(ad)},
                "committer": {"name": cn, "email": ce, "date": _utc(cd)},
                "message": "\n".join(message).strip(),
                "tree": {"sha": tree, "url": f"{repo}/git/trees/{tree}"},
                "url": f"{repo}/git/commits/{sha}",
                "comment_count": 0,
                "verification": UNSIGNED,
            },
            "author": None,
            "committer": None,
            "parents": [
                {"sha": parent, "url": f"{repo}/commits/{parent}", "html_url": f"{page}/{parent}"}
                for parent in parents.split()
            ],
        }

    def _head(self, repository: Repository, sha: str) -> Json:
        """The little that a run says of its commit."""
        commit = self.commit(repository, sha)["commit"]
        who = {role: {key: commit[role][key] for key in ("name", "email")} for role in ("author", "committer")}
        when = commit["committer"]["date"]
        return {"id": sha, "tree_id": commit["tree"]["sha"], "message": commit["message"], "timestamp": when, **who}

    def files(self, repository: Repository, span: str, head: str) -> list[Json]:
        """The files that differ between the two ends of a span (`a...b`) or (`a b`: two trees)."""
        git, ends = repository.git, span.split(" ")
        kinds = git.run("diff", "--raw", "--no-abbrev", "--no-renames", *ends).splitlines()
        counts = git.run("diff", "--numstat", "--no-renames", *ends).splitlines()
        shapes = []
        for kind, count in zip(kinds, counts, strict=True):
            fields, _, path = kind.partition("\t")
            _, _, old, new, word = fields.split(" ")
            added, removed = (int(cell) if cell.isdigit() else 0 for cell in count.split("\t")[:2])
            page, api = f"{self.url}/{repository.full_name}", f"{self.api}/repos/{repository.full_name}"
            shapes.append(
                {
                    "sha": old if word == "D" else new,
                    "filename": path,
                    "status": WORDS[word[0]],
                    "additions": added,
                    "deletions": removed,
                    "changes": added + removed,
                    "blob_url": f"{page}/blob/{head}/{path}",
                    "raw_url": f"{page}/raw/{head}/{path}",
                    "contents_url": f"{api}/contents/{path}?ref={head}",
                }
            )
        return shapes

    def check(self, repository: Repository, check: CheckRun) -> Json:
        """A check run, with the open pull requests that have its commit as their head."""
        api = f"{self.api}/repos/{repository.full_name}/check-runs/{check.id}"
        page = f"{self.url}/{repository.full_name}/runs/{check.id}"
        texts = {"title": None, "summary": None, "text": None, **check.output}
        return {
            "id": check.id,
            "node_id": f"CR_{check.id}",
            "head_sha": check.head,
            "name": check.name,
            "external_id": check.external_id,
            "url": api,
            "html_url": page,
            "details_url": check.details_url or page,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": iso(check.started_at),
            "completed_at": iso(check.completed_at),
            "output": {**texts, "annotations_count": 0, "annotations_url": f"{api}/annotations"},
            "check_suite": {"id": int(check.head[:7], 16)},
            "app": self.app(check.app),
            "pull_requests": [
                self.pull_link(repository, issue)
                for issue in repository.issues.values()
                if issue.pull and issue.state == "open" and issue.pull.head_sha == check.head
            ],
        }

    def workflow(self, repository: Repository, file: str, title: str) -> Json:
        """A workflow."""
        number, path, name = workflow_id(file), FOLDER + file, repository.full_name
        since = iso(repository.created_at)
        return {
            "id": number,
            "node_id": f"W_{number}",
            "name": title,
            "path": path,
            "state": "active",
            "created_at": since,
            "updated_at": since,
            "url": f"{self.api}/repos/{name}/actions/workflows/{number}",
            "html_url": f"{self.url}/{name}/blob/{repository.default_branch}/{path}",
            "badge_url": f"{self.url}/{name}/workflows/{quote(title)}/badge.svg",
        }

    def run(self, repository: Repository, run: Run) -> Json:
        """A GitHub Actions run."""
        repo, number = f"{self.api}/repos/{repository.full_name}", workflow_id(run.workflow)
        base = f"{repo}/actions/runs/{run.id}"
        ends = {"jobs": "jobs", "logs": "logs", "cancel": "cancel", "rerun": "rerun", "artifacts": "artifacts"}
        actor, home = self.user(run.actor), self.repository_minimal(repository)
        return {
            "id": run.id,
            "node_id": f"WFR_{run.id}",
            "name": run.title,
            "display_title": run.name,
            "path": f"{FOLDER}{run.workflow}@{run.branch}",
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": "workflow_dispatch",
            "status": run.status,
            "conclusion": run.conclusion,
            "head_branch": run.branch,
            "head_sha": run.head,
            "head_commit": self._head(repository, run.head),
            "workflow_id": number,
            "check_suite_id": run.id,
            "check_suite_node_id": f"CS_{run.id}",
            "actor": actor,
            "triggering_actor": actor,
            "url": base,
            "html_url": f"{self.url}/{repository.full_name}/actions/runs/{run.id}",
            **{f"{name}_url": f"{base}/{rest}" for name, rest in ends.items()},
            "check_suite_url": f"{repo}/check-suites/{run.id}",
            "workflow_url": f"{repo}/actions/workflows/{number}",
            "previous_attempt_url": f"{base}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
            "created_at": iso(run.created_at),
            "updated_at": iso(run.updated_at),
            "run_started_at": iso(run.began_at or run.created_at),
            "repository": home,
            "head_repository": home,
            "pull_requests": [],
        }

    def job(self, repository: Repository, run: Run, job: Job) -> Json:
        """One job of a run."""
        repo = f"{self.api}/repos/{repository.full_name}"
        began = iso(job.started_at or run.began_at or run.created_at)
        runner = job.started_at is not None
        return {
            "id": job.id,
            "node_id": f"J_{job.id}",
            "run_id": run.id,
            "run_url": f"{repo}/actions/runs/{run.id}",
            "run_attempt": run.attempt,
            "workflow_name": run.title,
            "head_branch": run.branch,
            "head_sha": run.head,
            "name": job.name,
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": iso(run.began_at or run.created_at),
            "started_at": began,
            "completed_at": iso(job.completed_at),
            "url": f"{repo}/actions/jobs/{job.id}",
            "html_url": f"{self.url}/{repository.full_name}/actions/runs/{run.id}/job/{job.id}",
            "check_run_url": f"{repo}/check-runs/{job.id}",
            "labels": ["ubuntu-latest"],
            "runner_id": 1 if runner else None,
            "runner_name": "sandbox" if runner else None,
            "runner_group_id": 1 if runner else None,
            "runner_group_name": "GitHub Actions" if runner else None,
            "steps": [],
        }


def _utc(moment: str) -> str:
    """GitHub writes commit dates in UTC."""
    return str(iso(datetime.fromisoformat(moment)))
