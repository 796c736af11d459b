"""The receiver alone, as a real gunicorn on a real SQLite file, and deliveries signed as GitHub signs them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.stage import MARKER_KEY, SECRET, free_port

OLD_SECRET = "the webhook secret before this one"


def comment_payload(body: str = "/release patch build-115", comment: int = 5, **changes: Any) -> dict[str, Any]:
    """What GitHub sends when a person comments on an issue."""
    user = {"login": "octocat", "id": 2, "type": "User"}
    return {
        "action": "created",
        "issue": {"id": 3, "number": 40, "state": "open"},
        "comment": {
            "id": comment,
            "user": user,
            "body": body,
            "created_at": "2013-10-25T12:00:00Z",
            "performed_via_github_app": None,
        },
        "repository": {"id": 7, "full_name": "coreos/manifest"},
        "installation": {"id": 9},
        "sender": user,
        **changes,
    }


def sign(body: bytes, secret: str = SECRET) -> str:
    """The signature header's value."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class DoorUnderTest:
    """A running receiver."""

    port: int
    database: Path
    process: subprocess.Popen[bytes]

    def deliver(
        self,
        payload: Any,
        event: str = "issue_comment",
        headers: Mapping[str, str | None] | None = None,
        secret: str = SECRET,
        method: str = "POST",
    ) -> int:
        """POST a payload (bytes go as they are), signed; headers of None are left out. The status."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent: dict[str, str | None] = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": sign(body, secret),
            **(headers or {}),
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(
                method, "/webhook", body, {name: value for name, value in sent.items() if value is not None}
            )
            return connection.getresponse().status

    def raw(self, data: bytes, end: bool = True) -> int:
        """Send these bytes and read the status line; 0 where the connection is closed without one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            try:
                connection.sendall(data)
                if end:
                    connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
            except TimeoutError:
                raise
            except OSError:  # the other side has closed it already
                return 0
        return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/") else 0

    def pids(self) -> list[int]:
        """The receiver's processes, the one that watches the others first."""
        watcher = self.process.pid
        return [watcher, *map(int, Path(f"/proc/{watcher}/task/{watcher}/children").read_text().split())]

    def kill(self) -> None:
        """SIGKILL to all of them at once."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    @contextmanager
    def no_file_grows_beyond(self, size: int) -> Iterator[None]:
        """What a full disk does to the receiver: writing beyond this size fails."""
        pids = self.pids()
        before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[pid][1]))
        yield
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before[pid])

    def stored(self) -> list[tuple[str, str]]:
        """Key and intents of everything in the inbox, oldest first."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT key, intents FROM inbox ORDER BY seq").fetchall()

    def queued(self) -> int:
        """How much work is queued."""
        with closing(sqlite3.connect(self.database)) as connection:
            return int(connection.execute("SELECT count(*) FROM workflow_status").fetchone()[0])


def private_key() -> str:
    """A fresh RSA key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def environment(folder: Path, port: int, **changes: str) -> dict[str, str]:
    """An operator's environment for a receiver whose GitHub is never called."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "APP_ID": "1",
        "PRIVATE_KEY": private_key(),
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_SECRET_PREVIOUS": OLD_SECRET,
        "MARKER_KEY": MARKER_KEY,
        "DATA_DIR": str(folder / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        **changes,
    }


@contextmanager
def door(folder: Path, **changes: str) -> Iterator[DoorUnderTest]:
    """A receiver that runs until the block ends."""
    port = free_port()
    env = environment(folder, port, **changes)
    subprocess.run([sys.executable, "-m", "bot", "migrate"], env=env, check=True, capture_output=True)
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bot", "web", "--embedded"], env=env, stdout=log, stderr=log)
    made = DoorUnderTest(port, folder / "data" / "bot.sqlite3", process)
    try:
        _wait(port)
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the receiver did not start")
