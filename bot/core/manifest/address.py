"""Where a project is fetched from: the repo tool's rule for joining `fetch` to the manifest repository's address."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

_SCP_LIKE = re.compile(r"[^/:]+@[^/:]+:[^/]+")
_JOINED_LIKE_HTTP = ("ssh", "git", "persistent-https", "sso", "rpc")


@lru_cache(256)
def fetch_address(fetch: str, manifest_url: str) -> str:
    """The absolute address of a remote, without a slash at its end."""
    base, relative = _normal(manifest_url), _normal(fetch)
    if base.find(":") != base.find("/") - 1:
        # A path or another address without scheme: joined as if it were the path of a host.
        return urljoin("gopher://" + base, relative).removeprefix("gopher://").rstrip("/")
    return _join(base, relative).rstrip("/")


def is_address(fetch: str) -> bool:
    """Whether a remote's `fetch` can be joined at all."""
    try:
        urlsplit(_normal(fetch))
    except ValueError:
        return False
    return True


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
    """Whether a `fetch` without a host has more `..` than there are folders: its own, or the manifest repository's."""
    if _scheme(fetch) or fetch.startswith("//"):
        return False
    depth = 0
    if not fetch.startswith("/"):
        depth = len([part for part in urlsplit(_normal(manifest_url)).path.split("/") if part]) - 1
    for part in fetch.split("/"):
        depth += -1 if part == ".." else 1 if part not in ("", ".") else 0
        if depth < 0:
            return True
    return False
