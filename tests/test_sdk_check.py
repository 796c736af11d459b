"""Whether an SDK can be downloaded: what is asked, what is never asked, and what a person is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.sdk_check import SdkCheck, addresses, is_public

HOST = "sdk.example.org"


@dataclass
class Server:
    """A server of downloads with a certificate of its own making, and what it was asked."""

    port: int
    context: ssl.SSLContext
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def check(self, path: str = "/sdk/{version}/sdk.tar", host: str = HOST, timeout: float = 10.0) -> SdkCheck:
        """A check that finds this server under the name of the host."""
        template = f"https://{host}:{self.port}{path}"
        return SdkCheck(template, lambda _: ["127.0.0.1"], lambda _: True, self.context, timeout)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    certificate = _certificate(tmp_path)
    asked: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append((self.command, self.path, self.headers["Host"]))
            status = 200 if "110.0.0" in self.path else 302 if "111.0.0" in self.path else 404
            self.send_response(status)
            self.send_header("Location", "https://127.0.0.1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate)
    httpd.socket = own.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield Server(httpd.server_port, ssl.create_default_context(cafile=str(certificate)), asked)
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def _certificate(folder: Path) -> Path:
    """A key and a certificate for HOST that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(plain + made.public_bytes(pem))
    return path


def test_an_sdk_that_is_there_is_no_problem_and_is_asked_for_once(server: Server) -> None:
    assert server.check().problem("110.0.0") is None
    assert server.asked == [("HEAD", "/sdk/110.0.0/sdk.tar", f"{HOST}:{server.port}")]


@pytest.mark.parametrize(("sdk", "why"), [("109.0.0", "HTTP 404"), ("111.0.0", "HTTP 302")])
def test_what_is_not_there_or_somewhere_else_is_told_by_its_status(server: Server, sdk: str, why: str) -> None:
    assert server.check().problem(sdk) == why
    assert len(server.asked) == 1


def test_a_certificate_of_another_name_is_not_believed(server: Server) -> None:
    assert server.check(host="other.example.org").problem("110.0.0") == "its server cannot be reached"
    assert server.asked == []


def test_a_certificate_of_an_unknown_maker_is_not_believed(server: Server) -> None:
    check = SdkCheck(f"https://{HOST}:{server.port}/{{version}}", lambda _: ["127.0.0.1"], lambda _: True)
    assert check.problem("110.0.0") == "its server cannot be reached"
    assert server.asked == []


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1"),  # noqa: S104
        *("::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_nothing_inside_the_operators_network_is_asked(server: Server, ip: str) -> None:
    assert not is_public(ip)
    check = SdkCheck(f"https://{HOST}:{server.port}/{{version}}", lambda _: [ip])
    assert check.problem("110.0.0") == f"{HOST} leads to {ip}, which is no public address"
    assert server.asked == []


def test_one_address_inside_among_many_is_enough_to_ask_none(server: Server) -> None:
    check = SdkCheck(f"https://{HOST}:{server.port}/{{version}}", lambda _: ["93.184.216.34", "127.0.0.1"])
    assert check.problem("110.0.0") == f"{HOST} leads to 127.0.0.1, which is no public address"


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1"])
def test_addresses_of_the_internet_are_public(ip: str) -> None:
    assert is_public(ip)


def test_a_name_that_nobody_knows_is_told(server: Server) -> None:
    assert SdkCheck("https://sdk.example.org/{version}", lambda _: []).problem("110.0.0") == (
        "the name sdk.example.org is not known"
    )
    assert addresses("no-such-host.invalid") == []
