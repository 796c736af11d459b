"""Looking refs up over real HTTP: what real git answers, what broken servers answer, and who is never asked at all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bot.core.pktline import FLUSH, line
from bot.remotes import LARGEST, FetchPolicy, Heads, Query, Remotes, Unreadable

ONE = "1" * 40
Reply = tuple[int, dict[str, str], bytes]
ROW = line(f"{ONE} refs/heads/main\n".encode())


class Server(ThreadingHTTPServer):
    """Answers each request as `reply` says, and keeps what was asked."""

    daemon_threads = False
    reply: Callable[[BaseHTTPRequestHandler, bytes], Reply]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.connections = 0


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the server's `reply`."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 5

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        status, headers, data = self.server.reply(self, body)
        if not status:  # hang up
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the reader had enough

    do_POST = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
        """Say nothing."""


@contextmanager
def serving(reply: Callable[[BaseHTTPRequestHandler, bytes], Reply]) -> Iterator[Server]:
    """A server on this machine for the length of a test."""
    with Server() as server:
        server.reply = reply
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def real(folder: Path, v2: bool = True) -> Callable[[BaseHTTPRequestHandler, bytes], Reply]:
    """Real git over the repositories in a folder; without `v2` it is one that knows only the old protocol."""

    def reply(request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        path = request.path.partition("?")[0].removesuffix("/info/refs").removesuffix("/git-upload-pack")
        advertise = request.command == "GET"
        version = request.headers.get("Git-Protocol", "") if v2 else ""
        command = ["git", "upload-pack", "--stateless-rpc", *(["--advertise-refs"] if advertise else [])]
        out = subprocess.run(
            [*command, str(folder / path.strip("/"))], input=body, capture_output=True, env=_env(GIT_PROTOCOL=version)
        )
        kind = "advertisement" if advertise else "result"
        head = line(b"# service=git-upload-pack\n") + FLUSH if advertise else b""
        return 200, {"Content-Type": f"application/x-git-upload-pack-{kind}"}, head + out.stdout

    return reply


def fixed(data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Callable[..., Reply]:
    """The same answer to every request."""
    return lambda request, body: (status, headers or {}, data)


def _env(**more: str) -> dict[str, str]:
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/dev/null", **who, **more}


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=_env(), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    for name in ("etcd", "empty"):
        (folder / name).mkdir(parents=True)
        _git(folder / name, "init", "-q", "--bare", "-b", "main")
    tree = _git(folder / "etcd", "mktree")
    commit = _git(folder / "etcd", "commit-tree", "-m", "first", tree)
    for ref in ("refs/heads/main", "refs/heads/main-2", "refs/heads/build-1", "refs/tags/light"):
        _git(folder / "etcd", "update-ref", ref, commit)
    _git(folder / "etcd", "tag", "-a", "-m", "one", "v1", commit)
    return folder


def ask(origin: str, path: str, refs: tuple[str, ...], tmp_path: Path, waits: list[float] | None = None) -> object:
    """The answer to one question of one repository."""
    query = Query("coreos/etcd", origin + path, refs)
    sleep = (waits if waits is not None else []).append
    with Remotes(FetchPolicy(origin=origin), tmp_path / "scratch", sleep=sleep, timeout=5) as remotes:
        return remotes.heads([query])[query]


@pytest.mark.parametrize("v2", [True, False], ids=["v2", "v0 only"])
class TestRealGit:
    def test_a_branch_is_found_exactly_and_its_name_is_no_prefix(
        self, v2: bool, repositories: Path, tmp_path: Path
    ) -> None:
        commit = _git(repositories / "etcd", "rev-parse", "main")
        with serving(real(repositories, v2)) as server:
            answer = ask(server.origin, "/etcd", ("refs/heads/main",), tmp_path)
        assert answer == Heads({"refs/heads/main": commit})
        assert server.seen[0][2]["git-protocol"] == "version=2"
        assert not any("authorization" in headers for _, _, headers in server.seen)

    def test_an_annotated_tag_is_peeled(self, v2: bool, repositories: Path, tmp_path: Path) -> None:
        commit = _git(repositories / "etcd", "rev-parse", "v1^{commit}")
        with serving(real(repositories, v2)) as server:
            answer = ask(server.origin, "/etcd", ("refs/tags/", "HEAD"), tmp_path)
        assert answer == Heads({"refs/tags/light": commit, "refs/tags/v1": commit, "HEAD": commit})

    def test_a_ref_that_is_not_there_is_left_out(self, v2: bool, repositories: Path, tmp_path: Path) -> None:
        with serving(real(repositories, v2)) as server:
            assert ask(server.origin, "/etcd", ("refs/heads/mai",), tmp_path) == Heads({})

    def test_an_empty_repository_has_no_refs(self, v2: bool, repositories: Path, tmp_path: Path) -> None:
        with serving(real(repositories, v2)) as server:
            assert ask(server.origin, "/empty", ("refs/heads/", "HEAD"), tmp_path) == Heads({})


@pytest.mark.parametrize(("status", "word"), [(401, "password"), (403, "forbids"), (404, "no such")])
def test_a_refusal_has_its_own_sentence_and_is_not_tried_again(status: int, word: str, tmp_path: Path) -> None:
    with serving(fixed(b"", status)) as server:
        answer = ask(server.origin, "/etcd", ("HEAD",), tmp_path)
    assert isinstance(answer, Unreadable)
    assert word in answer.reason
    assert (answer.tries, answer.transient, len(server.seen)) == (1, False, 1)


def test_a_server_that_is_down_for_two_tries_is_read_at_the_third(tmp_path: Path) -> None:
    answers = iter([(503, b""), (502, b""), (200, ROW + FLUSH)])
    waits: list[float] = []

    def reply(request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        status, data = next(answers)
        return status, {}, data

    with serving(reply) as server:
        assert ask(server.origin, "/etcd", ("refs/heads/main",), tmp_path, waits) == Heads({"refs/heads/main": ONE})
    assert len(waits) == 2
    assert 0 < waits[0] < waits[1]


def _broken(request: BaseHTTPRequestHandler, body: bytes) -> Reply:
    return 0, {}, b""


@pytest.mark.parametrize("reply", [fixed(b"", 500), _broken], ids=["500", "connection reset"])
def test_a_fault_that_stays_is_unreadable_after_three_tries_and_may_pass(
    reply: Callable[..., Reply], tmp_path: Path
) -> None:
    with serving(reply) as server:
        answer = ask(server.origin, "/etcd", ("HEAD",), tmp_path)
    assert isinstance(answer, Unreadable)
    assert (answer.tries, answer.transient, len(server.seen)) == (3, True, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ROW,
        b"<html>Sign in</html>",
        ROW + b"0000extra" * 9,
        line(f"{'a' * 64} HEAD\n".encode()) + FLUSH,
        b"\0" * 99,
    ],
    ids=["empty", "no flush", "html", "more after the flush", "sha256", "zeros"],
)
def test_garbage_is_never_taken_for_refs(data: bytes, tmp_path: Path) -> None:
    with serving(fixed(data)) as server:
        answer = ask(server.origin, "/etcd", ("refs/heads/main", "HEAD"), tmp_path)
    assert isinstance(answer, Unreadable)
    assert answer.reason


def test_a_huge_answer_is_refused(tmp_path: Path) -> None:
    with serving(fixed(ROW * (2 * LARGEST // len(ROW)) + FLUSH)) as server:
        answer = ask(server.origin, "/etcd", ("refs/heads/main",), tmp_path)
    assert isinstance(answer, Unreadable)
    assert "larger" in answer.reason


def test_a_redirect_to_another_host_is_refused_without_a_connection_to_it(tmp_path: Path) -> None:
    with serving(fixed(ROW + FLUSH)) as trap:
        there = {"Location": f"{trap.origin}/etcd/git-upload-pack"}
        with serving(fixed(b"", 302, there)) as server:
            answer = ask(server.origin, "/etcd", ("refs/heads/main",), tmp_path)
    assert isinstance(answer, Unreadable)
    assert trap.connections == 0


def test_a_redirect_on_the_same_host_is_followed_and_a_circle_is_not(tmp_path: Path) -> None:
    def reply(request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        name = request.path.split("/")[1]
        if name == "new":
            return 200, {}, ROW + FLUSH
        return 301, {"Location": f"/{'new' if name == 'old' else name}/git-upload-pack"}, b""

    with serving(reply) as server:
        assert ask(server.origin, "/old", ("refs/heads/main",), tmp_path) == Heads({"refs/heads/main": ONE})
        server.seen.clear()
        assert isinstance(ask(server.origin, "/circle", ("refs/heads/main",), tmp_path), Unreadable)
    assert 1 < len(server.seen) <= 12


def test_what_is_asked_twice_is_asked_once(tmp_path: Path) -> None:
    with serving(fixed(ROW + FLUSH)) as server:
        queries = [Query(str(n), server.origin + "/etcd", ("refs/heads/main",)) for n in range(40)]
        with Remotes(FetchPolicy(origin=server.origin), tmp_path / "scratch") as remotes:
            answers = remotes.heads(queries)
    assert answers == dict.fromkeys(queries, Heads({"refs/heads/main": ONE}))
    assert len(server.seen) == 1


HOSTILE = [
    "http://127.0.0.1:PORT/a",
    "https://127.0.0.1:PORT/a",
    "https://127.1:PORT/a",
    "https://2130706433:PORT/a",
    "https://0x7f000001:PORT/a",
    "https://0177.0.0.1:PORT/a",
    "https://0:PORT/a",
    "https://0.0.0.0:PORT/a",
    "https://localhost:PORT/a",
    "https://localhost.:PORT/a",
    "https://[::1]:PORT/a",
    "https://[::ffff:127.0.0.1]:PORT/a",
    "https://[::ffff:7f00:1]:PORT/a",
    "http://github.com/a",
    "https://github.com@127.0.0.1:PORT/a",
    "https://github.com:x@127.0.0.1:PORT/a",
    "https://127.0.0.1:PORT#@github.com/a",
    "https://127.0.0.1:PORT?@github.com/a",
    "https://127.0.0.1:PORT\\@github.com/a",
    "https://github.com\\@127.0.0.1:PORT/a",
    "https://user@github.com/a",
    "https://user:token@github.com/a",
    "https://github.com:PORT/a",
    "https://github.com/a?b",
    "https://github.com/a#b",
    "https://github.com/../a",
    "https://github.com/%2e%2e/a",
    "https://github.com/a%00b",
    "https://github.com/a%0d%0ab",
    "https://github.com.127.0.0.1.nip.io/a",
    "https://evilgithub.com/a",
    "https://googlesource.com.evil.test/a",
    "https://xn--gthub-n4a.com/a",
    "https://gıthub.com/a",  # noqa: RUF001 - that is the trick
    "file:///etc/passwd",
    "/etc/passwd",
    "../other",
    "git://127.0.0.1:PORT/a",
    "ftp://127.0.0.1:PORT/a",
    "gopher://127.0.0.1:PORT/a",
    "ssh://git@127.0.0.1:PORT/a",
    "ssh://git@127.0.0.1/a",
    "git@127.0.0.1:a",
    "ssh://root@github.com/a",
    "ssh://git@github.com:PORT/a",
    "ssh://-oProxyCommand=touch/a",
    "git@-oProxyCommand=touch:a",
    "ext::sh%20-c%20touch",
    "--upload-pack=touch",
    "-u",
    "fd::17",
    "https:///a",
    "https://",
    "javascript:alert(1)",
    "//127.0.0.1:PORT/a",
]


@pytest.mark.parametrize(
    "url", [*HOSTILE, "", " https://github.com/a", "https://github.com/a\nb", "https://git hub.com/a"]
)
def test_a_hostile_address_is_refused_and_nobody_is_called(url: str, tmp_path: Path) -> None:
    with serving(fixed(ROW + FLUSH)) as trap:
        query = Query("a", url.replace("PORT", str(trap.server_address[1])), ("refs/heads/main",))
        with Remotes(FetchPolicy(), tmp_path / "scratch") as remotes:
            answer = remotes.heads([query])[query]
    assert isinstance(answer, Unreadable)
    assert (answer.tries, answer.transient, trap.connections) == (0, False, 0)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://github.com/coreos/etcd.git", "https://github.com/coreos/etcd.git"),
        ("ssh://git@github.com/coreos/etcd", "https://github.com/coreos/etcd"),
        ("git@gitlab.com:a/b", "https://gitlab.com/a/b"),
        ("https://chromium.googlesource.com/x", "https://chromium.googlesource.com/x"),
    ],
)
def test_a_listed_host_is_asked_over_https(url: str, asked: str) -> None:
    assert FetchPolicy().address(url) == asked
