"""The bot's own signing key: recognised by its first line, refused in words, known to others by its public half."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.core.signature import openpgp, sshkey
from bot.core.signature.trust import TrustedKey
from bot.core.signature.verdict import Malformed

_SSH, _GPG, _PUBLIC = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "PUBLIC KEY"
OWN = "the bot's own key"


@dataclass(frozen=True)
class SigningKey:
    """A key to sign with: its kind, its public half, and the secret as the programs take it, which is never shown."""

    kind: Literal["ssh", "gpg"]
    public: TrustedKey
    secret: bytes = field(repr=False)


def read_signing_key(text: str) -> SigningKey:
    """An OpenSSH private key or an armoured GPG secret key. Raises Malformed with what is wrong, and nothing of it."""
    text = text.strip() + "\n"
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        raise Malformed("it holds characters that no key has") from None
    if text.startswith(_SSH):
        return SigningKey("ssh", TrustedKey("ssh", OWN, sshkey.public_blob(sshkey.load_private(text))), data)
    if text.startswith(_GPG):
        key = openpgp.secret_key(data)
        return SigningKey("gpg", TrustedKey("gpg", OWN, key.public), key.packets)
    if _PUBLIC in text.split("\n")[0] or text.startswith("ssh-"):
        raise Malformed("it is the public half; the private one signs")
    raise Malformed("it is neither an OpenSSH private key nor an armoured GPG secret key")
