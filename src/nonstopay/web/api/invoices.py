"""The invoice calls of the contract: create, status, infos, history."""

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices import records
from nonstopay.business.invoices.create import ROUTE, Created, InvoiceCreator
from nonstopay.business.invoices.describe import public_data, three_decimals
from nonstopay.business.invoices.invoice import (
    CRYPTO,
    LABEL,
    STATUS,
    Invoice,
    NewInvoice,
    identity_context,
)
from nonstopay.business.invoices.states import State
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.enter import TooManyDeclines
from nonstopay.business.payments.crypto.offered import offered
from nonstopay.store import idempotency
from nonstopay.web.api import errors
from nonstopay.web.api.call import REPLAYED, Call, Reply, failure, success
from nonstopay.web.api.card_fields import NEVER_KEPT, NUMBER
from nonstopay.web.api.create_invoice import read_new_invoice
from nonstopay.web.api.direct import pay_by_card, pay_by_crypto, pay_by_upi
from nonstopay.web.api.errors import ContractError, invalid, unreadable
from nonstopay.web.api.parameters import Parameters, comparable, given, plain_text

PAGE_SIZE = 50
PAGE_MAX = 10_000_000
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FILTERS: dict[str, tuple[State, ...] | None] = {
    "ALL": None,
    "PAID": (State.PAID,),
    "UNPAID": (State.CREATED, State.OPENED, State.FAILED),
    "WAITING": (State.AWAITING_APPROVAL,),
    "EXPIRED": (State.EXPIRED,),
}


class InvoiceCalls:
    """The calls, over the parts they need."""

    def __init__(self, gateway: Gateway, creator: InvoiceCreator) -> None:
        self._gateway = gateway
        self._creator = creator
        self._page_url = f"{gateway.settings.public_url}/widget/sale/create/?token="

    async def create(self, call: Call) -> Reply:
        """`POST /api/btn-create-invoice/get/`"""
        merchant = call.merchant
        if not merchant.wallet.active:
            raise errors.wallet_not_active(self._gateway.settings.public_url)
        await call.read_parameters()
        new, card = read_new_invoice(
            call.parameters,
            merchant,
            available=self._gateway.rails.methods,
            solutions=self._gateway.rails.solutions,
            coins=self._coins,
            callback=call.callback,
            seal=lambda text: self._gateway.sealer.seal(
                text.encode(), identity_context(merchant.id)
            ),
        )
        key = call.idempotency_key()
        if key is not None:
            new = msgspec.structs.replace(
                new, idempotency_key=key, fields=self._digests(call, card)
            )
        created = await self._creator.create(new)
        if new.direct:
            return await self._direct_reply(call, new, created, card)
        body = self._redirect_answer(merchant.id, created.id)
        return Reply(body, headers=REPLAYED if created.replayed else ())

    async def status(self, call: Call) -> Reply:
        """`GET|POST /api/invoice/status/`"""
        invoice = await self._find(call)
        return success(
            {
                "invoice": {
                    "id": str(invoice.id),
                    "devise": invoice.amount.currency.code,
                    "amount": invoice.amount.short_text(),
                    "status": STATUS[invoice.state],
                }
            }
        )

    async def infos(self, call: Call) -> Reply:
        """`GET|POST /api/client-invoice-info/get/`"""
        invoice = await self._find(call)
        return success(
            {
                "merchant_id": str(call.merchant.id),
                "invoice_id": str(invoice.id),
                "data": public_data(invoice, call.merchant.wallet.coin),
            }
        )

    async def history(self, call: Call) -> Reply:
        """`GET /api/client-invoice-history/get/`"""
        await call.read_parameters()
        wanted = call.parameters
        status = _choice(wanted, "status", "ALL", _FILTERS)
        first, last = _day(wanted, "from"), _day(wanted, "to")
        order = given(wanted, "order", "ASC")
        if order not in ("ASC", "DESC"):
            raise ContractError(errors.INVALID_ORDER, "Invalid order. order must be ASC or DESC")
        page = _page(wanted)
        async with self._gateway.db.reading() as conn:
            invoices, total = await records.page(
                conn,
                call.merchant.id,
                states=_FILTERS[status],
                first=first,
                last=last,
                descending=order == "DESC",
                offset=(page - 1) * PAGE_SIZE,
                limit=PAGE_SIZE,
            )
        return success(
            {
                "status": status,
                "from": first.isoformat() if first else None,
                "to": last.isoformat() if last else None,
                "page": page,
                "order": order,
                "list": [_history_record(invoice) for invoice in invoices],
                "total": str(total),
            }
        )

    async def _find(self, call: Call) -> Invoice:
        await call.read_parameters()
        value = given(call.parameters, "id")
        if value is None:
            raise ContractError(errors.EMAIL_REQUIRED, "id required")
        text = plain_text(value)
        if text is None or not _ID.fullmatch(text):
            raise invalid("id")
        async with self._gateway.db.reading() as conn:
            invoice = await records.find(conn, call.merchant.id, int(text))
            if invoice is None and await records.exists_elsewhere(conn, int(text)):
                raise ContractError(
                    errors.OTHER_MERCHANTS_INVOICE, "This invoice belongs to another merchant"
                )
        if invoice is None:
            raise ContractError(errors.NOT_FOUND, "invoice not found")
        return invoice

    def _digests(self, call: Call, card: CardAttempt | None) -> str:
        fields = {
            name: comparable(value)
            for name, value in call.parameters.items()
            if name not in NEVER_KEPT
        }
        if card is not None:
            fingerprint = self._gateway.vault.fingerprint(call.merchant.id, card.card.number)
            fields[NUMBER] = fingerprint.hex()
        return idempotency.digest_fields(self._gateway.fields_key, fields)

    def _coins(self, merchant: Merchant) -> list[str]:
        return [one.name for one in offered(self._gateway.chains, merchant)]

    def _redirect_answer(self, merchant_id: int, invoice_id: int) -> bytes:
        url = self._page_url + self._gateway.tokens.make(merchant_id, invoice_id)
        return b'{"errorCode":0,"redirectUrl":"%b","html":"<a href=\'%b\'></a>"}' % (
            url.encode(),
            url.encode(),
        )

    async def _direct_reply(
        self, call: Call, new: NewInvoice, created: Created, card: CardAttempt | None
    ) -> Reply:
        """Server to server: start the payment now and tell where the payer pays."""
        if created.answer is not None:
            return Reply(created.answer.encode(), headers=REPLAYED)
        gateway, merchant = self._gateway, call.merchant
        page_url = self._page_url + gateway.tokens.make(merchant.id, created.id)
        try:
            if card is not None:
                started = await pay_by_card(gateway, merchant, created, page_url, card)
            elif new.method == CRYPTO.name:
                coin, *_ = (new.solution or "").split(",")
                started = await pay_by_crypto(gateway, merchant, created, page_url, coin)
            else:
                started = await pay_by_upi(gateway, merchant, created, page_url)
        except TooManyDeclines as error:
            return _later(error)
        reply = success(started.answer)
        if new.idempotency_key is not None and started.lasting:
            async with gateway.db.transaction() as tx:
                await idempotency.remember_answer(
                    tx, merchant.id, ROUTE, new.idempotency_key, reply.body.decode()
                )
        return reply


