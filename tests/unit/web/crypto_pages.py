"""The pages of a payment by crypto, one in each of its states."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from nonstopay.money import Money, coin
from nonstopay.web.checkout.crypto_page import (
    Choice,
    CoinsPage,
    CryptoPage,
    CryptoState,
    Fee,
    Late,
    Over,
    Policy,
    Under,
)
from nonstopay.web.checkout.crypto_render import render_coins, render_crypto
from nonstopay.web.checkout.page import DoneState
from nonstopay.web.checkout.remains import Fate, Refund, RefundProblem, Remains, Stray
from nonstopay.web.checkout.render import render_done
from tests.unit.web.checkout_pages import BRAND, DONE, INVOICE, METHODS, NOW, VISIT

USDT = coin("USDT_polygon", 6)
ETHER = coin("ETH_ethereum", 18)
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
LINK = f"ethereum:0xc2132D05D31c914a87C6611C10748AEb04B58e8F@137/transfer?address={ADDRESS}&uint256=15040001"
NETWORKS = {
    "polygon": ("Polygon", 2, Fee.LOW),
    "base": ("Base", 144, Fee.LOW),
    "arbitrum": ("Arbitrum One", 75, Fee.LOW),
    "bsc": ("BNB Smart Chain", 11, Fee.LOW),
    "tron": ("TRON", 57, Fee.MIDDLE),
    "ethereum": ("Ethereum", 144, Fee.HIGH),
    "bitcoin": ("Bitcoin", 1200, Fee.HIGH),
    "litecoin": ("Litecoin", 900, Fee.LOW),
}
COINS = (
    *(f"USDT_{network}" for network in ("polygon", "base", "arbitrum", "bsc", "tron", "ethereum")),
    *(f"USDC_{network}" for network in ("polygon", "base", "arbitrum", "bsc", "ethereum")),
    "ETH_ethereum", "POL_polygon", "BTC_bitcoin", "LTC_litecoin",
)  # fmt: skip


def choice(name: str) -> Choice:
    ticker, _, network = name.partition("_")
    title, seconds, fee = NETWORKS[network]
    return Choice(name=name, ticker=ticker, network=title, usual_seconds=seconds, fee=fee)


def usdt(text: str) -> Money:
    return Money(int(Decimal(text) * 10**6), USDT)


CHOICES = CoinsPage(
    visit=VISIT,
    brand=BRAND,
    invoice=INVOICE,
    choices=[choice(name) for name in COINS],
    form_url="/widget/sale/pay/?token=abc&method=crypto",
    others_url="/widget/sale/create/?token=abc",
    cancel_url="/cancel/?token=abc",
)
CRYPTO = CryptoPage(
    visit=VISIT,
    brand=BRAND,
    invoice=INVOICE,
    state=CryptoState.WAITING,
    asked=usdt("15.040001"),
    received=usdt("0"),
    coming=usdt("0"),
    missing=usdt("15.040001"),
    network="Polygon",
    address=ADDRESS,
    uri=LINK,
    gas="POL",
    locked_until=NOW + timedelta(minutes=12),
    lock_seconds=900,
    rate=Decimal("1.0002"),
    rate_source="Coinbase, Kraken",
    rate_at=NOW - timedelta(seconds=20),
    confirmations=0,
    needed=0,
    usual_seconds=6,
    events_url="/events/?token=abc",
    coins_url="/widget/sale/create/?token=abc&method=crypto&change=16",
    new_url="/widget/sale/new-qr/?token=abc&after=16",
    methods=METHODS[:2],
    cancel_url="/cancel/?token=abc",
    revision="2.16.1",
)
QUIET = replace(CRYPTO, coins_url=None, methods=(), cancel_url=None)
"""Money is on its way: nothing else is offered."""
SEEN = replace(
    QUIET,
    state=CryptoState.SEEN,
    coming=CRYPTO.asked,
    missing=usdt("0"),
    uri=None,
    confirmations=1,
    needed=3,
)
SHORT = replace(
    QUIET,
    state=CryptoState.SHORT,
    received=usdt("10"),
    missing=usdt("5.040001"),
    uri=LINK.replace("15040001", "5040001"),
)
REFUND = Refund(
    amount=usdt("2.5"), network="Polygon", form_url="/widget/sale/refund/?token=abc&payment=16"
)
STRAYS = (
    Stray(
        amount=Money(5 * 10**18, coin("USDC_bsc", 18)), network="BNB Smart Chain", fate=Fate.WAITING
    ),
    Stray(amount=None, network="Polygon", fate=Fate.IGNORED),
)
PAID = replace(
    DONE,
    payment=replace(DONE.payment, charged=CRYPTO.asked, reference="") if DONE.payment else None,
    remains=Remains(refund=REFUND),
)


def every_crypto_page(language: str = "en") -> dict[str, str]:
    """Each page as HTML, by a name for the failure message."""
    visit = replace(VISIT, language=language, sandbox=True)
    coins = replace(CHOICES, visit=visit)
    chosen = [replace(one, is_chosen=one.name == "USDT_tron") for one in coins.choices]
    pages = {
        "coins": coins,
        "coins few": replace(coins, choices=coins.choices[:2], unanswered=True),
        "coins changed": replace(coins, choices=chosen, back_url="/back/?token=abc"),
        "coins none": replace(coins, choices=()),
    }
    shown = {name: render_coins(page) for name, page in pages.items()}
    now = replace(CRYPTO, visit=visit)
    for state in CryptoState:
        if state is not CryptoState.COINS:
            shown[f"crypto {state}"] = render_crypto(replace(now, state=state))
    ether = Money(5_312_849_182_736_455, ETHER)
    some = {
        "same": replace(now, same_address=True),
        "plain": replace(now, uri=None, gas=""),
        "ether": replace(now, asked=ether, received=ether, coming=ether, missing=ether),
        "credit": replace(
            now, policy=Policy(under=Under.CREDIT, over=Over.CREDIT, late=Late.CREDIT)
        ),
        "seen": replace(SEEN, visit=visit),
        "many": replace(SEEN, visit=visit, needed=300, confirmations=120),
        "short": replace(SHORT, visit=visit),
        "topped up": replace(SHORT, visit=visit, coming=usdt("2"), needed=3, confirmations=1),
        "late": replace(
            now,
            state=CryptoState.EXPIRED,
            remains=Remains(is_late=True, strays=STRAYS, refund=REFUND),
        ),
    }
    shown |= {f"crypto {name}": render_crypto(page) for name, page in some.items()}
    for fate in Fate:
        stray = replace(STRAYS[0], fate=fate)
        told = replace(now, remains=Remains(strays=(stray, STRAYS[1])))
        shown[f"stray {fate}"] = render_crypto(told)
    for problem in (None, *RefundProblem):
        refund = replace(REFUND, problem=problem, address="0xnot" if problem else "")
        paid = replace(PAID, visit=visit, remains=Remains(over=usdt("2.5"), refund=refund))
        shown[f"refund {problem}"] = render_done(paid)
    named = Remains(refund=replace(REFUND, form_url=None, address=ADDRESS))
    shown["refund named"] = render_done(
        replace(PAID, visit=visit, state=DoneState.EXPIRED, remains=named)
    )
    return shown
