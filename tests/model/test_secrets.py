"""No secret leaves memory: a release with failures is played, and every place it may have left one is searched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from tests.oracle import Oracle
from tests.stage import MANIFEST, MARKER_KEY, SECRET, Stage, stage

PATCH = "/release patch build-115 --allow-empty"


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
    key = [line for line in play.app.private_key.splitlines() if not line.startswith("-")]
    return {each.encode() for each in (SECRET, MARKER_KEY, *play.sandbox.world.tokens, *key)}


def answers(play: Stage) -> bytes:
    """What the receiver says to what it is asked: deliveries, and whoever comes by."""
    http = urllib3.PoolManager(retries=False)
    told = [each.answer.encode() + repr(each.answer_headers).encode() for each in play.sandbox.deliveries]
    for method, path in (("GET", "/"), ("GET", "/webhook"), ("POST", "/webhook"), ("GET", "/healthz"), ("GET", "/x")):
        answer = http.request(method, f"http://127.0.0.1:{play.port}{path}", timeout=10)
        told.append(answer.data + repr(dict(answer.headers)).encode())
    http.clear()
    return b"\n".join(told)


def test_a_release_with_failures_leaves_no_secret_anywhere(tmp_path: Path) -> None:
    seen: set[bytes] = set()
    with stage(tmp_path) as play, watched(seen):
        logs = [tmp_path / "web.log", tmp_path / "worker.log"]
        oracle = Oracle(play.sandbox, MANIFEST, [tmp_path / "data"], logs, (MARKER_KEY, SECRET)).watch()
        play.migrate()
        play.start()
        play.sandbox.next_run("failure", "qemu")
        issue, comment = play.ask(PATCH)
        play.reply(issue, comment)
        number = play.pull()["number"]
        play.person("hubot").merge(MANIFEST, number)
        play.until("the end of the build", lambda: play.said(number, "end"))
        play.kill("worker")
        play.start("worker")
        assert oracle.settled() == []
        secrets = canaries(play)
        told = answers(play)
        assert [each for each in secrets if each in told] == []
    lines = b"\n".join(seen)
    assert [each for each in secrets if each in lines] == []
    assert any(line.startswith(b"git\0") or b"/git\0" in line for line in seen), "no git was seen at work"
