"""SSH keys: what they are on the wire, which are strong enough, and how each kind signs and verifies."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from bot.core.signature.verdict import Malformed

SMALLEST, LARGEST = 2048, 16384
"""Bits of an RSA key."""
_CURVES: dict[str, HashAlgorithm] = {
    "ecdsa-sha2-nistp256": SHA256(),
    "ecdsa-sha2-nistp384": SHA384(),
    "ecdsa-sha2-nistp521": SHA512(),
}
_RSA: dict[str, HashAlgorithm] = {"rsa-sha2-512": SHA512(), "rsa-sha2-256": SHA256()}
ALGORITHMS = frozenset({"ssh-ed25519", "ssh-rsa", *_CURVES})
"""The kinds of keys that are taken, as OpenSSH calls them."""


@dataclass(frozen=True)
class PublicKey:
    """A public key that is strong enough: its kind, and whether a signature of some form over these bytes is its."""

    algorithm: str
    verifies: Callable[[str, bytes, bytes], bool]


class Wire:
    """Reads the fields of SSH's binary form one after another; raises Malformed where they break off."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self._data) - self._at:
            raise Malformed("it breaks off")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """A number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Bytes after their count."""
        return self.take(self.number())

    def positive(self) -> int:
        """A large number above zero, in its only form."""
        data = self.string()
        if not data or data[0] & 0x80 or (data[0] == 0 and not (len(data) > 1 and data[1] & 0x80)):
            raise Malformed("it holds a number in a form that is not allowed")
        return int.from_bytes(data, "big")

    def end(self) -> None:
        """Raises Malformed where anything is left."""
        if self._at != len(self._data):
            raise Malformed("something follows its end")


def text(data: bytes) -> str:
    """A name in ASCII."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("it holds a name that is not ASCII") from None


def string(data: bytes) -> bytes:
    """Bytes with their count before them."""
    return len(data).to_bytes(4, "big") + data


def load_public(blob: bytes) -> PublicKey:
    """The public key of this wire form. Raises Malformed for one that is broken, weak or of a kind not taken."""
    algorithm = text(Wire(blob).string())
    if algorithm not in ALGORITHMS:
        raise Malformed("its kind is not supported: use Ed25519, RSA or ECDSA")
    try:
        key = load_ssh_public_key(algorithm.encode() + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed("it is no public key") from None
    if isinstance(key, Ed25519PublicKey):
        return PublicKey(algorithm, _ed25519(key))
    if isinstance(key, RSAPublicKey):
        if not SMALLEST <= key.key_size <= LARGEST:
            raise Malformed(f"an RSA key needs {SMALLEST} to {LARGEST} bits, and it has {key.key_size}")
        return PublicKey(algorithm, _rsa(key))
    if isinstance(key, ec.EllipticCurvePublicKey):
        return PublicKey(algorithm, _ecdsa(key, algorithm))
    raise Malformed("its kind is not supported: use Ed25519, RSA or ECDSA")


def _ed25519(key: Ed25519PublicKey) -> Callable[[str, bytes, bytes], bool]:
    def verifies(form: str, signature: bytes, data: bytes) -> bool:
        return form == "ssh-ed25519" and _holds(lambda: key.verify(signature, data))

    return verifies


def _rsa(key: RSAPublicKey) -> Callable[[str, bytes, bytes], bool]:
    def verifies(form: str, signature: bytes, data: bytes) -> bool:
        # The old form "ssh-rsa" is missing on purpose: it signs SHA-1.
        return form in _RSA and _holds(lambda: key.verify(signature, data, padding.PKCS1v15(), _RSA[form]))

    return verifies


def _ecdsa(key: ec.EllipticCurvePublicKey, algorithm: str) -> Callable[[str, bytes, bytes], bool]:
    def verifies(form: str, signature: bytes, data: bytes) -> bool:
        wire = Wire(signature)
        try:
            pair = encode_dss_signature(wire.positive(), wire.positive())
            wire.end()
        except Malformed:
            return False
        return form == algorithm and _holds(lambda: key.verify(pair, data, ec.ECDSA(_CURVES[algorithm])))

    return verifies


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except InvalidSignature:
        return False
    return True


def load_private(armour: str) -> Ed25519PrivateKey | RSAPrivateKey:
    """A private key in OpenSSH's own form. Raises Malformed with what is wrong with it, and nothing of the key."""
    try:
        key = load_ssh_private_key(armour.encode("ascii"), password=None)
    except TypeError:
        raise Malformed("it has a passphrase: `ssh-keygen -p -N '' -f FILE` takes it off a copy") from None
    except (ValueError, UnsupportedAlgorithm):
        hardware = re.search(rb"sk-(ssh|ecdsa)", _bytes_of(armour))
        raise Malformed(
            "it is kept in hardware; such keys are not supported" if hardware else "it is no OpenSSH private key"
        ) from None
    if isinstance(key, RSAPrivateKey):
        if not SMALLEST <= key.key_size <= LARGEST:
            raise Malformed(f"an RSA key needs {SMALLEST} to {LARGEST} bits, and it has {key.key_size}")
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise Malformed("it is neither Ed25519 nor RSA: `ssh-keygen -t ed25519` makes one that is")


def _bytes_of(armour: str) -> bytes:
    try:
        return base64.b64decode("".join(line for line in armour.splitlines() if not line.startswith("-----")))
    except ValueError:
        return b""


def public_blob(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    """The wire form of its public half."""
    return base64.b64decode(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def signature_of(key: Ed25519PrivateKey | RSAPrivateKey, data: bytes) -> bytes:
    """The signature with its form before it. Both kinds sign the same bytes the same way each time."""
    if isinstance(key, RSAPrivateKey):
        return string(b"rsa-sha2-512") + string(key.sign(data, padding.PKCS1v15(), SHA512()))
    return string(b"ssh-ed25519") + string(key.sign(data))
