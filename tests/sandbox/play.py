"""A seeded stand-in GitHub with an App on it, and a receiver that keeps what the App is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import urllib3

from sandbox import App, Person, Sandbox
from sandbox.faults import Faults
from sandbox.seed import Seeded, commit_files, seed

MANIFEST = "coreos/manifest"
EVENTS = [
    "check_run",
    "create",
    "delete",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "push",
    "repository",
    "workflow_job",
    "workflow_run",
]
RIGHTS = {
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "actions": "write",
    "checks": "write",
    "metadata": "read",
}


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def ago(self, seconds: float) -> str:
        return (self.time - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


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

    def heard(self, event: str) -> list[dict[str, Any]]:
        """The payloads of one event, in order."""
        return [json.loads(body) for headers, body in list(self.got) if headers["X-GitHub-Event"] == event]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Play:
    def __init__(self, folder: Path, faults: Faults | None = None) -> None:
        self.clock = Clock()
        self.hook = Hook()
        self.github = Sandbox(folder, clock=self.clock, speed=0.1, faults=faults)
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

    def jwt(self, age: int = 0, life: int = 540, key: str | None = None, app: App | None = None) -> str:
        app = app or self.app
        now = int(self.clock().timestamp()) - age
        claims = {"iat": now - 60, "exp": now + life, "iss": str(app.id)}
        return jwt.encode(claims, key or app.private_key, algorithm="RS256")

    def token(self, **narrow: Any) -> str:
        return self.token_of(self.app, self.installation, **narrow)

    def token_of(self, app: App, installation: int, **narrow: Any) -> str:
        path = f"/app/installations/{installation}/access_tokens"
        status, made = self.ask("POST", path, self.jwt(app=app), narrow)
        assert status == 201, made
        return str(made["token"])

    def person(self, login: str) -> Person:
        return self.github.person(login)

    def heard(self, event: str) -> list[dict[str, Any]]:
        """The payloads of one event so far, when all have come."""
        assert self.github.wait_idle()
        return self.hook.heard(event)

    def topic(self, name: str, base: str = "build-115", path: str = "NOTES") -> str:
        """A branch with one commit more than its base; the commit."""
        manifest = self.seeded.manifest
        manifest.git.update(f"refs/heads/{name}", manifest.git.refs()[f"refs/heads/{base}"])
        return commit_files(manifest, name, {path: ("100644", f"{name}\n".encode())}, f"a note of {name}")

    def until(self, look: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not look():
            assert time.monotonic() < end
            time.sleep(0.02)

    def close(self) -> None:
        self.pool.clear()
        self.github.stop()
        self.hook.close()
