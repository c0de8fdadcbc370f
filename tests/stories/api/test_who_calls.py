"""Keys and addresses: who is let in, and how fast it is felt that somebody is not any more."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.stories.api.wire import HISTORY, code, send
from tests.stories.gateway import Gateway, Merchant, free_port

FELT_SECONDS = 5.0
FRIEND = "203.0.113.7"


def within_five_seconds(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + FELT_SECONDS
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def admitted(merchant: Merchant, *headers: tuple[str, str], source: str = "127.0.0.1") -> int:
    return code(send(merchant, HISTORY, headers=headers, method="GET", source=source))


def test_a_merchant_has_several_keys_and_revokes_one(merchant: Merchant) -> None:
    gateway = merchant.gateway
    second = gateway.command("merchant", "key", str(merchant.id), "--json")["api_key"]
    other = Merchant(gateway, merchant.id, second, "")
    assert (code(merchant.create()), code(other.create())) == (0, 0)

    gateway.command("merchant", "key", str(merchant.id), "--revoke", f"{second[:16]}…{second[-4:]}")
    assert within_five_seconds(lambda: code(other.create()) == 50007)
    assert code(merchant.create()) == 0


def test_a_replaced_list_of_addresses_is_felt(merchant: Merchant) -> None:
    gateway = merchant.gateway
    assert admitted(merchant) == 0
    assert admitted(merchant, source="127.0.0.5") == 50006
    gateway.command("merchant", "set", str(merchant.id), "--ip", "127.0.0.5")
    assert within_five_seconds(lambda: admitted(merchant) == 50006)
    assert within_five_seconds(lambda: admitted(merchant, source="127.0.0.5") == 0)


def test_a_wallet_that_is_taken_back_is_felt(merchant: Merchant) -> None:
    assert code(merchant.create()) == 0
    merchant.gateway.command("merchant", "set", str(merchant.id), "--inactive")
    assert within_five_seconds(lambda: code(merchant.create()) == 50008)
    assert code(merchant.get(HISTORY)) == 0


def test_a_key_is_itself_or_nothing(regular: Merchant) -> None:
    key = regular.api_key
    for other in (
        key.lower(),
        key[:-1],
        key[:-1] + "é",
        f"{key}x",
        f"{key} {key}",
        f"Bearer {key}",
    ):
        assert admitted(Merchant(regular.gateway, regular.id, other, "")) == 50007, other


@pytest.fixture(scope="module")
def elsewhere(gateway: Gateway) -> Merchant:
    """A merchant who may call from one address only, which is not this machine's."""
    merchant = gateway.merchant(name="Elsewhere")
    gateway.command("merchant", "set", str(merchant.id), "--ip", FRIEND)
    return merchant


CLAIMS = [
    ("X-Forwarded-For", FRIEND),
    ("X-Forwarded-For", f"{FRIEND}, 127.0.0.1"),
    ("X-Forwarded-For", f"127.0.0.1, {FRIEND}"),
    ("X-Forwarded-For", f"{FRIEND}:443"),
    ("X-Forwarded-For", f"::ffff:{FRIEND}"),
    ("X-Forwarded-For", f"[{FRIEND}]"),
    ("X-FORWARDED-FOR", FRIEND),
    ("X-Forwarded-For", f"{FRIEND}%eth0"),
    ("X_Forwarded_For", FRIEND),
    ("X-Forwarded", FRIEND),
    ("X-Forwarded-Client-Ip", FRIEND),
    ("X-Forwarded-Host", FRIEND),
    ("Forwarded", f"for={FRIEND}"),
    ("Forwarded", f'for="{FRIEND}:443";proto=https;by=127.0.0.1'),
    ("Forwarded-For", FRIEND),
    ("X-Real-IP", FRIEND),
    ("X-Client-IP", FRIEND),
    ("Client-IP", FRIEND),
    ("X-Cluster-Client-IP", FRIEND),
    ("True-Client-IP", FRIEND),
    ("CF-Connecting-IP", FRIEND),
    ("CF-Connecting-IPv6", f"::ffff:{FRIEND}"),
    ("Fastly-Client-IP", FRIEND),
    ("X-Azure-ClientIP", FRIEND),
    ("X-Originating-IP", FRIEND),
    ("X-Remote-IP", FRIEND),
    ("X-Remote-Addr", FRIEND),
    ("Remote-Addr", FRIEND),
    ("X-ProxyUser-Ip", FRIEND),
    ("Via", f"1.1 {FRIEND}"),
]


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_an_address_is_not_believed_because_it_is_said(
    elsewhere: Merchant, name: str, claim: str
) -> None:
    assert admitted(elsewhere, (name, claim)) == 50006


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    """A merchant of a gateway behind proxies: one on this machine, others in 10.0.0.0/8."""
    gateway = Gateway(
        tmp_path_factory.mktemp("proxied") / "data",
        free_port(),
        {"NONSTOPAY_TRUSTED_PROXIES": "127.0.0.1/32, 10.0.0.0/8"},
    )
    gateway.start()
    merchant = gateway.merchant(name="Proxied")
    gateway.command("merchant", "set", str(merchant.id),
                    "--ip", FRIEND, "--ip", "2001:db8:7::/48", "--ip", "::ffff:192.0.2.0/120")  # fmt: skip
    yield merchant
    gateway.stop()


@pytest.mark.parametrize(
    ("hops", "number"),
    [
        ([FRIEND], 0),
        ([f"198.51.100.1, {FRIEND}"], 0),
        ([f"{FRIEND}, 10.1.2.3"], 0),
        ([FRIEND, "10.1.2.3, 10.9.9.9"], 0),
        (["2001:db8:7::1"], 0),
        (["2001:DB8:7:0::1"], 0),
        ([f"::ffff:{FRIEND}"], 0),
        (["192.0.2.77"], 0),
        (["::ffff:192.0.2.77"], 0),
        ([f"{FRIEND}, 198.51.100.1"], 50006),
        ([f"{FRIEND}, 198.51.100.1, 10.1.2.3"], 50006),
        ([FRIEND, "198.51.100.1"], 50006),
        ([f"{FRIEND}, "], 50006),
        ([f"{FRIEND}:443"], 50006),
        (["2001:db8:8::1"], 50006),
        (["192.0.3.1"], 50006),
        (["unknown"], 50006),
        ([""], 50006),
        (["10.1.2.3"], 50006),
        ([], 50006),
    ],
)
def test_behind_proxies_the_last_hop_that_is_not_ours_counts(
    proxied: Merchant, hops: list[str], number: int
) -> None:
    headers = [("X-Forwarded-For", hop) for hop in hops]
    assert admitted(proxied, *headers) == number


@pytest.mark.parametrize(("name", "claim"), CLAIMS[10:])
def test_behind_proxies_no_other_header_counts(proxied: Merchant, name: str, claim: str) -> None:
    assert admitted(proxied, (name, claim), ("X-Forwarded-For", "198.51.100.1")) == 50006


def test_who_comes_past_the_proxies_is_not_believed(proxied: Merchant) -> None:
    assert admitted(proxied, ("X-Forwarded-For", FRIEND), source="127.0.0.5") == 50006
