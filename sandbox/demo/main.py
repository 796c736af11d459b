"""Starts everything that a release needs on loopback, plays one, and stays up to be looked at."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from sandbox import App, Sandbox
from sandbox.demo.console import Console
from sandbox.demo.story import MANIFEST, Story, StoryEnded
from sandbox.seed import Seeded, seed

HOST = "127.0.0.1"
READY_WITHIN = 30.0
EVENTS = ["issue_comment", "pull_request", "push", "check_run", "workflow_run", "workflow_job", "repository"]
PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "actions": "write",
}


def main(once: bool, port: int) -> int:
    """Play the demo. Exit status 0 when the release went through, 1 when not, 2 when it could not start."""
    console = Console()
    if shutil.which("git") is None:
        console.failed("There is no git on this machine: install git 2.38 or newer (Debian: apt-get install git).")
        return 2
    if not 0 < port < 65535:
        console.failed(f"Port {port} will not do: choose one from 1 to 65534, it and the next are used.")
        return 2
    for each in (port, port + 1):
        if not _is_free(each):
            console.failed(f"Port {each} is in use: stop what listens there, or choose two others: make demo PORT=9000")
            return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends the demo ends the bot with it
    with tempfile.TemporaryDirectory(prefix="manifest-release-bot-") as folder:
        return _play(console, Path(folder), once, port)


def _play(console: Console, folder: Path, once: bool, port: int) -> int:
    console.title("A GitHub, a manifest repository and the bot, on this machine")
    sandbox = Sandbox(folder / "github", host=HOST, port=port + 1)
    sandbox.start()
    try:
        seeded = seed(sandbox)
        console.done("sandbox GitHub with coreos/manifest and its projects", f"{sandbox.url}/{MANIFEST}")
        secret = secrets.token_hex(20)
        url = f"http://{HOST}:{port}"
        app = sandbox.create_app("manifest-release-bot", f"{url}/webhook", secret, PERMISSIONS, EVENTS)
        sandbox.install(app, [MANIFEST, "coreos/scripts"])
        with _bot(environment(sandbox, app, secret, folder / "data", port), folder / "bot.log") as bot:
            _wait_until_ready(url, bot)
            console.done("the bot: receiver (gunicorn), worker and a SQLite store", url)
            return _tell(console, sandbox, seeded, once, folder)
    except StoryEnded as ended:
        console.failed(f"{ended} The last lines of the bot's log:")
        console.quote("\n".join(_log(folder).splitlines()[-15:]))
        return 1
    except KeyboardInterrupt:
        console.text("")
        return 0
    finally:
        console.text("Ending the bot and the sandbox.")
        sandbox.stop()


def _tell(console: Console, sandbox: Sandbox, seeded: Seeded, once: bool, folder: Path) -> int:
    story = Story(sandbox, seeded, console)
    try:
        story.play()
    finally:
        story.close()
    if once:
        return 0
    console.title("It stays up to be looked at; Ctrl-C ends everything")
    console.table(
        ["what", "where"],
        [
            ["the repository's pages", f"{sandbox.url}/{MANIFEST}"],
            ["its git repository", str(sandbox.repository(MANIFEST).path)],
            ["the bot's log", str(folder / "bot.log")],
            ["octocat's token", f"{sandbox.user('octocat').token} (REST below {sandbox.api_url})"],
        ],
    )
    threading.Event().wait()
    return 0


def environment(sandbox: Sandbox, app: App, secret: str, data: Path, port: int) -> dict[str, str]:
    """The operator's environment of a bot that serves this sandbox; quick polling, so that nobody waits."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "APP_ID": str(app.id),
        "PRIVATE_KEY": app.private_key,
        "WEBHOOK_SECRET": secret,
        "MARKER_KEY": secrets.token_hex(32),
        "DATA_DIR": str(data),
        "GITHUB_API_URL": sandbox.api_url,
        "GITHUB_WEB_URL": sandbox.url,
        "BASE_URL": f"http://{HOST}:{port}",
        "SANDBOX": "1",
        "HOST": HOST,
        "PORT": str(port),
        "POLL_SECONDS": "0.5",
        "QUEUE_POLL_SECONDS": "0.05",
        "DISPATCH_LOOKUP_SECONDS": "5",
    }


@contextmanager
def _bot(env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m bot serve` as its user runs it, ended with SIGTERM."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "bot", "serve"], env=dict(env), stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, bot: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        if bot.poll() is not None:
            raise StoryEnded("The bot ended at once.")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - an address of our own
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise StoryEnded(f"The bot was not ready within {READY_WITHIN:.0f} s.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _log(folder: Path) -> str:
    path = folder / "bot.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
