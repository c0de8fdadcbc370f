"""Cashfree: an order, and a UPI link paid in its session.

Its documents: "Create Order", "Order Pay", "Get Order", "Get Payments for an Order", "Create Refund",
"Payment Webhooks", "Webhook signature", API version 2025-01-01.

* Our reference is the order's id, so an order is made once; both calls of a start carry an idempotency
  key made of it, so the link is the same when a start is repeated.
* After the link is made a payment is `PENDING`, whether the payer acted or not: to us it waits.
* A failed payment names NPCI's code in `error_code_raw`. The list of Cashfree's own reasons is not
  public; of those only what the documents show is translated, the rest is UNKNOWN until the order ends.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from nonstopay import clock
from nonstopay.connectors import npci
from nonstopay.connectors.base import Notice, Order, UnverifiedNotice, option, read
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import DETAIL_MAX, Failure, Kind, Outcome, failures, unknown
from nonstopay.money import Money, fiat

NAME = "cashfree"
URL = "https://api.cashfree.com/pg"
VERSION = "2025-01-01"
INR = fiat("INR")
LIFE_MIN = timedelta(minutes=16)
"""Orders that end sooner than 15 minutes from now are said to be refused; no document promises less."""
LATE = timedelta(days=3)
"""After this an order that ended is asked about no more, though a payment of it never did."""
TOLERANCE = timedelta(minutes=15)

CODES = failures("""
cancelled_by_payer payer authorisation: USER_DROPPED CANCELLED
declined_by_bank bank debit: bank_rejected auth_declined
""")
_ENDED = frozenset({"EXPIRED", "TERMINATED"})
_OPEN = frozenset({"PENDING", "NOT_ATTEMPTED"})
_REFUSED = frozenset({"FAILED", "USER_DROPPED", "CANCELLED"})
_KEYS = uuid5(NAMESPACE_URL, "https://api.cashfree.com/pg/orders")

_Rupees = Any  # a JSON number; of Decimal's own accord texts would pass, too
T = TypeVar("T")


class _Order(msgspec.Struct, frozen=True):
    order_id: str
    cf_order_id: str
    order_amount: _Rupees
    order_currency: Literal["INR"]
    order_status: Literal["ACTIVE", "PAID", "EXPIRED", "TERMINATED", "TERMINATION_REQUESTED"]
    payment_session_id: str


class _Error(msgspec.Struct, frozen=True):
    error_reason: str | None = None
    error_code_raw: str | None = None


class _Payment(msgspec.Struct, frozen=True):
    cf_payment_id: str
    payment_status: str
    payment_amount: _Rupees
    payment_currency: Literal["INR"]
    payment_time: datetime
    order_id: str | None = None
    is_captured: bool | None = None
    bank_reference: str | None = None
    error_details: _Error | None = None


class _Payload(msgspec.Struct, frozen=True):
    default: str


class _Data(msgspec.Struct, frozen=True):
    payload: _Payload


class _Link(msgspec.Struct, frozen=True):
    cf_payment_id: str
    channel: Literal["link"]
    payment_amount: _Rupees
    data: _Data


class _Refund(msgspec.Struct, frozen=True):
    cf_refund_id: str
    refund_id: str
    refund_amount: _Rupees
    refund_currency: Literal["INR"]
    refund_status: Literal["SUCCESS", "PENDING", "ONHOLD", "CANCELLED", "FAILED"]
    created_at: datetime
    refund_arn: str | None = None


class _NoticeOrder(msgspec.Struct, frozen=True):
    order_id: str


class _NoticeData(msgspec.Struct, frozen=True):
    order: _NoticeOrder
    payment: _Payment
    error_details: _Error | None = None


class _Event(msgspec.Struct, frozen=True):
    type: Literal[
        "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_FAILED_WEBHOOK", "PAYMENT_USER_DROPPED_WEBHOOK"
    ]
    data: _NoticeData


_event = msgspec.json.Decoder(Any, float_hook=Decimal)


class Cashfree:
    """Implements `UpiConnector`.

    Args:
        http: how to call.
        url: the API.
        client_id, client_secret: the API key; notifications are signed with the secret.
        payer_phone: ten digits, for payers of whom nobody told a number; Cashfree insists on one.
    """

    name = NAME

    def __init__(
        self, http: ProviderHttp, url: str, client_id: str, client_secret: str, payer_phone: str
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {
            "x-api-version": VERSION,
            "x-client-id": client_id,
            "x-client-secret": client_secret,
        }
        self._secret = client_secret.encode()
        self._payer_phone = payer_phone

    async def start(self, order: Order) -> Outcome:
        answer = await self._post("/orders", self._wish(order), order.reference)
        if isinstance(answer, Answer) and answer.status == 409:
            opened = await self._order(order.reference)
        else:
            opened = read(answer, _Order)
        if isinstance(opened, Outcome):
            return opened
        if opened.order_id != order.reference or _money(opened.order_amount) != order.amount:
            return unknown("the reference was used with another amount", opened.cf_order_id)
        if opened.order_status not in ("ACTIVE", "TERMINATION_REQUESTED"):
            return await self.look_up(order.reference)
        return await self._link(order, opened)

    async def look_up(self, reference: str) -> Outcome:
        order = await self._order(reference)
        if isinstance(order, Outcome):
            return order
        payments = await self._get(f"/orders/{quote(reference)}/payments", list[_Payment])
        return payments if isinstance(payments, Outcome) else _standing(order, payments)

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        standing = await self.look_up(reference)
        if standing.kind in (Kind.UNKNOWN, Kind.PROCESSING):
            return unknown(standing.detail)
        if standing.kind is not Kind.CAPTURED or standing.amount is None:
            return _never("nothing was captured")
        refunds = await self._get(f"/orders/{quote(reference)}/refunds", list[_Refund])
        if isinstance(refunds, Outcome):
            return refunds
        named = refund_id(key)
        if made := next((one for one in refunds if one.refund_id == named), None):
            return _refund_outcome(made, named, amount)
        if amount + _gone(refunds) > standing.amount:
            return _never("more than is left of what was captured")
        wish = {"refund_amount": _number(amount), "refund_id": named, "refund_note": key}
        answer = await self._post(f"/orders/{quote(reference)}/refunds", wish, key)
        refund = read(answer, _Refund)
        if isinstance(refund, Outcome):
            return refund
        return _refund_outcome(refund, named, amount)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        self._verify(headers, body)
        try:
            data = msgspec.convert(_event.decode(body), _Event).data
        except msgspec.DecodeError:
            return []
        return [
            Notice(
                reference=data.order.order_id,
                outcome=_outcome(data.payment, data.error_details),
            )
        ]

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Refuse what Cashfree did not sign, or not lately."""
        stamp = headers.get("x-webhook-timestamp", "")
        signed = hmac.new(self._secret, stamp.encode() + body, hashlib.sha256).digest()
        claimed = headers.get("x-webhook-signature", "")
        if not hmac.compare_digest(base64.b64encode(signed), claimed.encode()):
            raise UnverifiedNotice("the notification's signature does not hold")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 14):
            raise UnverifiedNotice("the notification carries no time")
        if abs(clock.now() - datetime.fromtimestamp(int(stamp) / 1000, UTC)) > TOLERANCE:
            raise UnverifiedNotice("the notification was signed too long ago")

    def _wish(self, order: Order) -> dict[str, Any]:
        customer = {
            "customer_id": order.reference,
            "customer_phone": (order.payer_phone or self._payer_phone)[-10:],
            "customer_email": order.payer_email,
            "customer_name": order.payer_name,
        }
        ends = max(order.expires_at, clock.now() + LIFE_MIN).astimezone(UTC)
        return {
            "order_id": order.reference,
            "order_amount": _number(order.amount),
            "order_currency": order.amount.currency.code,
            "order_expiry_time": ends.isoformat(timespec="seconds"),
            "order_note": order.note,
            "customer_details": {name: text for name, text in customer.items() if text},
            "order_meta": {"notify_url": order.notify_url, "payment_methods": "upi"},
        }

    async def _link(self, order: Order, opened: _Order) -> Outcome:
        wish = {
            "payment_session_id": opened.payment_session_id,
            "payment_method": {"upi": {"channel": "link"}},
        }
        said = read(await self._post("/orders/sessions", wish, f"{order.reference}/pay"), _Link)
        if isinstance(said, Outcome):
            return said
        if _money(said.payment_amount) != order.amount:
            return unknown("the link is for another amount", said.cf_payment_id)
        return Outcome(
            kind=Kind.WAITING,
            at=clock.now(),
            amount=order.amount,
            provider_reference=said.cf_payment_id,
            link=said.data.payload.default,
            detail="PENDING",
        )

    async def _order(self, reference: str) -> _Order | Outcome:
        order = await self._get(f"/orders/{quote(reference)}", _Order)
        if isinstance(order, _Order) and order.order_id != reference:
            return unknown("an answer about another order")
        return order

    async def _get(self, path: str, shape: type[T]) -> T | Outcome:
        return read(await self._http.call("GET", self._url + path, headers=self._headers), shape)

    async def _post(self, path: str, wish: object, key: str) -> Answer | NoAnswer:
        headers = self._headers | {"x-idempotency-key": str(_uuid(key))}
        return await self._http.call("POST", self._url + path, headers=headers, json=wish)


