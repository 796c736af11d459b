"""Signs our tags and judges those of others: SSH by arithmetic, GPG by its program in a home of its own.

Every use of gpg gets a new, private, passing home: no key, configuration or agent of the machine's user has a say,
and nothing is left behind. Keys go in through pipes and that home, never as arguments.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bot.core.objects import read_tag
from bot.core.shown import shown
from bot.core.signature import (
    Malformed,
    Signed,
    TrustedKey,
    Verdict,
    in_time,
    read_signing_key,
    sign_ssh,
    split,
    unchecked,
    verify_ssh,
)
from bot.core.signature.openpgp import read_gpg
from bot.outage import Denied, Outage
from bot.settings.secret import Secret

LIMIT = 20.0
"""Seconds that one call of gpg may take."""
_GPG = ("gpg", "--no-options", "--batch", "--no-tty", "--quiet", "--no-auto-key-locate", "--no-auto-check-trustdb")
_WEAK = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
_COUNTED = frozenset({"1", "2", "3", "17"})
"""RSA and DSA, whose strength is their number of bits."""
_NO_GPG = "there is no gpg program on this machine: install GnuPG"


class NoGpg(Outage):
    """There is no gpg program: an operator can put it there."""

    def __init__(self) -> None:
        super().__init__("gpg", _NO_GPG)


class Signer:
    """Signs tags with the operator's key. Raises `Malformed` at once where that cannot be used."""

    def __init__(self, key: Secret) -> None:
        self._secret = key
        made = read_signing_key(key.reveal())
        self.kind: Literal["ssh", "gpg"] = made.kind
        self.public = made.public

    def sign(self, payload: bytes) -> bytes:
        """The whole signed tag. Raises Outage where gpg did not answer, Denied where it would not sign."""
        if self.kind == "ssh":
            signature = sign_ssh(payload, self._secret.reveal())
        else:
            signature = _signed_by_gpg(payload, read_signing_key(self._secret.reveal()).secret, self.public.fingerprint)
        signed = payload + signature
        # A message without its line end would swallow the signature's first line.
        if split(signed) != Signed(payload, signature, self.kind):
            raise Denied("signing", "the tag cannot be signed: its message does not end in a line end")
        return signed


class Keyring:
    """The keys whose signatures count: those that the operator lists, and the bot's own."""

    def __init__(self, keys: Iterable[TrustedKey], signer: Signer | None = None) -> None:
        self.keys = (*keys, *([signer.public] if signer else ()))

    def judge(self, payload: bytes) -> Verdict:
        """What is to be thought of this tag's signature, at the tag's own date. Raises Outage where gpg hangs."""
        signed = split(payload)
        if signed.kind == "none" or not self.keys:
            return unchecked(payload)
        try:
            at = read_tag("", signed.payload).date
        except ValueError as bad:
            return Verdict(signed.kind, "bad", "", f"This is no tag: {bad}.")
        if signed.kind == "ssh":
            return verify_ssh(signed, self.keys, at)
        if signed.kind == "gpg":
            return _judged_by_gpg(signed, [key for key in self.keys if key.kind == "gpg"], at)
        return Verdict(
            "x509", "unknown key", "", "The tag is signed with an X.509 certificate, which is not supported."
        )


def _signed_by_gpg(payload: bytes, secret: bytes, fingerprint: str) -> bytes:
    with _Home.open() as home:
        home.run("--import", data=secret)
        made = home.run("--status-fd", "2", "--local-user", fingerprint, "--armor", "--detach-sign", data=payload)
    if b"[GNUPG:] SIG_CREATED " not in made.err:
        raise Denied("gpg", f"gpg could not sign the tag: {_last_words(made.err.decode('utf-8', 'replace'))}")
    return made.out.replace(b"\r\n", b"\n")


