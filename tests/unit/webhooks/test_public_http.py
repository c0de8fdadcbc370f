"""No URL that a stranger gives leads into our own network.

Every target is tried against a server that listens on all addresses of this machine. Not the answer
is what counts but that nobody ever knocked there.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.public_address import is_own, is_public
from nonstopay.connectors.public_http import (
    URL_MAX,
    Answer,
    NoAnswer,
    Problem,
    PublicHttp,
    check_url,
)
from nonstopay.errors import InvalidInput, TransactionOpen
from nonstopay.store.db import Database

# Addresses as a name server, or a URL, may give them.
INTERNAL = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254",
    "127.0.0.1", "127.0.0.53", "127.1.2.3", "127.255.255.254", "168.63.129.16",
    "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::7f00:1",
    "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
]  # fmt: skip
# Spellings that the system's resolver, or a careless parser, would take for such an address.
NOTATIONS = [
    "localhost", "LOCALHOST", "localhost.", "web.localhost", "127.1", "127.0.1", "0", "0x7f.1",
    "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "017700000001", "2130706433", "2852039166",
    "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1",
    "ｌｏｃａｌｈｏｓｔ", "[fe80::1%25lo]", "[::1%25lo]", "%31%32%37.0.0.1", "ip6-localhost", "db",
]  # fmt: skip


class Guard:
    """A server on every address of this machine, on one port; it counts who knocks."""

    def __init__(self) -> None:
        self.knocks = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    guard = Guard()
    server = await asyncio.start_server(guard.serve, None, 0)
    guard.port = server.sockets[0].getsockname()[1]
    second = None
    if len({sock.getsockname()[1] for sock in server.sockets}) > 1:
        server.close()
        server = await asyncio.start_server(guard.serve, "0.0.0.0", guard.port)  # noqa: S104
        second = await asyncio.start_server(guard.serve, "::", guard.port)
    yield guard
    server.close()
    if second:
        second.close()


async def post(http: PublicHttp, url: str) -> Answer:
    return await http.post(url, b"{}", {}, timeout_seconds=3)


async def problem_of(http: PublicHttp, url: str) -> Problem:
    with pytest.raises(NoAnswer) as caught:
        await post(http, url)
    return caught.value.problem


def host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def test_the_guard_hears_a_knock(guard: Guard) -> None:
    """The test of the tests below: what is let through does arrive, on both families."""
    async with PublicHttp(allow_loopback=True) as http:
        assert (await post(http, f"http://127.0.0.1:{guard.port}/")).status == 200
        assert (await post(http, f"http://[::1]:{guard.port}/")).status == 200
        assert (await post(http, f"http://localhost:{guard.port}/")).status == 200

    assert guard.knocks == 3


@pytest.mark.parametrize("target", [*map(host, INTERNAL), *NOTATIONS])
async def test_no_internal_target_is_knocked_at(target: str, guard: Guard) -> None:
    url = f"http://{target}:{guard.port}/"
    async with PublicHttp(ports=frozenset({guard.port})) as http:
        assert await problem_of(http, url) is Problem.BLOCKED

    assert guard.knocks == 0
    with pytest.raises(InvalidInput):
        check_url(f"http://{target}/", parameter="callback_url")


@pytest.mark.parametrize("address", INTERNAL)
async def test_a_name_that_resolves_to_an_internal_address_is_not_knocked_at(
    address: str, guard: Guard
) -> None:
    async with PublicHttp(
        ports=frozenset({guard.port}), lookup=lambda name, port: [address]
    ) as http:
        assert await problem_of(http, f"http://evil.example.com:{guard.port}/") is Problem.BLOCKED

    assert guard.knocks == 0


async def test_one_internal_address_among_public_ones_condemns_the_name(guard: Guard) -> None:
    async with PublicHttp(
        ports=frozenset({guard.port}), lookup=lambda name, port: ["93.184.216.34", "127.0.0.1"]
    ) as http:
        assert await problem_of(http, f"http://evil.example.com:{guard.port}/") is Problem.BLOCKED

    assert guard.knocks == 0


async def test_a_name_that_changes_its_mind_gains_nothing(guard: Guard) -> None:
    """First an address that is allowed here, then ones that reach this machine by the back door."""
    answers = iter(["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"])  # noqa: S104
    async with PublicHttp(allow_loopback=True, lookup=lambda name, port: [next(answers)]) as http:
        url = f"http://rebind.example.com:{guard.port}/"
        assert (await post(http, url)).status == 200
        for _ in range(2):
            assert await problem_of(http, url) is Problem.BLOCKED

    assert guard.knocks == 1


@pytest.mark.parametrize("address", INTERNAL)
def test_the_gate_at_the_socket_holds_alone(address: str) -> None:
    """Were the URL's check and the resolver blind, no socket is made for such an address."""
    family = 10 if ":" in address else 2
    with pytest.raises(OSError, match="public internet"):
        PublicHttp()._make_socket((family, 1, 6, "", (address, 443)))


@pytest.mark.parametrize("port", [1, 22, 25, 5432, 6379, 8080, 65535])
def test_public_hosts_are_spoken_to_on_web_ports_only(port: int) -> None:
    with pytest.raises(InvalidInput):
        check_url(f"https://shop.example.com:{port}/")
    with pytest.raises(OSError, match="port"):
        PublicHttp()._make_socket((2, 1, 6, "", ("93.184.216.34", port)))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_our_own_addresses_are_known_even_if_they_are_public() -> None:
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert not is_own(ipaddress.ip_address("93.184.216.34"))
    behind_nat = ["93.184.216.0/24", "2606:4700::/32"]
    with pytest.raises(OSError, match="public internet"):
        PublicHttp(forbidden=behind_nat)._make_socket((2, 1, 6, "", ("93.184.216.34", 443)))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/hooks?x=1#y",
        "http://shop.example.com",
        "https://shop.example.com:443/",
        "https://bücher.example/",
        "https://93.184.216.34/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_urls_of_public_hosts_are_taken_as_they_are(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example.com", "//shop.example.com/", "ftp://shop.example.com/",
        "file:///etc/passwd", "javascript:alert(1)", "gopher://shop.example.com/",
        "https://", "https:///path", "https://user@shop.example.com/",
        "https://user:word@shop.example.com/", "https://:word@shop.example.com/",
        "https://shop.example.com/\r\nX: y", "https://shop.example.com/\x00",
        "https://shop.example.com/ x", " https://shop.example.com/", "https://shop.example.com\\@x/",
        "https://shop.example.com:0/", "https://shop.example.com:99999/",
        "https://shop.example.com:x/", "https://[::1", "https://shop..example.com/",
        "https://" + "a" * 64 + ".example.com/",
        "https://shop.example.com/" + "x" * URL_MAX,
    ],
)  # fmt: skip
def test_other_urls_are_refused_by_the_name_of_their_parameter(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(url, parameter="callback_url")
    assert caught.value.parameter == "callback_url"


async def test_a_proxy_in_the_environment_is_not_asked(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{guard.port}")
    async with PublicHttp(lookup=lambda name, port: []) as http:
        assert await problem_of(http, "http://shop.example.com/") is Problem.DNS

    assert guard.knocks == 0


async def test_no_call_is_made_inside_a_transaction(guard: Guard, database: Database) -> None:
    async with PublicHttp(allow_loopback=True) as http, database.transaction():
        with pytest.raises(TransactionOpen):
            await post(http, f"http://127.0.0.1:{guard.port}/")

    assert guard.knocks == 0
