"""Signatures made here are accepted by the real programs, those made by them are judged here, and nothing leaks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.signature import is_ours, read_trusted, split, weaker
from bot.outage import Denied
from bot.settings.secret import Secret
from bot.signing import Keyring, Signer
from tests.signing_keys import NAME, TAG, GpgHome, SshKey, ed25519, needs, run

SSH, GPG = needs("ssh-keygen"), needs("gpg", "gpgconf")
KINDS = {
    "Ed25519": ("-t", "ed25519"),
    "RSA": ("-t", "rsa", "-b", "2048"),
    "ECDSA 256": ("-t", "ecdsa", "-b", "256"),
    "ECDSA 384": ("-t", "ecdsa", "-b", "384"),
    "ECDSA 521": ("-t", "ecdsa", "-b", "521"),
}
OURS = ("Ed25519", "RSA")


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SshKey]:
    """A key of each kind."""
    folder = tmp_path_factory.mktemp("ssh")
    return {name: SshKey.make(folder, *options) for name, options in KINDS.items()}


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with GpgHome.open() as opened:
        yield opened


@pytest.fixture(scope="module")
def gpg(home: GpgHome) -> dict[str, str]:
    """The fingerprint of a key of each kind."""
    return {name: home.make(f"{name} <{name}@example.org>", name) for name in ("ed25519", "rsa2048", "nistp256")}


def altered(signed: bytes) -> bytes:
    return signed.replace(b"Requested-by: brandon", b"Requested-by: brandom")


def judged(trusted: str, signed: bytes) -> str:
    return Keyring(read_trusted(trusted)).judge(signed).state


@SSH
@pytest.mark.parametrize("hashed", ["sha512", "sha256"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_ssh_keygen_signs_is_good_by_its_key_and_no_other(
    ssh: dict[str, SshKey], kind: str, hashed: str, tmp_path: Path
) -> None:
    signed = ssh[kind].sign(TAG, "-O", f"hashalg={hashed}")
    verdict = Keyring(read_trusted(ssh[kind].trusted())).judge(signed)
    assert (verdict.kind, verdict.state, verdict.by) == ("ssh", "good", NAME)
    assert judged(ssh[kind].trusted(), altered(signed)) == "bad"
    other = SshKey.make(tmp_path)
    verdict = Keyring(read_trusted(other.trusted())).judge(signed)
    assert verdict.state == "unknown key"
    assert verdict.by == run("ssh-keygen", "-lf", f"{ssh[kind].path}.pub").decode().split()[1]


@SSH
def test_what_is_signed_for_another_purpose_is_bad(ssh: dict[str, SshKey]) -> None:
    verdict = Keyring(read_trusted(ssh["RSA"].trusted())).judge(ssh["RSA"].sign(TAG, namespace="file"))
    assert verdict.sentence == "The tag's SSH signature is not good: it was not made for git."


@SSH
@pytest.mark.parametrize("kind", OURS)
def test_what_is_signed_here_ssh_keygen_verifies(ssh: dict[str, SshKey], kind: str, tmp_path: Path) -> None:
    signed = Signer(Secret(ssh[kind].private)).sign(TAG)
    (tmp_path / "allowed").write_text(ssh[kind].trusted('namespaces="git",valid-after="20260101Z"'))
    (tmp_path / "signature").write_bytes(split(signed).signature)
    words = ("-Y", "verify", "-n", "git", "-f", f"{tmp_path}/allowed", "-I", NAME, "-s", f"{tmp_path}/signature")
    said = run("ssh-keygen", *words, data=TAG)
    assert said.startswith(f'Good "git" signature for {NAME}'.encode())


@SSH
@pytest.mark.parametrize("kind", OURS)
def test_ssh_signatures_of_the_same_tag_are_the_same_and_those_of_ssh_keygen(ssh: dict[str, SshKey], kind: str) -> None:
    signer = Signer(Secret(ssh[kind].private))
    assert signer.sign(TAG) == signer.sign(TAG) == ssh[kind].sign(TAG)


def in_git(folder: Path, signed: bytes) -> Path:
    """A repository that holds this tag."""
    run("git", "init", "-q", "--bare", str(folder))
    name = run("git", "-C", str(folder), "hash-object", "-t", "tag", "-w", "--literally", "--stdin", data=signed)
    run("git", "-C", str(folder), "update-ref", "refs/tags/v115.0.1", name.decode().strip())
    return folder


@needs("ssh-keygen", "git")
@pytest.mark.parametrize("kind", OURS)
def test_git_verifies_a_tag_signed_here_by_ssh(ssh: dict[str, SshKey], kind: str, tmp_path: Path) -> None:
    where = in_git(tmp_path / "git", Signer(Secret(ssh[kind].private)).sign(TAG))
    (tmp_path / "allowed").write_text(ssh[kind].trusted())
    option = f"gpg.ssh.allowedSignersFile={tmp_path}/allowed"
    run("git", "-C", str(where), "-c", "gpg.format=ssh", "-c", option, "verify-tag", "v115.0.1")


@needs("gpg", "gpgconf", "git")
@pytest.mark.parametrize("kind", ["ed25519", "rsa2048"])
def test_git_verifies_a_tag_signed_here_by_gpg(home: GpgHome, gpg: dict[str, str], kind: str, tmp_path: Path) -> None:
    signed = Signer(Secret(home.secret(gpg[kind]))).sign(TAG)
    where = in_git(tmp_path / "git", signed)
    run("git", "-C", str(where), "-c", "gpg.format=openpgp", "verify-tag", "v115.0.1", env=home.env)
    assert judged(home.public(gpg[kind]), signed) == "good"


@GPG
@pytest.mark.parametrize("kind", ["ed25519", "rsa2048", "nistp256"])
def test_what_gpg_signs_is_good_by_its_key_and_no_other(home: GpgHome, gpg: dict[str, str], kind: str) -> None:
    signed = home.sign(gpg[kind], TAG)
    verdict = Keyring(read_trusted(f"{NAME} gpg\n{home.public(gpg[kind])}")).judge(signed)
    assert (verdict.kind, verdict.state, verdict.by) == ("gpg", "good", NAME)
    assert judged(home.public(gpg[kind]), altered(signed)) == "bad"
    other = home.public(next(key for name, key in gpg.items() if name != kind))
    assert judged(other, signed) == "unknown key"


@GPG
def test_a_gpg_signature_by_a_subkey_counts_for_its_key(home: GpgHome) -> None:
    key = home.make("Sub <sub@example.org>", use="cert")
    home.gpg("--quick-add-key", key, "rsa2048", "sign", "never")
    assert judged(home.public(key), home.sign(key, TAG)) == "good"
    assert judged(home.public(key), Signer(Secret(home.secret(key))).sign(TAG)) == "good"


@GPG
def test_a_gpg_key_that_ended_by_its_owners_word_counts_for_tags_before_that(home: GpgHome) -> None:
    early = home.make("Early <early@example.org>", ends="2026-02-01", at="20260101T000000")
    late = home.make("Late <late@example.org>", ends="2026-04-01", at="20260101T000000")
    then = ("--faked-system-time", "20260115T000000!")
    assert judged(home.public(early), home.sign(early, TAG, *then)) == "expired"
    assert judged(home.public(late), home.sign(late, TAG, *then)) == "good"


@GPG
def test_a_gpg_key_that_ended_signs_no_more(home: GpgHome) -> None:
    key = home.make("Ended <ended@example.org>", ends="2026-02-01", at="20260101T000000")
    with pytest.raises(Denied, match="gpg could not sign the tag: "):
        Signer(Secret(home.secret(key))).sign(TAG)


@GPG
@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160"])
def test_a_gpg_signature_over_a_weak_digest_is_bad(home: GpgHome, gpg: dict[str, str], digest: str) -> None:
    signed = home.sign(gpg["rsa2048"], TAG, "--digest-algo", digest)
    assert judged(home.public(gpg["rsa2048"]), signed) == "bad"


@GPG
def test_a_gpg_key_of_few_bits_is_bad(home: GpgHome) -> None:
    key = home.make("Small <small@example.org>", "rsa1024")
    verdict = Keyring(read_trusted(home.public(key))).judge(home.sign(key, TAG))
    assert verdict.sentence == "The tag's GPG signature is not good: its key has fewer than 2048 bits."


@GPG
def test_a_revoked_gpg_key_is_bad_even_for_tags_before(home: GpgHome) -> None:
    key = home.make("Gone <gone@example.org>")
    signed = home.sign(key, TAG)
    certificate = (home.path / "openpgp-revocs.d" / f"{key}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    home.gpg("--import", data=certificate.encode())
    verdict = Keyring(read_trusted(home.public(key))).judge(signed)
    assert (verdict.state, verdict.sentence) == ("bad", "The tag's GPG signature is not good: its key was revoked.")


@GPG
def test_a_text_signature_and_two_signatures_at_once_are_bad(home: GpgHome, gpg: dict[str, str]) -> None:
    key = gpg["ed25519"]
    trusted = home.public(key)
    assert judged(trusted, home.sign(key, TAG, "--textmode")) == "bad"
    assert judged(trusted, home.sign(key, TAG, "--local-user", gpg["rsa2048"])) == "bad"
    assert judged(trusted, TAG + home.gpg("--local-user", key, "--armor", "--sign", data=TAG)) == "bad"


@SSH
@GPG
def test_one_trust_file_holds_both_kinds(ssh: dict[str, SshKey], home: GpgHome, gpg: dict[str, str]) -> None:
    trusted = f"# ours\n{ssh['RSA'].trusted()}\n{NAME} gpg\n{home.public(gpg['rsa2048'])}{home.public(gpg['ed25519'])}"
    assert judged(trusted, ssh["RSA"].sign(TAG)) == "good"
    assert judged(trusted, home.sign(gpg["rsa2048"], TAG)) == "good"
    assert judged(trusted, home.sign(gpg["ed25519"], TAG)) == "good"
    assert judged(trusted, ssh["Ed25519"].sign(TAG)) == "unknown key"
    assert judged(ssh["RSA"].trusted(), home.sign(gpg["rsa2048"], TAG)) == "unknown key"


@SSH
def test_a_key_is_rotated_and_tags_of_both_times_stay_good(ssh: dict[str, SshKey]) -> None:
    old, new = ssh["RSA"], ssh["Ed25519"]
    signer = Signer(Secret(new.private))
    at = "20260301115959Z", "20260301120000Z"  # the tag's date is twelve o'clock
    retired, listed = (read_trusted(old.trusted(f'valid-before="{each}"')) for each in at)
    assert Keyring(listed, signer).judge(old.sign(TAG)).state == "good"
    assert Keyring(retired, signer).judge(old.sign(TAG)).state == "expired"
    assert Keyring(retired, signer).judge(signer.sign(TAG)).state == "good"
    assert Keyring((), signer).judge(old.sign(TAG)).state == "unknown key"
    again = read_trusted(old.trusted(f'valid-before="{at[0]}"') + old.trusted(f'valid-after="{at[1]}"'))
    assert Keyring(again).judge(old.sign(TAG)).state == "good"


@GPG
def test_a_gpg_key_is_rotated_likewise(home: GpgHome, gpg: dict[str, str]) -> None:
    signed = home.sign(gpg["ed25519"], TAG)
    for options, state in (
        ('valid-before="20260301120000"', "good"),
        ('valid-before="20260301115959Z"', "expired"),
        ('valid-after="202603011200Z"', "good"),
        ('valid-after="20260301120001Z"', "expired"),
    ):
        assert judged(f"{NAME} {options} gpg\n{home.public(gpg['ed25519'])}", signed) == state


@SSH
@GPG
def test_a_tag_is_ours_by_a_trusted_signature_though_gpg_never_signs_the_same_twice(
    ssh: dict[str, SshKey], home: GpgHome, gpg: dict[str, str]
) -> None:
    signer = Signer(Secret(home.secret(gpg["rsa2048"])))
    keyring = Keyring((), signer)
    there = signer.sign(TAG)
    assert is_ours(there, TAG, keyring.judge(there), signs=True)
    assert not is_ours(TAG, TAG, keyring.judge(TAG), signs=True)
    assert not is_ours(altered(there), TAG, keyring.judge(altered(there)), signs=True)
    foreign = ssh["RSA"].sign(TAG)
    assert not is_ours(foreign, TAG, keyring.judge(foreign), signs=True)
    assert weaker(keyring.judge(there), None)
    assert weaker(keyring.judge(there), "ssh") is None


@GPG
def test_a_gpg_key_with_a_passphrase_or_without_its_secret_is_refused_in_words(home: GpgHome) -> None:
    with GpgHome.open() as locked:
        words = ("--batch", "--quiet", "--passphrase", "x", "--pinentry-mode", "loopback")
        run("gpg", *words, "--quick-generate-key", "L <l@example.org>", "ed25519", "sign", "never", env=locked.env)
        armour = run("gpg", *words, "--armor", "--export-secret-keys", env=locked.env).decode()
    with pytest.raises(ValueError, match="it has a passphrase or is on a card"):
        Signer(Secret(armour))


@SSH
def test_an_ssh_key_with_a_passphrase_is_refused_in_words(tmp_path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", f"{tmp_path}/key")
    with pytest.raises(ValueError, match="it has a passphrase"):
        Signer(Secret((tmp_path / "key").read_text()))


@SSH
@GPG
def test_no_secret_is_in_what_is_shown_of_a_signer(ssh: dict[str, SshKey], home: GpgHome, gpg: dict[str, str]) -> None:
    for secret in (ssh["RSA"].private, home.secret(gpg["rsa2048"])):
        signer = Signer(Secret(secret))
        shown = f"{signer!r} {vars(signer)!r} {Keyring((), signer).keys!r}"
        assert not any(line in shown for line in secret.splitlines() if len(line) > 20)


ALONE = """
import sys
from bot.outage import Denied
from bot.settings.secret import Secret
from bot.signing import Keyring, Signer
signer = Signer(Secret(sys.stdin.read()))
print(Keyring((), signer).judge(signer.sign(bytes.fromhex(sys.argv[1]))).state)
"""
"""A program that signs and judges, in an environment of its own."""


@GPG
def test_nothing_is_left_of_the_homes_that_gpg_worked_in(home: GpgHome, gpg: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        env = {**os.environ, "TMPDIR": folder, "GNUPGHOME": "/nowhere"}
        secret = home.secret(gpg["ed25519"]).encode()
        assert run(sys.executable, "-c", ALONE, TAG.hex(), data=secret, env=env) == b"good\n"
        assert list(Path(folder).iterdir()) == []


@GPG
def test_without_the_program_gpg_signatures_are_not_checked_and_none_is_made(
    home: GpgHome, gpg: dict[str, str]
) -> None:
    program = ALONE.replace("signer.sign(bytes.fromhex(sys.argv[1]))", "bytes.fromhex(sys.argv[1])")
    env = {**os.environ, "PATH": "/nowhere"}
    secret = home.secret(gpg["ed25519"]).encode()
    signed = home.sign(gpg["ed25519"], TAG)
    assert run(sys.executable, "-c", program, signed.hex(), data=secret, env=env) == b"not checked\n"
    words = [sys.executable, "-c", ALONE, TAG.hex()]
    done = subprocess.run(words, input=secret, env=env, capture_output=True, check=False)
    assert b"there is no gpg program on this machine" in done.stderr.splitlines()[-1]


def test_a_tag_without_a_line_end_cannot_be_signed() -> None:
    with pytest.raises(Denied, match="does not end in a line end"):
        Signer(Secret(ed25519())).sign(TAG.rstrip(b"\n"))


def test_what_is_no_tag_or_signed_in_a_way_not_supported_is_never_good() -> None:
    signer = Signer(Secret(ed25519()))
    keyring = Keyring((), signer)
    assert keyring.judge(TAG).state == "unsigned"
    assert keyring.judge(signer.sign(b"no tag\n")).sentence.startswith("This is no tag: ")
    assert keyring.judge(TAG + b"-----BEGIN SIGNED MESSAGE-----\n").state == "unknown key"
    assert keyring.judge(TAG + b"-----BEGIN PGP SIGNATURE-----\n").state == "bad"
    assert Keyring(()).judge(signer.sign(TAG)).state == "not checked"
