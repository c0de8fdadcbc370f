"""Which addresses belong to strangers on the public internet, and which to us and our neighbours.

`ipaddress.is_global` alone is no guard: it calls NAT64 (64:ff9b::7f00:1), 6to4 (2002:7f00:1::),
IPv4-compatible (::127.0.0.1) and multicast addresses global. Here an address counts as public only
if Python says so *and* no range below holds it (IANA special-purpose registries, RFC 6890).
"""

import errno
import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_NEVER_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this network"; 0.0.0.0 reaches the own machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; clouds keep their metadata there
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # a public number that is Azure's internal host service
    )
)
# Public IPv6 is 2000::/3 without these; everything outside is internal, an embedding or unassigned.
_UNICAST_6 = IPv6Network("2000::/3")
_NEVER_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
        "2620:4f:8000::/48",
    )
)


def is_public(address: Address) -> bool:
    """Whether a stranger's server may stand at this address."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NEVER_4)
    return (
        address in _UNICAST_6
        and address.is_global
        and not any(address in network for network in _NEVER_6)
    )


def is_own(address: Address) -> bool:
    """Whether this machine has the address on one of its interfaces, however public it is.

    The kernel binds a socket only to addresses of its own.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


def read_literal(host: str) -> Address | None:
    """The address that `host` is in canonical form, with or without brackets; None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
