"""Looking up many refs, with tokens and without, from servers that are old, slow, gone or of another kind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.pktline import FLUSH, line
from bot.core.refs import RepositoryUrl
from bot.curl import Request
from bot.ls_refs import Question
from bot.remotes import DEAD, FetchPolicy, Heads, Query, Remotes, Unreadable
from tests.git_server import FILES, Asked, GitServer, Reply, git_server

MASTER = "refs/heads/master"
ONE = "1" * 40
TOKEN = "ghs_a0canary0token0that0nobody0may0see"
ANSWER = Reply(200, line(f"{ONE} {MASTER}\n".encode()) + FLUSH)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def remotes(server: GitServer, tmp_path: Path) -> Iterator[Remotes]:
    with Remotes(FetchPolicy(origin=server.origin), tmp_path / "scratch", sleep=lambda _: None, timeout=10.0) as opened:
        yield opened


def ask(remotes: Remotes, url: str, token: str | None = None) -> Heads | Unreadable:
    query = Query("coreos/etcd", url, (MASTER,))
    return remotes.heads([query], tokens={url: token} if token else None)[query]


def test_many_repositories_are_read_over_few_connections_and_progress_is_told(
    remotes: Remotes, server: GitServer
) -> None:
    server.rules.append(lambda asked: ANSWER)
    queries = [Query(f"p{number}", server.url(f"p{number}"), (MASTER,)) for number in range(300)]
    told: list[tuple[int, int]] = []
    answers = remotes.heads(queries, lambda done, total: told.append((done, total)))
    assert answers == dict.fromkeys(queries, Heads({MASTER: ONE}))
    assert told == [(number, 300) for number in range(1, 301)]
    assert len(server.asked) == 300
    assert len({asked.connection for asked in server.asked}) <= 32
    remotes.heads(queries)
    assert len({asked.connection for asked in server.asked}) <= 40


def test_as_many_are_asked_at_once_as_is_allowed_while_servers_are_slow_and_no_more(
    server: GitServer, tmp_path: Path
) -> None:
    all_there, lock, now, most = threading.Barrier(12), threading.Lock(), [0], [0]

    def slow(asked: Asked) -> Reply:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        all_there.wait(30)
        with lock:
            now[0] -= 1
        return ANSWER

    server.rules.append(slow)
    queries = [Query("p", server.url(f"p{number}"), (MASTER,)) for number in range(60)]
    with Remotes(FetchPolicy(origin=server.origin), tmp_path / "scratch", at_once=12, timeout=40.0) as remotes:
        assert remotes.heads(queries) == dict.fromkeys(queries, Heads({MASTER: ONE}))
    assert most == [12]


def test_a_fault_of_ours_in_a_thread_is_not_lost(remotes: Remotes, server: GitServer) -> None:
    server.rules.append(lambda asked: ANSWER)
    queries = [Query("p", server.url(f"p{number}"), (MASTER,)) for number in range(40)]

    def fail(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remotes.heads(queries, fail)


def test_one_post_is_all_that_a_server_of_today_is_asked(remotes: Remotes, server: GitServer) -> None:
    commit = server.project("etcd").commit(FILES)
    assert ask(remotes, server.url("etcd")) == Heads({MASTER: commit})
    assert [(asked.method, asked.path) for asked in server.asked] == [("POST", "/etcd.git/git-upload-pack")]


def test_a_sha256_repository_has_its_own_sentence(remotes: Remotes, server: GitServer) -> None:
    server.project("etcd", object_format="sha256").commit(FILES)
    answer = ask(remotes, server.url("etcd"))
    assert answer == Unreadable("its object names are SHA-256; only SHA-1 is read", 1, transient=False)


@pytest.mark.parametrize("status", [400, 405, 415, 501])
def test_a_server_that_takes_no_post_is_read_by_git(status: int, remotes: Remotes, server: GitServer) -> None:
    project = server.project("etcd")
    commit = project.commit(FILES)
    project.git("update-server-info")

    def dumb(asked: Asked) -> Reply | None:
        if asked.method == "POST":
            return Reply(status)
        path = server.root / asked.path.partition("?")[0].strip("/")
        return Reply(200, path.read_bytes()) if path.is_file() else Reply(404)

    server.rules.append(dumb)
    assert ask(remotes, server.url("etcd")) == Heads({MASTER: commit})


def test_nothing_is_sent_for_names_that_no_ref_can_have(remotes: Remotes, server: GitServer) -> None:
    query = Query("p", server.url("etcd"), ("", "refs/heads/a\nref-prefix refs/", "--all", "refs/heads/\ud800", "a b"))
    assert remotes.heads([query]) == {query: Heads({})}
    assert not server.asked


def test_what_was_not_asked_for_is_left_out(remotes: Remotes, server: GitServer) -> None:
    rows = [f"{ONE} {MASTER}", f"{ONE} {MASTER}-2", f"{ONE} refs/tags/evil", f"{ONE} HEAD"]
    server.rules.append(lambda asked: Reply(200, b"".join(line(f"{row}\n".encode()) for row in rows) + FLUSH))
    assert ask(remotes, server.url("etcd")) == Heads({MASTER: ONE})


def test_a_token_goes_to_the_address_that_it_is_for_and_to_no_other(remotes: Remotes, server: GitServer) -> None:
    server.rules.append(lambda asked: ANSWER)
    urls = [server.url("secret"), server.url("open")]
    remotes.heads([Query(url, url, (MASTER,)) for url in urls], tokens={urls[0]: TOKEN})
    sent = {asked.path.split("/")[1]: asked.headers.get("authorization", "") for asked in server.asked}
    assert sent["secret.git"].startswith("Basic ")
    assert sent["open.git"] == ""


def test_a_token_does_not_follow_a_redirect(remotes: Remotes, server: GitServer) -> None:
    def moved(asked: Asked) -> Reply:
        there = {"Location": "/new.git/git-upload-pack"}
        return ANSWER if asked.path.startswith("/new") else Reply(301, b"moved", there)

    server.rules.append(moved)
    assert ask(remotes, server.url("old"), TOKEN) == Heads({MASTER: ONE})
    assert ["authorization" in asked.headers for asked in server.asked] == [True, False]


def test_a_token_is_used_by_git_too_and_told_to_nobody(remotes: Remotes, server: GitServer) -> None:
    def old(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Reply(405)
        return Reply(401, TOKEN.encode(), {"WWW-Authenticate": "Basic", "Content-Type": "text/plain"})

    server.rules.append(old)
    answer = ask(remotes, server.url("secret"), TOKEN)
    assert isinstance(answer, Unreadable)
    assert "password" in answer.reason
    assert TOKEN not in repr(answer)
    assert all("authorization" in asked.headers for asked in server.asked)


def test_no_secret_is_in_what_a_question_looks_like() -> None:
    address = RepositoryUrl("https://github.com/a/b")
    assert TOKEN not in repr(Question("p", address, (MASTER,), TOKEN))
    assert TOKEN not in repr(Request("p", address, (f"Authorization: {TOKEN}",), TOKEN.encode()))


@pytest.mark.parametrize(
    "location",
    ["https://127.0.0.1:1/x/git-upload-pack", "http://127.0.0.1:1/x", "file:///etc/passwd", "http://[", "//a@b/c"],
)
def test_a_redirect_elsewhere_is_refused_with_its_sentence(location: str, remotes: Remotes, server: GitServer) -> None:
    server.rules.append(lambda asked: Reply(302, headers={"Location": location}))
    assert ask(remotes, server.url("etcd")) == Unreadable("it redirects to another host", 1, transient=False)


def test_a_server_that_says_nothing_is_a_timeout_after_three_tries(server: GitServer, tmp_path: Path) -> None:
    ended = threading.Event()

    def silent(asked: Asked) -> Reply:
        ended.wait(10)
        return Reply()

    server.rules.append(silent)
    policy = FetchPolicy(origin=server.origin)
    with Remotes(policy, tmp_path / "scratch", sleep=lambda _: None, timeout=0.2) as remotes:
        answer = ask(remotes, server.url("etcd"))
    ended.set()
    assert answer == Unreadable("timeout, 3 tries", 3, transient=True)


def test_an_answer_that_drips_is_a_timeout(server: GitServer, tmp_path: Path) -> None:
    ended = threading.Event()

    def drip(asked: Asked) -> Reply:
        return Reply(200, length=100_000, drip=lambda: None if ended.wait(0.05) else b"0")

    server.rules.append(drip)
    began = time.monotonic()
    policy = FetchPolicy(origin=server.origin)
    with Remotes(policy, tmp_path / "scratch", sleep=lambda _: None, timeout=0.3) as remotes:
        answer = ask(remotes, server.url("etcd"))
    ended.set()
    assert answer == Unreadable("timeout, 3 tries", 3, transient=True)
    assert time.monotonic() - began < 10


def test_an_answer_that_never_ends_is_cut_off(remotes: Remotes, server: GitServer) -> None:
    server.rules.append(lambda asked: Reply(200, length=1 << 40, drip=lambda: bytes(1 << 16)))
    answer = ask(remotes, server.url("etcd"))
    assert answer == Unreadable("the answer is larger than 4,096 KiB", 1, transient=False)


def test_an_answer_that_breaks_off_is_tried_again(remotes: Remotes, server: GitServer) -> None:
    replies = iter([Reply(200, ANSWER.body[:-4], length=len(ANSWER.body)), ANSWER])
    server.rules.append(lambda asked: next(replies))
    assert ask(remotes, server.url("etcd")) == Heads({MASTER: ONE})


def test_a_host_where_nobody_listens_is_given_up_for_all_its_repositories(tmp_path: Path) -> None:
    waits: list[float] = []
    origin = "http://127.0.0.1:1"
    queries = [Query(str(number), f"{origin}/{number}", (MASTER,)) for number in range(200)]
    with Remotes(FetchPolicy(origin=origin), tmp_path / "scratch", sleep=waits.append, at_once=4) as remotes:
        answers = remotes.heads(queries)
    reasons = {answer.reason for answer in answers.values() if isinstance(answer, Unreadable)}
    assert reasons == {"its host cannot be reached, 3 tries", "127.0.0.1:1 does not answer"}
    assert len(waits) < DEAD + 8


def test_a_host_that_answered_is_not_given_up_for_the_silence_of_others(server: GitServer, tmp_path: Path) -> None:
    ended = threading.Event()

    def some(asked: Asked) -> Reply:
        if asked.path.startswith("/silent"):
            ended.wait(20)
        return ANSWER

    server.rules.append(some)
    queries = [Query("p", server.url("good"), (MASTER,))]
    queries += [Query("p", server.url(f"silent-{number}"), (MASTER,)) for number in range(DEAD + 4)]
    policy = FetchPolicy(origin=server.origin)
    with Remotes(policy, tmp_path / "scratch", sleep=lambda _: None, timeout=1.0) as remotes:
        answers = list(remotes.heads(queries).values())
    ended.set()
    assert answers == [Heads({MASTER: ONE}), *[Unreadable("timeout, 3 tries", 3, transient=True)] * (DEAD + 4)]


def test_a_server_that_asks_for_patience_gets_it(server: GitServer, tmp_path: Path) -> None:
    waits: list[float] = []
    replies = iter([Reply(429, headers={"Retry-After": "7"}), Reply(503, headers={"Retry-After": "86400"}), ANSWER])
    server.rules.append(lambda asked: next(replies))
    with Remotes(FetchPolicy(origin=server.origin), tmp_path / "scratch", sleep=waits.append) as remotes:
        assert ask(remotes, server.url("etcd")) == Heads({MASTER: ONE})
    assert waits == [7.0, 10.0]


PROXIED = """
import sys
from pathlib import Path
from bot.remotes import *
for origin in sys.argv[1:]:
    query = Query("p", origin + "/etcd", ("refs/heads/master",))
    with Remotes(FetchPolicy(origin=origin), Path("/none")) as remotes:
        print(remotes.heads([query])[query])
"""


def test_the_operators_proxy_is_used_where_there_is_one(server: GitServer) -> None:
    server.rules.append(lambda asked: ANSWER)
    subprocess.run(
        [sys.executable, "-c", PROXIED, "http://git.example.com", server.origin],
        env={"PATH": os.environ["PATH"], "http_proxy": server.origin, "no_proxy": "127.0.0.1", "PYTHONPATH": "."},
        check=True,
    )
    asked = [each.path for each in server.asked]
    assert asked == ["http://git.example.com/etcd/git-upload-pack", "/etcd/git-upload-pack"]
