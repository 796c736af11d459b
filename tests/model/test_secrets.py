"""No secret leaves memory: a release with failures is played, and every place it may have left one is searched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg import sql

from tests.oracle import Oracle
from tests.postgres import Missing, Server, server
from tests.stage import MANIFEST, MARKER_KEY, SECRET, Stage, stage

PATCH = "/release patch build-115 --allow-empty"
PREVIOUS = "the webhook secret from before it was changed"
PASSWORD = "a-password-of-the-database"
OWN = (SECRET, MARKER_KEY, PREVIOUS, PASSWORD)
SIGNS = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@contextmanager
def watched(seen: set[bytes]) -> Iterator[None]:
    """Collects the command lines of all processes while the block runs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue  # it has ended

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def canaries(play: Stage) -> set[bytes]:
    """Every secret of this bot, those that GitHub minted for it too."""
    pem = [line for key in (play.app.private_key, SIGNS) for line in key.splitlines() if not line.startswith("-")]
    return {each.encode() for each in (*OWN, *play.sandbox.world.tokens, *pem)}


def answers(play: Stage) -> bytes:
    """What the receiver says to what it is asked: deliveries, and whoever comes by."""
    http = urllib3.PoolManager(retries=False)
    told = [each.answer.encode() + repr(each.answer_headers).encode() for each in play.sandbox.deliveries]
    for method, path in (("GET", "/"), ("GET", "/webhook"), ("POST", "/webhook"), ("GET", "/healthz"), ("GET", "/x")):
        answer = http.request(method, f"http://127.0.0.1:{play.port}{path}", timeout=10)
        told.append(answer.data + repr(dict(answer.headers)).encode())
    http.clear()
    return b"\n".join(told)


def rows(url: str) -> bytes:
    """Everything that is in this database, ours and the engine's."""
    told: list[str] = []
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for each in names:
            query = sql.SQL("SELECT each::text FROM {} AS each").format(sql.Identifier(*each))
            told += [row[0] for row in connection.execute(query).fetchall()]
    assert len(told) > 1, "the database is empty"
    return "\n".join(told).encode()


@contextmanager
def database(store: str) -> Iterator[Server | None]:
    """A PostgreSQL server, where the store is to be in one."""
    if store == "sqlite":
        yield None
        return
    try:
        with server() as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_release_with_failures_leaves_no_secret_anywhere(tmp_path: Path, store: str) -> None:
    seen: set[bytes] = set()
    with database(store) as running, stage(tmp_path) as play, watched(seen):
        play.changes = {"WEBHOOK_SECRET_PREVIOUS": PREVIOUS, "SIGNING_KEY": SIGNS}
        if running:
            play.changes["DATABASE_URL"] = running.database().replace("tester@", f"tester:{PASSWORD}@")
        logs = [tmp_path / "web.log", tmp_path / "worker.log"]
        oracle = Oracle(play.sandbox, MANIFEST, [tmp_path / "data"], logs, (*OWN, SIGNS)).watch()
        play.migrate()
        play.start()
        play.sandbox.next_run("failure", "qemu")
        issue, comment = play.ask(PATCH)
        play.reply(issue, comment)
        number = play.pull()["number"]
        if running:
            running.stop()
            play.until("a word about the database", lambda: b"database" in logs[1].read_bytes())
            running.start()
        play.person("hubot").merge(MANIFEST, number)
        play.until("the end of the build", lambda: play.said(number, "end"))
        play.kill("worker")
        play.start("worker")
        assert oracle.settled() == []
        secrets = canaries(play)
        told = answers(play) + b"".join(path.read_bytes() for path in logs)
        told += rows(play.changes["DATABASE_URL"]) if running else b""
        assert [each for each in secrets if each in told] == []
        tag = play.sandbox.world.repository(MANIFEST)
        assert tag is not None
        assert "BEGIN SSH SIGNATURE" in tag.git.run("cat-file", "tag", "v115.0.1")
    lines = b"\n".join(seen)
    assert [each for each in secrets if each in lines] == []
    assert any(line.startswith(b"git\0") or b"/git\0" in line for line in seen), "no git was seen at work"
