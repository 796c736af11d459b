"""Looking refs up over bare HTTP: certificates, proxies, connections that end, and answers of every shape."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.core.pktline import FLUSH, line
from bot.remotes import LARGEST, FetchPolicy, Heads, Query, Remotes, Unreadable

MASTER = "refs/heads/master"
ONE = "1" * 40
BODY = line(f"{ONE} {MASTER}\n".encode()) + FLUSH
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
FOUND = Heads({MASTER: ONE})

Talk = Callable[[socket.socket, int], None]


@contextmanager
def talking(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server whose every connection, numbered from 0, is a conversation of the test's own; host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads: list[threading.Thread] = []

        def converse(opened: socket.socket, number: int) -> None:
            try:
                with context.wrap_socket(opened, server_side=True) if context else opened as wrapped:
                    talk(wrapped, number)
            except OSError:
                return  # the client hung up, as it should where the certificate is not good
            finally:
                opened.close()

        def accept() -> None:
            while True:
                opened, _ = listening.accept()
                if ended.is_set():
                    opened.close()
                    return
                threads.append(threading.Thread(target=converse, args=(opened, len(threads))))
                threads[-1].start()

        ended = threading.Event()
        accepting = threading.Thread(target=accept)
        accepting.start()
        host, port = listening.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            ended.set()
            socket.create_connection((host, port)).close()
            for thread in (accepting, *threads):
                thread.join()


def heard(opened: socket.socket) -> bytes:
    """One request, whole; nothing where the client hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = opened.recv(1 << 16)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        body += opened.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def always(reply: bytes) -> Talk:
    """The same bytes to every request, until the client hangs up."""

    def talk(opened: socket.socket, number: int) -> None:
        while heard(opened):
            opened.sendall(reply)

    return talk


def ask(origin: str, count: int = 1) -> list[Heads | Unreadable]:
    """The answers about some repositories of a server, asked in turn."""
    answers = []
    with Remotes(FetchPolicy(origin=origin), Path("/none"), sleep=lambda _: None, timeout=5.0) as remotes:
        for number in range(count):
            query = Query("p", f"{origin}/team/project-{number}", (MASTER,))
            answers.append(remotes.heads([query])[query])
    return answers


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailing: 1\r\n\r\n"


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: Chunked\r\n\r\n"
SHAPES = {
    "a length": PLAIN,
    "no words after the status": PLAIN.replace(b" OK", b""),
    "blanks around values": PLAIN.replace(b"Length: ", b"LENGTH:\t "),
    "chunks": CHUNKED + chunked(BODY[:3], BODY[3:50], BODY[50:]),
    "a length that chunks overrule": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n") + chunked(BODY),
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + PLAIN,
}


