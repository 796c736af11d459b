"""Ask whether an SDK can be downloaded, at the address that the operator's template gives for its version.

The template is the operator's and never a repository's; all the same nothing is asked inside the operator's own
network, and no redirect is followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as broken

TIMEOUT = 10.0
PLACE = "{version}"

Resolve = Callable[[str], Sequence[str]]


def addresses(host: str) -> Sequence[str]:
    """The IP addresses of a host; none where its name is not known."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


class SdkCheck:
    """One HEAD request a version. `template` is an https address with `{version}` in it."""

    def __init__(self, template: str, resolve: Resolve = addresses, timeout: float = TIMEOUT) -> None:
        self._template = template
        self._resolve = resolve
        self._timeout = timeout

    def problem(self, sdk: str) -> str | None:
        """Why this SDK cannot be downloaded, in a few words; None where it can."""
        address = urlsplit(self._template.replace(PLACE, sdk))
        host = address.hostname or ""
        found = self._resolve(host)
        if not found:
            return f"the name {host} is not known"
        inside = [each for each in found if not ipaddress.ip_address(each).is_global]
        if inside:
            return f"{host} leads to {inside[0]}, which is no public address"
        return self._ask(found[0], host, address.path + (f"?{address.query}" if address.query else ""))

    def _ask(self, ip: str, host: str, path: str) -> str | None:
        """The request goes to the very address that was looked at, so that a name cannot change in between."""
        pool = urllib3.HTTPSConnectionPool(
            ip, server_hostname=host, assert_hostname=host, retries=False, timeout=self._timeout, maxsize=1
        )
        try:
            answer = pool.request("HEAD", path, headers={"Host": host}, redirect=False)
        except broken.HTTPError as fault:
            return "no answer in time" if isinstance(fault, broken.TimeoutError) else "its server cannot be reached"
        finally:
            pool.close()
        return None if answer.status == 200 else f"HTTP {answer.status}"
