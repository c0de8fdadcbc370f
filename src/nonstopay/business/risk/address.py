"""By what an address is counted."""

import ipaddress

_HOUSEHOLD_BITS = 64


def counted_as(payer_ip: str | None) -> str | None:
    """The address of one payer, or the network that one payer has to himself.

    An IPv6 connection comes with a network of 2^64 addresses (RFC 6177): who counts single ones counts
    nothing. An IPv4 address that is written as an IPv6 one is the IPv4 address. What is no address stays
    as it is.
    """
    try:
        address = ipaddress.ip_address(payer_ip or "")
    except ValueError:
        return payer_ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _HOUSEHOLD_BITS), strict=False))
