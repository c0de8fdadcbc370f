"""What the outside is told of an invoice: the one public shape, for infos and webhooks alike.

Source: the contract, "Infos" and "Webhooks". Numbers are JSON numbers made from exact decimals, never
from floats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.business.invoices import records
from nonstopay.business.invoices.invoice import DESCRIPTION, STATUS, Invoice
from nonstopay.business.invoices.states import State
from nonstopay.business.merchants import records as merchants
from nonstopay.errors import NotFound
from nonstopay.money import Money, coin, currency_of
from nonstopay.store.db import Database
from nonstopay.store.outbox import Event

SETTLED_IN_DOLLARS = "USD"


def number(text: str) -> msgspec.Raw:
    """A plain decimal as a JSON number, digit for digit."""
    return msgspec.Raw(text.encode())


def public_data(invoice: Invoice, settlement_coin: str) -> dict[str, Any]:
    """The `data` of infos.

    Args:
        settlement_coin: USDC or USDT, in which the merchant is settled. A dollar invoice is settled
            at par; for other currencies the total is known once it is settled.
    """
    data: dict[str, Any] = {
        "status": STATUS[invoice.state],
        "id": invoice.id,
        "devise": invoice.amount.currency.code,
        "amount": number(invoice.amount.short_text()),
        "description": DESCRIPTION[invoice.state],
        "callbackJson": _callback(invoice.callback_json),
        "fiat_amount": None,
        "fiat_currency": None,
        "totalAmount": None,
        "totalCurrency": None,
        "datetime": clock.text(invoice.state_at),
    }
    if invoice.charged is not None:
        data["fiat_amount"] = number(invoice.charged.short_text())
        data["fiat_currency"] = invoice.charged.currency.code
    if invoice.settled is not None:
        data["totalAmount"] = number(invoice.settled.short_text())
        data["totalCurrency"] = invoice.settled.currency.code
    elif invoice.net is not None and invoice.amount.currency.code == SETTLED_IN_DOLLARS:
        data["totalAmount"] = number(invoice.net.short_text())
        data["totalCurrency"] = settlement_coin
    return data


async def describe_events(db: Database, events: Sequence[Event]) -> list[dict[str, Any]]:
    """What webhooks say: for each event the invoice as it was when it happened.

    Raises:
        NotFound: an event about an invoice that is not there.
    """
    coins: dict[int, str] = {}
    async with db.reading() as conn:
        invoices = await records.find_all(
            conn, [(one.merchant_id, one.object_id) for one in events]
        )
        # The coin is told only of what was paid, and most events are about what is not paid yet.
        for merchant_id in {one.merchant_id for one in events if "fee" in one.facts}:
            merchant = await merchants.by_id(conn, merchant_id)
            coins[merchant_id] = merchant.wallet.coin if merchant else ""
    return [_describe(event, invoices, coins) for event in events]


def _describe(
    event: Event, invoices: Mapping[tuple[int, int], Invoice], coins: Mapping[int, str]
) -> dict[str, Any]:
    invoice = invoices.get((event.merchant_id, event.object_id))
    if invoice is None:
        raise NotFound(f"event about invoice {event.object_id}, which is not there")
    return public_data(_as_it_was(invoice, event.facts), coins.get(event.merchant_id, ""))


def _as_it_was(invoice: Invoice, facts: Mapping[str, Any]) -> Invoice:
    """The invoice with the state, time and amounts of an event.

    Args:
        facts: those that the event kept (`step.event_facts`); none at creation.
    """
    charged, fee, at = facts.get("charged"), facts.get("fee"), facts.get("at")
    credited, settled = facts.get("credited"), facts.get("settled")
    return replace(
        invoice,
        state=State(facts.get("state", State.CREATED)),
        state_at=datetime.fromisoformat(at) if at else invoice.created_at,
        charged=Money(int(charged[0]), currency_of(*charged[1:])) if charged else None,
        credited=Money(int(credited), invoice.amount.currency) if credited else None,
        fee=Money(int(fee), invoice.amount.currency) if fee is not None else None,
        settled=Money(int(settled[0]), coin(settled[1], settled[2])) if settled else None,
    )


def _callback(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def three_decimals(money: Money) -> str:
    """An amount with at least three decimals, as the contract's history writes shares: `0.900`."""
    decimals = max(3, money.currency.exponent)
    return str(money.decimal().quantize(Decimal(1).scaleb(-decimals)))