def connect(http: ProviderHttp, options: Mapping[str, str]) -> Cashfree:
    """From `client_id`, `client_secret`, `payer_phone`; `url` for another address."""
    client_id, secret, phone = (
        option(options, NAME, key) for key in ("client_id", "client_secret", "payer_phone")
    )
    return Cashfree(http, options.get("url") or URL, client_id, secret, phone)


def _standing(order: _Order, payments: Sequence[_Payment]) -> Outcome:
    """How an order stands: the payment that brought the money, else an open one, else the newest."""
    if any(one.order_id not in (None, order.order_id) for one in payments):
        return unknown("a payment of another order")
    tries = sorted(payments, key=lambda one: (one.payment_time, one.cf_payment_id))
    successes = [one for one in tries if one.payment_status == "SUCCESS"]
    if successes:
        return _outcome(successes[0], successes[0].error_details)
    if order.order_status == "PAID":
        return unknown("paid without its payment", order.cf_order_id)
    ended = order.order_status in _ENDED
    given_up = clock.now() - LATE if ended else datetime.min.replace(tzinfo=UTC)
    open_ones = [
        one for one in tries if one.payment_status in _OPEN and one.payment_time > given_up
    ]
    if open_ones:
        return _outcome(open_ones[-1], None)
    if tries and not ended:
        return _outcome(tries[-1], tries[-1].error_details)
    return Outcome(
        kind=Kind.EXPIRED if ended else Kind.WAITING,
        at=clock.now(),
        amount=_money(order.order_amount),
        provider_reference=order.cf_order_id,
        detail=order.order_status,
    )


