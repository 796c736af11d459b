"""SSH signatures of tags: OpenSSH's SSHSIG, read strictly, verified, and made.

A signature names its own key, so that alone proves nothing: only one by a key that the operator trusts does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.core.shown import shown
from bot.core.signature.sshkey import Wire, load_private, load_public, public_blob, signature_of, string, text
from bot.core.signature.trust import TrustedKey, in_time, ssh_fingerprint
from bot.core.signature.verdict import Malformed, Signed, Verdict

MAGIC, VERSION, NAMESPACE = b"SSHSIG", 1, b"git"
LIMIT = 64 * 1024
"""Bytes that an armoured signature may have."""
_ARMOUR = re.compile(rb"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,1000}\n)+)-----END SSH SIGNATURE-----\n?")
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}


@dataclass(frozen=True)
class SshSignature:
    """An SSHSIG as read: whose key it says made it, and the signature in the form of that kind of key."""

    public: bytes
    hash_name: bytes
    form: str
    signature: bytes


def read_ssh(armour: bytes) -> SshSignature:
    """The signature of a tag. Raises Malformed on anything but the one form that ssh-keygen writes for git."""
    found = _ARMOUR.fullmatch(armour) if len(armour) <= LIMIT else None
    if found is None:
        raise Malformed("it is not armoured as it should be")
    joined = found[1].replace(b"\n", b"")
    try:
        data = base64.b64decode(joined, validate=True)
    except binascii.Error:
        raise Malformed("it is not base64") from None
    if base64.b64encode(data) != joined:
        raise Malformed("it is not base64")
    return _read(Wire(data))


def _read(wire: Wire) -> SshSignature:
    if wire.take(len(MAGIC)) != MAGIC:
        raise Malformed("it is no SSHSIG")
    if wire.number() != VERSION:
        raise Malformed("it is of another version")
    public = wire.string()
    if wire.string() != NAMESPACE:
        raise Malformed("it was not made for git")
    if wire.string():
        raise Malformed("it has reserved bytes")
    hash_name = wire.string()
    if hash_name not in _HASHES:
        raise Malformed("its hash is neither sha256 nor sha512")
    inner = Wire(wire.string())
    wire.end()
    form, signature = text(inner.string()), inner.string()
    inner.end()
    return SshSignature(public, hash_name, form, signature)


def verify_ssh(signed: Signed, keys: Iterable[TrustedKey], at: datetime | None) -> Verdict:
    """Whether a trusted key signed this, at a moment when it was trusted. Never raises, whatever the bytes are."""
    try:
        found = read_ssh(signed.signature)
        mine = [key for key in keys if key.kind == "ssh" and key.blob == found.public]
        if not mine:
            by = ssh_fingerprint(found.public)
            return Verdict(
                "ssh", "unknown key", by, f"The tag is signed with the SSH key {shown(by)}, which is not trusted."
            )
        data = _to_sign(signed.payload, found.hash_name)
        if not load_public(found.public).verifies(found.form, found.signature, data):
            raise Malformed("it is not a signature of these bytes")
    except Malformed as bad:
        return Verdict("ssh", "bad", "", f"The tag's SSH signature is not good: {bad}.")
    return in_time("ssh", mine, at)


def _to_sign(payload: bytes, hash_name: bytes) -> bytes:
    """What the key signs: not the tag itself but its hash, bound to the purpose."""
    digest = _HASHES[hash_name](payload).digest()
    return MAGIC + string(NAMESPACE) + string(b"") + string(hash_name) + string(digest)


def sign_ssh(payload: bytes, private: str) -> bytes:
    """The armoured signature of a tag, to be appended to it. Raises Malformed for a key that cannot be used."""
    key = load_private(private)
    made = signature_of(key, _to_sign(payload, b"sha512"))
    fields = [string(public_blob(key)), string(NAMESPACE), string(b""), string(b"sha512"), string(made)]
    blob = MAGIC + VERSION.to_bytes(4, "big") + b"".join(fields)
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()
