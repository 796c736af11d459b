"""Who signed a tag, and whether that is anybody whose word counts: signatures parted, read, judged and compared.

SSH signatures are verified and made here, by arithmetic alone. Those of GPG need its program: `bot.signing`.
"""

from bot.core.signature.own import SigningKey, read_signing_key
from bot.core.signature.sshsig import sign_ssh, verify_ssh
from bot.core.signature.trust import BadTrustFile, TrustedKey, due, in_time, read_trusted
from bot.core.signature.verdict import (
    UNSIGNED,
    Kind,
    Malformed,
    Signed,
    State,
    Verdict,
    is_ours,
    split,
    unchecked,
    weaker,
)

__all__ = [
    "UNSIGNED",
    "BadTrustFile",
    "Kind",
    "Malformed",
    "Signed",
    "SigningKey",
    "State",
    "TrustedKey",
    "Verdict",
    "due",
    "in_time",
    "is_ours",
    "read_signing_key",
    "read_trusted",
    "sign_ssh",
    "split",
    "unchecked",
    "verify_ssh",
    "weaker",
]
