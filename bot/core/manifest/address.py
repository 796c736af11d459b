"""Where a project is fetched from: the repo tool's rule for joining `fetch` to the manifest repository's address.

And which addresses a release may have, which is not the tool's rule but ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from bot.core.shown import shown

_SCP_LIKE = re.compile(r"[^/:]+@[^/:]+:[^/]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+~%=,\[\]-]+")
_JOINED_LIKE_HTTP = ("ssh", "git", "persistent-https", "sso", "rpc")


def fetch_address(fetch: str, manifest_url: str) -> str:
    """The absolute address of a remote, without a slash at its end."""
    base, relative = _normal(manifest_url), _normal(fetch)
    if base.find(":") != base.find("/") - 1:
        # A path or another address without scheme: joined as if it were the path of a host.
        return urljoin("gopher://" + base, relative).removeprefix("gopher://").rstrip("/")
    return _join(base, relative).rstrip("/")


def _normal(url: str) -> str:
    """Without slashes at the end, and `user@host:path` as the ssh address that git means by it."""
    url = url.rstrip("/")
    if not _scheme(url) and _SCP_LIKE.match(url):
        return "ssh://" + url.replace(":", "/", 1)
    return url


def _join(base: str, relative: str) -> str:
    """Join as for http, also for schemes that Python's library does not know to be joinable."""
    scheme = _scheme(base)
    if scheme not in _JOINED_LIKE_HTTP:
        return urljoin(base, relative)
    if _scheme(relative) not in ("", scheme):
        return relative
    joined = urljoin("http" + base[len(scheme) :], relative.removeprefix(scheme + ":"))
    return scheme + joined.removeprefix("http")


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def climbs_out(fetch: str, manifest_url: str) -> bool:
    """Whether a relative `fetch` has more `..` than the manifest repository's address has folders."""
    if _scheme(fetch) or fetch.startswith("/"):
        return False
    depth = len([part for part in urlsplit(_normal(manifest_url)).path.split("/") if part]) - 1
    for part in fetch.split("/"):
        depth += -1 if part == ".." else 1 if part not in ("", ".") else 0
        if depth < 0:
            return True
    return False


def address_problem(written: str, address: str, manifest_url: str, hosts: Sequence[str]) -> str | None:
    """Why projects must not be fetched from here, or None.

    Where the manifest repository itself is, its projects may be. Otherwise only https to a known host is taken,
    without a user, a port or a query; an ssh address of a known host is looked up over https.
    """
    if not _PLAIN.fullmatch(address) or written.startswith("-"):
        return "it has characters that no address may have here"
    if ".." in address.split("/"):
        return "it has .. in it"
    try:
        parts, port = urlsplit(address), urlsplit(address).port
    except ValueError:
        return "it is no address"
    host = parts.hostname or ""
    if (parts.scheme, parts.netloc.lower()) == (urlsplit(manifest_url).scheme, urlsplit(manifest_url).netloc.lower()):
        return None
    if parts.scheme not in ("https", "ssh"):
        return "only https addresses are taken"
    if parts.username not in ((None, "git") if parts.scheme == "ssh" else (None,)) or parts.password is not None:
        return "it names a user"
    if port is not None:
        return "it names a port"
    if not _known(host, hosts):
        return f"{shown(host)} is not a host that this bot knows"
    return None


def _known(host: str, hosts: Sequence[str]) -> bool:
    return any(host.endswith(known[1:]) if known.startswith("*.") else host == known for known in hosts)
