"""Receiver and worker together, as the operator starts and ends them; and what is said when they cannot start."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.app import create_app
from tests.door import environment
from tests.stage import free_port

NOWHERE = "http://127.0.0.1:9"


class Place:
    """A folder and a port to serve from. Its GitHub is never there."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        github = {"SANDBOX": "1", "GITHUB_API_URL": NOWHERE, "GITHUB_WEB_URL": NOWHERE}
        self.env = environment(folder, self.port, **github)
        self._lock = folder / "data" / "worker.lock"
        self._log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def serve(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "bot", "serve"], env=self.env, stderr=log)
        wait_for(lambda: self.listens() and self.works())
        return self.process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=30, check=False)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def works(self) -> bool:
        """Whether a worker holds the store."""
        if not self._lock.exists():
            return False
        with self._lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def children(self) -> list[int]:
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.terminate()
        made.process.wait(20)


def wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_both_cleanly_within_ten_seconds(place: Place, number: signal.Signals) -> None:
    serving = place.serve()
    began = time.monotonic()
    serving.send_signal(number)
    assert serving.wait(20) == 0
    assert time.monotonic() - began < 10
    assert not place.listens()
    assert not place.works()


def test_a_process_that_dies_is_started_again(place: Place) -> None:
    place.serve()
    before = place.children()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(place.children()) == 2 and not set(place.children()) & set(before))
    wait_for(lambda: place.listens() and place.works())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_nothing_is_left_running_when_the_supervisor_is_killed(place: Place) -> None:
    serving = place.serve()
    serving.kill()
    serving.wait()
    wait_for(lambda: not place.listens() and not place.works())


def test_a_port_in_use_is_one_sentence(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.port)):
        refused = place.run("bot", "serve")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"Cannot listen on 127.0.0.1:{place.port}: Address already in use. Set PORT to another one.\n"
    )


@pytest.mark.parametrize("command", ["web", "worker"])
def test_apart_they_need_a_database_and_say_why(place: Place, command: str) -> None:
    refused = place.run("bot", command)
    assert refused.returncode == 2
    assert refused.stderr.startswith("DATABASE_URL is not set: web and worker run apart only on a PostgreSQL database")
    assert "Traceback" not in refused.stderr


def test_the_procfiles_web_says_the_same_and_does_not_try_for_ever(place: Place) -> None:
    refused = place.run("gunicorn", "--config", "gunicorn.conf.py", "bot.app:create_app()")
    assert refused.returncode == 3
    assert "DATABASE_URL is not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_every_fault_of_the_environment_is_one_line(place: Place) -> None:
    place.env.update(PORT="99999", WEBHOOK_SECRET="changeme")
    refused = place.run("bot", "serve")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    assert "changeme" not in refused.stderr


def test_a_database_that_is_away_is_one_sentence_without_its_password(place: Place) -> None:
    place.env["DATABASE_URL"] = "postgresql://bot:canary-password@127.0.0.1:9/bot"
    failed = place.run("bot", "migrate")
    assert failed.returncode == 1
    assert failed.stderr.startswith("database: ")
    assert "canary" not in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """create_app takes over the logging of its process, which here is pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_without_credentials_the_door_is_shut_and_says_what_is_missing() -> None:
    client = create_app({}).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.post("/webhook")
    assert answer.status_code == 503
    assert "APP_ID" in answer.text


@pytest.mark.usefixtures("logging_restored")
def test_readiness_is_told_apart_from_health(place: Place) -> None:
    client = create_app(place.env, embedded=True).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert place.run("bot", "migrate").returncode == 0
    assert client.get("/readyz").status_code == 200
