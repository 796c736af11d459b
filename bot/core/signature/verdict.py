"""What is thought of a tag's signature, and what follows: whether a tag is ours, and whether we may publish unsigned.

Git appends the armoured signature to the tag's message, so a signed tag is the payload and what follows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ssh", "gpg", "x509", "none"]
State = Literal["good", "unsigned", "bad", "unknown key", "expired", "not checked"]

WORDS: dict[Kind, str] = {"ssh": "an SSH key", "gpg": "a GPG key", "x509": "an X.509 certificate", "none": "no key"}
# As git finds it: the last line that begins so, whatever stands after it on the line.
_BEGIN = re.compile(rb"^-----BEGIN (SSH SIGNATURE|PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE)-----", re.MULTILINE)
_KINDS: dict[bytes, Kind] = {
    b"SSH SIGNATURE": "ssh",
    b"PGP SIGNATURE": "gpg",
    b"PGP MESSAGE": "gpg",
    b"SIGNED MESSAGE": "x509",
}


class Malformed(ValueError):
    """Bytes that are no signature or no key; the words say why, without naming what they are."""


@dataclass(frozen=True)
class Signed:
    """A tag object parted in two: the bytes that were signed, and the armoured signature after them."""

    payload: bytes
    signature: bytes
    kind: Kind


@dataclass(frozen=True)
class Verdict:
    """What came of looking at a signature.

    `by` is the name of the trusted key; of any other it is the fingerprint, or "". Foreign words in the sentence are
    in code spans already.
    """

    kind: Kind
    state: State
    by: str
    sentence: str


UNSIGNED = Verdict("none", "unsigned", "", "The tag is not signed.")


def split(payload: bytes) -> Signed:
    """The bytes of a tag object as git parts them. Without a signature the second part is empty."""
    begins = list(_BEGIN.finditer(payload))
    if not begins:
        return Signed(payload, b"", "none")
    last = begins[-1]
    return Signed(payload[: last.start()], payload[last.start() :], _KINDS[last[1]])


def unchecked(payload: bytes, why: str = "no trusted keys given") -> Verdict:
    """What can be said of a tag by one who trusts no key."""
    kind = split(payload).kind
    if kind == "none":
        return UNSIGNED
    return Verdict(kind, "not checked", "", f"The tag is signed with {WORDS[kind]}, not checked: {why}.")


def is_ours(there: bytes, expected: bytes, verdict: Verdict, *, signs: bool) -> bool:
    """Whether the tag object on the server is the one we would push: same target and payload, by a trusted key.

    `verdict` is that of `there`. `expected` may be signed already or not: what is after the payload does not count,
    for not every kind of key signs the same twice. Where we sign nothing (`signs`), the unsigned payload is ours, too.
    """
    found, ours = split(there), split(expected)
    if found.payload != ours.payload:
        return False
    return verdict.state == "good" or (verdict.state == "unsigned" and found == ours and not signs)


def weaker(last: Verdict | None, ours: Kind | None) -> str | None:
    """Why we must not publish, where our tag would be weaker than that of the last release; None: it is not.

    `ours` is the kind of the signing key that is configured. A bad signature counts: somebody meant to sign.
    """
    if last is None or last.kind == "none" or ours not in (None, "none"):
        return None
    return (
        f"the tag of the last release is signed with {WORDS[last.kind]}, and this bot has no key to sign with: "
        "its operator sets SIGNING_KEY or SIGNING_KEY_PATH"
    )
