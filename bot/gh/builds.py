"""GitHub Actions in the repository where images are built: start a run, find it again, look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from github import Github
from github.PaginatedList import PaginatedList
from github.Repository import Repository as RawRepository
from github.WorkflowJob import WorkflowJob
from github.WorkflowRun import WorkflowRun

from bot.core.hub import Job, Run
from bot.gh import reading
from bot.gh.auth import Grant, Token, Tokens
from bot.outage import Denied

T = TypeVar("T")


class Builds:
    """The build repository, with a token that can do nothing but start and look at Actions there."""

    def __init__(self, tokens: Tokens, grant: Grant) -> None:
        self._tokens = tokens
        self._grant = grant

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> Run | None:
        """Start a workflow; the run if this GitHub names it, None if it does not (then `find_run`). 1 call.

        An Outage leaves open whether a run was started: look with `find_run` before dispatching again.
        """

        def work(repository: RawRepository) -> Run | None:
            started: object = repository.get_workflow(workflow).create_dispatch(
                ref, dict(inputs), throw=True, return_run_details=True
            )
            # Only these three are in the answer, and asking `started` for more would be another request.
            if not isinstance(started, WorkflowRun):
                return None
            return Run(id=started.id, name="", status="queued", conclusion=None, url=started.html_url)

        return self._ask(f"start {workflow}", work)

    def find_run(self, workflow: str, correlation_id: str, since: datetime) -> Run | None:
        """The oldest dispatched run since then whose name has the correlation id: a twin ends itself. 1 call.

        An older run than `since` (take some minutes off for clocks that differ) is never found.
        """

        def work(repository: RawRepository) -> list[Run]:
            moment = f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            found = repository.get_workflow(workflow).get_runs(event="workflow_dispatch", created=moment)
            return [reading.run(raw) for raw in found if correlation_id in (raw.display_title or raw.name or "")]

        return min(self._ask(f"look for a run of {workflow}", work), key=lambda run: run.id, default=None)

    def run(self, run_id: int) -> Run | None:
        """The run as it is now, or None when it was deleted. 1 call."""
        try:
            return self._ask("read a run", lambda repository: reading.run(repository.get_workflow_run(run_id)))
        except Denied as refusal:
            if refusal.status == 404:
                return None
            raise

    def jobs(self, run_id: int) -> list[Job]:
        """The jobs of the run's last attempt. 1 call for each 100."""

        def work(repository: RawRepository) -> list[Job]:
            # WorkflowRun.jobs() would fetch the run first, only to learn this address.
            address = f"{repository.url}/actions/runs/{run_id}/jobs"
            every = PaginatedList(WorkflowJob, repository.requester, address, {"filter": "latest"}, list_item="jobs")
            return [reading.job(raw) for raw in every]

        return self._ask("list the jobs of a run", work)

    def _ask(self, doing: str, work: Callable[[RawRepository], T]) -> T:
        def with_token(github: Github, token: Token) -> T:
            (repository,) = token.repositories  # by id: a rename between two calls changes nothing
            return work(github.get_repo(repository.id))

        return self._tokens.ask(self._grant, doing, with_token)
