"""Where this system may be told to send to: names in the public internet, and nothing that stands behind them in ours.

Somebody who may say a URL must not reach, through us, what he could not reach himself: the metadata of the machine that
we run on, services of our network, the machine itself. So a URL names a host by its name, over TLS at port 443, and
every address that the name stands for is unicast of the public internet; what is connected to is the very address that
was looked at. Which ranges are not: https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry, written out, since what `ipaddress` calls global changes
with the version of Python.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from oms.domain.errors import EndpointRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

HTTPS_PORT: Final = 443
MAX_URL: Final = 1000
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PRINTED: Final = re.compile(r"[!-~]+", re.ASCII)

NOT_PUBLIC_4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT
        "127.0.0.0/8",  # this machine
        "169.254.0.0/16",  # link-local: AWS's metadata at 169.254.169.254, of containers at .170.2
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
PUBLIC_6: Final = IPv6Network("2000::/3")
"""All that is handed out as global unicast. Mapped (::ffff:0:0/96), translated (64:ff9b::/96, 64:ff9b:1::/48), unique
local (fc00::/7: AWS's metadata at fd00:ec2::254), link-local (fe80::/10) and multicast (ff00::/8) lie outside."""
NOT_PUBLIC_6: Final = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # IETF protocols: Teredo, which holds an IPv4 address, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # documentation
    )
)


@frozen
class Endpoint:
    """Where a URL leads: `path` with its query, `local` when the deployment allows this very host and port."""

    host: str
    port: int
    path: str
    tls: bool = True
    local: bool = False

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        return self.host if self.tls and self.port == HTTPS_PORT else f"{self.host}:{self.port}"


def read_endpoint(url: str, allowed: str = "") -> Endpoint:
    """The endpoint that a URL names; raises EndpointRefusedError.

    `allowed` is a `host:port` of a laptop to which plain HTTP is sent, whatever its address: none on AWS.
    """
    if len(url) > MAX_URL or not _PRINTED.fullmatch(url) or "\\" in url:
        raise EndpointRefusedError("a URL is up to 1,000 printed ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise EndpointRefusedError("the URL cannot be read") from None
    if "@" in parts.netloc:
        raise EndpointRefusedError("a URL with a user or password in it would be a secret in lists and logs")
    if parts.fragment or url.endswith("#"):
        raise EndpointRefusedError("a fragment is not sent")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if allowed and parts.scheme == "http" and parts.netloc == allowed:
        return Endpoint(host=host, port=port or 80, path=path, tls=False, local=True)
    if parts.scheme != "https":
        raise EndpointRefusedError("only https is sent to")
    if port not in (None, HTTPS_PORT):
        raise EndpointRefusedError("only port 443 is sent to")
    if len(host) > 253 or not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]):  # noqa: PLR2004 - RFC 1035
        raise EndpointRefusedError("the host is called by its full name in ASCII, never by an address")
    return Endpoint(host=host, port=HTTPS_PORT, path=path)


def is_public(address: str) -> bool:
    """A textual address is unicast of the public internet; what is no address is not."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in each for each in NOT_PUBLIC_4)
    return found.scope_id is None and found in PUBLIC_6 and not any(found in each for each in NOT_PUBLIC_6)


def check_addresses(addresses: Sequence[str]) -> None:
    """Raise EndpointRefusedError unless there is an address, and every one of them is public.

    One that is not, beside others that are, is no accident: whoever controls the name tries which one we take.
    """
    if not addresses:
        raise EndpointRefusedError("the host's name stands for no address")
    if not all(is_public(each) for each in addresses):
        raise EndpointRefusedError("the host's name stands for an address that is not of the public internet")
