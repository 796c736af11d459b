"""An API that answers what it was told to, right or wrong."""

from __future__ import annotations

import email.utils
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bot.core.hub import RepositoryId

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOME = RepositoryId(7, 3, "coreos/manifest")


@dataclass(frozen=True)
class Answer:
    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0
    length: int | None = None


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    token: str
    body: object


class Server:
    """Answers each path with the next of its answers, and its last one from then on."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self.minted = 0
        self.clock = NOW
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.partition("?")[0]
                server.requests.append(Request(self.command, path, self.headers.get("Authorization", ""), body))
                self.send(server.next_answer(path))

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def send(self, answer: Answer) -> None:
                time.sleep(answer.delay)
                data = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data) if answer.length is None else answer.length))
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = answer.length is not None

            def date_time_string(self, timestamp: float | None = None) -> str:
                return email.utils.format_datetime(server.clock, usegmt=True)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def next_answer(self, path: str) -> Answer:
        if path.endswith("/access_tokens") and path not in self.answers:
            self.minted += 1
            repositories = [{"id": HOME.id, "full_name": HOME.name}]
            expires = (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
            return Answer(
                {"token": f"ghs_canary{self.minted}", "expires_at": expires, "repositories": repositories}, 201
            )
        waiting = self.answers.get(path) or [Answer({"message": "Not Found"}, 404)]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def seen(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)
