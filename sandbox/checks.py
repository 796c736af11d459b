"""Routes about check runs: only Apps make them, and an App changes only its own."""

from __future__ import annotations

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.state import App, CheckRun

TEXTS = ("title", "summary", "text")
LONGEST = 65535
STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")


def _app(call: Call) -> App:
    if call.who.through is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    return call.who.through


def _find(call: Call) -> CheckRun:
    check = next((each for each in call.repo.checks if each.id == call.parameters["check_id"]), None)
    if check is None:
        raise Refused(404, "Not Found")
    return check


def _create(call: Call) -> Answer:
    app, world = _app(call), call.sandbox.world
    head = call.repo.git.resolve(call.need("head_sha"))
    if head is None:
        raise Refused(422, f"No commit found for SHA: {call.body['head_sha']}")
    check = CheckRun(world.next_id(), app, head, call.need("name"), "queued", None, {}, "", world.now())
    _change(call, check)
    call.repo.checks.append(check)
    _tell(call, check, "created")
    if check.status == "completed":
        _tell(call, check, "completed")
    return 201, call.sandbox.shapes.check(call.repo, check)


def _edit(call: Call) -> Answer:
    check = _find(call)
    if check.app is not _app(call):
        raise Refused(403, "Invalid app_id `check_run` was created by another App")
    before = check.status
    _change(call, check)
    if check.status == "completed" != before:
        _tell(call, check, "completed")
    return call.sandbox.shapes.check(call.repo, check)


def _change(call: Call, check: CheckRun) -> None:
    """Take over what the body says; nothing of it when something in it is refused."""
    status, conclusion = call.body.get("status"), call.body.get("conclusion")
    if status not in (None, *STATUSES) or conclusion not in (None, *CONCLUSIONS):
        raise Refused(422, "Invalid request.\n\nNo such status or conclusion.")
    status = "completed" if conclusion else status or check.status
    conclusion = (conclusion or check.conclusion) if status == "completed" else None
    is_missing = call.body.get("status") == "completed" and call.body.get("conclusion") is None
    if is_missing or (status == "completed" and conclusion is None):
        raise Refused(422, "Invalid request.\n\nFor 'completed' checks, `conclusion` is required.")
    check.output = {**check.output, **_output(call, check)}
    check.status, check.conclusion = status, conclusion
    check.completed_at = call.sandbox.world.now() if status == "completed" else None
    check.name = call.given("name") or check.name
    check.external_id = call.given("external_id", check.external_id)
    check.details_url = call.given("details_url", check.details_url)


def _output(call: Call, check: CheckRun) -> dict[str, str]:
    output = call.body.get("output") or {}
    if output and not (output.get("summary") and (output.get("title") or check.output.get("title"))):
        raise Refused(422, "Invalid request.\n\n`output` needs a title and a summary.")
    if any(len(str(output.get(name) or "")) > LONGEST for name in TEXTS):
        raise Refused(422, f"Invalid request.\n\nOnly {LONGEST} characters are allowed.")
    return {name: output[name] for name in TEXTS if name in output}


def _tell(call: Call, check: CheckRun, action: str) -> None:
    shape = call.sandbox.shapes.check(call.repo, check)
    call.sandbox.emit(call.repo, call.who, "check_run", action, {"check_run": shape})


def _get(call: Call) -> Answer:
    return call.sandbox.shapes.check(call.repo, _find(call))


def _rerequest(call: Call) -> Answer:
    """What the "Re-run" button does: its App is told, and makes a new check run if it likes."""
    _tell(call, _find(call), "rerequested")
    return 201, {}


def _list(call: Call) -> Answer:
    head = call.repo.git.resolve(call.parameters["name"])
    if head is None:
        raise Refused(422, f"No commit found for SHA: {call.parameters['name']}")
    wanted, status, app = call.query("check_name"), call.query("status"), call.query("app_id")
    found = [
        each
        for each in call.repo.checks
        if each.head == head
        and wanted in ("", each.name)
        and status in ("", each.status)
        and app in ("", str(each.app.id))
    ]
    latest = {(each.app.id, each.name): each for each in found}
    shown = found if call.query("filter") == "all" else list(latest.values())
    return Page(shown[::-1], "check_runs", show=lambda each: call.sandbox.shapes.check(call.repo, each))


ROUTES = (
    Route("POST", "/repos/{repo}/check-runs", "checks:write", _create),
    Route("GET", "/repos/{repo}/check-runs/<int:check_id>", "checks:read", _get),
    Route("PATCH", "/repos/{repo}/check-runs/<int:check_id>", "checks:write", _edit),
    Route("POST", "/repos/{repo}/check-runs/<int:check_id>/rerequest", "checks:write", _rerequest),
    Route("GET", "/repos/{repo}/commits/<name>/check-runs", "checks:read", _list),
)
