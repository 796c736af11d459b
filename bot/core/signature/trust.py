"""Which keys may sign releases, and when: the operator's trust file, in the form that OpenSSH calls allowed_signers.

GPG keys stand in the same file as armoured blocks. A line before a block says the same of it as of an SSH key:
a name, options, and `gpg` where the kind of an SSH key stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bot.core.shown import shown
from bot.core.signature import openpgp
from bot.core.signature.sshkey import ALGORITHMS, load_public
from bot.core.signature.verdict import WORDS, Malformed, Verdict

LIMIT = 1024 * 1024
"""Characters that a trust file may have."""
_WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_OPTION = re.compile(r'([A-Za-z][A-Za-z-]*)(?:="((?:[^"\\]|\\.)*)")?(,|$)')
_DATE = re.compile(r"(\d{8})(\d{4})?(\d{2})?Z?")
_ARMOUR = "-----BEGIN PGP "


class BadTrustFile(ValueError):
    """A trust file that cannot be used; the sentence says where and why, and names no more of it than a word."""


@dataclass(frozen=True)
class TrustedKey:
    """A key that may sign releases, and from when until when.

    `name` is what the operator calls it. `blob` is the public key: of SSH its wire form, of GPG its packets.
    """

    kind: Literal["ssh", "gpg"]
    name: str
    blob: bytes
    after: datetime | None = None
    before: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """How the programs name this key to people."""
        if self.kind == "gpg":
            return openpgp.fingerprint(self.blob)
        return ssh_fingerprint(self.blob)

    def valid(self, at: datetime | None) -> bool:
        """Whether it may sign at this moment; both ends count. A tag without a date needs a key without dates."""
        if at is None:
            return self.after is None and self.before is None
        return not ((self.after and at < self.after) or (self.before and at > self.before))


def ssh_fingerprint(blob: bytes) -> str:
    """How ssh-keygen names a public key."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def due(keys: Iterable[TrustedKey], at: datetime | None) -> bool:
    """Whether a tag of this moment should have been signed: some trusted key could have done it."""
    return any(key.valid(at) for key in keys)


def in_time(kind: Literal["ssh", "gpg"], keys: Sequence[TrustedKey], at: datetime | None) -> Verdict:
    """The verdict on a signature that is genuine, by one key with one or several periods of trust."""
    name = keys[0].name
    if due(keys, at):
        return Verdict(kind, "good", name, f"The tag is signed with {WORDS[kind]} of {shown(name)}.")
    when = f"at the tag's date, {at:%Y-%m-%d %H:%M:%S} UTC" if at else "for a tag without a date"
    return Verdict(kind, "expired", name, f"The tag is signed by {shown(name)}, whose key is not trusted {when}.")


