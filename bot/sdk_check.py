"""Ask whether an SDK can be downloaded, at the address that the operator's template gives for its version.

The template is the operator's and never a repository's; all the same nothing is asked inside the operator's own
network, and no redirect is followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3 import exceptions as broken

TIMEOUT = 10.0
PLACE = "{version}"

Resolve = Callable[[str], Sequence[str]]
"""From the name of a host to its IP addresses."""


def addresses(host: str) -> Sequence[str]:
    """The IP addresses of a host; none where its name is not known."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def is_public(ip: str) -> bool:
    """Whether an address is of the internet, and neither of this machine nor of the network around it."""
    address = ipaddress.ip_address(ip)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


class SdkCheck:
    """One HEAD request a version. `template` is an https address with `{version}` in it.

    `public` says which IP addresses may be asked, `context` which certificates are believed.
    """

    def __init__(
        self,
        template: str,
        resolve: Resolve = addresses,
        public: Callable[[str], bool] = is_public,
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._template = template
        self._resolve = resolve
        self._public = public
        self._context = context
        self._timeout = timeout

    def problem(self, sdk: str) -> str | None:
        """Why this SDK cannot be downloaded, in a few words; None where it can."""
        address = urlsplit(self._template.replace(PLACE, sdk))
        host = address.hostname or ""
        found = self._resolve(host)
        if not found:
            return f"the name {host} is not known"
        inside = [each for each in found if not self._public(each)]
        if inside:
            return f"{host} leads to {inside[0]}, which is no public address"
        return self._ask(found[0], address)

    def _ask(self, ip: str, address: SplitResult) -> str | None:
        """The request goes to the very address that was looked at, so that a name cannot change in between."""
        host = address.hostname or ""
        pool = urllib3.HTTPSConnectionPool(
            ip,
            address.port or 443,
            server_hostname=host,
            assert_hostname=host,
            ssl_context=self._context,
            retries=False,
            timeout=self._timeout,
        )
        try:
            answer = pool.request("HEAD", address.path, headers={"Host": address.netloc}, redirect=False)
        except broken.HTTPError as fault:
            return "no answer in time" if isinstance(fault, broken.TimeoutError) else "its server cannot be reached"
        finally:
            pool.close()
        return None if answer.status == 200 else f"HTTP {answer.status}"
