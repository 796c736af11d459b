"""Tags are parted as git parts them, the trust file is read strictly, and only a trusted signature makes a tag ours."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bot.core.signature import (
    UNSIGNED,
    BadTrustFile,
    Malformed,
    Signed,
    Verdict,
    due,
    is_ours,
    read_signing_key,
    read_trusted,
    sign_ssh,
    split,
    unchecked,
    verify_ssh,
    weaker,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYLOAD = b"object " + b"c0" * 20 + b"\ntype commit\ntag v1\ntagger B <b@x> 1772366400 +0000\n\nCoreOS v1\n"
SIGNATURE = b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"


def armoured(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def public(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


KEY, OTHER = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
LINE = f"bot@x {public(KEY)}"
SIGNED = PAYLOAD + sign_ssh(PAYLOAD, armoured(KEY))
GOOD = Verdict("ssh", "good", "bot@x", "")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (PAYLOAD, Signed(PAYLOAD, b"", "none")),
        (PAYLOAD + SIGNATURE, Signed(PAYLOAD, SIGNATURE, "ssh")),
        (b"a\n-----BEGIN PGP SIGNATURE-----\nx", Signed(b"a\n", b"-----BEGIN PGP SIGNATURE-----\nx", "gpg")),
        (b"a\n-----BEGIN PGP MESSAGE-----\n", Signed(b"a\n", b"-----BEGIN PGP MESSAGE-----\n", "gpg")),
        (b"a\n-----BEGIN SIGNED MESSAGE-----", Signed(b"a\n", b"-----BEGIN SIGNED MESSAGE-----", "x509")),
        (PAYLOAD + SIGNATURE * 2, Signed(PAYLOAD + SIGNATURE, SIGNATURE, "ssh")),
        (b"a -----BEGIN SSH SIGNATURE-----\n", Signed(b"a -----BEGIN SSH SIGNATURE-----\n", b"", "none")),
        (b"a\r-----BEGIN SSH SIGNATURE-----\n", Signed(b"a\r-----BEGIN SSH SIGNATURE-----\n", b"", "none")),
        (b"a\n-----BEGIN PGP PUBLIC KEY-----\n", Signed(b"a\n-----BEGIN PGP PUBLIC KEY-----\n", b"", "none")),
        (b"", Signed(b"", b"", "none")),
    ],
)
def test_a_tag_is_parted_at_the_last_line_that_begins_a_signature(payload: bytes, expected: Signed) -> None:
    assert split(payload) == expected


def judged(text: str, signed: bytes = SIGNED, at: datetime | None = AT) -> str:
    return verify_ssh(split(signed), read_trusted(text), at).state


@pytest.mark.parametrize(
    ("options", "at", "state"),
    [
        ("", AT, "good"),
        ("", None, "good"),
        ('namespaces="git"', AT, "good"),
        ('namespaces="file,g?t"', AT, "good"),
        ('namespaces="*"', AT, "good"),
        ('NAMESPACES="git",Valid-After="20260301"', AT, "good"),
        ('valid-after="20260301120000Z"', AT, "good"),
        ('valid-after="20260301120001Z"', AT, "expired"),
        ('valid-after="202603011201"', AT, "expired"),
        ('valid-before="20260301120000"', AT, "good"),
        ('valid-before="20260301115959Z"', AT, "expired"),
        ('valid-after="20260101Z",valid-before="20270101Z"', AT, "good"),
        ('valid-after="20260101Z",valid-before="20260201Z"', AT, "expired"),
        ('valid-before="20270101Z"', None, "expired"),
        ('valid-after="20250101Z"', None, "expired"),
    ],
)
def test_a_key_counts_at_the_tags_date_both_ends_included(options: str, at: datetime | None, state: str) -> None:
    assert judged(f"bot@x {options} {public(KEY)}", at=at) == state


@pytest.mark.parametrize("namespaces", ["file", "gi", "git?", "*,!git", "!g*,git", "!git"])
def test_a_key_for_other_purposes_is_passed_over(namespaces: str) -> None:
    line = f'bot@x namespaces="{namespaces}" {public(KEY)}\n'
    with pytest.raises(BadTrustFile, match="no key that may sign tags"):
        read_trusted(line)
    assert judged(f"{line}other@x {public(OTHER)}") == "unknown key"


def test_comments_blank_lines_names_in_quotes_and_carriage_returns_are_read() -> None:
    text = f'# ours\r\n\r\n  "release bot,bot@x"  {public(KEY)} a comment here\r\n\t# theirs\n*@x {public(OTHER)}'
    keys = read_trusted(text)
    assert [key.name for key in keys] == ["release bot,bot@x", "*@x"]
    assert verify_ssh(split(SIGNED), keys, AT) == replace(
        GOOD, by="release bot,bot@x", sentence="The tag is signed with an SSH key of `release bot,bot@x`."
    )


def test_one_key_may_have_several_periods() -> None:
    lines = (f'bot@x valid-before="2026010{day}Z" {public(KEY)}\n' for day in (1, 2))
    assert judged("".join(lines)) == "expired"
    assert judged(f'bot@x valid-before="20260101Z" {public(KEY)}\nbot@x {public(KEY)}') == "good"


SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - made to be refused
ECDSA = ec.generate_private_key(ec.SECP256R1())
CERT = "ssh-ed25519-cert-v01@openssh.com"
ED, BLOB = public(KEY).split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it holds no key that may sign tags"),
        ("# only a comment\n", "it holds no key that may sign tags"),
        (public(KEY), "line 1 begins with the key: a name such as release-bot@example.org comes first"),
        (f"# a\n\n{CERT} {BLOB}", "line 3 begins with the key"),
        ("bot@x", "line 1 is no key"),
        (f"bot@x {ED}", "line 1 is no key"),
        (f"bot@x cert-authority {public(KEY)}", "line 1 is a certificate authority, which is not supported"),
        (f'bot@x namespaces="git",cert-authority {public(KEY)}', "line 1 is a certificate authority"),
        (f'bot@x from="1.2.3.4" {public(KEY)}', "line 1 has the unknown option `from`"),
        (f"bot@x valid-after=20260101 {public(KEY)}", "line 1 has options that cannot be read"),
        (f'bot@x valid-after="2026" {public(KEY)}', "line 1 has a valid-after that is no date"),
        (f'bot@x valid-after="202601011" {public(KEY)}', "line 1 has a valid-after that is no date"),
        (f'bot@x valid-after="20260231Z" {public(KEY)}', "line 1 has a valid-after that is no date"),
        (f'bot@x valid-before="20260101 " {public(KEY)}', "line 1 has a valid-before that is no date"),
        (f'bot@x valid-before="20260101",valid-after="20270101" {public(KEY)}', "line 1 ends before it begins"),
        (f'bot@x valid-before="20260101 {public(KEY)}', "line 1 has a quotation mark without its end"),
        ('"', "line 1 has a quotation mark without its end"),
        (f"bot@x sk-ssh-ed25519@openssh.com {BLOB}", "is kept in hardware; such keys are not supported"),
        (f"bot@x ssh-dss {BLOB}", "line 1 has a key of the kind `ssh-dss`, which is not supported"),
        (f"bot@x {CERT} {BLOB}", "which is not supported: use Ed25519, RSA or ECDSA"),
        (f"bot@x {ED} !!!!", "the key of line 1 cannot be used: it is not base64"),
        (f"bot@x {ED} {BLOB[:20]}", "the key of line 1 cannot be used: it"),
        (f"bot@x {ED} AAAA", "the key of line 1 cannot be used: it breaks off"),
        (f"bot@x ssh-rsa {BLOB}", "the key of line 1 cannot be used: it is of another kind than the line says"),
        (f"bot@x {public(SMALL)}", "an RSA key needs 2048 to 16384 bits, and it has 1024"),
        ("bot@x gpg\n", "line 1 says gpg, but no armoured public key follows it"),
        (f"bot@x gpg\n{LINE}", "line 1 says gpg, but no armoured public key follows it"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", "the armoured block of line 1 has no end"),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----",
            "the GPG key of line 1 cannot be used: it holds no OpenPGP packets",
        ),
        (
            "\nbot@x gpg\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----",
            "the GPG key of line 3 cannot be used: it is a PRIVATE KEY BLOCK, not a PUBLIC KEY BLOCK",
        ),
        ("#" * (1024 * 1024 + 1), "it is longer than 1048576 characters"),
    ],
    ids=count(),
)
def test_what_is_wrong_with_a_trust_file_is_said_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(BadTrustFile) as bad:
        read_trusted(text)
    assert words in str(bad.value)
    assert BLOB[20:] not in str(bad.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is neither an OpenSSH private key nor an armoured GPG secret key"),
        ("\N{SNOWMAN}", "it holds characters that no key has"),
        (public(KEY), "it is the public half; the private one signs"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "it is the public half; the private one signs"),
        ("-----BEGIN RSA PRIVATE KEY-----", "it is neither an OpenSSH private key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "it is no OpenSSH private key",
        ),
        (armoured(SMALL), "an RSA key needs 2048 to 16384 bits, and it has 1024"),
        (armoured(ECDSA), "it is neither Ed25519 nor RSA"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "it is not armoured as it should be"),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxgA=\n-----END PGP PRIVATE KEY BLOCK-----",
            "it is not exactly one secret key",
        ),
    ],
    ids=count(),
)
def test_what_is_wrong_with_a_signing_key_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(Malformed) as bad:
        read_signing_key(text)
    assert words in str(bad.value)


def test_a_signing_key_shows_its_public_half_only() -> None:
    key = read_signing_key(f"\n{armoured(KEY)}\n\n")
    assert key.kind == "ssh"
    assert [key.public] == [replace(each, name="the bot's own key") for each in read_trusted(LINE)]
    assert key.public.fingerprint.startswith("SHA256:")
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize(
    ("there", "verdict", "signs", "ours"),
    [
        (SIGNED, GOOD, True, True),
        (SIGNED, GOOD, False, True),
        (SIGNED, replace(GOOD, state="unknown key"), True, False),
        (SIGNED, replace(GOOD, state="expired"), True, False),
        (SIGNED, replace(GOOD, state="bad"), False, False),
        (SIGNED, replace(GOOD, state="not checked"), False, False),
        (SIGNED.replace(b"c0", b"c1", 1), GOOD, True, False),
        (SIGNED.replace(b"CoreOS", b"CoreoS"), GOOD, True, False),
        (PAYLOAD, UNSIGNED, False, True),
        (PAYLOAD, UNSIGNED, True, False),
        (PAYLOAD + b"\n", UNSIGNED, False, False),
        (SIGNED, UNSIGNED, False, False),
    ],
)
def test_a_tag_is_ours_by_its_bytes_and_a_trusted_signature(
    there: bytes, verdict: Verdict, signs: bool, ours: bool
) -> None:
    assert is_ours(there, PAYLOAD, verdict, signs=signs) == ours


def test_a_tag_is_compared_with_what_we_would_push_signed_or_not() -> None:
    again = PAYLOAD + sign_ssh(PAYLOAD, armoured(OTHER))
    assert is_ours(again, SIGNED, GOOD, signs=True)
    assert not is_ours(again, SIGNED, replace(GOOD, state="unknown key"), signs=True)
    assert not is_ours(PAYLOAD, SIGNED, UNSIGNED, signs=False)


def test_where_the_last_tag_was_signed_ours_must_be() -> None:
    for state in ("good", "bad", "unknown key", "expired", "not checked"):
        last = Verdict("gpg", state, "", "")
        assert weaker(last, None) == weaker(last, "none")
        assert "signed with a GPG key, and this bot has no key to sign with" in (weaker(last, None) or "")
        assert weaker(last, "ssh") is None
    assert weaker(UNSIGNED, None) is None
    assert weaker(None, None) is None


def test_without_trusted_keys_a_signature_is_only_said_to_be_there() -> None:
    assert unchecked(PAYLOAD) == UNSIGNED
    sentence = "The tag is signed with an SSH key, not checked: no trusted keys given."
    assert unchecked(SIGNED) == Verdict("ssh", "not checked", "", sentence)


def test_a_signature_is_due_when_some_key_could_have_made_it() -> None:
    (key,) = read_trusted(f'bot@x valid-after="20260302Z" {public(KEY)}')
    assert not due((), AT)
    assert not due((key,), AT)
    assert not due((key,), None)
    assert due((key, replace(key, after=None)), AT)
    assert due((replace(key, after=None),), None)


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def in_hardware() -> str:
    """The file that ssh-keygen writes for a key that stays in a token."""
    kind = field(b"sk-ssh-ed25519@openssh.com")
    held = kind + field(bytes(32)) + field(b"ssh:")
    private = bytes(8) + held + b"\1" + field(b"handle") + field(b"") + field(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    blob = b"openssh-key-v1\0" + field(b"none") * 2 + field(b"") + (1).to_bytes(4, "big") + field(held) + field(private)
    text = base64.b64encode(blob).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----\n"


def test_a_signing_key_in_hardware_is_refused_as_such() -> None:
    with pytest.raises(Malformed, match="it is kept in hardware; such keys are not supported"):
        read_signing_key(in_hardware())
