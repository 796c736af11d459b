"""GitHub Actions, check runs and deliveries of the stand-in GitHub."""

from __future__ import annotations

from typing import Any

from tests.sandbox.play import MANIFEST, Play

ACTIONS = "/repos/coreos/scripts/actions"


def dispatch(play: Play, formats: str = "qemu,vmware") -> int:
    inputs = {"tag": "v115.0.1", "correlation_id": "abc", "formats": formats}
    asked = {"ref": "master", "inputs": inputs, "return_run_details": True}
    status, made = play.ask("POST", f"{ACTIONS}/workflows/image-build.yml/dispatches", play.token(), asked)
    assert status == 200
    return int(made["workflow_run_id"])


def run(play: Play, number: int) -> dict[str, Any]:
    shape: dict[str, Any] = play.ask("GET", f"{ACTIONS}/runs/{number}", play.token())[1]
    return shape


def jobs(play: Play, number: int) -> dict[str, str]:
    found = play.ask("GET", f"{ACTIONS}/runs/{number}/jobs", play.token())[1]["jobs"]
    return {job["name"]: job["conclusion"] for job in found}


def ended(play: Play, number: int) -> dict[str, Any]:
    play.until(lambda: run(play, number)["status"] == "completed")
    return run(play, number)


def test_a_run_goes_on_by_itself_and_tells(play: Play) -> None:
    number = dispatch(play)
    shape = ended(play, number)
    assert (shape["conclusion"], shape["display_title"], shape["event"]) == (
        "success",
        "v115.0.1 abc",
        "workflow_dispatch",
    )
    assert jobs(play, number) == dict.fromkeys(("verify", "prod", "qemu", "vmware"), "success")
    assert [each["action"] for each in play.heard("workflow_run")] == ["requested", "in_progress", "completed"]
    told = [(each["workflow_job"]["name"], each["action"]) for each in play.heard("workflow_job")]
    assert told[4:7] == [("verify", "in_progress"), ("verify", "completed"), ("prod", "in_progress")]


def test_a_run_fails_as_ordered_and_only_what_failed_runs_again(play: Play) -> None:
    play.github.next_run(conclusion="failure", job="vmware")
    number = dispatch(play)
    assert ended(play, number)["conclusion"] == "failure"
    assert jobs(play, number) == {"verify": "success", "prod": "success", "qemu": "success", "vmware": "failure"}
    before = len(play.heard("workflow_job"))
    assert play.ask("POST", f"{ACTIONS}/runs/{number}/rerun-failed-jobs", play.token(), {})[0] == 201
    again = ended(play, number)
    assert (again["conclusion"], again["run_attempt"]) == ("success", 2)
    assert {each["workflow_job"]["name"] for each in play.heard("workflow_job")[before:]} == {"vmware"}
    assert ended(play, dispatch(play))["conclusion"] == "success"


def test_without_the_image_no_format_is_built(play: Play) -> None:
    play.github.next_run(conclusion="failure", job="prod")
    number = dispatch(play)
    assert ended(play, number)["conclusion"] == "failure"
    assert jobs(play, number) == {"verify": "success", "prod": "failure", "qemu": "skipped", "vmware": "skipped"}


def test_a_cancelled_run_stays_cancelled(play: Play) -> None:
    play.github.speed = 5.0
    number = dispatch(play)
    assert play.ask("POST", f"{ACTIONS}/runs/{number}/rerun", play.token(), {})[0] == 403
    assert play.ask("POST", f"{ACTIONS}/runs/{number}/cancel", play.token(), {})[0] == 202
    assert play.ask("POST", f"{ACTIONS}/runs/{number}/cancel", play.token(), {})[0] == 409
    assert (run(play, number)["status"], run(play, number)["conclusion"]) == ("completed", "cancelled")


def test_runs_are_found_by_event_branch_and_time(play: Play) -> None:
    since = play.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    first = dispatch(play)
    play.clock.forward(60)
    later = play.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    second = dispatch(play)

    def found(query: str) -> list[int]:
        shape = play.ask("GET", f"{ACTIONS}/workflows/image-build.yml/runs?{query}", play.token())[1]
        return [each["id"] for each in shape["workflow_runs"]]

    assert found(f"event=workflow_dispatch&created=>={since}") == [second, first]
    assert found(f"created=>={later}&branch=master") == [second]
    assert found(f"created={since}..{since}") == [first]
    assert found("event=push") == found("branch=other") == found(f"created=<{since}") == []


def test_a_check_names_its_open_pull_requests_and_is_asked_for_again(play: Play) -> None:
    head = play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    asked = {"name": "release / plan", "head_sha": head, "output": {"title": "t", "summary": "s"}}
    made = play.ask("POST", f"/repos/{MANIFEST}/check-runs", play.token(), asked)[1]
    path = f"/repos/{MANIFEST}/check-runs/{made['id']}"
    assert made["status"] == "queued"
    assert play.ask("PATCH", path, play.token(), {"status": "completed"})[0] == 422
    assert play.ask("PATCH", path, play.token(), {"conclusion": "failure"})[1]["status"] == "completed"
    play.person("octocat").rerequest(MANIFEST, made["id"])
    told = play.heard("check_run")
    assert [each["action"] for each in told] == ["created", "completed", "rerequested"]
    assert [each["number"] for each in told[-1]["check_run"]["pull_requests"]] == [number]
    other = play.github.create_app("other", "http://127.0.0.1:1/", "s", {"checks": "write"}, [])
    installation = play.github.install(other, [MANIFEST])
    foreign = play.token_of(other, installation)
    assert play.ask("PATCH", path, foreign, {"conclusion": "success"})[0] == 403


def test_what_was_lost_on_the_way_is_in_the_log_and_comes_when_sent_again(play: Play) -> None:
    issue = play.person("octocat").open_issue(MANIFEST, "x")
    play.github.webhooks_paused = True
    play.person("octocat").comment(MANIFEST, issue, "lost")
    assert play.heard("issue_comment") == []
    play.github.webhooks_paused = False
    play.app.webhook_secret = "another secret"
    newest = play.ask("GET", "/app/hook/deliveries?per_page=1", play.jwt())[1][0]
    assert (newest["event"], newest["action"], newest["status_code"]) == ("issue_comment", "created", 0)
    path = f"/app/hook/deliveries/{newest['id']}"
    assert play.ask("GET", path, play.jwt())[1]["request"]["payload"]["comment"]["body"] == "lost"
    assert play.ask("POST", f"{path}/attempts", play.jwt(), {})[0] == 202
    assert [each["comment"]["body"] for each in play.heard("issue_comment")] == ["lost"]
    first, again = play.ask("GET", "/app/hook/deliveries?per_page=2", play.jwt())[1][::-1]
    assert first["guid"] == again["guid"]
    assert (again["redelivery"], again["status"], again["status_code"]) == (True, "OK", 202)


def test_deliveries_are_paged_by_cursor(play: Play) -> None:
    issue = play.person("octocat").open_issue(MANIFEST, "x")
    for text in "abc":
        play.person("octocat").comment(MANIFEST, issue, text)
    assert play.github.wait_idle()
    seen: list[int] = []
    url = f"{play.github.api_url}/app/hook/deliveries?per_page=2"
    while url:
        answer = play.pool.request("GET", url, headers={"Authorization": f"Bearer {play.jwt()}"})
        seen += [each["id"] for each in answer.json()]
        url = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == [each.id for each in reversed(play.github.deliveries)]
