"""POST /api/invoice/refund/: a merchant gives money back to a payer."""

import re
from collections.abc import Mapping
from typing import Any

from nonstopay import clock, money
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.payments.refunds.ask import (
    BalanceTooLow,
    NotRefundable,
    NoWayBack,
    ask,
    left,
)
from nonstopay.card_number import holds_number
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money
from nonstopay.store.db import Connection
from nonstopay.web.api import errors
from nonstopay.web.api.call import Call, Reply
from nonstopay.web.api.errors import ContractError, invalid
from nonstopay.web.api.once import Once
from nonstopay.web.api.parameters import Parameters, given, plain_text

ROUTE = "refund-invoice"
REASON_MAX = 200
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class RefundCalls:
    """The call, over the parts it needs."""

    def __init__(self, once: Once) -> None:
        self._once = once

    async def refund(self, call: Call) -> Reply:
        """`POST /api/invoice/refund/`: all of it or a part; with an Idempotency-Key, once."""
        await call.read_parameters()
        wish = call.parameters
        invoice_id, note = _id(wish), _note(wish)

        async def act(tx: Connection) -> Mapping[str, Any]:
            invoice = await _find(tx, call.merchant.id, invoice_id)
            return await _refund(tx, invoice, _amount(wish, invoice), note)

        return await self._once.do(call, ROUTE, act)


async def _refund(
    tx: Connection, invoice: Invoice, amount: Money | None, note: str | None
) -> Mapping[str, Any]:
    try:
        refund, payment = await ask(
            tx, invoice.merchant_id, invoice.id, amount, note=note, at=clock.now()
        )
    except NoWayBack as unknown:
        message = f"{errors.MESSAGES[errors.METHOD_NOT_AVAILABLE]}: {unknown.message}"
        raise ContractError(errors.METHOD_NOT_AVAILABLE, message) from None
    except NotRefundable:
        raise ContractError(errors.METHOD_NOT_AVAILABLE) from None
    except BalanceTooLow:
        raise ContractError(errors.INSUFFICIENT_BALANCE) from None
    except InvalidAmount:
        raise invalid("amount") from None
    refundable = await left(tx, payment)
    return {
        "refund_id": refund.id,
        "invoice": {
            "id": str(invoice.id),
            "refunded": payment.refunded.text(),
            "refundable": refundable.text(),
        },
    }


async def _find(tx: Connection, merchant_id: int, invoice_id: int) -> Invoice:
    invoice = await invoices.find(tx, merchant_id, invoice_id)
    if invoice is not None:
        return invoice
    if await invoices.exists_elsewhere(tx, invoice_id):
        raise ContractError(
            errors.OTHER_MERCHANTS_INVOICE, "This invoice belongs to another merchant"
        )
    raise ContractError(errors.NOT_FOUND, "invoice not found")


def _id(parameters: Parameters) -> int:
    value = given(parameters, "id")
    if value is None:
        raise ContractError(errors.EMAIL_REQUIRED, "id required")
    text = plain_text(value)
    if text is None or not _ID.fullmatch(text):
        raise invalid("id")
    return int(text)


def _amount(parameters: Parameters, invoice: Invoice) -> Money | None:
    value = given(parameters, "amount")
    if value is None:
        return None
    text = plain_text(value)
    try:
        return money.parse(text or "", invoice.amount.currency)
    except InvalidAmount:
        raise invalid("amount") from None


def _note(parameters: Parameters) -> str | None:
    value = given(parameters, "reason")
    if value is None:
        return None
    text = plain_text(value)
    if text is None or len(text) > REASON_MAX or not text.isprintable() or holds_number(text):
        raise invalid("reason")
    return text
