"""The story of one release, as people see it: everything shown here is read from GitHub's API or from git."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from github import Auth, Github
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from sandbox import Sandbox
from sandbox.demo.console import Console
from sandbox.seed import Seeded

T = TypeVar("T")
MANIFEST = "coreos/manifest"
PATIENCE = 60.0
HIDDEN = re.compile(r"<!--.*?-->\s*", re.DOTALL)
SHOWN_REFS = ("refs/heads/", "refs/tags/v")


class StoryEnded(Exception):
    """Something that the story waits for did not come; the sentence says what."""


class Story:
    """Plays the people of the story and tells what the bot does about it."""

    def __init__(self, sandbox: Sandbox, seeded: Seeded, console: Console) -> None:
        self._sandbox = sandbox
        self._seeded = seeded
        self._console = console
        token = Auth.Token(sandbox.user("octocat").token)
        self._github = Github(
            base_url=sandbox.api_url, auth=token, seconds_between_requests=0, seconds_between_writes=0, retry=None
        )
        self._manifest = self._github.get_repo(MANIFEST)

    def close(self) -> None:
        """Close the connections."""
        self._github.close()

    def play(self) -> None:
        """The whole release. Raises StoryEnded when the bot does not do its part."""
        before = self._refs()
        comment = self._ask()
        pull = self._proposal(comment)
        self._review(pull)
        self._merge(pull)
        self._publication(pull, before)
        self._build(pull)
        self._summary(before)

    def _ask(self) -> IssueComment:
        self._console.title("1. A release engineer asks for a release")
        issue = self._manifest.create_issue(title="etcd 0.1 fix for 115", body="Needed on the 115 line.")
        self._console.act(f"octocat opens issue #{issue.number}", issue.html_url)
        command = f"/release patch build-115 coreos/etcd={self._seeded.etcd_release_head}"
        comment = issue.create_comment(command)
        self._console.act("octocat comments", comment.html_url)
        self._console.quote(command)
        self._wait("the bot to acknowledge", lambda: [r for r in comment.get_reactions() if r.content == "eyes"])
        self._console.done("acknowledged: the delivery is stored")
        return comment

    def _proposal(self, comment: IssueComment) -> PullRequest:
        self._console.title("2. The bot plans it and opens a pull request")
        pull = self._wait("the pull request", lambda: next(iter(self._manifest.get_pulls(state="open")), None))
        self._console.done(f"planned: pull request #{pull.number}: {pull.title}", pull.html_url)
        number = comment.issue_url.rpartition("/")[2]
        issue = self._manifest.get_issue(int(number))
        reply = self._wait("the reply", lambda: next((c for c in issue.get_comments() if c.id != comment.id), None))
        self._console.done("replied on the issue")
        self._console.quote(visible(reply.body))
        return pull

    def _review(self, pull: PullRequest) -> None:
        self._console.title("3. People review it as they review code")
        self._console.quote(visible(self._manifest.get_pull(pull.number).body))
        files = ", ".join(f"{file.filename} ({file.status})" for file in pull.get_files())
        self._console.done(f"one commit changes: {files}")
        head = self._manifest.get_commit(pull.head.sha)
        check = self._wait(
            "the check", lambda: next((run for run in head.get_check_runs() if run.status == "completed"), None)
        )
        self._console.done(f"check {check.name}: {check.conclusion}", check.output.title or "")

    def _merge(self, pull: PullRequest) -> None:
        self._console.title("4. Merging it is the release")
        self._sandbox.person("hubot").approve(MANIFEST, pull.number)
        self._console.act(f"hubot approves #{pull.number}")
        self._sandbox.person("hubot").merge(MANIFEST, pull.number, method="merge")
        self._console.act(f"hubot merges #{pull.number}")

    def _publication(self, pull: PullRequest, before: Mapping[str, str]) -> None:
        self._wait("the tag", lambda: "refs/tags/v115.0.1" in self._refs())
        self._console.done("tagged v115.0.1: all eight proofs held")
        channel = "refs/heads/dev-channel"
        now = self._wait("the channel", lambda: (after := self._refs().get(channel)) != before[channel] and after)
        self._console.done(f"dev-channel moved: {before[channel][:7]} → {str(now)[:7]}")

    def _build(self, pull: PullRequest) -> None:
        self._console.title("5. The image build runs to its end")
        scripts = self._github.get_repo("coreos/scripts")
        run = self._wait("the run", lambda: next(iter(scripts.get_workflow_runs()), None))
        self._console.done(f"started: {run.display_title}", run.html_url)
        issue = self._manifest.get_issue(pull.number)
        end = self._wait(
            "the end of the build",
            lambda: next((c for c in issue.get_comments() if "manifest-release-bot:end" in c.body), None),
        )
        progress = next((c for c in issue.get_comments() if "manifest-release-bot:progress" in c.body), None)
        if progress is not None:
            self._console.done("the progress comment, edited in place, at its end", progress.html_url)
            self._console.quote(visible(progress.body))
        self._console.done("the final comment", end.html_url)
        self._console.quote(visible(end.body))

    def _summary(self, before: Mapping[str, str]) -> None:
        self._console.title("Every ref of coreos/manifest, read back from git")
        after = self._refs()
        rows = [
            [ref.removeprefix("refs/"), short(before.get(ref)), short(after.get(ref)), _change(before, after, ref)]
            for ref in sorted({*before, *after})
        ]
        self._console.table(["ref", "before", "after", ""], rows)

    def _refs(self) -> dict[str, str]:
        refs = self._sandbox.refs(MANIFEST)
        return {ref: value for ref, value in refs.items() if ref.startswith(SHOWN_REFS) and not ref.endswith("^{}")}

    def _wait(self, what: str, look: Callable[[], T | bool | None]) -> T:
        """Look until there is something. The first wait of a kind is said, so that nobody stares at nothing."""
        end = time.monotonic() + PATIENCE
        self._console.waiting(f"waiting for {what}")
        while time.monotonic() < end:
            found = look()
            if found:
                return found  # type: ignore[return-value]  # truthy: neither None nor False
            time.sleep(0.05)
        raise StoryEnded(f"Waited {PATIENCE:.0f} s for {what}, and it did not come.")


def visible(markdown: str) -> str:
    """The text without the hidden markers, which carry what the bot must find again."""
    return HIDDEN.sub("", markdown).strip()


def short(commit: str | None) -> str:
    """The first characters of an object id, or a dash."""
    return commit[:10] if commit else "–"


def _change(before: Mapping[str, str], after: Mapping[str, str], ref: str) -> str:
    if before.get(ref) == after.get(ref):
        return ""
    if ref not in before:
        return "created"
    return "moved" if ref in after else "deleted"
