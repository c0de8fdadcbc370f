"""Whose address counts: the TCP peer's, or the last hop that is not one of the operator's proxies."""

from typing import Any

import pytest

from nonstopay.web.api.caller import PeerAddress

PROXIES = ("10.0.0.0/8", "2001:db8:aaaa::/48")


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    return {
        "client": (peer, 4711) if peer is not None else None,
        "headers": [
            (b"host", b"pay.example.com"),
            *((b"x-forwarded-for", line.encode("latin-1")) for line in forwarded),
            (b"x-real-ip", b"203.0.113.66"),
        ],
    }


@pytest.mark.parametrize("peer", ["198.51.100.1", "2001:db8::1", "::ffff:198.51.100.1"])
def test_without_proxies_the_peer_is_the_caller_whatever_he_says(peer: str) -> None:
    assert PeerAddress(()).of(scope(peer, "203.0.113.7")) == peer


def test_a_peer_that_is_no_proxy_is_not_believed() -> None:
    assert PeerAddress(PROXIES).of(scope("198.51.100.1", "203.0.113.7")) == "198.51.100.1"


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7", "10.0.0.2,10.0.0.3"], "203.0.113.7"),
        (["203.0.113.7,2001:db8:aaaa::5"], "203.0.113.7"),
        (["203.0.113.7, ::ffff:10.0.0.9"], "203.0.113.7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["10.0.0.4, 10.0.0.5"], "10.0.0.4"),
        ([], "10.0.0.1"),
    ],
)
def test_the_last_hop_that_is_not_ours_counts(forwarded: list[str], caller: str) -> None:
    for proxy in ("10.0.0.1", "::ffff:10.0.0.1"):
        expected = proxy if not forwarded else caller
        assert PeerAddress(PROXIES).of(scope(proxy, *forwarded)) == expected


@pytest.mark.parametrize(
    "hop", ["", "unknown", "_hidden", "203.0.113.7:443", "[2001:db8::7]", "203.0.113.7\t1", "é"]
)
def test_what_cannot_be_read_stops_the_search(hop: str) -> None:
    assert PeerAddress(PROXIES).of(scope("10.0.0.1", f"203.0.113.7, {hop}")) == hop


def test_a_caller_without_an_address_has_none() -> None:
    assert PeerAddress(PROXIES).of(scope(None, "203.0.113.7")) == ""