@pytest.mark.parametrize("reply", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_an_answer_of_any_shape_and_in_any_pieces_is_read_over_one_connection(reply: bytes, piece: int) -> None:
    connections = set()

    def talk(opened: socket.socket, number: int) -> None:
        connections.add(number)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while heard(opened):
            for at in range(0, len(reply), piece):
                opened.sendall(reply[at : at + piece])

    with talking(talk) as host:
        assert ask(f"http://{host}", 3) == [FOUND] * 3
    assert connections == {0}


@pytest.mark.parametrize(
    "reply",
    [
        HEAD + b"\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
        PLAIN.replace(b"1.1", b"1.0"),
        PLAIN.replace(b"Content", b"Connection: close\r\nContent"),
        PLAIN + b"more",
    ],
    ids=["no length", "HTTP/1.0", "HTTP/1.0 with a length", "told to close", "more than the answer"],
)
def test_a_connection_that_ends_with_the_answer_is_not_used_again(reply: bytes) -> None:
    connections = set()

    def talk(opened: socket.socket, number: int) -> None:
        connections.add(number)
        heard(opened)
        opened.sendall(reply)

    with talking(talk) as host:
        assert ask(f"http://{host}", 3) == [FOUND] * 3
    assert connections == {0, 1, 2}


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_and_no_try_is_lost() -> None:
    def talk(opened: socket.socket, number: int) -> None:
        heard(opened)
        opened.sendall(PLAIN)

    with talking(talk) as host:
        assert ask(f"http://{host}", 20) == [FOUND] * 20


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: %d\r\n\r\n", HEAD + b"\r\n"], ids=["a length", "no length"])
def test_an_answer_of_many_refs_is_read_to_its_end(head: bytes) -> None:
    refs = {f"refs/heads/{number}": ONE for number in range(20_000)}
    body = b"".join(line(f"{commit} {ref}\n".encode()) for ref, commit in refs.items()) + FLUSH

    def talk(opened: socket.socket, number: int) -> None:
        heard(opened)
        opened.sendall((head % len(body) if b"%" in head else head) + body)

    with talking(talk) as host:
        query = Query("p", f"http://{host}/a", ("refs/heads/",))
        with Remotes(FetchPolicy(origin=f"http://{host}"), Path("/none"), timeout=30.0) as remotes:
            assert remotes.heads([query]) == {query: Heads(refs)}


GARBAGE = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "no number": PLAIN.replace(b" 200 ", b" abc "),
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    "two lengths": HEAD + b"Content-Length: 4\r\nContent-Length: 99\r\n\r\n" + BODY,
    "an unknown coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(BODY),
    "a chunk without a size": CHUNKED + b"\r\n" + BODY,
    "a chunk longer than it says": CHUNKED + b"1\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a head that never ends": HEAD + b"A: b\r\n" * 20_000,
    "a chunk's size that never ends": CHUNKED + b"0" * 200_000,
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_http_is_never_taken_for_an_answer(reply: bytes) -> None:
    with talking(always(reply)) as host:
        (answer,) = ask(f"http://{host}")
    assert isinstance(answer, Unreadable)
    assert answer.reason.removesuffix(", 3 tries") in ("what it answers is not HTTP", "the connection broke off")


@pytest.mark.parametrize("head", [HEAD + b"\r\n", CHUNKED, CHUNKED + b"ffffffff\r\n"], ids=["open", "chunks", "chunk"])
def test_an_endless_answer_is_cut_off_however_it_is_sent(head: bytes) -> None:
    def talk(opened: socket.socket, number: int) -> None:
        heard(opened)
        opened.sendall(head)
        while True:
            opened.sendall(b"1000\r\n" + bytes(0x1000) + b"\r\n")

    with talking(talk) as host:
        answer = ask(f"http://{host}")
    assert answer == [Unreadable(f"the answer is larger than {LARGEST // 1024:,} KiB", 1, transient=False)]


@pytest.mark.parametrize("host", ["a..example.com", f"{'a' * 64}.example.com", "no-such-host.invalid"])
def test_a_name_that_no_host_can_have_is_a_sentence(host: str) -> None:
    query = Query("p", f"https://{host}/a", (MASTER,))
    with Remotes(FetchPolicy(frozenset({host})), Path("/none"), sleep=lambda _: None) as remotes:
        answer = remotes.heads([query])[query]
    assert answer == Unreadable("the name of its host is not known, 3 tries", 3, transient=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody trusts unless told so."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
    )
    made = builder.add_extension(here, critical=False).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(secure: ssl.SSLContext) -> None:
    sent: list[bytes] = []

    def talk(opened: socket.socket, number: int) -> None:
        sent.append(heard(opened))

    with talking(talk, secure) as host:
        assert ask(f"https://{host}") == [Unreadable("the certificate of its host is not accepted, 3 tries", 3, True)]
    assert not any(sent)


LOOK = """
import sys
from pathlib import Path
from bot.remotes import *
with Remotes(FetchPolicy(origin=sys.argv[1]), Path(sys.argv[2]), sleep=lambda _: None) as remotes:
    for number in range(3):
        query = Query("p", f"{sys.argv[1]}/a-{number}", ("refs/heads/master",))
        print(remotes.heads([query])[query])
print(sorted({"flask", "sqlalchemy", "dbos", "github", "git", "urllib3"} & sys.modules.keys()))
"""
ALL_FOUND = f"{FOUND}\n" * 3 + "[]\n"


def look(origin: str, scratch: str = "/none", **env: str) -> str:
    """What a process of its own prints, in an environment of its own."""
    words = [sys.executable, "-W", "error", "-c", LOOK, origin, scratch]
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": "."}
    return subprocess.run(words, env={**path, **env}, check=True, capture_output=True, text=True).stdout


def test_https_is_spoken_where_the_machine_trusts_the_certificate(certificate: Path, secure: ssl.SSLContext) -> None:
    connections = set()

    def talk(opened: socket.socket, number: int) -> None:
        connections.add(number)
        always(PLAIN)(opened, number)

    with talking(talk, secure) as host:
        assert look(f"https://{host}", SSL_CERT_FILE=str(certificate)) == ALL_FOUND
    assert connections == {0}


def tunnel(seen: list[bytes]) -> Talk:
    """A proxy that opens the way to any host."""

    def talk(opened: socket.socket, number: int) -> None:
        seen.append(heard(opened))
        host, port = seen[-1].split(b" ")[1].decode().split(":")
        with closing(socket.create_connection((host, int(port)))) as there:
            opened.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pour, args=(there, opened))
            back.start()
            pour(opened, there)
            back.join()

    return talk


def pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_a_proxy_opens_the_way_to_https_and_is_told_who_asks(certificate: Path, secure: ssl.SSLContext) -> None:
    seen: list[bytes] = []
    inner: list[bytes] = []

    def talk(opened: socket.socket, number: int) -> None:
        while request := heard(opened):
            inner.append(request)
            opened.sendall(PLAIN)

    with talking(talk, secure) as host, talking(tunnel(seen)) as proxy:
        env = {"https_proxy": f"http://me:p%40ss@{proxy}", "SSL_CERT_FILE": str(certificate)}
        assert look(f"https://{host}", **env) == ALL_FOUND
    assert len(seen) == 1
    assert seen[0].startswith(f"CONNECT {host} ".encode())
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in seen[0] + b"\r\n"
    assert b"Proxy-Authorization" not in b"".join(inner)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "127.0.0.1:1", "socks5h://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_proxy_that_is_not_there_is_a_sentence(proxy: str) -> None:
    assert "its host cannot be reached, 3 tries" in look("https://git.example.com", all_proxy=proxy)