def _last_words(said: str) -> str:
    """What gpg complained about last, without the lines for programs."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("[GNUPG:]")]
    return shown(lines[-1].removeprefix("gpg: ") if lines else "it did not say why")


def _judged_by_gpg(signed: Signed, keys: Sequence[TrustedKey], at: datetime | None) -> Verdict:
    try:
        signature = read_gpg(signed.signature)
        if not keys:
            return _unknown("")
        with _Home.open() as home:
            home.run("--import", data=b"".join(dict.fromkeys(key.blob for key in keys)))
            listed = home.run("--with-colons", "--fixed-list-mode", "--fingerprint", "--fingerprint", "--list-keys")
            Path(home.folder, "signature").write_bytes(signature)
            told = home.run("--status-fd", "1", "--verify", "signature", "-", data=signed.payload)
        status = [line.split(" ")[1:] for line in told.out.decode("utf-8", "replace").splitlines()]
        return _verdict(status, _members(listed.out.decode("utf-8", "replace")), keys, at)
    except Malformed as bad:
        return Verdict("gpg", "bad", "", f"The tag's GPG signature is not good: {bad}.")
    except NoGpg:
        return unchecked(signed.payload + signed.signature, _NO_GPG)


def _unknown(by: str) -> Verdict:
    named = f"the GPG key {shown(by)}" if by else "a GPG key"
    return Verdict("gpg", "unknown key", by, f"The tag is signed with {named}, which is not trusted.")


def _verdict(
    status: Sequence[Sequence[str]], members: dict[str, _Member], keys: Sequence[TrustedKey], at: datetime | None
) -> Verdict:
    """What gpg's lines for programs come to. Only the one course of a single genuine signature leads on."""
    said = {words[0]: words[1:] for words in status if words}
    missing = said.get("NO_PUBKEY")
    if missing:
        return _unknown(missing[0])
    if "REVKEYSIG" in said:
        raise Malformed("its key was revoked")
    valid = said.get("VALIDSIG", [])
    outcome = [words[0] for words in status if words and words[0] in _OUTCOMES]
    if len(outcome) != 1 or outcome[0] not in ("GOODSIG", "EXPSIG", "EXPKEYSIG") or len(valid) < 10:
        raise Malformed("it is not a signature of these bytes")
    if valid[7] in _WEAK:
        raise Malformed(f"it was made with {_WEAK[valid[7]]}, which can be forged")
    if valid[8] != "00":
        raise Malformed("it is of a kind that does not sign files")
    mine = [key for key in keys if key.fingerprint == valid[9]]
    if not mine:
        return _unknown(valid[9])
    chain = [members[name] for name in (valid[0], valid[9]) if name in members]
    if any(member.weak for member in chain):
        raise Malformed("its key has fewer than 2048 bits")
    ends = [member.ends for member in chain if member.ends] + ([_moment(valid[3])] if valid[3] != "0" else [])
    if any(at is None or at >= end for end in ends):
        mine = [TrustedKey("gpg", mine[0].name, mine[0].blob, before=min(ends))]
    return in_time("gpg", mine, at)


_OUTCOMES = frozenset({"GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"})


@dataclass(frozen=True)
class _Member:
    """A key or subkey as gpg lists it: when it ends by its owner's word, and whether it is too small."""

    ends: datetime | None
    weak: bool


def _members(listed: str) -> dict[str, _Member]:
    """By fingerprint, from gpg's listing with colons."""
    found, last = dict[str, _Member](), None
    for row in (line.split(":") for line in listed.splitlines()):
        if row[0] in ("pub", "sub") and len(row) > 6:
            weak = row[3] in _COUNTED and int(row[2] or 0) < 2048
            last = _Member(_moment(row[6]) if row[6] else None, weak)
        elif row[0] == "fpr" and len(row) > 9 and last:
            found[row[9]] = last
    return found


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


@dataclass(frozen=True)
class _Told:
    out: bytes
    err: bytes


@dataclass(frozen=True)
class _Home:
    """A passing folder with keys that only one use of gpg sees."""

    folder: str

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[_Home]:
        """A new home, private to this user; its agent and its files are gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as folder:
            home = cls(folder)
            try:
                yield home
            finally:
                with suppress(OSError, Outage):
                    home._program(("gpgconf", "--kill", "all"), b"")

    def run(self, *arguments: str, data: bytes = b"") -> _Told:
        """One call of gpg. Raises Outage where it never ends or is not there while a tag is to be signed."""
        return self._program((*_GPG, *arguments), data)

    def _program(self, words: Sequence[str], data: bytes) -> _Told:
        env = {"GNUPGHOME": self.folder, "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                words, stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.folder, env=env, start_new_session=True
            )
        except FileNotFoundError:
            raise NoGpg from None
        try:
            out, err = process.communicate(data, LIMIT)
        except subprocess.TimeoutExpired:
            raise Outage("gpg", f"{words[0]} did not end") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return _Told(out, err)
