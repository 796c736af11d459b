"""Routes about GitHub Actions: workflows, dispatching them, and the runs that come of it."""

from __future__ import annotations

from datetime import datetime

from sandbox import workflows
from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.state import Job, Run


def _list_workflows(call: Call) -> Answer:
    found = workflows.read_all(call.repo)
    return Page(found, "workflows", show=lambda each: call.sandbox.shapes.workflow(call.repo, each.file, each.title))


def _workflow(call: Call) -> workflows.Workflow:
    return workflows.read(call.repo, call.parameters["workflow"], call.repo.default_branch)


def _get_workflow(call: Call) -> Answer:
    found = _workflow(call)
    return call.sandbox.shapes.workflow(call.repo, found.file, found.title)


def _dispatch(call: Call) -> Answer:
    """204, or 200 with the run when `return_run_details` asks for it; 422 for inputs that are not declared."""
    ref = call.need("ref").removeprefix("refs/heads/").removeprefix("refs/tags/")
    known = _workflow(call)
    found = workflows.read(call.repo, known.file, ref)
    given = call.body.get("inputs") or {}
    if not isinstance(given, dict):
        raise Refused(422, "Invalid request.\n\nFor 'properties/inputs', the value is not an object.")
    run = call.sandbox.actions.start(call.repo, found, ref, found.inputs(given), call.who.acts_as)
    if not call.body.get("return_run_details"):
        return None
    shape = call.sandbox.shapes.run(call.repo, run)
    return 200, {"workflow_run_id": run.id, "run_url": shape["url"], "html_url": shape["html_url"]}


def _runs(call: Call) -> Answer:
    """Newest first; `event`, `branch`, `status`, `actor`, `head_sha` and `created` narrow it."""
    found = list(reversed(call.repo.runs))
    if "workflow" in call.parameters:
        known = _workflow(call)
        found = [run for run in found if run.workflow == known.file]
    status, event = call.query("status"), call.query("event", "workflow_dispatch")
    found = [
        run
        for run in found
        if status in ("", run.status, run.conclusion)
        and event == "workflow_dispatch"
        and call.query("branch") in ("", run.branch)
        and call.query("head_sha") in ("", run.head)
        and call.query("actor") in ("", run.actor.login)
        and _is_within(run.created_at, call.query("created"))
    ]
    return Page(found, "workflow_runs", show=lambda run: call.sandbox.shapes.run(call.repo, run))


def _is_within(moment: datetime, span: str) -> bool:
    """GitHub's search syntax for times: `>=T`, `>T`, `<=T`, `<T`, `T..T` with `*` for no end."""
    low, dots, high = span.partition("..")
    if dots:
        return _is_within(moment, f">={low}") and _is_within(moment, f"<={high}")
    sign = span[: len(span) - len(span.lstrip("<>="))]
    rest = span.lstrip("<>=")
    if rest in ("", "*"):
        return True
    try:
        other = datetime.fromisoformat(rest.replace("Z", "+00:00"))
    except ValueError:
        raise Refused(422, f"Invalid date: {rest}") from None
    other, exact = other.replace(tzinfo=other.tzinfo or moment.tzinfo), moment.replace(microsecond=0)
    if len(rest) == len("2013-10-24"):
        exact = exact.replace(hour=0, minute=0, second=0)
    results = {">=": exact >= other, ">": exact > other, "<=": exact <= other, "<": exact < other, "": exact == other}
    return results.get(sign, False)


def _find(call: Call) -> Run:
    found = next((run for run in call.repo.runs if run.id == call.parameters["run_id"]), None)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _run(call: Call) -> Answer:
    return call.sandbox.shapes.run(call.repo, _find(call))


def _jobs(call: Call) -> Answer:
    run = _find(call)
    return Page(run.jobs, "jobs", show=lambda job: call.sandbox.shapes.job(call.repo, run, job))


def _job(call: Call) -> Answer:
    run, job = _find_job(call)
    return call.sandbox.shapes.job(call.repo, run, job)


def _find_job(call: Call) -> tuple[Run, Job]:
    for run in call.repo.runs:
        for job in run.jobs:
            if job.id == call.parameters["job_id"]:
                return run, job
    raise Refused(404, "Not Found")


def _cancel(call: Call) -> Answer:
    run = _find(call)
    if run.status == "completed":
        raise Refused(409, "Cannot cancel a workflow run that is completed")
    call.sandbox.actions.cancel(call.repo, run)
    return 202, {}


def _rerun(call: Call) -> Answer:
    return _again(call, only_failed=False)


def _rerun_failed(call: Call) -> Answer:
    return _again(call, only_failed=True)


def _again(call: Call, only_failed: bool) -> Answer:
    run = _find(call)
    if run.status != "completed":
        raise Refused(403, "This workflow is already running")
    if only_failed and all(job.conclusion == "success" for job in run.jobs):
        raise Refused(403, "This workflow run has no failed jobs")
    call.sandbox.actions.rerun(call.repo, run, only_failed)
    return 201, {}


ROUTES = (
    Route("GET", "/repos/{repo}/actions/workflows", "actions:read", _list_workflows),
    Route("GET", "/repos/{repo}/actions/workflows/<workflow>", "actions:read", _get_workflow),
    Route("POST", "/repos/{repo}/actions/workflows/<workflow>/dispatches", "actions:write", _dispatch),
    Route("GET", "/repos/{repo}/actions/workflows/<workflow>/runs", "actions:read", _runs),
    Route("GET", "/repos/{repo}/actions/runs", "actions:read", _runs),
    Route("GET", "/repos/{repo}/actions/runs/<int:run_id>", "actions:read", _run),
    Route("GET", "/repos/{repo}/actions/runs/<int:run_id>/jobs", "actions:read", _jobs),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/cancel", "actions:write", _cancel),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/rerun", "actions:write", _rerun),
    Route("POST", "/repos/{repo}/actions/runs/<int:run_id>/rerun-failed-jobs", "actions:write", _rerun_failed),
    Route("GET", "/repos/{repo}/actions/jobs/<int:job_id>", "actions:read", _job),
)
