"""A manifest repository in the shape of 2013 with its projects, served over HTTP, and a person at a shell beside it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.bare import Git
from sandbox.seed import Seeded, commit_files, seed
from sandbox.seed_files import FILE, Files
from sandbox.server import RepositoryHandle
from tests.git_server import GitServer, git_server

ROOT = Path(__file__).resolve().parent.parent.parent
NOW = "2013-10-25T12:00:00+00:00"
"""The day 116 of the build numbers."""
PATIENCE = 60.0


@cache
def _made(root: Path) -> Seeded:
    """All repositories, made once; every test works on a copy."""
    sandbox = Sandbox(root)
    sandbox.start()
    try:
        return seed(sandbox)
    finally:
        sandbox.stop()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """The server, what is on it, and a person with a clone of the manifest repository."""

    server: GitServer
    seeded: Seeded
    home: Path

    @property
    def url(self) -> str:
        return f"{self.server.origin}/coreos/manifest"

    @property
    def clone(self) -> Path:
        return self.home / "manifest"

    def bare(self, name: str = "coreos/manifest") -> RepositoryHandle:
        """A repository on the server."""
        path = self.server.root / f"{name}.git"
        return RepositoryHandle(0, name, path, Git(path))

    def commit(self, name: str, branch: str, files: Files, subject: str = "a change") -> str:
        """A commit that somebody else pushes."""
        return commit_files(self.bare(name), branch, files, subject)

    def make_tracking(self) -> None:
        """Turn the main branch to layout *tracking*: release.xml is a file, and two projects get branches."""
        show = self.bare().git.run
        configuration = show("show", "master:.github/manifest-release.yml")
        changes = {
            "release.xml": show("show", "master:build-115.xml"),
            ".github/manifest-release.yml": f"{configuration}\nmanifest: {{branch_projects: [etcd, init]}}",
        }
        files = {path: (FILE, f"{text}\n".encode()) for path, text in changes.items()}
        self.commit("coreos/manifest", "master", {"release.xml": None})
        self.commit("coreos/manifest", "master", files)

    def refs(self) -> dict[str, str]:
        """What the server has."""
        return self.bare().git.refs()

    def env(self, **changes: str) -> dict[str, str]:
        """The person's environment."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_NOSYSTEM": "1",
            **changes,
        }

    def git(self, *arguments: str) -> str:
        """The person's git, in the clone."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.clone, capture_output=True, text=True, env=self.env(), check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")

    def words(self, command: str, *more: str) -> list[str]:
        """The command line; what reads projects is told where they are."""
        return [sys.executable, "-m", "bot", command, "--origin", self.server.origin, *more]

    def run(self, command: str, *more: str, cwd: Path | None = None, **env: str) -> Done:
        """One command to its end, without a terminal."""
        done = subprocess.run(
            self.words(command, *more),
            cwd=cwd or self.clone,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.env(**env),
            check=False,
            timeout=PATIENCE,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def plan(self, *more: str) -> Done:
        """`plan` at the fixed time."""
        return self.run("plan", "--now", NOW, *more)

    def release(self, *more: str) -> Done:
        """`release` at the fixed time."""
        return self.run("release", "--now", NOW, *more)

    def at_terminal(self, *words: str, answer: str | Callable[[], str] | None = None, until: str = "[y/N] ") -> Done:
        """One command on a terminal. When `until` is read, the answer is typed; None: Ctrl-C is."""
        person, terminal = pty.openpty()
        process = subprocess.Popen(
            self.words(*words),
            cwd=self.clone,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self.env(),
            start_new_session=True,
        )
        os.close(terminal)
        read, typed = "", False
        while data := _read(person):
            read += data.decode()
            if until in read and not typed:
                typed = True
                if answer is None:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(person, f"{answer if isinstance(answer, str) else answer()}\n".encode())
        os.close(person)
        return Done(process.wait(PATIENCE), read.replace("\r\n", "\n"), "")


def _read(terminal: int) -> bytes:
    """What comes next, b"" at the end."""
    if not select.select([terminal], [], [], PATIENCE)[0]:
        raise TimeoutError("the command says nothing more")
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # how Linux says that the other side is closed


@pytest.fixture
def desk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A copy of everything, served until the test ends."""
    template = tmp_path_factory.getbasetemp() / "seeded"
    seeded = _made(template)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Brandon Release\n\temail = brandon@example.com\n")
    shutil.copytree(template, tmp_path / "served", symlinks=True)
    with git_server(tmp_path / "served") as server:
        made = Desk(server, seeded, home)
        subprocess.run(["git", "clone", "-q", made.url, made.clone], env=made.env(), check=True)
        yield made
