"""Sixty ways to ask us to knock at our own doors.

The hosts of URLs that a merchant might give as his endpoint; each leads, or would lead a careless
program, to this machine, its neighbours, or a cloud's own services. The ranges are those of the IANA
special-purpose registries (RFC 6890) and of OWASP's cheat sheet on server-side request forgery.
"""

from dataclasses import dataclass

ADDRESS = "not on the public internet"
THIS_MACHINE = "this machine"
SPELLING = "usual form"
NO_FULL_NAME = "full name"
USER = "user names"
BAD_SIGN = "backslashes"
NO_URL = "invalid url"
NOT_YET = ""
"""A name says nothing by itself: it is found out when it is resolved, at every connection anew."""
OUR_PUBLIC_ADDRESS = "93.184.216.34"
"""What the operator named as his (`webhook_forbidden`), e.g. the address before his NAT."""


@dataclass(frozen=True)
class Target:
    """A host as it stands in the URL.

    Attributes:
        refused: what the merchant is told when he gives it.
        resolves_to: the answers of a name's servers.
    """

    host: str
    refused: str
    resolves_to: tuple[str, ...] = ()


def _named(label: str, *answers: str) -> Target:
    return Target(f"{label}.evil.example.com", NOT_YET, answers)


TARGETS = [
    # This machine.
    Target("127.0.0.1", ADDRESS),
    Target("127.0.0.53", ADDRESS),
    Target("127.255.255.254", ADDRESS),
    Target("0.0.0.0", ADDRESS),  # noqa: S104
    Target("[::1]", ADDRESS),
    Target("[::]", ADDRESS),
    Target("localhost", THIS_MACHINE),
    Target("LocalHost.", THIS_MACHINE),
    Target("shop.localhost", THIS_MACHINE),
    # The neighbours: private, shared, link-local, and what clouds tell their machines.
    Target("10.0.0.1", ADDRESS),
    Target("172.16.0.1", ADDRESS),
    Target("172.31.255.255", ADDRESS),
    Target("192.168.0.1", ADDRESS),
    Target("100.64.0.1", ADDRESS),  # carriers' NAT
    Target("169.254.0.1", ADDRESS),
    Target("169.254.169.254", ADDRESS),  # metadata
    Target("168.63.129.16", ADDRESS),  # Azure's host
    Target("[fd00:ec2::254]", ADDRESS),  # metadata by IPv6
    Target("[fc00::1]", ADDRESS),
    Target("[fe80::1]", ADDRESS),
    Target("[fe80::1%25lo]", NO_URL),  # a zone: which of our interfaces
    Target("db", NO_FULL_NAME),
    # Nobody's, or everybody's.
    Target("224.0.0.1", ADDRESS),
    Target("[ff02::1]", ADDRESS),
    Target("240.0.0.1", ADDRESS),
    Target("255.255.255.255", ADDRESS),
    Target("192.0.2.1", ADDRESS),
    Target("198.18.0.1", ADDRESS),
    # IPv4 within IPv6.
    Target("[::ffff:127.0.0.1]", ADDRESS),  # mapped
    Target("[::ffff:a9fe:a9fe]", ADDRESS),
    Target("[::127.0.0.1]", ADDRESS),  # compatible
    Target("[64:ff9b::7f00:1]", ADDRESS),  # NAT64
    Target("[64:ff9b:1::a00:1]", ADDRESS),
    Target("[2002:7f00:1::]", ADDRESS),  # 6to4
    Target("[2002:a9fe:a9fe::1]", ADDRESS),
    Target("[2001:0:7f00:1::]", ADDRESS),  # Teredo
    # 127.0.0.1 in disguise.
    Target("0177.0.0.1", SPELLING),
    Target("017700000001", NO_FULL_NAME),
    Target("0x7f.0.0.1", SPELLING),
    Target("0x7f000001", NO_FULL_NAME),
    Target("2130706433", NO_FULL_NAME),
    Target("127.1", SPELLING),
    Target("127.0.0.1.", SPELLING),
    Target("127.0.0.0x1", SPELLING),
    Target("%31%32%37.0.0.1", SPELLING),
    Target("①②⑦.⓪.⓪.①", ADDRESS),
    Target("127。0。0。1", ADDRESS),
    Target("ｌｏｃａｌｈｏｓｔ", THIS_MACHINE),
    # Two hosts in one URL.
    Target("shop.example.com@127.0.0.1", USER),
    Target("shop.example.com:80@127.0.0.1", USER),
    Target("127.0.0.1\\@shop.example.com", BAD_SIGN),
    # Names.
    _named("private", "10.1.2.3"),
    _named("loopback", "127.0.0.1"),
    _named("metadata", "169.254.169.254"),
    _named("six", "::1"),
    _named("mapped", "::ffff:127.0.0.1"),
    _named("nat64", "64:ff9b::7f00:1"),
    _named("any", "0.0.0.0"),  # noqa: S104
    _named("one-of-two", "8.8.8.8", "127.0.0.1"),
    Target(OUR_PUBLIC_ADDRESS, NOT_YET),
]
