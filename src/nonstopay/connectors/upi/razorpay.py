"""Razorpay: an order, and a server-to-server UPI intent payment on it.

Its documents: "Orders API", "S2S UPI Intent Flow", "S2S UPI Error Codes", "Late Payment
Authorisations", "Create a Normal Refund (Idempotent Request)", "Validate and Test Webhooks".

* Our reference is the order's receipt, by which it is found again, and a note of the payment, by which
  notifications name it. Two starts at one moment may open two orders; a payer gets the link of one.
* Captures are automatic for the five days that Razorpay allows, so that late money reaches us, and
  the core decides whose it is.
* After ten silent minutes a payment is `failed` with `payment_timed_out`, and Razorpay keeps asking the
  bank for three days. Until then it is open to us too; the order itself never ends.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from nonstopay import clock
from nonstopay.connectors.base import Notice, Order, UnverifiedNotice, option, read
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import (
    DETAIL_MAX,
    Failure,
    Kind,
    Outcome,
    failures,
    unknown,
)
from nonstopay.money import Money, fiat

NAME = "razorpay"
URL = "https://api.razorpay.com/v1"
INR = fiat("INR")
LATE = timedelta(days=3)
_CAPTURE_MINUTES = 7200
_KEY_LENGTH_MIN = 10

CODES = failures("""
wrong_pin payer authentication: incorrect_pin incorrect_atm_pin
pin_locked payer authentication: pin_attempts_exceeded pin_not_set
insufficient_funds payer debit: insufficient_funds funds_blocked_by_mandate
    insufficient_funds_mandate_block
limit_exceeded bank debit: transaction_limit_exceeded transaction_daily_limit_exceeded
    transaction_daily_count_exceeded transaction_frequency_limit_exceeded mcc_amount_limit_exceeded
    first_transaction_limit_exceeded first_time_transaction_freeze_period credit_limit_exceeded
account_unusable bank debit: account_does_not_exist bank_account_invalid bank_account_inactive
    bank_account_validation_failed debit_instrument_blocked debit_instrument_inactive
    transaction_not_allowed user_not_eligible invalid_device
declined_by_bank bank debit: payment_declined payment_failed debit_declined authentication_failed
suspected_fraud provider authorisation: payment_risk_check_failed compliance_violation
cancelled_by_payer payer authorisation: payment_cancelled payment_cancelled_by_user
timed_out payer authorisation: payment_collect_request_expired payment_session_expired
bank_unavailable bank debit: bank_technical_error bank_not_available bank_cutoff_in_progress
    issuer_technical_error payment_declined_due_to_high_traffic
app_unavailable app authorisation: authorisation_declined_by_psp psp_not_available psp_not_registered
    psp_app_not_available psp_app_not_supported upi_app_technical_error
network_unavailable network initiation: vpa_resolution_failed invalid_vpa
not_credited acquirer credit: credit_failed credit_not_permitted beneficiary_account_does_not_exist
    beneficiary_account_dormant account_dormant
merchant_refused merchant initiation: upi_intent_not_enabled payment_method_not_enabled
    merchant_not_activated live_mode_not_enabled collect_on_mcc_blocked transaction_on_vpa_restricted
amount_mismatch app initiation: payment_amount_tampered order_amount_mismatch
    mismatch_in_transaction_details
