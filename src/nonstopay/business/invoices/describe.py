"""What the outside is told of an invoice: the one public shape, for infos and webhooks alike.

Source: the contract, "Infos" and "Webhooks". Numbers are JSON numbers made from exact decimals, never
from floats.
"""

from collections.abc import Mapping
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
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database

SETTLED_IN_DOLLARS = "USD"


def number(text: str) -> msgspec.Raw:
    """A plain decimal as a JSON number, digit for digit."""
    return msgspec.Raw(text.encode())


def public_data(invoice: Invoice, settlement_coin: str) -> dict[str, Any]:
    """The `data` of infos.

    Args:
        settlement_coin: USDC or USDT, in which the merchant is settled. A dollar invoice is settled
            at par; for other currencies the total is known with the settlement's own quote.
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
    if invoice.net is not None and invoice.amount.currency.code == SETTLED_IN_DOLLARS:
        data["totalAmount"] = number(invoice.net.short_text())
        data["totalCurrency"] = settlement_coin
    return data


async def describe_event(
    db: Database, merchant_id: int, invoice_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What a webhook says: the invoice as it was when the event happened.

    Args:
        facts: those that the event kept (`step.event_facts`); none at creation.
    """
    async with db.reading() as conn:
        invoice = await records.find(conn, merchant_id, invoice_id)
        # The coin is told only of what was paid, and most events are about what is not paid yet.
        merchant = await merchants.by_id(conn, merchant_id) if "fee" in facts else None
    if invoice is None:
        raise NotFound(f"event about invoice {invoice_id}, which is not there")
    return public_data(_as_it_was(invoice, facts), merchant.wallet.coin if merchant else "")


def _as_it_was(invoice: Invoice, facts: Mapping[str, Any]) -> Invoice:
    """The invoice with the state, time and amounts of an event."""
    charged, fee, at = facts.get("charged"), facts.get("fee"), facts.get("at")
    return replace(
        invoice,
        state=State(facts.get("state", State.CREATED)),
        state_at=datetime.fromisoformat(at) if at else invoice.created_at,
        charged=Money(int(charged[0]), fiat(charged[1])) if charged else None,
        fee=Money(int(fee), invoice.amount.currency) if fee is not None else None,
    )


def _callback(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def three_decimals(money: Money) -> str:
    """An amount with at least three decimals, as the contract's history writes shares: `0.900`."""
    decimals = max(3, money.currency.exponent)
    return str(money.decimal().quantize(Decimal(1).scaleb(-decimals)))