def read_trusted(text: str) -> tuple[TrustedKey, ...]:
    """The keys of a trust file. Raises BadTrustFile with a sentence about the first thing that is wrong."""
    if len(text) > LIMIT:
        raise BadTrustFile(f"it is longer than {LIMIT} characters")
    keys = list[TrustedKey]()
    announced: tuple[int, str, _Options] | None = None
    for number, line in _entries(text):
        if line.startswith(_ARMOUR):
            _, name, options = announced or (number, "", _Options())
            keys += _gpg(number, line, name, options)
            announced = None
            continue
        if announced:
            break
        found = _line(number, line)
        if isinstance(found, tuple):
            announced = found
        elif found is not None:
            keys.append(found)
    if announced:
        raise BadTrustFile(f"line {announced[0]} says gpg, but no armoured public key follows it")
    if not keys:
        raise BadTrustFile("it holds no key that may sign tags")
    return tuple(keys)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number, but for blank ones and comments; an armoured block counts as one."""
    block: tuple[int, list[str]] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if block is None and stripped.startswith(_ARMOUR):
            block = number, []
        if block is not None:
            block[1].append(stripped)
            if stripped.startswith("-----END PGP "):
                yield block[0], "\n".join(block[1])
                block = None
        elif stripped and not stripped.startswith("#"):
            yield number, stripped
    if block is not None:
        raise BadTrustFile(f"the armoured block of line {block[0]} has no end")


@dataclass(frozen=True)
class _Options:
    after: datetime | None = None
    before: datetime | None = None
    signs_tags: bool = True


def _line(number: int, line: str) -> TrustedKey | tuple[int, str, _Options] | None:
    """One line: an SSH key, or what is said of the GPG key after it, or None for a key that is not for git."""
    words = _WORD.findall(line)
    if _WORD.sub("", line).strip():
        raise BadTrustFile(f"line {number} has a quotation mark without its end")
    if words[0] in ALGORITHMS or _hopeless(words[0]):
        raise BadTrustFile(f"line {number} begins with the key: a name such as release-bot@example.org comes first")
    name, rest = words[0].strip('"'), words[1:]
    options = _Options()
    if rest and rest[0] not in ALGORITHMS and rest[0] != "gpg" and not _hopeless(rest[0]):
        options, rest = _options(number, rest[0]), rest[1:]
    if rest == ["gpg"]:
        return number, name, options
    if len(rest) < 2:
        raise BadTrustFile(f"line {number} is no key: a name, perhaps options, the kind of key, the key")
    if rest[0] not in ALGORITHMS:
        raise BadTrustFile(f"line {number} has a key of the kind {shown(rest[0])}, which {_why_not(rest[0])}")
    blob = _ssh(number, rest[0], rest[1])
    return TrustedKey("ssh", name, blob, options.after, options.before) if options.signs_tags else None


def _hopeless(word: str) -> bool:
    """Whether this is a kind of SSH key, though none that is taken."""
    return re.match(r"(ssh|sk-ssh|ecdsa-sha2|sk-ecdsa-sha2)-", word) is not None


def _why_not(kind: str) -> str:
    if kind.startswith("sk-"):
        return "is kept in hardware; such keys are not supported"
    return "is not supported: use Ed25519, RSA or ECDSA"


def _ssh(number: int, kind: str, text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        if not load_public(blob).algorithm == kind:
            raise Malformed("it is of another kind than the line says")
    except (Malformed, binascii.Error) as bad:
        reason = str(bad) if isinstance(bad, Malformed) else "it is not base64"
        raise BadTrustFile(f"the key of line {number} cannot be used: {reason}") from None
    return blob


def _gpg(number: int, armour: str, name: str, options: _Options) -> list[TrustedKey]:
    try:
        blobs = openpgp.public_keys(armour.encode("utf-8", "replace"))
    except Malformed as bad:
        raise BadTrustFile(f"the GPG key of line {number} cannot be used: {bad}") from None
    keys = [TrustedKey("gpg", name or openpgp.fingerprint(blob), blob, options.after, options.before) for blob in blobs]
    return keys if options.signs_tags else []


def _options(number: int, text: str) -> _Options:
    found = dict[str, str]()
    at = 0
    while at < len(text):
        option = _OPTION.match(text, at)
        if option is None:
            raise BadTrustFile(
                f'line {number} has options that cannot be read; write them as in valid-after="20260131Z"'
            )
        found[option[1].lower()] = re.sub(r"\\(.)", r"\1", option[2] or "")
        at = option.end()
    if "cert-authority" in found:
        raise BadTrustFile(
            f"line {number} is a certificate authority, which is not supported: list the keys themselves"
        )
    foreign = found.keys() - {"namespaces", "valid-after", "valid-before"}
    if foreign:
        raise BadTrustFile(f"line {number} has the unknown option {shown(min(foreign))}")
    after, before = (_date(number, name, found.get(name)) for name in ("valid-after", "valid-before"))
    if after and before and after > before:
        raise BadTrustFile(f"line {number} ends before it begins: valid-before is earlier than valid-after")
    return _Options(after, before, "namespaces" not in found or _for_git(found["namespaces"]))


def _date(number: int, name: str, text: str | None) -> datetime | None:
    """A moment, always taken in UTC."""
    if text is None:
        return None
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return datetime.strptime(text.rstrip("Z").ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadTrustFile(f"line {number} has a {name} that is no date: write YYYYMMDDZ or YYYYMMDDHHMMSSZ") from None


def _for_git(patterns: str) -> bool:
    """Whether a list of patterns holds the name under which git signs; one with an exclamation mark takes it out."""
    fits = False
    for pattern in patterns.split(","):
        wanted = re.escape(pattern.lstrip("!")).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(wanted, "git"):
            if pattern.startswith("!"):
                return False
            fits = True
    return fits
