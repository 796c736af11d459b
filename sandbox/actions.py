"""GitHub Actions: workflows read from the repository, dispatches checked, runs that go on alone."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.bare import GitError
from sandbox.state import Job, Repository, Run

if TYPE_CHECKING:
    from sandbox.server import Sandbox

FOLDER = ".github/workflows/"
BEAT = 0.3
"""Seconds that a job takes when `speed` is 1."""


def _workflow(call: Call, ref: str | None = None) -> tuple[str, dict[str, Any]]:
    """A workflow's file name and what it says, at a ref or on the default branch. 404 where there is none."""
    name = str(call.parameters["workflow"]).rpartition("/")[2]
    commit = call.repo.git.resolve(ref or call.repo.default_branch)
    if ref and commit is None:
        raise Refused(422, f"No ref found for: {ref}")
    try:
        text = call.repo.git.run("cat-file", "blob", f"{commit}:{FOLDER}{name}")
    except GitError:
        raise Refused(404, "Not Found") from None
    return name, yaml.safe_load(text)


def _get_workflow(call: Call) -> Answer:
    name, text = _workflow(call)
    return {"id": 1, "node_id": "W_1", "name": text.get("name", name), "path": FOLDER + name, "state": "active"}


def _dispatch(call: Call) -> Answer:
    """204, or 200 with the run when `return_run_details` asks for it; 422 for inputs that are not declared."""
    ref = call.need("ref").removeprefix("refs/heads/")
    name, text = _workflow(call, ref)
    trigger = _trigger(text).get("workflow_dispatch")
    declared = (trigger or {}).get("inputs") or {}
    given = call.body.get("inputs") or {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Refused(422, f"Unexpected inputs provided: {unknown}")
    missing = sorted(key for key, each in declared.items() if (each or {}).get("required") and not given.get(key))
    if missing:
        raise Refused(422, f"Required input '{missing[0]}' not provided")
    inputs = {key: str(given.get(key, (each or {}).get("default", ""))) for key, each in declared.items()}
    run = call.sandbox.actions.start(call, name, text, ref, inputs)
    if not call.body.get("return_run_details"):
        return None
    shape = call.sandbox.shapes.run(call.repo, run)
    return 200, {"workflow_run_id": run.id, "run_url": shape["url"], "html_url": shape["html_url"]}


def _trigger(text: dict[Any, Any]) -> dict[str, Any]:
    """What stands under `on`, which YAML 1.1 reads as the truth value."""
    found: dict[str, Any] = text.get(True) or text.get("on") or {}
    return found


class Actions:
    """Makes runs and lets each go on in a thread of its own until it ends or the sandbox stops."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._orders: list[tuple[str, str]] = []

    def next_run(self, job: str, ends: str) -> None:
        """Let that job of the next run end so (`failure`, `cancelled`)."""
        self._orders.append((job, ends))

    def stop(self) -> None:
        """End all runs where they are."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def start(self, call: Call, workflow: str, text: dict[str, Any], branch: str, inputs: dict[str, str]) -> Run:
        """A new run, queued."""
        world, repository = self._sandbox.world, call.repo
        orders, self._orders = dict(self._orders), []
        names = ["verify", "prod", *(each for each in inputs.get("formats", "").split(",") if each)]
        jobs = [Job(world.next_id(), name, orders.get(name, "success")) for name in names]
        now = world.now()
        run = Run(
            id=world.next_id(),
            number=len(repository.runs) + 1,
            workflow=workflow,
            name=_name(text.get("run-name") or text.get("name") or workflow, inputs),
            branch=branch,
            head=repository.git.resolve(branch) or "",
            inputs=inputs,
            actor=call.who.acts_as,
            created_at=now,
            updated_at=now,
            jobs=jobs,
        )
        repository.runs.append(run)
        self._tell(repository, run, "requested")
        self.go_on(repository, run)
        return run

    def go_on(self, repository: Repository, run: Run) -> None:
        """Let the run go on by itself."""
        thread = threading.Thread(target=self._run, args=(repository, run), name=f"run-{run.id}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, repository: Repository, run: Run) -> None:
        if self._pause():
            return
        self._change(repository, run, "in_progress", None)
        for job in run.jobs:
            if job.conclusion == "success":
                continue
            self._change_job(repository, run, job, "in_progress")
            if self._pause():
                return
            if run.status == "completed":
                return
            self._change_job(repository, run, job, "completed")
            if job.conclusion != "success" and job.name in ("verify", "prod"):
                break
        bad = [job.conclusion for job in run.jobs if job.conclusion not in ("success", None)]
        self._change(repository, run, "completed", bad[0] if bad else "success")

    def _pause(self) -> bool:
        """One beat. Whether the sandbox is stopping."""
        return self._ending.wait(BEAT * self._sandbox.speed)

    def _change(self, repository: Repository, run: Run, status: str, conclusion: str | None) -> None:
        with self._sandbox.world.lock:
            run.status, run.conclusion, run.updated_at = status, conclusion, self._sandbox.world.now()
            self._tell(repository, run, status)

    def _change_job(self, repository: Repository, run: Run, job: Job, status: str) -> None:
        with self._sandbox.world.lock:
            now = self._sandbox.world.now()
            job.status = status
            if status == "in_progress":
                job.started_at = now
            else:
                job.completed_at, job.conclusion = now, job.ends
            shape = self._sandbox.shapes.job(repository, run, replace(job))
            self._sandbox.webhooks.emit("workflow_job", status, repository, run.actor, {"workflow_job": shape})

    def cancel(self, repository: Repository, run: Run) -> None:
        """End it as cancelled."""
        for job in run.jobs:
            if job.status != "completed":
                job.status, job.conclusion = "completed", "cancelled"
        self._change(repository, run, "completed", "cancelled")

    def rerun(self, repository: Repository, run: Run, only_failed: bool) -> None:
        """Begin its next attempt; jobs run again, or only those that did not succeed."""
        run.attempt += 1
        for job in run.jobs:
            if not (only_failed and job.conclusion == "success"):
                job.status, job.conclusion, job.ends, job.completed_at = "queued", None, "success", None
        self._change(repository, run, "queued", None)
        self.go_on(repository, run)

    def _tell(self, repository: Repository, run: Run, action: str) -> None:
        shape = self._sandbox.shapes.run(repository, run)
        workflow = {"id": 1, "name": run.workflow, "path": FOLDER + run.workflow}
        parts = {"workflow_run": shape, "workflow": workflow}
        self._sandbox.webhooks.emit("workflow_run", action, repository, run.actor, parts)


def _name(pattern: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{\s*inputs\.([a-z_]+)\s*\}\}", lambda found: inputs.get(found[1], ""), pattern)


def _runs(call: Call) -> Answer:
    """Newest first; `event`, `status` and `created=>=TIME` as GitHub filters."""
    found = list(reversed(call.repo.runs))
    if "workflow" in call.parameters:
        wanted = str(call.parameters["workflow"]).rpartition("/")[2]
        found = [run for run in found if wanted in (run.workflow, "1")]
    created = call.query("created")
    if created.startswith(">="):
        moment = created[2:].replace("Z", "+00:00")
        found = [run for run in found if run.created_at.isoformat() >= moment]
    status = call.query("status")
    found = [run for run in found if status in ("", run.status, run.conclusion)]
    return Page([call.sandbox.shapes.run(call.repo, run) for run in found], "workflow_runs")


def _find(call: Call) -> Run:
    found = next((run for run in call.repo.runs if run.id == call.parameters["run_id"]), None)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _run(call: Call) -> Answer:
    return call.sandbox.shapes.run(call.repo, _find(call))


def _jobs(call: Call) -> Answer:
    run = _find(call)
    return Page([call.sandbox.shapes.job(call.repo, run, job) for job in run.jobs], "jobs")


def _cancel(call: Call) -> Answer:
    run = _find(call)
    if run.status == "completed":
        raise Refused(409, "Cannot cancel a workflow run that is completed")
    call.sandbox.actions.cancel(call.repo, run)
    return 202, {}


def _rerun(call: Call) -> Answer:
    call.sandbox.actions.rerun(call.repo, _find(call), only_failed=False)
    return 201, {}


def _rerun_failed(call: Call) -> Answer:
    call.sandbox.actions.rerun(call.repo, _find(call), only_failed=True)
    return 201, {}


ROUTES = (
    Route("GET", "/repos/{repo}/actions/workflows/<workflow>", "actions:read", _get_workflow),
    Route("POST", "/repos/{repo}/actions/workflows/<workflow>/dispatches", "actions:write", _dispatch),
    Route("GET", "/repos/{repo}/actions/workflows/<workflow>/runs", "actions:read", _runs),
    Route("GET", "/repos/{repo}/actions/runs", "actions:read", _runs),
    Route("GET", "/repos/{repo}/actions/runs/<int:run_id>", "actions:read", _run),
    Route("GET", "/repos/{repo}/actions/runs/<int:run_id>/jobs", "actions:read", _jobs),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/cancel", "actions:write", _cancel),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/rerun", "actions:write", _rerun),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/rerun-failed-jobs", "actions:write", _rerun_failed),
)
