"""Routes about check runs: only Apps make them, and an App changes only its own."""

from __future__ import annotations

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.state import CheckRun

TEXTS = ("title", "summary", "text")


def _create(call: Call) -> Answer:
    app = call.who.through
    if app is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    head = call.repo.git.resolve(call.need("head_sha"))
    if head is None:
        raise Refused(422, "No commit found for SHA")
    world = call.sandbox.world
    check = CheckRun(world.next_id(), app, head, call.need("name"), "queued", None, {}, "", world.now())
    call.repo.checks.append(check)
    _change(call, check)
    shape = call.sandbox.shapes.check(call.repo, check)
    call.sandbox.emit(call.repo, call.who, "check_run", "created", {"check_run": shape})
    return 201, shape


def _edit(call: Call) -> Answer:
    check = next((each for each in call.repo.checks if each.id == call.parameters["check_id"]), None)
    if check is None:
        raise Refused(404, "Not Found")
    if check.app is not call.who.through:
        raise Refused(403, "Invalid app_id `check_run` was created by another App")
    _change(call, check)
    return call.sandbox.shapes.check(call.repo, check)


def _change(call: Call, check: CheckRun) -> None:
    body = call.body
    check.status = body.get("status", "completed" if body.get("conclusion") else check.status)
    check.conclusion = body.get("conclusion") if check.status == "completed" else None
    if check.status == "completed" and not check.conclusion:
        raise Refused(422, "Invalid request. For 'completed' checks, `conclusion` is required.")
    check.completed_at = call.sandbox.world.now() if check.status == "completed" else None
    check.external_id = body.get("external_id", check.external_id)
    output = body.get("output") or {}
    check.output = {**check.output, **{name: output[name] for name in TEXTS if name in output}}


def _list(call: Call) -> Answer:
    head = call.repo.git.resolve(call.parameters["name"])
    wanted = call.query("check_name")
    found = [each for each in call.repo.checks if each.head == head and wanted in ("", each.name)]
    latest = {(each.app.id, each.name): each for each in found}
    shown = found if call.query("filter") == "all" else list(latest.values())
    return Page([call.sandbox.shapes.check(call.repo, each) for each in shown], "check_runs")


ROUTES = (
    Route("POST", "/repos/{repo}/check-runs", "checks:write", _create),
    Route("PATCH", "/repos/{repo}/check-runs/<int:check_id>", "checks:write", _edit),
    Route("GET", "/repos/{repo}/commits/<name>/check-runs", "checks:read", _list),
)
