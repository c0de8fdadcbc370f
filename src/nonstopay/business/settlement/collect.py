"""Collecting: which invoices are due, and what of the merchant's balance may go.

A merchant is never paid more than his balance less what is not due yet. So what he owes, gave back or
lost after an earlier settlement is taken off by itself: it is in the balance, and shows as the part's
adjustment.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from nonstopay.business.exchange.quote import quote
from nonstopay.business.exchange.rate import RateMissing, RateTooOld
from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import Part, Rate
from nonstopay.business.settlement.coins import AT_PAR_WITH, Stablecoin
from nonstopay.business.settlement.due import Due, Waiting
from nonstopay.business.settlement.rules import Rules
from nonstopay.business.settlement.split import split
from nonstopay.business.settlement.terms import Terms
from nonstopay.ledger import balances
from nonstopay.ledger.chart import MERCHANT
from nonstopay.money import Currency, Money, fiat
from nonstopay.store.db import Connection

LINES_MAX = 5000
"""Invoices of one currency in one batch; more wait for the next."""
AT_PAR = "par"
_log = logging.getLogger(__name__)


async def collect(
    tx: Connection, merchant_id: int, terms: Terms, coin: Stablecoin, rules: Rules, at: datetime
) -> list[Part]:
    """The merchant's parts, currency by currency. The caller holds his book.

    A currency whose exchange rate nobody knows waits; the others do not wait for it.
    """
    waiting = await records.waiting(tx, merchant_id)
    parts = []
    for held in await balances.balances(tx, merchant_id):
        if held.account != MERCHANT or held.money.minor <= 0:
            continue
        currency = held.money.currency
        here = [one for one in waiting if one.due.gross.currency == currency]
        due = [one.due for one in here if one.is_due(rules, at)][:LINES_MAX]
        rate = await _rate(tx, currency, terms, rules, at)
        if rate is None:
            continue
        available = held.money - _not_due(here, due, currency)
        part = split(due, available, terms, rate, coin.currency)
        if part is not None:
            parts.append(part)
    return parts


def _not_due(waiting: Sequence[Waiting], due: Sequence[Due], currency: Currency) -> Money:
    """What stays in the balance for invoices that are not due: nothing for those below zero."""
    settled = {one.invoice_id for one in due}
    nothing = Money(0, currency)
    return sum(
        (max(one.due.net, nothing) for one in waiting if one.due.invoice_id not in settled), nothing
    )


async def _rate(
    tx: Connection, currency: Currency, terms: Terms, rules: Rules, at: datetime
) -> Rate | None:
    if currency.code == AT_PAR_WITH:
        return Rate(mid=Decimal(1), source=AT_PAR, at=at, fx_percent=Decimal(0))
    try:
        found = await quote(tx, Money(1, currency), fiat(AT_PAR_WITH), max_age=rules.rate_max_age)
    except (RateMissing, RateTooOld) as missing:
        _log.warning("a currency cannot be settled now: %s", missing)
        return None
    return Rate(
        mid=found.stored_rate(), source=found.source, at=found.at, fx_percent=terms.fx_percent
    )
