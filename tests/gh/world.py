"""A small GitHub to try the verbs of bot.gh on, which tells exactly the requests that a verb made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response

from bot.core.hub import RepositoryId
from bot.gh import Hub, Repository
from sandbox import App, RepositoryHandle, Sandbox
from sandbox.faults import Faults

HOME = "coreos/manifest"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
MARK = "<!-- bot:test -->"
WORKFLOW = """\
name: Image build
run-name: ${{ inputs.tag }} ${{ inputs.correlation_id }}
on:
  workflow_dispatch:
    inputs:
      tag: {required: true}
      correlation_id: {required: true}
"""
ALL = {"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "actions": "write"}


def commit(at: RepositoryHandle, branch: str, message: str, files: dict[str, str] | None = None) -> str:
    """One commit on the branch with these files in its root folder; the branch is made where there is none."""
    rows = []
    for name, text in (files or {"file": message}).items():
        row = f"100644 blob {at.git.run('hash-object', '-w', '--stdin', data=text.encode())}\t{name}"
        rows.append(row)
    tree = at.git.run("mktree", data="".join(row + "\n" for row in rows).encode())
    parent = at.git.refs().get(f"refs/heads/{branch}")
    made = at.git.commit_tree(tree, [parent] if parent else [], message, "A <a@example.com>", EPOCH)
    at.git.update(f"refs/heads/{branch}", made)
    return made


def workflow(at: RepositoryHandle, name: str) -> None:
    """The workflow's file on the default branch."""
    blob = at.git.run("hash-object", "-w", "--stdin", data=WORKFLOW.encode())
    tree = at.git.run("mktree", data=f"100644 blob {blob}\t{name}\n".encode())
    for folder in ("workflows", ".github"):
        tree = at.git.run("mktree", data=f"040000 tree {tree}\t{folder}\n".encode())
    at.git.update("refs/heads/main", at.git.commit_tree(tree, [], "workflow", "A <a@example.com>", EPOCH))


class LostAnswers(Faults):
    """Loses the answers of the calls it is told, once each, after they had their effect."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def after(self, call: str, response: Response) -> Response:
        if call in self.names:
            self.names.remove(call)
            return Response(status=502)
        return response


@dataclass
class World:
    sandbox: Sandbox
    app: App
    hub: Hub
    id: RepositoryId
    home: RepositoryHandle
    start: str
    branches: Iterator[int]
    lost: LostAnswers
    seen: int = 0

    @property
    def repository(self) -> Repository:
        return self.hub.repository(self.id)

    def requests(self) -> list[str]:
        """The names of the requests since the last call, shortened."""
        asked = self.sandbox.requests[self.seen :]
        self.seen += len(asked)
        return [each.name.replace("/repos/{repo}", "").replace("int:", "") for each in asked]

    def issue(self) -> int:
        return self.sandbox.person("octocat").open_issue(HOME, "title")

    def branch(self) -> str:
        """A branch of its own with one commit on top of the start."""
        name = f"topic-{next(self.branches)}"
        self.home.git.update(f"refs/heads/{name}", self.start)
        commit(self.home, name, f"change of {name}")
        return name