technical provider notification: gateway_technical_error invalid_response_from_gateway server_error
""")
_STILL_ASKING = "payment_timed_out"
_ANNOUNCED = frozenset({"payment.authorized", "payment.captured", "payment.failed", "order.paid"})


class _Payment(msgspec.Struct, frozen=True):
    id: str
    status: str
    amount: int
    currency: Literal["INR"]
    order_id: str
    created_at: int
    captured: bool | None = None
    error_reason: str | None = None
    acquirer_data: dict[str, Any] | None = None
    notes: dict[str, Any] | list[Any] | None = None


class _Payments(msgspec.Struct, frozen=True):
    items: list[_Payment]


class _Order(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: Literal["INR"]
    created_at: int
    status: Literal["created", "attempted", "paid"]
    receipt: str | None = None
    payments: _Payments | None = None

    @property
    def tries(self) -> list[_Payment]:
        return self.payments.items if self.payments else []


class _Orders(msgspec.Struct, frozen=True):
    items: list[_Order]


class _Link(msgspec.Struct, frozen=True):
    razorpay_payment_id: str
    link: str


class _Refund(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: Literal["INR"]
    payment_id: str
    status: Literal["pending", "processed", "failed"]
    created_at: int
    receipt: str | None = None
    acquirer_data: dict[str, Any] | None = None


class _Refunds(msgspec.Struct, frozen=True):
    items: list[_Refund]

    @property
    def live(self) -> int:
        return sum(one.amount for one in self.items if one.status != "failed")


class _Event(msgspec.Struct, frozen=True):
    event: str
    payload: dict[str, Any]


class Razorpay:
    """Implements `UpiConnector`.

    Args:
        http: how to call.
        url: the API, version included.
        key_id, key_secret: the API key.
        webhook_secret: what its notifications are signed with; not the key's secret.
        payer_phone: for payers of whom nobody told a number; Razorpay insists on one.
    """

    name = NAME

    def __init__(
        self,
        http: ProviderHttp,
        url: str,
        key_id: str,
        key_secret: str,
        webhook_secret: bytes,
        payer_phone: str,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        basic = base64.b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self._headers = {"authorization": f"Basic {basic}"}
        self._webhook_secret = webhook_secret
        self._payer_phone = payer_phone

    async def start(self, order: Order) -> Outcome:
        orders = await self._orders(order.reference)
        if isinstance(orders, Outcome):
            return orders
        if any(known.tries and known.status == "paid" for known in orders):
            return _standing(orders)
        opened = orders[0] if orders else await self._open(order)
        if isinstance(opened, Outcome):
            return opened
        if Money(opened.amount, INR) != order.amount:
            return unknown("the reference was used with another amount", opened.id)
        return await self._link(order, opened)

    async def look_up(self, reference: str) -> Outcome:
        orders = await self._orders(reference)
        if isinstance(orders, Outcome):
            return orders
        return _standing(orders) if orders else unknown("no such order")

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        orders = await self._orders(reference)
        if isinstance(orders, Outcome):
            return orders
        payment = _captured(_tries(orders))
        if payment is None:
            standing = _standing(orders) if orders else unknown("no such order")
            in_doubt = standing.kind in (Kind.PROCESSING, Kind.UNKNOWN)
            return unknown(standing.detail) if in_doubt else _never("nothing was captured")
        place = f"{self._url}/payments/{quote(payment.id)}"
        made = read(
            await self._http.call("GET", f"{place}/refunds", headers=self._headers), _Refunds
        )
        if isinstance(made, Outcome):
            return made
        if earlier := next((one for one in made.items if one.receipt == key), None):
            return _refund_outcome(earlier, payment, key, amount)
        if amount.minor + made.live > payment.amount:
            return _never("more than is left of what was captured")
        answer = await self._http.call(
            "POST",
            f"{place}/refund",
            headers=self._headers | {"x-refund-idempotency": key.rjust(_KEY_LENGTH_MIN, "0")},
            json={"amount": amount.minor, "speed": "normal", "receipt": key},
        )
        refund = read(answer, _Refund)
        if isinstance(refund, Outcome):
            return refund
        return _refund_outcome(refund, payment, key, amount)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        ours = hmac.new(self._webhook_secret, body, hashlib.sha256).hexdigest()
        claimed = headers.get("x-razorpay-signature", "")
        if not hmac.compare_digest(ours.encode(), claimed.encode()):
            raise UnverifiedNotice("the notification's signature does not hold")
        try:
            event = msgspec.json.decode(body, type=_Event)
            payment = msgspec.convert(event.payload["payment"]["entity"], _Payment)
        except (msgspec.DecodeError, KeyError, TypeError):
            return []
        reference = payment.notes.get("reference") if isinstance(payment.notes, dict) else None
        if event.event not in _ANNOUNCED or not isinstance(reference, str):
            return []
        return [Notice(reference=reference, outcome=_outcome(payment))]

    async def _orders(self, reference: str) -> list[_Order] | Outcome:
        """Every order of this reference with its payments, the oldest first."""
        query = f"receipt={quote(reference)}&expand%5B%5D=payments&count=100"
        answer = await self._http.call("GET", f"{self._url}/orders?{query}", headers=self._headers)
        found = read(answer, _Orders)
        if isinstance(found, Outcome):
            return found
        ours = [order for order in found.items if order.receipt == reference]
        return sorted(ours, key=lambda order: (order.created_at, order.id))

    async def _open(self, order: Order) -> _Order | Outcome:
        wish = {
            "amount": order.amount.minor,
            "currency": order.amount.currency.code,
            "receipt": order.reference,
            "notes": {"reference": order.reference},
            "payment": {
                "capture": "automatic",
                "capture_options": {
                    "automatic_expiry_period": _CAPTURE_MINUTES,
                    "manual_expiry_period": _CAPTURE_MINUTES,
                    "refund_speed": "normal",
                },
            },
        }
        answer = await self._http.call(
            "POST", f"{self._url}/orders", headers=self._headers, json=wish
        )
        opened = read(answer, _Order)
        if isinstance(opened, _Order) and opened.receipt != order.reference:
            return unknown("an answer about another order")
        return opened

    async def _link(self, order: Order, opened: _Order) -> Outcome:
        wish = {
            "amount": order.amount.minor,
            "currency": order.amount.currency.code,
            "order_id": opened.id,
            "email": order.payer_email or "",
            "contact": order.payer_phone or self._payer_phone,
            "method": "upi",
            "description": order.note,
            "notes": {"reference": order.reference},
            "upi": {"flow": "intent"},
        }
        answer = await self._http.call(
            "POST", f"{self._url}/payments/create/upi", headers=self._headers, json=wish
        )
        said = read(answer, _Link)
        if isinstance(said, Outcome):
            return said
        return Outcome(
            kind=Kind.WAITING,
            at=clock.now(),
            amount=order.amount,
            provider_reference=opened.id,
            link=said.link,
        )


def connect(http: ProviderHttp, options: Mapping[str, str]) -> Razorpay:
    """From `key_id`, `key_secret`, `webhook_secret`, `payer_phone`; `url` for another address."""
    key_id, key_secret, webhook_secret, phone = (
        option(options, NAME, key)
        for key in ("key_id", "key_secret", "webhook_secret", "payer_phone")
    )
    url = options.get("url") or URL
    return Razorpay(http, url, key_id, key_secret, webhook_secret.encode(), phone)


def _tries(orders: Sequence[_Order]) -> list[_Payment]:
    """Every try on these orders, the newest last."""
    tries = [payment for order in orders for payment in order.tries]
    return sorted(tries, key=lambda payment: (payment.created_at, payment.id))


def _captured(tries: Sequence[_Payment]) -> _Payment | None:
    """The try that brought the money; it stays captured when it is refunded."""
    return next(
        (
            one
            for one in tries
            if one.status == "captured" or (one.status == "refunded" and one.captured)
        ),
        None,
    )


def _standing(orders: Sequence[_Order]) -> Outcome:
    """How the orders of one reference stand: the best of their tries, else the newest."""
    tries = _tries(orders)
    if any(one.order_id not in {order.id for order in orders} for one in tries):
        return unknown("a payment of another order")
    if not tries:
        ended = _is_over(orders[-1].created_at)
        return Outcome(
            kind=Kind.EXPIRED if ended else Kind.WAITING,
            at=_instant(orders[-1].created_at),
            amount=Money(orders[-1].amount, INR),
            provider_reference=orders[-1].id,
            detail=orders[-1].status,
        )
    open_ones = [one for one in tries if one.status in ("authorized", "created")]
    best = _captured(tries) or next(reversed(open_ones), tries[-1])
    return _outcome(best)


def _outcome(payment: _Payment) -> Outcome:
    """Translate one payment; an undocumented word makes the whole report UNKNOWN."""
    if _captured([payment]):
        return _about(payment, Kind.CAPTURED)
    if payment.status == "authorized":
        return _about(payment, Kind.PROCESSING)
    if payment.status not in ("created", "failed"):
        return unknown(payment.status, payment.id)
    if _is_over(payment.created_at):
        return _about(payment, Kind.EXPIRED)
    if payment.status == "created" or payment.error_reason == _STILL_ASKING:
        return _about(payment, Kind.WAITING)
    failure = CODES.get(payment.error_reason or "")
    if failure is None:
        return unknown(f"failed with reason {payment.error_reason}", payment.id)
    return _about(payment, Kind.DECLINED, failure)


def _about(payment: _Payment, kind: Kind, failure: Failure | None = None) -> Outcome:
    rrn = (payment.acquirer_data or {}).get("rrn")
    return Outcome(
        kind=kind,
        at=_instant(payment.created_at),
        amount=Money(payment.amount, INR),
        reason=failure.reason if failure else None,
        source=failure.source if failure else None,
        step=failure.step if failure else None,
        provider_reference=payment.id,
        network_reference=rrn if isinstance(rrn, str) and rrn else None,
        detail=(payment.error_reason or payment.status)[:DETAIL_MAX],
    )


def _refund_outcome(refund: _Refund, payment: _Payment, key: str, amount: Money) -> Outcome:
    same = refund.receipt == key and refund.payment_id == payment.id
    if not same or Money(refund.amount, INR) != amount:
        return unknown("an answer about another refund")
    if refund.status == "pending":
        return unknown("pending", refund.id)
    data = refund.acquirer_data or {}
    arn = data.get("rrn") or data.get("arn")
    return Outcome(
        kind=Kind.REFUNDED if refund.status == "processed" else Kind.REFUND_REFUSED,
        at=_instant(refund.created_at),
        amount=amount,
        provider_reference=refund.id,
        network_reference=arn if isinstance(arn, str) else None,
        detail=refund.status,
    )


def _never(detail: str) -> Outcome:
    return Outcome(kind=Kind.REFUND_REFUSED, at=clock.now(), detail=detail)


def _is_over(created_at: int) -> bool:
    return clock.now() - _instant(created_at) > LATE


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
