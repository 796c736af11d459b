"""A PostgreSQL server of the tests' own: made once a session in a temporary folder, stopped and killed at will.

It listens on a port of this machine's own address and trusts whoever connects. What is committed outlives its
processes, but not the machine. PostgreSQL refuses to run as root, so there it runs as the user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.stage import free_port

MISSING = "PostgreSQL's programs are not on this machine (on Debian: apt install postgresql)"
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


class Missing(Exception):
    """There are no programs, or nobody to run them as. The message is the reason to skip."""


@dataclass
class Server:
    """One cluster of databases."""

    programs: Path
    folder: Path
    port: int
    made: int = 0

    def url(self, database: str = "postgres") -> str:
        """Its address, as DATABASE_URL takes it."""
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """A fresh empty database; its address."""
        self.made += 1
        name = f"test_{self.made}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        options += "".join(f" -c {name}={value}" for name, value in SETTINGS.items())
        self._control("start", "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop it as an operator does who cannot wait: whoever is connected loses the connection."""
        self._control("stop", "-w", "-m", "fast")

    def kill(self) -> None:
        """End it without warning, as a power cut does."""
        self._control("stop", "-w", "-m", "immediate")

    def pause(self) -> None:
        """Let every process of it stand still: it takes connections and never answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of the pause."""
        self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def initialise(self) -> None:
        """Make the cluster."""
        shell = ["-D", str(self.folder / "data"), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        _run(self.programs / "initdb", *shell)

    def _control(self, *arguments: str) -> None:
        _run(self.programs / "pg_ctl", "-D", str(self.folder / "data"), *arguments)

    def _signal(self, number: signal.Signals) -> None:
        leader = int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
        for pid in [leader, *map(int, children)]:
            os.kill(pid, number)


def _run(program: Path, *arguments: str) -> None:
    # As root: the user is changed in the child, which keeps neither our groups nor our folder.
    owner = _owner()
    who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    with tempfile.TemporaryFile() as said:
        # A file, not a pipe: the server that pg_ctl leaves running would hold a pipe open for ever.
        done = subprocess.run(
            [str(program), *arguments], check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env,
            cwd="/", **who,  # type: ignore[call-overload]
        )  # fmt: skip
        said.seek(0)
        assert done.returncode == 0, f"{program.name}: {said.read().decode(errors='replace')}"


def _owner() -> pwd.struct_passwd | None:
    """Who must run it: nobody else than us, unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("PostgreSQL does not run as root, and there is no user `postgres`") from None


def _programs() -> Path:
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise Missing(MISSING)
    return newest.parent


@contextmanager
def server() -> Iterator[Server]:
    """A running server, ended and deleted at the end. Raises Missing."""
    programs, owner = _programs(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    made = Server(programs, folder, free_port())
    try:
        made.initialise()
        made.start()
        yield made
    finally:
        if made.running:
            made.kill()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_there(url: str, seconds: float = 20.0) -> None:
    """Wait until the database answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.1)
