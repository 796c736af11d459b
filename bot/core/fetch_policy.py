"""Which addresses of project repositories may be asked at all: a manifest is foreign text, and so are its addresses."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.core.refs import RepositoryUrl

DEFAULT_HOSTS = frozenset({"github.com", "gitlab.com", "*.googlesource.com"})
_SSH = re.compile(r"ssh://git@([A-Za-z0-9.-]+)/(.+)|git@([A-Za-z0-9.-]+):([^/0-9].*)")


@dataclass(frozen=True)
class FetchPolicy:
    """The hosts that may be asked, over https; `*.` at the head of one stands for all below it.

    `origin` is one address besides: a sandbox's, with its scheme and port.
    """

    hosts: frozenset[str] = DEFAULT_HOSTS
    origin: str | None = None

    def address(self, url: str) -> RepositoryUrl | None:
        """The http(s) address to ask for a repository, or None where it must not be asked."""
        ssh = _SSH.fullmatch(url)
        if ssh:
            url = f"https://{ssh[1] or ssh[3]}/{ssh[2] or ssh[4]}"
        try:
            address = RepositoryUrl(url)
        except ValueError:
            return None
        parts = urlsplit(address)
        if self.origin is not None and f"{parts.scheme}://{parts.netloc}" == self.origin.lower():
            return address
        host = parts.netloc
        allowed = any(fnmatch.fnmatchcase(host, pattern) for pattern in self.hosts)
        return address if parts.scheme == "https" and ":" not in host and allowed else None

    def follows(self, address: RepositoryUrl, location: str) -> bool:
        """Whether a redirect from a repository leads to one on the same host that may be asked."""
        there = self.address(location)
        return there is not None and urlsplit(there)[:2] == urlsplit(address)[:2]
