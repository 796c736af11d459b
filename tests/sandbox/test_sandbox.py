"""What the stand-in GitHub enforces: who asks, with which rights, for how long; and that it tells what happened."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from sandbox.person import Denied
from sandbox.seed import commit_files
from tests.sandbox.play import MANIFEST, Play


def test_an_app_is_known_by_a_short_lived_jwt_of_its_own_key(play: Play) -> None:
    other = play.github.create_app("other", "http://127.0.0.1:1/", "s" * 20, {}, [])
    assert play.ask("GET", "/app", play.jwt())[0] == 200
    assert play.ask("GET", "/app", play.jwt(age=3600))[0] == 401
    assert play.ask("GET", "/app", play.jwt(life=3600))[0] == 401
    assert play.ask("GET", "/app", play.jwt(age=-600))[0] == 401
    assert play.ask("GET", "/app", play.jwt(key=other.private_key))[0] == 401
    assert play.ask("GET", "/app", play.token())[0] == 401


def test_a_token_ends_after_an_hour(play: Play) -> None:
    token = play.token()
    assert play.ask("GET", f"/repos/{MANIFEST}", token)[0] == 200
    play.clock.time += timedelta(minutes=61)
    assert play.ask("GET", f"/repos/{MANIFEST}", token)[0] == 401


def test_a_token_can_do_what_it_was_made_for_and_no_more(play: Play) -> None:
    number = play.github.person("octocat").open_issue(MANIFEST, "x")
    path = f"/repos/{MANIFEST}/issues/{number}/comments"
    assert play.ask("POST", path, play.token(permissions={"contents": "write"}), {"body": "x"})[0] == 403
    assert play.ask("POST", path, play.token(permissions={"issues": "read"}), {"body": "x"})[0] == 403
    scripts = play.seeded.projects["coreos/scripts"].id
    assert play.ask("POST", path, play.token(repository_ids=[scripts]), {"body": "x"})[0] == 404
    assert play.ask("POST", path, play.token(permissions={"issues": "write"}), {"body": "x"})[0] == 201
    wide = {"permissions": {"administration": "write"}}
    assert play.ask("POST", f"/app/installations/{play.installation}/access_tokens", play.jwt(), wide)[0] == 422


@pytest.mark.parametrize(("login", "status"), [("mallory", 403), ("octocat", 200), ("hubot", 200)])
def test_people_merge_by_their_role(play: Play, login: str, status: int) -> None:
    manifest = play.seeded.manifest
    manifest.git.update("refs/heads/topic", manifest.git.refs()["refs/heads/build-115"])
    commit_files(manifest, "topic", {"NOTES": ("100644", b"x\n")}, "a note")
    number = play.github.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    if status == 200:
        assert play.github.person(login).merge(MANIFEST, number)
    else:
        with pytest.raises(Denied) as denied:
            play.github.person(login).merge(MANIFEST, number)
        assert denied.value.status == status


def test_each_way_to_merge_makes_the_commit_that_github_makes(play: Play) -> None:
    manifest, parents = play.seeded.manifest, {}
    for method in ("merge", "squash", "rebase"):
        manifest.git.update(f"refs/heads/{method}", manifest.git.refs()["refs/heads/build-115"])
        head = commit_files(manifest, method, {f"{method}.txt": ("100644", b"x\n")}, f"a note by {method}")
        number = play.github.person("octocat").open_pull(MANIFEST, method, "build-115", f"by {method}")
        merged = play.github.person("hubot").merge(MANIFEST, number, method)
        parents[method] = manifest.git.run("show", "-s", "--format=%P", merged).split()
        assert merged == manifest.git.refs()["refs/heads/build-115"] != head
        assert manifest.git.run("cat-file", "blob", f"{merged}:{method}.txt") == "x"
    assert {method: len(each) for method, each in parents.items()} == {"merge": 2, "squash": 1, "rebase": 1}


def test_deliveries_are_signed_logged_in_order_and_sent_again_on_demand(play: Play) -> None:
    number = play.github.person("octocat").open_issue(MANIFEST, "x")
    for text in ("one", "two"):
        play.github.person("octocat").comment(MANIFEST, number, text)
    assert play.github.wait_idle()
    assert [headers["X-GitHub-Event"] for headers, _ in play.hook.got] == ["installation", *["issue_comment"] * 2]
    assert [json.loads(body)["comment"]["body"] for _, body in play.hook.got[1:]] == ["one", "two"]
    headers, body = play.hook.got[1]
    mac = hmac.new(b"s" * 20, body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={mac}"
    first = play.github.deliveries[1]
    assert (first.status_code, first.redelivery) == (202, False)
    play.github.redeliver(first.id)
    assert play.github.wait_idle()
    assert play.hook.got[3][0]["X-GitHub-Delivery"] == first.guid


def test_a_dispatch_is_held_to_what_the_workflow_declares(play: Play) -> None:
    token, path = play.token(), "/repos/coreos/scripts/actions/workflows/image-build.yml/dispatches"
    whole = {"ref": "master", "inputs": {"tag": "v1", "correlation_id": "c"}, "return_run_details": True}
    assert play.ask("POST", path, token, {**whole, "inputs": {**whole["inputs"], "evil": "1"}})[0] == 422  # type: ignore[dict-item]
    assert play.ask("POST", path, token, {**whole, "inputs": {"tag": "v1"}})[0] == 422
    assert play.ask("POST", path.replace("image-build", "nothing"), token, whole)[0] == 404
    status, made = play.ask("POST", path, token, whole)
    assert status == 200
    assert made["workflow_run_id"]


def test_every_answer_tells_how_many_requests_are_left(play: Play) -> None:
    left = []
    for _ in range(2):
        answer = play.pool.request("GET", play.github.api_url + f"/repos/{MANIFEST}", retries=False)
        left.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert left[0] - left[1] == 1


def test_every_page_that_is_linked_answers_and_shows_no_hidden_marker(play: Play) -> None:
    number = play.github.person("octocat").open_issue(MANIFEST, "a <b>title</b>", "seen <!-- hidden -->")
    run = {"ref": "master", "inputs": {"tag": "v1", "correlation_id": "c"}, "return_run_details": True}
    path = "/repos/coreos/scripts/actions/workflows/image-build.yml/dispatches"
    made = play.ask("POST", path, play.token(), run)[1]
    pin, head = play.seeded.etcd_pin, play.seeded.etcd_release_head
    pages = ["/", f"/{MANIFEST}", f"/{MANIFEST}/issues/{number}", f"/coreos/etcd/compare/{pin}...{head}"]
    for page in [*(play.github.url + page for page in pages), made["html_url"], made["html_url"] + "/job/1"]:
        answer = play.pool.request("GET", page, retries=False)
        assert answer.status == 200, page
        assert b"hidden" not in answer.data
        assert b"<b>title" not in answer.data
    assert play.pool.request("GET", play.github.url + "/coreos/nothing", retries=False).status == 404
