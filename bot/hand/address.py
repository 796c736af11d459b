"""Addresses of manifest repositories that a person may give, or a clone may name: what git may be handed, and no more.

Git takes far more for an address than addresses: options, and `ext::` followed by a command that it runs.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.refs import RepositoryUrl
from bot.outage import Denied

PROTOCOLS = ("https", "ssh", "file")
"""What is spoken with anybody. What travels in the clear is for this machine only."""
_IN_THE_CLEAR = ("http", "git")
_USER = r"(?:[A-Za-z0-9_][A-Za-z0-9._+-]*@)?"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])"
_WORDS = r"[A-Za-z0-9._~@+%=,/-]*"
_WEB = re.compile(r"(https?://)(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?([^@]+)", re.ASCII)
_SSH = re.compile(rf"ssh://{_USER}{_HOST}(?::[0-9]{{1,5}})?/{_WORDS}", re.ASCII)
_SCP = re.compile(rf"{_USER}{_HOST}:[A-Za-z0-9._~/]{_WORDS}", re.ASCII)
_GIT = re.compile(rf"git://{_HOST}(?::[0-9]{{1,5}})?/{_WORDS}", re.ASCII)
_PLACE = re.compile(r"://(\[[^\]]*\]|[^/:]*)")


@dataclass(frozen=True)
class Address:
    """Where a repository is: as git is told, which may hold a password, and as people are shown, which never does."""

    given: str
    shown: str
    protocol: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    @property
    def name(self) -> str:
        """What people call the repository: the last part of its address."""
        last = re.split(r"[/:]", self.shown.rstrip("/").removesuffix("/.git"))[-1]
        return last.removesuffix(".git") or last


def allowed(addresses: Iterable[Address]) -> str:
    """The protocols that git may speak, for GIT_ALLOW_PROTOCOL."""
    return ":".join(dict.fromkeys((*PROTOCOLS, *(each.protocol for each in addresses))))


def read(text: str, base: str | None = None) -> Address:
    """The address that `text` is; a path only where `base` says what it is relative to.

    Raises Denied with a sentence that does not repeat the text, for it may hold a password.
    """
    if not text or text.startswith("-") or not text.isprintable():
        raise _no_address("it begins like an option" if text.startswith("-") else "it is empty or cannot be printed")
    if "::" in text.partition("/")[0].partition("[")[0]:
        raise _no_address("it would have git run another program")
    if web := _WEB.fullmatch(text):
        return _clear(Address(text, _plain(web[1] + web[2]), web[1].removesuffix("://")))
    if _GIT.fullmatch(text):
        return _clear(Address(text, text, "git"))
    if _SSH.fullmatch(text):
        return Address(text, text, "ssh")
    if text.startswith("file:///"):
        return Address(text, text, "file")
    if "://" in text:
        raise _no_address("it is none that this program speaks, or it holds what no address needs")
    if _SCP.fullmatch(text):
        return Address(text, text, "ssh")
    if base is None or ":" in text.partition("/")[0]:
        raise _no_address("it is neither a folder here nor an address")
    path = posixpath.normpath(posixpath.join(base, text))
    return Address(path, path, "file")


def _plain(url: str) -> str:
    try:
        return RepositoryUrl(url)
    except ValueError:
        raise _no_address("it holds what no address needs") from None


def _clear(address: Address) -> Address:
    """The address, unless it would be spoken to in the clear beyond this machine."""
    found = _PLACE.search(address.shown)
    host = found[1].strip("[]").lower() if found else ""
    if address.protocol not in _IN_THE_CLEAR or host == "localhost":
        return address
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here:
        raise _no_address(f"{address.protocol}:// is not encrypted, and so kept to this machine")
    return address


def _no_address(why: str) -> Denied:
    return Denied(
        "git",
        f"this cannot be used as the manifest repository: {why}. "
        "Give the folder of a clone, or an address that begins with https://, ssh:// or file:///, "
        "or one like git@host:path",
    )