def _later(error: TooManyDeclines) -> Reply:
    """Too many cards of this payer were refused: not now, whichever card it is."""
    wait = math.ceil((error.until - clock.now()).total_seconds()) if error.until else 0
    reply = failure(unreadable(429, error.message))
    return Reply(reply.body, reply.status, ((b"retry-after", b"%d" % max(1, wait)),))


def _history_record(invoice: Invoice) -> dict[str, Any]:
    earned = invoice.charged is not None
    return {
        "id": str(invoice.id),
        "email": invoice.email,
        "status": LABEL[invoice.state],
        "amount": invoice.amount.text(),
        "symbol": invoice.amount.currency.code,
        "create_date": clock.text(invoice.created_at),
        "status_date": clock.text(invoice.state_at),
        "tx_hash": invoice.tx_hash,
        "exchange_currency_symbol": invoice.settled.currency.code if invoice.settled else None,
        "paid_amount": invoice.amount.text() if earned else None,
        "merchant_amount": three_decimals(invoice.net) if invoice.net is not None else None,
        "fee_amount": three_decimals(invoice.fee) if invoice.fee is not None else None,
        "ip": invoice.payer_ip,
        "country": invoice.payer_country,
        "success_url": invoice.success_url,
        "pending_url": invoice.pending_url,
        "cancel_url": invoice.cancel_url,
    }


def _choice(wanted: Parameters, name: str, default: str, choices: Mapping[str, object]) -> str:
    value = given(wanted, name, default)
    if not isinstance(value, str) or value not in choices:
        raise invalid(name)
    return value


def _day(wanted: Parameters, name: str) -> date | None:
    value = given(wanted, name, "null")
    if value == "null":
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise invalid(name)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise invalid(name) from None


def _page(wanted: Parameters) -> int:
    text = plain_text(given(wanted, "page", "1"))
    if text is None or not _ID.fullmatch(text) or int(text) > PAGE_MAX:
        raise invalid("page")
    return int(text)
