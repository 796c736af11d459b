"""A person at the keyboard: what people do on GitHub's pages, done over the REST API with their own token."""

from __future__ import annotations

import json
from typing import Any

import urllib3


class Denied(Exception):
    """GitHub refused what the person tried; status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Person:
    """Acts as one user."""

    def __init__(self, api_url: str, token: str, pool: urllib3.PoolManager) -> None:
        self._api = api_url
        self._token = token
        self._pool = pool

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One REST call; the JSON that came back. Raises Denied for every answer of 400 and above."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        answer = self._pool.request(method, self._api + path, body=data, headers=headers, timeout=30.0)
        read = json.loads(answer.data) if answer.data else None
        if answer.status >= 400:
            raise Denied(answer.status, (read or {}).get("message", ""))
        return read

    def open_issue(self, repo: str, title: str, body: str = "") -> int:
        """Open an issue; its number."""
        return int(self.ask("POST", f"/repos/{repo}/issues", {"title": title, "body": body})["number"])

    def comment(self, repo: str, number: int, body: str) -> int:
        """Comment on an issue or pull request; the comment's id."""
        return int(self.ask("POST", f"/repos/{repo}/issues/{number}/comments", {"body": body})["id"])

    def edit_comment(self, repo: str, comment: int, body: str) -> None:
        """Change a comment."""
        self.ask("PATCH", f"/repos/{repo}/issues/comments/{comment}", {"body": body})

    def delete_comment(self, repo: str, comment: int) -> None:
        """Delete a comment."""
        self.ask("DELETE", f"/repos/{repo}/issues/comments/{comment}")

    def comments(self, repo: str, number: int) -> list[dict[str, Any]]:
        """All comments there, oldest first."""
        found: list[dict[str, Any]] = self.ask("GET", f"/repos/{repo}/issues/{number}/comments?per_page=100")
        return found

    def reactions(self, repo: str, comment: int) -> list[str]:
        """The reactions on a comment."""
        found = self.ask("GET", f"/repos/{repo}/issues/comments/{comment}/reactions?per_page=100")
        return [each["content"] for each in found]

    def react(self, repo: str, comment: int, content: str) -> None:
        """Put a reaction under a comment."""
        self.ask("POST", f"/repos/{repo}/issues/comments/{comment}/reactions", {"content": content})

    def open_pull(self, repo: str, head: str, base: str, title: str, body: str = "") -> int:
        """Open a pull request; its number."""
        asked = {"head": head, "base": base, "title": title, "body": body}
        return int(self.ask("POST", f"/repos/{repo}/pulls", asked)["number"])

    def pulls(self, repo: str, state: str = "open") -> list[dict[str, Any]]:
        """The pull requests, newest first."""
        found: list[dict[str, Any]] = self.ask("GET", f"/repos/{repo}/pulls?state={state}&per_page=100")
        return found

    def edit_pull(self, repo: str, number: int, **changes: str) -> None:
        """Change title, body or base."""
        self.ask("PATCH", f"/repos/{repo}/pulls/{number}", dict(changes))

    def approve(self, repo: str, number: int) -> None:
        """Approve the present head."""
        self.review(repo, number, "APPROVE")

    def review(self, repo: str, number: int, event: str, body: str = "") -> None:
        """Review the present head: `APPROVE`, `REQUEST_CHANGES` or `COMMENT`."""
        self.ask("POST", f"/repos/{repo}/pulls/{number}/reviews", {"event": event, "body": body})

    def merge(self, repo: str, number: int, method: str = "merge") -> str:
        """Merge it by `merge`, `squash` or `rebase`; the commit."""
        return str(self.ask("PUT", f"/repos/{repo}/pulls/{number}/merge", {"merge_method": method})["sha"])

    def close(self, repo: str, number: int) -> None:
        """Close an issue, or a pull request unmerged."""
        self.ask("PATCH", f"/repos/{repo}/issues/{number}", {"state": "closed"})

    def reopen(self, repo: str, number: int) -> None:
        """Open an issue or a pull request again."""
        self.ask("PATCH", f"/repos/{repo}/issues/{number}", {"state": "open"})

    def rerequest(self, repo: str, check: int) -> None:
        """Press "Re-run" on a check."""
        self.ask("POST", f"/repos/{repo}/check-runs/{check}/rerequest", {})
