"""The pages of a payment by crypto into HTML, like those of `render.py`."""

from decimal import Decimal
from itertools import groupby

from markupsafe import Markup

from nonstopay.web.checkout import links
from nonstopay.web.checkout.crypto_page import Choice, CoinsPage, CryptoPage, CryptoState
from nonstopay.web.checkout.frame import (
    action,
    countdown,
    fill,
    isolated,
    methods_shown,
    share_left,
    ticket,
    wording_of,
)
from nonstopay.web.checkout.qr import qr_image
from nonstopay.web.checkout.remains_render import remains_shown
from nonstopay.web.checkout.wording import Wording, ticker_of

PAYABLE = (CryptoState.WAITING, CryptoState.SHORT)
BLOCKS_DRAWN = 12
"""So many confirmations are drawn one by one; more of them are a bar."""
GROUP = 4
"""Characters of an address that are read at a time."""
SEARCH_FROM = 6
"""With fewer choices there is nothing to search."""
_KNOWN = {
    "USDT": ("Tether", "₮"),
    "USDC": ("USD Coin", "$"),
    "ETH": ("Ether", "Ξ"),
    "BTC": ("Bitcoin", "₿"),
    "LTC": ("Litecoin", "Ł"),
}
"""Names and signs of coins, the same in every language."""
_PEGGED = ("USDT", "USDC")


def render_coins(page: CoinsPage) -> str:
    """The coins and networks to choose from, a ticker with its networks at a time."""
    words = wording_of(page.visit)
    return fill(
        "coins.html",
        page.visit,
        page.brand,
        title=words.say("coins.title", merchant=page.brand.merchant),
        ticket=ticket(words, page.visit, page.invoice, words.money(page.invoice.amount)),
        state=CryptoState.COINS.value,
        groups=[
            _group(words, ticker, list(choices))
            for ticker, choices in groupby(page.choices, lambda one: one.ticker)
        ],
        searched=len(page.choices) >= SEARCH_FROM,
        form_url=action(page.visit, page.form_url),
        back_url=action(page.visit, page.back_url),
        unanswered=page.unanswered,
        others_url=action(page.visit, page.others_url),
        cancel_url=action(page.visit, page.cancel_url),
    )


def render_crypto(page: CryptoPage) -> str:
    """The wait for a transfer, in whichever state it is."""
    words, state = wording_of(page.visit), page.state
    payable = state in PAYABLE
    to_send = page.missing if state is CryptoState.SHORT else page.asked
    amount = words.money(to_send)
    uri = links.wallet_link(page.uri) if payable else None
    label = {"amount": amount, "network": page.network, "address": page.address}
    return fill(
        "crypto.html",
        page.visit,
        page.brand,
        title=words.say("crypto.title", amount=amount),
        ticket=_converted(words, page),
        state=state.value,
        revision=page.revision,
        events_url=links.own_path(page.events_url),
        amount=amount,
        plain_amount=to_send.short_text(),
        ticker=ticker_of(to_send),
        asked=words.money(page.asked),
        here=words.money(page.received + page.coming),
        came=bool(page.received.minor),
        coming=words.money(page.coming) if page.coming.minor else None,
        network=isolated(page.network),
        address=page.address,
        grouped=_grouped(page.address),
        payable=payable,
        uri=uri,
        qr=qr_image(uri, words.say("crypto.qr_label", **label), error="l") if uri else None,
        plain_qr=(
            qr_image(page.address, words.say("crypto.qr_plain_label", **label)) if payable else None
        ),
        gas=page.gas,
        usual=words.span(page.usual_seconds),
        until=_until(words, page),
        left=countdown(page.locked_until),
        lifetime=page.lock_seconds,
        share_left=share_left(page.visit, page.locked_until, page.lock_seconds),
        confirmations=min(page.confirmations, page.needed),
        needed=page.needed,
        blocks_drawn=BLOCKS_DRAWN,
        policy=page.policy,
        same_address=page.same_address,
        remains=remains_shown(words, page.visit, page.brand.merchant, page.remains),
        coins_url=action(page.visit, page.coins_url),
        new_url=action(page.visit, page.new_url),
        methods=methods_shown(words, page.visit, page.methods),
        cancel_url=action(page.visit, page.cancel_url),
    )


def _group(words: Wording, ticker: str, choices: list[Choice]) -> dict[str, object]:
    name, sign = _KNOWN.get(ticker, ("", ticker[:1]))
    pegged = words.say("coins.pegged", name=name) if ticker in _PEGGED else name
    return {
        "ticker": ticker,
        "sign": sign,
        "about": pegged,
        "choices": [
            {
                "name": one.name,
                "network": one.network,
                "is_chosen": one.is_chosen,
                "fee": words.say(f"coins.fee_{one.fee}") if one.fee else None,
                "usual": words.say("coins.usually", time=words.span(one.usual_seconds)),
            }
            for one in choices
        ],
    }


def _grouped(address: str) -> Markup:
    """The address in groups of four, first and last in bold: there most people look.

    The gaps are drawn, not written: what is marked and copied by hand is the address itself.
    """
    prefix = len("0x") if address.startswith("0x") else 0
    rest = address[prefix:]
    parts = [rest[at : at + GROUP] for at in range(0, len(rest), GROUP)]
    parts[0] = address[:prefix] + parts[0]
    tags = ["b" if at in (0, len(parts) - 1) else "i" for at in range(len(parts))]
    return Markup("").join(
        Markup("<{tag}>{part}</{tag}>").format(tag=tag, part=part)
        for tag, part in zip(tags, parts, strict=True)
    )


def _until(words: Wording, page: CryptoPage) -> Markup:
    key = "crypto.send_by" if _is_at_par(page) else "crypto.locked"
    return words.say(key, time=words.time(page.locked_until))


def _is_at_par(page: CryptoPage) -> bool:
    return page.rate == 1 and ticker_of(page.asked) in _PEGGED


def _converted(words: Wording, page: CryptoPage) -> dict[str, object]:
    """The ticket in the coin, with how it became of the invoice's own money."""
    due, same_as = words.money(page.asked), words.money(page.invoice.amount)
    rate = _rate(words, page)
    return ticket(words, page.visit, page.invoice, due, same_as=same_as, rate=rate)


def _rate(words: Wording, page: CryptoPage) -> Markup:
    """The rate as people read it: what a dear coin costs, or how many of a cheap one are asked."""
    code, ticker = page.invoice.amount.currency.code, ticker_of(page.asked)
    if _is_at_par(page):
        return words.say("crypto.par", ticker=ticker, code=code)
    if page.rate < 1:
        one, charged = ticker, words.rate(Decimal(1) / page.rate, code)
    else:
        one, charged = code, words.rate(page.rate, ticker)
    return words.say(
        "order.rate",
        one=f"1\N{NO-BREAK SPACE}{one}",
        charged=charged,
        source=page.rate_source,
        date=words.time(page.rate_at),
        time=words.time(page.locked_until),
    )
