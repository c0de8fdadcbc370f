"""Which coins are offered in which order, and which page a payer by crypto sees."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nonstopay.business.invoices.invoice import CARD, CRYPTO, UPI
from nonstopay.business.payments.crypto.policy import Policy
from nonstopay.business.payments.crypto.standing import REFUNDABLE, Standing, Stray
from nonstopay.business.payments.states import State
from nonstopay.connectors.crypto import networks, payment_uri
from nonstopay.connectors.crypto.networks import DOLLAR
from nonstopay.money import Money, parse
from nonstopay.store.db import Database
from nonstopay.web.checkout.coins import choices, usual_seconds
from nonstopay.web.checkout.crypto_facts import CryptoFacts
from nonstopay.web.checkout.crypto_page import CryptoState
from nonstopay.web.checkout.refund_form import Named
from nonstopay.web.checkout.remains import RefundProblem
from nonstopay.web.checkout.sight import Sight
from nonstopay.web.checkout.view import render
from tests.unit.payments.counter import open_counter
from tests.unit.web.checkout_pages import VISIT, Reading
from tests.unit.web.crypto_pages import ADDRESS

TABLE = networks.load()
USDT = TABLE.coin("USDT_polygon")
FIVE = Money(500, DOLLAR)


def usdt(text: str) -> Money:
    return parse(text, USDT.currency) if text != "0" else Money(0, USDT.currency)


@pytest.fixture
async def sight(database: Database) -> Sight:
    """A payer who looks at an invoice of five dollars that can be paid in every way."""
    counter = await open_counter(database)
    coins = cast(Any, SimpleNamespace(is_on=True, coins_offered=lambda: list(TABLE.coins())))
    return Sight(
        visit=replace(VISIT, now=(await counter.invoice()).created_at),
        token="t",
        public_url="http://127.0.0.1",
        merchant=replace(counter.merchant, methods=frozenset({CARD.name, UPI.name, CRYPTO.name})),
        invoice=await counter.invoice(method=None),
        payment=None,
        rails=replace(counter.rails, card={"acquirer": cast(Any, object())}, chains=coins),
        crypto_facts=CryptoFacts(choices=choices(TABLE, TABLE.coins(), FIVE)),
    )


async def attempt(sight: Sight, database: Database, **facts: Any) -> Sight:
    """The same payer, with an attempt in USDT of which so much came."""
    counter = await open_counter(database)
    started = await counter.attempt(await counter.invoice())
    payment = replace(
        started,
        method=CRYPTO.name,
        state=facts.pop("state", State.WAITING),
        charged=usdt("5"),
        expires_at=sight.visit.now + timedelta(minutes=30),
    )
    standing = Standing(
        payment=payment,
        coin=USDT,
        network=TABLE["polygon"],
        address=ADDRESS,
        asked=usdt("5"),
        uri=payment_uri.write(TABLE["polygon"], USDT, ADDRESS, usdt("5")),
        ends=facts.pop("ends", payment.expires_at),
        expires_at=payment.expires_at,
        rate=Decimal(1),
        rate_source="par",
        rate_at=sight.visit.now,
        policy=Policy(),
        **{
            "received": usdt("0"),
            "coming": usdt("0"),
            "missing": usdt("5"),
            "over": usdt("0"),
            "confirmations": 0,
            "needed": 0,
            "strays": (),
            "refundable": None,
            "refund_address": None,
            "is_late": False,
            **facts,
        },
    )
    facts_now = replace(sight.crypto_facts, current=standing)
    return replace(sight, payment=payment, crypto_facts=facts_now)


def with_standing(sight: Sight, **facts: Any) -> Sight:
    """The same page, with other facts of the attempt."""
    assert sight.crypto
    current = replace(sight.crypto, **facts)
    return replace(sight, crypto_facts=replace(sight.crypto_facts, current=current))


def test_stablecoins_come_first_and_of_each_the_cheapest_network() -> None:
    names = [one.name for one in choices(TABLE, TABLE.coins(), FIVE, "USDC_base")]
    tickers = list(dict.fromkeys(name.partition("_")[0] for name in names))
    assert tickers == ["USDT", "USDC", "BTC", "ETH", "LTC", "POL"]
    assert (names[0], names[5], names[6]) == ("USDT_polygon", "USDT_ethereum", "USDC_polygon")
    chosen = [one.name for one in choices(TABLE, TABLE.coins(), FIVE, "USDC_base") if one.is_chosen]
    assert chosen == ["USDC_base"]


@pytest.mark.parametrize(
    ("network", "dollars", "seconds"),
    [
        ("ethereum", 5, 144),
        ("ethereum", 5000, 900),
        ("arbitrum", 5, 75),
        ("bsc", 5, 12),
        ("bitcoin", 5, 1200),
        ("bitcoin", 60_000, 3600),
    ],
)
def test_more_money_takes_longer(network: str, dollars: int, seconds: int) -> None:
    assert usual_seconds(TABLE[network], Money(dollars * 100, DOLLAR)) == seconds


async def test_choosing_crypto_shows_the_coins(sight: Sight) -> None:
    page = Reading(render(replace(sight, by_crypto=True)))
    assert "Which coin will you send?" in page.text
    links = [link.get("href", "") for link in Reading(render(sight)).all("a")]
    assert [link for link in links if "method=crypto" in link], "one tap from the choice"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, CryptoState.WAITING),
        ({"coming": usdt("5"), "missing": usdt("0")}, CryptoState.SEEN),
        ({"coming": usdt("4.99"), "missing": usdt("0.01")}, CryptoState.SEEN),
        ({"coming": usdt("2"), "missing": usdt("3")}, CryptoState.SHORT),
        ({"received": usdt("2"), "missing": usdt("3")}, CryptoState.SHORT),
        ({"received": usdt("2"), "coming": usdt("3"), "missing": usdt("0")}, CryptoState.SEEN),
        ({"state": State.EXPIRED}, CryptoState.EXPIRED),
        (
            {"state": State.EXPIRED, "received": usdt("2"), "missing": usdt("3")},
            CryptoState.EXPIRED,
        ),
    ],
)
async def test_what_came_decides_what_is_shown(
    sight: Sight, database: Database, facts: dict[str, Any], state: CryptoState
) -> None:
    paying = await attempt(sight, database, **facts)
    assert paying.crypto_state is state
    assert paying.shown == state.value
    assert f'data-state="{state}"' in render(paying)


async def test_a_time_that_is_up_is_told_before_anybody_was_asked(
    sight: Sight, database: Database
) -> None:
    paying = await attempt(sight, database, ends=sight.visit.now)
    assert paying.crypto_state is CryptoState.EXPIRED
    assert "coin=USDT_polygon" in render(paying), "a new amount is in the same coin"


async def test_money_that_is_here_keeps_the_payer_with_his_coin(
    sight: Sight, database: Database
) -> None:
    some = await attempt(sight, database, received=usdt("2"), missing=usdt("3"))
    elsewhere = replace(some, by_crypto=True, another=some.payment.id if some.payment else 0)
    assert elsewhere.crypto_state is CryptoState.SHORT
    assert replace(some, by_card=True).crypto_state is CryptoState.SHORT
    assert not some.may_pay_by(CARD.name)
    none = await attempt(sight, database)
    assert replace(none, by_card=True).crypto_state is None
    assert none.may_pay_by(CARD.name)
    leaving = replace(none, by_crypto=True, another=none.payment.id if none.payment else 0)
    assert leaving.crypto_state is CryptoState.COINS


async def test_what_a_chain_took_back_is_looked_at_and_not_asked_for_again(
    sight: Sight, database: Database
) -> None:
    paying = await attempt(sight, database)
    facts = replace(paying.crypto_facts, is_frozen=True)
    page = Reading(render(replace(paying, crypto_facts=facts)))
    assert "We are looking at this payment" in page.text
    assert page.all("form") == []


async def test_each_block_is_a_page_of_its_own(sight: Sight, database: Database) -> None:
    coming = {"coming": usdt("5"), "missing": usdt("0"), "needed": 3}
    first = await attempt(sight, database, confirmations=1, **coming)
    assert first.awaited_network == "polygon"
    second = with_standing(first, confirmations=2)
    assert first.revision != second.revision
    assert (await attempt(sight, database)).awaited_network is None


async def test_an_address_that_was_refused_stands_in_the_form_again(
    sight: Sight, database: Database
) -> None:
    expired = await attempt(
        sight, database, state=State.EXPIRED, received=usdt("2"), refundable=usdt("2")
    )
    wrong = replace(expired, named=Named("0xnot", RefundProblem.INVALID))
    page = Reading(render(wrong))
    assert "Get 2 USDT back" in page.text
    assert page.all("input")[0]["value"] == "0xnot"
    named = with_standing(wrong, refundable=None, refund_address=ADDRESS)
    assert "goes back to this address" in Reading(render(named)).text


async def test_what_an_earlier_attempt_left_can_be_had_back_from_any_later_page(
    sight: Sight, database: Database
) -> None:
    earlier = await attempt(
        sight, database, state=State.EXPIRED, received=usdt("2"), refundable=usdt("2")
    )
    assert earlier.crypto
    again = await attempt(sight, database)
    assert again.crypto
    left = replace(earlier.crypto, payment=replace(earlier.crypto.payment, id=9_999))
    stray = Stray(TABLE["polygon"], usdt("2"), REFUNDABLE)
    now = with_standing(again, strays=(stray,))
    page = Reading(render(replace(now, crypto_facts=replace(now.crypto_facts, left=left))))
    assert "Get 2 USDT back" in page.text
    assert "We also found" not in page.text, "told once"
    assert [form for form in page.all("form") if "payment=9999" in form["action"]]
    assert replace(now.crypto_facts, left=left).refundable(9_999) == left.payment
    assert now.crypto_facts.refundable(9_999) is None


async def test_a_stray_names_its_network(sight: Sight, database: Database) -> None:
    other = TABLE.coin("USDT_bsc")
    stray = Stray(TABLE["bsc"], Money(3 * 10**18, other.currency), REFUNDABLE)
    page = Reading(render(await attempt(sight, database, strays=(stray,))))
    assert "We also found 3 USDT on BNB Smart Chain. Ask" in page.text
