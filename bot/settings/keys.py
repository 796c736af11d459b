"""Keys given as a variable or as a file: the App's own, the one that signs tags, and those that are trusted."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.core.signature import BadTrustFile, Malformed, TrustedKey, read_signing_key, read_trusted
from bot.settings.reader import Reader
from bot.settings.secret import Secret


def private_key(reader: Reader) -> Secret:
    """The App's RSA key; without it the bot is nobody."""
    given, text = _given(reader, "PRIVATE_KEY", secret=True)
    if not given:
        reader.faults.append("PRIVATE_KEY is not set: the App's private key in PEM, or PRIVATE_KEY_PATH with its file.")
    if not text:
        return Secret("")
    text = _unfolded(text)
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        reader.faults.append("The private key is not an RSA key of 2048 or more bits in PEM without a password.")
    return Secret(text)


def signing_key(reader: Reader) -> Secret | None:
    """The key that signs tags, if any does."""
    _, text = _given(reader, "SIGNING_KEY", secret=True)
    if not text:
        return None
    text = _unfolded(text.strip()).strip() + "\n"
    try:
        read_signing_key(text)
    except Malformed as bad:
        reader.faults.append(f"SIGNING_KEY cannot sign: {bad}.")
    return Secret(text)


def trusted_keys(reader: Reader) -> tuple[TrustedKey, ...]:
    """The public keys whose signatures count, besides the bot's own."""
    _, text = _given(reader, "TRUSTED_KEYS", secret=False)
    if not text:
        return ()
    try:
        return read_trusted(text)
    except BadTrustFile as bad:
        reader.faults.append(f"TRUSTED_KEYS cannot be used: {bad}.")
        return ()


def _unfolded(text: str) -> str:
    """One-line environment files write the line ends of a key so."""
    return text if "\n" in text else text.replace("\\n", "\n")


def _given(reader: Reader, name: str, secret: bool) -> tuple[bool, str | None]:
    """Whether the variable or the one with a file's path was set, and the text; at most one of the two may be."""
    text, path = reader.get(name), reader.get(f"{name}_PATH")
    if text and path:
        reader.faults.append(f"{name} and {name}_PATH are both set: keep one.")
    if path and not text:
        text = _file(reader, name, Path(path), secret)
    return bool(text or path), text


def _file(reader: Reader, name: str, path: Path, secret: bool) -> str | None:
    try:
        if secret and path.stat().st_mode & 0o077:
            reader.warnings.append(f"{path} can be read by others: chmod 600 it.")
        text = path.read_text(encoding="ascii" if secret else "utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        reader.faults.append(f"{name}_PATH {path} cannot be read: {reason}.")
        return None
    if not text.strip():
        reader.faults.append(f"{name}_PATH {path} is empty.")
    return text
