"""What the stand-in GitHub enforces: who asks, with which rights, for how long; and that it tells what happened."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import urllib3

from sandbox import App, Sandbox
from sandbox.person import Denied
from sandbox.seed import Seeded, commit_files, seed

MANIFEST = "coreos/manifest"
EVENTS = ["issue_comment", "pull_request", "push", "workflow_run", "workflow_job"]
RIGHTS = {"contents": "write", "issues": "write", "actions": "write", "checks": "write", "metadata": "read"}


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


class Hook:
    """A webhook's receiver that keeps what came; it answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 202
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((dict(self.headers), body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Play:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.hook = Hook()
        self.github = Sandbox(folder, clock=self.clock, speed=0.1)
        self.github.start()
        self.seeded: Seeded = seed(self.github)
        url = f"http://127.0.0.1:{self.hook.server.server_port}/"
        self.app: App = self.github.create_app("bot", url, "s" * 20, RIGHTS, EVENTS)
        self.installation = self.github.install(self.app, [MANIFEST, "coreos/scripts"])
        self.pool = urllib3.PoolManager()

    def ask(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        answer = self.pool.request(method, self.github.api_url + path, headers=headers, body=data, retries=False)
        return answer.status, json.loads(answer.data) if answer.data else None

    def jwt(self, age: int = 0, life: int = 540, key: str | None = None) -> str:
        now = int(self.clock().timestamp()) - age
        claims = {"iat": now - 60, "exp": now + life, "iss": str(self.app.id)}
        return jwt.encode(claims, key or self.app.private_key, algorithm="RS256")

    def token(self, **narrow: Any) -> str:
        status, made = self.ask("POST", f"/app/installations/{self.installation}/access_tokens", self.jwt(), narrow)
        assert status == 201, made
        return str(made["token"])


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    made = Play(tmp_path)
    yield made
    made.pool.clear()
    made.github.stop()
    made.hook.close()


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
    assert [json.loads(body)["comment"]["body"] for _, body in play.hook.got] == ["one", "two"]
    headers, body = play.hook.got[0]
    mac = hmac.new(b"s" * 20, body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={mac}"
    first = play.github.deliveries[0]
    assert (first.status_code, first.redelivery) == (202, False)
    play.github.redeliver(first.id)
    assert play.github.wait_idle()
    assert play.hook.got[2][0]["X-GitHub-Delivery"] == first.guid


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
