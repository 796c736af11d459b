"""A manifest repository on GitHub: its people, comments, pull requests, labels and checks.

Verbs that write look first, and write nothing where all is as asked; so each of them can be called again after any
failure, also one that lost the answer of a write that had happened. The number of requests stands at every verb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, TypeVar
from urllib.parse import quote

from github.CheckRun import CheckRun
from github.GithubObject import NotSet, Opt
from github.Repository import Repository as RawRepository

from bot.core.hub import Approval, Bot, Comment, Comparison, Conclusion, Pull, Reaction, RepositoryId
from bot.gh import history, issues, reading
from bot.gh.auth import Grant, Tokens
from bot.gh.reading import given, maybe, who
from bot.outage import Denied

T = TypeVar("T")
Role = Literal["admin", "maintain", "write", "triage", "read", "none"]
Verdict = Conclusion | Literal["queued", "in_progress"]

ROLES: Mapping[str, Role] = {
    "admin": "admin", "maintain": "maintain", "write": "write", "triage": "triage", "read": "read", "none": "none",
}  # fmt: skip
GONE = (404, 410)


class Repository:
    """One manifest repository, addressed by its id, so that renaming or moving it changes nothing for us.

    Addresses by id are not in GitHub's documentation, but every Link header and redirect of its API uses them.
    """

    def __init__(
        self,
        repository: RepositoryId,
        tokens: Tokens,
        permissions: Mapping[str, str],
        bot: Callable[[Grant], Bot],
        made: issues.Made,
    ) -> None:
        self.id = repository
        self._tokens = tokens
        self._grant = Grant.on(repository.installation, (repository.id,), permissions)
        self._bot = bot
        self._made = made
        self._facts: tuple[str, str] | None = None

    # What it is, and who may do what

    def name(self) -> str:
        """Its full name now, or at most an hour ago: what GitHub called it when our token was made. No call then."""
        return self._tokens.get(self._grant).repositories[0].name

    def default_branch(self) -> str:
        """The default branch's name. 1 call for this and `clone_url`, the first time."""
        return self._about()[0]

    def clone_url(self) -> str:
        """Where git fetches it from, without credentials. 1 call for this and `default_branch`, the first time."""
        return self._about()[1]

    def role(self, login: str, user_id: int | None = None) -> Role:
        """What this person may do here. Raises whatever goes wrong: who asks must then refuse. 1 call.

        With `user_id`, a login that has passed to somebody else since is worth "none". A custom role of the
        organisation counts as the basic one it builds on (GitHub's `permission`, which knows neither maintain
        nor triage).
        """

        def work(repository: RawRepository) -> Role:
            address = f"{repository.url}/collaborators/{quote(login, safe='')}/permission"
            _, data = repository.requester.requestJsonAndCheck("GET", address)
            if user_id is not None and data["user"]["id"] != user_id:
                return "none"
            return ROLES.get(data["role_name"]) or ROLES[data["permission"]]

        return self._ask("read a person's role", work)

    # Comments

    def comment(self, comment_id: int) -> Comment | None:
        """The comment as it is now, or None when it was deleted. 1 call."""
        return self._ask_for(
            "read a comment", lambda repository: reading.comment(issues.comment(repository, comment_id).complete())
        )

    def comments_since(self, moment: datetime) -> list[Comment]:
        """Comments on any issue or pull request made or edited since then, oldest change first. 1 call per 100."""
        return self._ask(
            "list comments",
            lambda repository: [
                reading.comment(raw)
                for raw in repository.get_issues_comments(sort="updated", direction="asc", since=moment.astimezone(UTC))
            ],
        )

    def react(self, comment_id: int, reaction: Reaction) -> None:
        """Have this reaction of ours on the comment; nothing when the comment is gone. 1 call."""
        self._ask_for(
            "react to a comment", lambda repository: issues.comment(repository, comment_id).create_reaction(reaction)
        )

    def unreact(self, comment_id: int, reaction: Reaction) -> None:
        """Take back this reaction of ours, if it is there. 1 call, or 2."""
        ours = self._us().user_id

        def work(repository: RawRepository) -> None:
            comment = issues.comment(repository, comment_id)
            for found in comment.get_reactions():
                if found.content == reaction and who(found.user)[1] == ours:
                    comment.requester.requestJsonAndCheck("DELETE", f"{comment.url}/reactions/{found.id}")

        self._ask_for("take back a reaction", work)

    def say(self, issue: int, body: str, marker: str, since: datetime | None = None) -> Comment:
        """Have exactly this comment of ours there, found again by the hidden marker it ends with. 1 call, or 2.

        `since`: no earlier comment of that marker can exist; saves reading an old issue's first hundreds.
        """
        ours = self._us().user_id
        text = body if body.rstrip().endswith(marker) else f"{body.rstrip()}\n\n{marker}"

        def work(repository: RawRepository) -> Comment:
            return reading.comment(issues.say(repository, issue, text, marker, ours, since, self._made))

        return self._ask("comment", work)

    def find_said(self, issue: int, marker: str, since: datetime | None = None) -> Comment | None:
        """Our first comment there that ends with the marker. 1 call for each 100 comments up to it."""
        ours = self._us().user_id

        def work(repository: RawRepository) -> Comment | None:
            said = issues.said(repository, issue, marker, ours, since)
            return reading.comment(said) if said else None

        return self._ask("look for a comment", work)

    def keep_issue(self, title: str, body: str, marker: str) -> int:
        """Have exactly this issue of ours, found again by the hidden marker it ends with; its number. 1 call, or 2.

        One that is changed is open again: there is news in it.
        """
        bot = self._us()
        text = body if body.rstrip().endswith(marker) else f"{body.rstrip()}\n\n{marker}"
        return self._ask("keep an issue", lambda repository: issues.keep(repository, bot.login, title, text, marker))

    # Pull requests

    def pull(self, number: int) -> Pull | None:
        """The pull request as it is now, or None when there is no such one. 1 call."""
        return self._ask_for(
            "read a pull request", lambda repository: reading.pull(repository.get_pull(number).complete())
        )

    def pulls(
        self,
        state: Literal["open", "closed", "all"],
        base: str | None = None,
        head: str | None = None,
        limit: int = 100,
    ) -> list[Pull]:
        """Pull requests, last updated first; `base` and `head` are branches of this repository. 1 call per 100.

        What GitHub leaves out of the list: `merged_by` is None and `commits` 0 here. Read the one that matters.
        """
        whose = f"{self.name().partition('/')[0]}:{head}" if head else NotSet

        def work(repository: RawRepository) -> list[Pull]:
            listed = repository.get_pulls(state, "updated", "desc", base=_or_unset(base), head=whose)
            return [reading.pull(raw, listed=True) for raw in islice(listed, limit)]

        found = self._ask("list pull requests", work)
        # A head that GitHub cannot make sense of is no filter at all to it.
        return [each for each in found if head is None or (each.head, each.head_repository) == (head, self.id.id)]

    def pull_commits(self, number: int) -> list[str]:
        """The pull request's commits, oldest first (GitHub shows at most 250). 1 call per 100."""
        return self._ask(
            "list the commits of a pull request",
            lambda repository: [given(raw.sha) for raw in repository.get_pull(number).get_commits()],
        )

    def pull_messages(self, number: int) -> list[str]:
        """The messages of the pull request's commits, oldest first. 1 call per 100."""
        return self._ask(
            "list the commits of a pull request",
            lambda repository: [given(raw.commit.message) for raw in repository.get_pull(number).get_commits()],
        )

    def open_pull(self, head: str, base: str, title: str, body: str, draft: bool = False) -> Pull:
        """Have an open pull request from head to base. One that is open already is returned as it is. 1 call, or 3."""

        def work(repository: RawRepository) -> Pull:
            raw = repository.create_pull(base, head, title=title, body=body, draft=draft)
            return reading.pull(raw)

        try:
            return self._ask("open a pull request", work)
        except Denied as refusal:
            # 422 is also said to a head without commits, and to much else: then none is open, and it stands.
            already = self.pulls("open", base, head, limit=1) if refusal.status == 422 else []
            if not already:
                raise
            return self.pull(already[0].number) or already[0]

    def edit_pull(
        self,
        number: int,
        title: str | None = None,
        body: str | None = None,
        state: Literal["open", "closed"] | None = None,
    ) -> Pull:
        """Set what is given. Raises Denied(422) where it cannot be reopened. 1 call."""

        def work(repository: RawRepository) -> Pull:
            raw = repository.get_pull(number)
            raw.edit(title=_or_unset(title), body=_or_unset(body), state=_or_unset(state))
            return reading.pull(raw)

        return self._ask("edit a pull request", work)

    def approvals(self, number: int) -> list[Approval]:
        """Who approves it as their last word, and which commit they saw. 1 call per 100 reviews."""
        return self._ask(
            "list reviews", lambda repository: reading.approvals(repository.get_pull(number).get_reviews())
        )

    # What people see beside it

    def set_labels(self, number: int, add: Iterable[str], remove: Iterable[str]) -> None:
        """Have these labels and not those; others stay, unknown ones are made. 1 call, and 1 for each change."""
        wanted, unwanted = list(add), set(remove)

        def work(repository: RawRepository) -> None:
            issue = repository.get_issue(number)
            present = {given(label.name) for label in issue.get_labels()}
            missing = [label for label in wanted if label not in present]
            if missing:
                repository.requester.requestJsonAndCheck("POST", f"{issue.url}/labels", input={"labels": missing})
            for label in sorted(unwanted & present):
                repository.requester.requestJsonAndCheck("DELETE", f"{issue.url}/labels/{quote(label, safe='')}")

        self._ask("set labels", work)

    def assign(self, number: int, login: str) -> None:
        """Have this person assigned; GitHub ignores, silently, who cannot be. 1 call."""
        self._ask("assign somebody", lambda repository: repository.get_issue(number).add_to_assignees(login))

    def check(self, head: str, name: str, verdict: Verdict, title: str, summary: str, external_id: str = "") -> None:
        """Have our check of this name on the commit say this. 1 call, or 2."""
        app = self._us().app_id
        status = verdict if verdict in ("queued", "in_progress") else "completed"
        conclusion = verdict if status == "completed" else NotSet
        output: dict[str, str] = {"title": title, "summary": summary}

        def work(repository: RawRepository) -> None:
            found = [
                run
                for run in repository.get_commit(head).get_check_runs(check_name=name)
                if maybe(run.app) and run.app.id == app
            ]
            if not found:
                repository.create_check_run(
                    name, head, status=status, conclusion=conclusion, output={**output}, external_id=external_id
                )
            elif _says(found[0]) != (verdict, title, summary, external_id):
                found[0].edit(status=status, conclusion=conclusion, output=output, external_id=external_id)

        self._ask("set a check", work)

    # History, here and in the projects

    def compare(self, base: str, head: str, project: str | None = None) -> Comparison | None:
        """How two commits relate, here or in a project ("owner/name") on this GitHub.

        None when this GitHub shows us no such repository, commit or common ancestor. Give full commit ids, or
        branch names. 1 call, 2 beyond 100 commits, and 2 more for a private project, the first time.
        """
        return self._history(project, "compare commits", lambda repository: history.compare(repository, base, head))

    def holds(self, project: str | None, commit: str, ref: str) -> bool | None:
        """Whether the commit is reachable from that branch or commit. None and calls: as `compare`."""
        return self._history(project, "look for a commit", lambda repository: history.holds(repository, commit, ref))

    def commit(self, project: str | None, name: str) -> str | None:
        """The full id of a commit given in full or shortened, None when unknown or ambiguous. Calls: as `compare`.

        It may be a commit that only a fork has: GitHub answers for the whole network. `holds` tells.
        """
        if not history.COMMIT.fullmatch(name):
            return None
        return self._history(project, "read a commit", lambda repository: history.commit(repository, name))

    def tag(self, name: str) -> str | None:
        """The object that a tag is at as the API shows it, or None. 1 call."""

        def work(repository: RawRepository) -> str:
            return given(repository.get_git_ref(f"tags/{name}").complete().object.sha)

        return self._ask_for("read a tag", work)

    # How it is asked

    def _ask(self, doing: str, work: Callable[[RawRepository], T]) -> T:
        return self._tokens.ask(self._grant, doing, lambda github, _: work(github.get_repo(self.id.id)))

    def _ask_for(self, doing: str, work: Callable[[RawRepository], T]) -> T | None:
        try:
            return self._ask(doing, work)
        except Denied as refusal:
            if refusal.status in GONE:
                return None
            raise

    def _history(self, project: str | None, doing: str, work: Callable[[RawRepository], T]) -> T | None:
        if project is None or project.lower() == self.id.name.lower():
            return history.known(lambda: self._ask(doing, work))
        return history.elsewhere(self._tokens, self._grant, self.id.owner, project, doing, work)

    def _about(self) -> tuple[str, str]:
        def work(repository: RawRepository) -> tuple[str, str]:
            repository.complete()
            return given(repository.default_branch), given(repository.clone_url)

        if self._facts is None:
            self._facts = self._ask("read the repository", work)
        return self._facts

    def _us(self) -> Bot:
        return self._bot(self._grant)


def _says(run: CheckRun) -> tuple[str, str, str, str]:
    output = run.output
    return run.conclusion or run.status, output.title or "", output.summary or "", run.external_id or ""


def _or_unset(value: str | None) -> Opt[str]:
    return NotSet if value is None else value
