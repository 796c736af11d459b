"""Whatever the bytes of a signature, a key or a trust file are: an answer comes back, and never a good one by luck."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, strategies as st

from bot.core.objects import Identity, tag_payload
from bot.core.signature import (
    BadTrustFile,
    Malformed,
    Signed,
    read_signing_key,
    read_trusted,
    sign_ssh,
    split,
    verify_ssh,
)
from bot.core.signature.openpgp import dearmour, packets, public_keys, read_gpg, secret_key, written
from bot.core.signature.sshkey import Wire
from bot.core.signature.sshsig import NAMESPACE, _to_sign

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = Identity("Bot", "bot@x")
PAYLOAD = tag_payload("c0" * 20, "v1", WHO, AT, "CoreOS v1")
ED, RSA, EC = Ed25519PrivateKey.generate(), generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
BLOBS = {key: key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() for key in (ED, RSA, EC)}
TRUSTED = read_trusted("".join(f"bot@x {line}\n" for line in BLOBS.values()))
PRIVATE = {key: key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode() for key in (ED, RSA)}
SIGNATURES = {key: sign_ssh(PAYLOAD, private) for key, private in PRIVATE.items()}
BINARY = {key: base64.b64decode(signature.split(b"-----")[2]) for key, signature in SIGNATURES.items()}


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def armour(blob: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(blob).decode(), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n".encode()


def state(signature: bytes, payload: bytes = PAYLOAD) -> str:
    return verify_ssh(Signed(payload, signature, "ssh"), TRUSTED, AT).state


def refusal(read: Callable[..., object], *arguments: object) -> str:
    """Why it was not read; a space where it was. Anything but a refusal is a failure of the test."""
    try:
        read(*arguments)
    except (BadTrustFile, Malformed) as bad:
        return str(bad)
    return " "


def test_the_signatures_that_are_altered_below_are_good() -> None:
    assert [state(signature) for signature in SIGNATURES.values()] == ["good", "good"]
    assert [state(armour(blob)) for blob in BINARY.values()] == ["good", "good"]


def test_no_bit_of_an_ed25519_signature_can_be_changed() -> None:
    blob = BINARY[ED]
    for at, byte in enumerate(blob):
        for bit in range(8):
            assert state(armour(blob[:at] + bytes((byte ^ 1 << bit,)) + blob[at + 1 :])) in ("bad", "unknown key"), at


@given(st.sampled_from(sorted(BINARY.values())), st.data())
def test_no_byte_of_an_ssh_signature_can_be_changed(blob: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(blob) - 1))
    bit = data.draw(st.integers(1, 255))
    assert state(armour(blob[:at] + bytes((blob[at] ^ bit,)) + blob[at + 1 :])) in ("bad", "unknown key")


@given(st.sampled_from(sorted(BINARY.values())), st.data())
def test_no_part_of_an_ssh_signature_can_be_cut_out_or_put_in(blob: bytes, data: st.DataObject) -> None:
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(blob)), st.integers(0, len(blob)))))
    between = data.draw(st.binary(max_size=5))
    changed = blob[:begin] + between + blob[end:]
    assert state(armour(changed)) in (("good",) if changed == blob else ("bad", "unknown key"))


@given(st.sampled_from(sorted(SIGNATURES.values())), st.binary(min_size=1, max_size=5), st.data())
def test_nothing_can_be_put_into_the_armour_but_line_ends(signature: bytes, more: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(signature)))
    altered = signature[:at] + more + signature[at:]
    if altered.replace(b"\n", b"") != signature.replace(b"\n", b""):
        assert state(altered) in ("bad", "unknown key")


@given(st.data())
def test_no_byte_of_a_signed_tag_can_be_changed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(PAYLOAD) - 1))
    bit = data.draw(st.integers(1, 255))
    altered = PAYLOAD[:at] + bytes((PAYLOAD[at] ^ bit,)) + PAYLOAD[at + 1 :]
    assert {state(signature, altered) for signature in SIGNATURES.values()} == {"bad"}


some = st.binary(max_size=40)
names = some | st.sampled_from([b"git", b"sha512", b"sha256", b"ssh-ed25519", b"rsa-sha2-512", b"ssh-rsa", b""])
keys = some | st.sampled_from([base64.b64decode(line.split()[1]) for line in BLOBS.values()])


@given(st.binary(max_size=6) | st.just(b"SSHSIG"), st.integers(0, 3), keys, names, names, names, names, some, some)
def test_any_fields_in_the_form_of_a_signature_are_judged(
    magic: bytes,
    version: int,
    key: bytes,
    space: bytes,
    rest: bytes,
    hashed: bytes,
    form: bytes,
    sig: bytes,
    end: bytes,
) -> None:
    fields = b"".join(field(each) for each in (key, space, rest, hashed, field(form) + field(sig)))
    assert state(armour(magic + version.to_bytes(4, "big") + fields + end)) in ("bad", "unknown key")


def rebuilt(version: int = 1, reserved: bytes = b"", end: bytes = b"", inner_end: bytes = b"") -> bytes:
    """The Ed25519 signature with what no signature covers put differently."""
    wire = Wire(BINARY[ED])
    wire.take(10)
    key, space, _, hashed, inner = (wire.string() for _ in range(5))
    fields = b"".join(map(field, (key, space, reserved, hashed, inner + inner_end)))
    return armour(b"SSHSIG" + version.to_bytes(4, "big") + fields + end)


def test_what_the_signature_itself_does_not_cover_is_fixed_too() -> None:
    assert rebuilt() == SIGNATURES[ED]
    odd = [rebuilt(version=2), rebuilt(reserved=b"x"), rebuilt(end=b"x"), rebuilt(inner_end=b"x")]
    assert [state(signature) for signature in odd] == ["bad"] * 4


def test_base64_has_one_form_only() -> None:
    joined = base64.b64encode(b"SSHSIG" + bytes(1)).decode()
    twin = joined[:-3] + chr(ord(joined[-3]) + 1) + joined[-2:]
    assert base64.b64decode(joined) == base64.b64decode(twin)
    sentences = []
    for text in (joined, twin, joined + "=", joined[:-1], "A=AA"):
        data = f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n".encode()
        sentences.append(verify_ssh(Signed(PAYLOAD, data, "ssh"), TRUSTED, AT).sentence.partition(": ")[2])
    assert sentences == ["it breaks off.", *["it is not base64."] * 4]


def test_a_signature_too_long_to_be_one_is_not_even_decoded() -> None:
    long = armour(bytes(64 * 1024))
    assert verify_ssh(Signed(PAYLOAD, long, "ssh"), TRUSTED, AT).sentence.endswith("not armoured as it should be.")


@given(st.binary())
def test_any_bytes_are_judged(data: bytes) -> None:
    assert state(data) == "bad"
    assert state(b"-----BEGIN SSH SIGNATURE-----\n" + data + b"\n-----END SSH SIGNATURE-----\n") == "bad"


def mpint(number: int) -> bytes:
    return field(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def ecdsa(pair: bytes, form: bytes = b"ecdsa-sha2-nistp256") -> str:
    public = base64.b64decode(BLOBS[EC].split()[1])
    inner = field(form) + field(pair)
    fields = [public, NAMESPACE, b"", b"sha512", inner]
    return state(armour(b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(field, fields))))


def test_an_ecdsa_signature_has_one_form_only() -> None:
    first, second = decode_dss_signature(EC.sign(_to_sign(PAYLOAD, b"sha512"), ec.ECDSA(SHA256())))
    plain = mpint(first) + mpint(second)
    assert ecdsa(plain) == "good"
    zeros = [field(b"\0" + mpint(number)[4:]) for number in (first, second)]
    for other in (plain + b"x", plain[:-1], zeros[0] + mpint(second), mpint(first) + zeros[1], field(b"") * 2):
        assert ecdsa(other) == "bad"
    assert ecdsa(field(b"\0") + mpint(second)) == "bad"
    assert ecdsa(field(b"\xff") + mpint(second)) == "bad"
    assert ecdsa(plain, b"ecdsa-sha2-nistp384") == "bad"


def test_rsa_with_sha_1_is_no_signature() -> None:
    wire = Wire(BINARY[RSA])
    wire.take(10)
    parts = [wire.string() for _ in range(5)]
    for form, expected in ((b"rsa-sha2-512", "good"), (b"rsa-sha2-256", "bad"), (b"ssh-rsa", "bad")):
        old = Wire(parts[4])
        old.string()
        inner = field(form) + field(old.string())
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(field, [*parts[:4], inner]))
        assert state(armour(blob)) == expected


@given(st.text(max_size=300))
def test_any_message_can_be_signed_and_is_parted_again(message: str) -> None:
    payload = tag_payload("c0" * 20, "v1", WHO, AT, f"{message}\n-----BEGIN SSH SIGNATURE-----\n{message}")
    signed = payload + sign_ssh(payload, PRIVATE[ED])
    assert split(signed).payload == payload
    assert verify_ssh(split(signed), TRUSTED, AT).state == "good"


lines = st.text(alphabet='abZ=+/",!*# \t\\\n-', max_size=60) | st.sampled_from(
    [f"bot@x {BLOBS[ED]}\n", "gpg\n", 'valid-after="', "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "-----END PGP \n"]
)


@given(st.lists(lines, max_size=8).map("".join) | st.text())
def test_any_trust_file_is_read_or_refused_in_one_printable_sentence(text: str) -> None:
    said = refusal(read_trusted, text)
    assert said.isascii()
    assert said.isprintable()


def block(title: str, data: bytes) -> bytes:
    return f"-----BEGIN PGP {title}-----\n\n{base64.b64encode(data).decode()}\n-----END PGP {title}-----\n".encode()


RSA_KEY = b"\4\0\0\0\0\1\0\2\3\0\2\3"
CURVE_KEY = b"\4\0\0\0\0\x16\3abc\0\2\3"
SECRETS = [written([(5, RSA_KEY + b"\0rest"), (13, b"Bot")]), written([(5, CURVE_KEY + b"\0"), (7, RSA_KEY + b"\xff")])]
bodies = st.binary(max_size=30) | st.sampled_from([RSA_KEY, CURVE_KEY, RSA_KEY + b"\0", CURVE_KEY + b"\xfe"])
packed = st.lists(st.tuples(st.sampled_from([2, 5, 6, 7, 12, 13, 14]), bodies), max_size=5).map(written)


@given(st.binary(max_size=60) | packed)
def test_any_openpgp_is_read_or_refused(data: bytes) -> None:
    for read, title in ((read_gpg, "SIGNATURE"), (public_keys, "PUBLIC KEY BLOCK"), (secret_key, "PRIVATE KEY BLOCK")):
        assert refusal(read, block(title, data)).isascii()
        assert refusal(dearmour, data, title).isascii()


@given(st.lists(st.tuples(st.integers(0, 63), st.binary(max_size=300)), max_size=5))
def test_packets_that_are_written_are_read_again(each: list[tuple[int, bytes]]) -> None:
    assert list(packets(written(each))) == each


def test_packets_are_read_in_every_form_that_has_a_length() -> None:
    body = b"x" * 200
    forms = [b"\x88\3abc", b"\x89\0\3abc", b"\x8a\0\0\0\3abc", b"\xc2\3abc", b"\xc2\xc0\x08" + body]
    assert [packets(form) for form in forms] == [((2, b"abc"),)] * 4 + [((2, body),)]


def test_a_public_half_holds_nothing_of_the_secret() -> None:
    keys = [secret_key(block("PRIVATE KEY BLOCK", data)) for data in SECRETS]
    assert packets(keys[0].public) == ((6, RSA_KEY), (13, b"Bot"))
    assert packets(keys[1].public) == ((6, CURVE_KEY), (14, RSA_KEY))


@given(st.text() | st.sampled_from(list(PRIVATE.values())), st.integers(0, 500), st.text(max_size=3))
def test_any_signing_key_is_read_or_refused_without_a_word_of_it(text: str, at: int, more: str) -> None:
    altered = text[:at] + more + text[at + len(more) :]
    said = refusal(read_signing_key, altered)
    assert not any(line in said for line in text.splitlines()[1:-1] if len(line) > 20)


def test_gpg_keys_of_a_trust_file_have_names_and_purposes_like_others() -> None:
    armour = block("PUBLIC KEY BLOCK", written([(6, RSA_KEY), (13, b"Bot"), (6, CURVE_KEY)])).decode()
    first, second = read_trusted(armour)
    assert (first.name, first.fingerprint) == (
        first.fingerprint,
        hashlib.sha1(b"\x99\0\x0c" + RSA_KEY, usedforsecurity=False).hexdigest().upper(),
    )
    assert second.blob == written([(6, CURVE_KEY)])
    named = read_trusted(f'bot@x namespaces="git",valid-before="20260101Z" gpg\n{armour}')
    assert [(key.name, key.before) for key in named] == [("bot@x", datetime(2026, 1, 1, tzinfo=UTC))] * 2
    assert "no key that may sign tags" in refusal(read_trusted, f'bot@x namespaces="file" gpg\n{armour}')