def _outcome(payment: _Payment, error: _Error | None) -> Outcome:
    """Translate one payment; an undocumented word makes the whole report UNKNOWN."""
    status, paid = payment.payment_status, _money(payment.payment_amount)
    if paid is None:
        return unknown("an amount that cannot be read", payment.cf_payment_id)
    if status == "SUCCESS":
        kind = Kind.PROCESSING if payment.is_captured is False else Kind.CAPTURED
        return _about(payment, kind, paid)
    if status in _OPEN:
        return _about(payment, Kind.WAITING, paid)
    failure = _failure(status, error) if status in _REFUSED else None
    if failure is None:
        raw = error.error_code_raw or error.error_reason if error else None
        return unknown(f"{status} with reason {raw}", payment.cf_payment_id)
    return _about(payment, Kind.DECLINED, paid, failure)


def _failure(status: str, error: _Error | None) -> Failure | None:
    """What a failed payment's words mean; NPCI's code is the most exact of them."""
    raw = error.error_code_raw if error else None
    if raw in npci.IN_DOUBT:
        return None
    reason = error.error_reason if error else None
    return npci.CODES.get(raw or "") or CODES.get(reason or "") or CODES.get(status)


def _about(payment: _Payment, kind: Kind, paid: Money, failure: Failure | None = None) -> Outcome:
    utr = payment.bank_reference or ""
    return Outcome(
        kind=kind,
        at=payment.payment_time,
        amount=paid,
        reason=failure.reason if failure else None,
        source=failure.source if failure else None,
        step=failure.step if failure else None,
        provider_reference=payment.cf_payment_id,
        network_reference=utr if len(utr) == 12 and utr.isdigit() else None,
        detail=payment.payment_status[:DETAIL_MAX],
    )


def refund_id(key: str) -> str:
    """Our key as Cashfree takes it: letters and digits."""
    return _uuid(key).hex


def _refund_outcome(refund: _Refund, named: str, amount: Money) -> Outcome:
    if refund.refund_id != named or _money(refund.refund_amount) != amount:
        return unknown("an answer about another refund")
    if refund.refund_status in ("PENDING", "ONHOLD"):
        return unknown(refund.refund_status, refund.cf_refund_id)
    done = refund.refund_status == "SUCCESS"
    return Outcome(
        kind=Kind.REFUNDED if done else Kind.REFUND_REFUSED,
        at=refund.created_at,
        amount=amount,
        provider_reference=refund.cf_refund_id,
        network_reference=refund.refund_arn,
        detail=refund.refund_status,
    )


def _gone(refunds: Sequence[_Refund]) -> Money:
    """What went back, or is on its way."""
    live = [one for one in refunds if one.refund_status not in ("CANCELLED", "FAILED")]
    return sum((_money(one.refund_amount) or Money(0, INR) for one in live), Money(0, INR))


def _never(detail: str) -> Outcome:
    return Outcome(kind=Kind.REFUND_REFUSED, at=clock.now(), detail=detail)


def _money(rupees: _Rupees) -> Money | None:
    """Rupees as Cashfree writes them, a JSON number, in paise; `None` if they are not exact paise."""
    if not isinstance(rupees, int | Decimal) or isinstance(rupees, bool):
        return None
    paise = Decimal(rupees).scaleb(2)
    if not paise.is_finite() or paise <= 0 or paise != paise.to_integral_value():
        return None
    return Money(int(paise), INR)


def _number(amount: Money) -> msgspec.Raw:
    """The amount as a JSON number, exactly: `409.71`."""
    return msgspec.Raw(amount.text().encode())


def _uuid(key: str) -> UUID:
    """An idempotency key in the form that Cashfree wants, always the same for the same key of ours."""
    return uuid5(_KEYS, key)
