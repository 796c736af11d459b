"""As much of OpenPGP as is needed to know a key by its fingerprint and to refuse what is odd before gpg sees it.

Nothing is verified here: that is the work of gpg, which gets only what was read, without the armour around it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.signature.verdict import Malformed

LIMIT = 1024 * 1024
"""Bytes that an armoured block may have."""
_ARMOUR = re.compile(
    rb"-----BEGIN PGP ([A-Z ]{1,30})-----[ \t]*\r?\n"
    rb"(?:[A-Za-z-]{1,20}: [^\r\n]{0,200}\r?\n)*[ \t]*\r?\n"
    rb"((?:[A-Za-z0-9+/]{1,200}={0,2}\r?\n)+)"
    rb"(?:=[A-Za-z0-9+/]{4}\r?\n)?"
    rb"-----END PGP \1-----\s*"
)
SIGNATURE, SECRET, PUBLIC, SECRET_SUB, USER, PUBLIC_SUB, TRUST = 2, 5, 6, 7, 13, 14, 12
_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
"""Of kinds of keys: the large numbers in their public half."""
_CURVES = (18, 19, 22)
_ECDH = 18
Packet = tuple[int, bytes]


@dataclass(frozen=True)
class SecretKey:
    """A secret key: its packets as gpg imports them, and those of its public half."""

    packets: bytes
    public: bytes


def dearmour(block: bytes, title: str) -> bytes:
    """What an armoured block of this title holds. Raises Malformed."""
    found = _ARMOUR.fullmatch(block) if len(block) <= LIMIT else None
    if found is None:
        raise Malformed("it is not armoured as it should be")
    if found[1].decode() != title:
        raise Malformed(f"it is a {found[1].decode()}, not a {title}")
    try:
        return base64.b64decode(re.sub(rb"\s", b"", found[2]), validate=True)
    except binascii.Error:
        raise Malformed("it is not base64") from None


def packets(data: bytes) -> tuple[Packet, ...]:
    """The kind and the bytes of each packet. Raises Malformed where they break off."""
    found, at = list[Packet](), 0
    while at < len(data):
        kind, begin, end = _extent(data, at)
        if end > len(data):
            raise Malformed("it breaks off")
        found.append((kind, data[begin:end]))
        at = end
    return tuple(found)


def _extent(data: bytes, at: int) -> tuple[int, int, int]:
    """Of the packet at this place: its kind, where its bytes begin, where they end."""
    first = data[at]
    length = data[at + 1 : at + 2]
    if not first & 0x80 or not length:
        raise Malformed("it holds no OpenPGP packets")
    if not first & 0x40:
        width = (1, 2, 4, 0)[first & 3]
        begin = at + 1 + width
        if not width:
            raise Malformed("it holds a packet without a length")
        return first >> 2 & 15, begin, begin + int.from_bytes(data[at + 1 : begin], "big")
    kind, size = first & 63, length[0]
    if size < 192:
        return kind, at + 2, at + 2 + size
    if size < 224:
        return kind, at + 3, at + 3 + (size - 192 << 8) + 192 + int.from_bytes(data[at + 2 : at + 3], "big")
    if size < 255:
        raise Malformed("it holds a packet in parts")
    return kind, at + 6, at + 6 + int.from_bytes(data[at + 2 : at + 6], "big")


def written(each: Iterable[Packet]) -> bytes:
    """Packets as bytes."""
    return b"".join(bytes((0xC0 | kind, 0xFF)) + len(body).to_bytes(4, "big") + body for kind, body in each)


def public_keys(block: bytes) -> tuple[bytes, ...]:
    """The packets of each key of an armoured block of public keys. Raises Malformed."""
    keys = list[list[Packet]]()
    for kind, body in packets(dearmour(block, "PUBLIC KEY BLOCK")):
        if kind == PUBLIC:
            _check_version(body)
            keys.append([])
        if not keys:
            raise Malformed("it begins with something that is no key")
        keys[-1].append((kind, body))
    if not keys:
        raise Malformed("it holds no key")
    return tuple(written(key) for key in keys)


def _check_version(body: bytes) -> None:
    if body[:1] != b"\x04" or not 7 <= len(body) <= 0xFFFF:
        raise Malformed("it is a key of a version that is not supported: version 4 is")


def fingerprint(blob: bytes) -> str:
    """How gpg names the key that begins these packets."""
    body = packets(blob)[0][1]
    # What OpenPGP fixes as the name of such keys; nothing is hidden or signed by it here.
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()


def read_gpg(armour: bytes) -> bytes:
    """The one signature in an armoured signature, ready for gpg. Raises Malformed on anything else or more."""
    found = packets(dearmour(armour, "SIGNATURE"))
    if [kind for kind, _ in found] != [SIGNATURE]:
        raise Malformed("it is not exactly one signature")
    return written(found)


def secret_key(block: bytes) -> SecretKey:
    """A secret key that can sign without being asked for anything. Raises Malformed with what is wrong with it."""
    found = packets(dearmour(block, "PRIVATE KEY BLOCK"))
    if not found or found[0][0] != SECRET or sum(kind == SECRET for kind, _ in found) != 1:
        raise Malformed("it is not exactly one secret key")
    secrets = [body for kind, body in found if kind in (SECRET, SECRET_SUB)]
    if all(body[_public_length(body) :][:1] != b"\0" for body in secrets):
        raise Malformed(
            "it has a passphrase or is on a card, which is not supported: export one without, "
            "as `gpg --export-secret-keys --armor` does after `gpg --change-passphrase`"
        )
    public = written(_public(kind, body) for kind, body in found if kind != TRUST)
    return SecretKey(written(found), public)


def _public(kind: int, body: bytes) -> Packet:
    if kind not in (SECRET, SECRET_SUB):
        return kind, body
    return PUBLIC if kind == SECRET else PUBLIC_SUB, body[: _public_length(body)]


def _public_length(body: bytes) -> int:
    """How many bytes of a secret key's packet are its public half."""
    _check_version(body)
    algorithm, at = body[5], 6
    if algorithm in _CURVES:
        at += 1 + body[at]
    elif algorithm not in _NUMBERS:
        raise Malformed("it is of a kind that is not supported: use Ed25519 or RSA")
    for _ in range(_NUMBERS.get(algorithm, 1)):
        at += 2 + (int.from_bytes(body[at : at + 2], "big") + 7) // 8
    if algorithm == _ECDH:
        at += 1 + int.from_bytes(body[at : at + 1], "big")
    if at >= len(body):
        raise Malformed("it breaks off")
    return at
