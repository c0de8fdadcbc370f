"""The sandbox's UPI provider, spoken to over HTTP as one speaks to a real one.

Its documents: `POST /orders`, `GET /orders/{reference}`, `POST /orders/{reference}/refunds`, all
with an API key. Notifications carry `x-upi-signature: t=<unix seconds>,v1=<hex>`, v1 being the
HMAC-SHA256 of `<t>.<body>`. An order is created, processing, captured, declined, expired or
unknown; a refusal carries NPCI's response code.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from nonstopay import clock
from nonstopay.connectors.base import Notice, Order, UnverifiedNotice, option
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money, fiat, parse

NAME = "upi_sandbox"
INR = fiat("INR")
TOLERANCE = timedelta(minutes=5)
DETAIL_MAX = 200

_KINDS = MappingProxyType(
    {
        "created": Kind.WAITING,
        "processing": Kind.PROCESSING,
        "captured": Kind.CAPTURED,
        "declined": Kind.DECLINED,
        "expired": Kind.EXPIRED,
    }
)
_REASONS = MappingProxyType(
    {
        "ZM": Reason.WRONG_PIN,
        "Z9": Reason.INSUFFICIENT_FUNDS,
        "ZA": Reason.CANCELLED_BY_PAYER,
        "U30": Reason.DECLINED_BY_BANK,
        "UP": Reason.BANK_UNAVAILABLE,
    }
)
_SIGNATURE = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})", re.ASCII)


class _Order(msgspec.Struct, frozen=True):
    id: str
    reference: str
    status: str
    amount: str
    currency: Literal["INR"]
    at: datetime
    code: str | None = None
    utr: str | None = None
    link: str | None = None


class _Refund(msgspec.Struct, frozen=True):
    id: str
    key: str
    status: Literal["refunded"]
    amount: str
    currency: Literal["INR"]
    utr: str
    at: datetime


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    code: str


class _Notification(msgspec.Struct, frozen=True):
    event: str
    order: _Order


class SandboxUpi:
    """Implements `UpiConnector`.

    Args:
        http: how to call.
        url: where the provider lives, e.g. `http://127.0.0.1:8080/sandbox/provider/upi`.
        api_key: what it knows us by.
        notice_secret: what its notifications are signed with.
    """

    name = NAME

    def __init__(self, http: ProviderHttp, url: str, api_key: str, notice_secret: bytes) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}"}
        self._notice_secret = notice_secret

    async def start(self, order: Order) -> Outcome:
        wish = {
            "reference": order.reference,
            "amount": order.amount.text(),
            "currency": order.amount.currency.code,
            "payee_name": order.payee_name,
            "note": order.note,
            "expires_at": order.expires_at.astimezone(UTC).isoformat(),
            "notify_url": order.notify_url,
        }
        answer = await self._http.call(
            "POST", f"{self._url}/orders", headers=self._headers, json=wish
        )
        return _order_outcome(answer, order.reference)

    async def look_up(self, reference: str) -> Outcome:
        answer = await self._http.call(
            "GET", f"{self._url}/orders/{reference}", headers=self._headers
        )
        return _order_outcome(answer, reference)

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        wish = {"key": key, "amount": amount.text(), "currency": amount.currency.code}
        answer = await self._http.call(
            "POST", f"{self._url}/orders/{reference}/refunds", headers=self._headers, json=wish
        )
        return _refund_outcome(answer, key)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        self._verify(headers.get("x-upi-signature", ""), body)
        try:
            order = msgspec.json.decode(body, type=_Notification).order
        except msgspec.DecodeError:
            return []
        return [Notice(reference=order.reference, outcome=_outcome(order))]

    def _verify(self, signature: str, body: bytes) -> None:
        """Refuse what the provider did not sign, or not in the last minutes."""
        found = _SIGNATURE.fullmatch(signature)
        if found is None:
            raise UnverifiedNotice("the notification carries no signature of the provider's form")
        seconds, claimed = found.groups()
        signed = seconds.encode() + b"." + body
        ours = hmac.new(self._notice_secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(ours, claimed):
            raise UnverifiedNotice("the notification's signature does not hold")
        if abs(clock.now().timestamp() - int(seconds)) > TOLERANCE.total_seconds():
            raise UnverifiedNotice("the notification was signed too long ago")


def connect(http: ProviderHttp, options: Mapping[str, str]) -> SandboxUpi:
    """From `url`, `api_key` and `notice_secret`."""
    url, api_key, secret = (
        option(options, NAME, key) for key in ("url", "api_key", "notice_secret")
    )
    return SandboxUpi(http, url, api_key, secret.encode())


def _order_outcome(answer: Answer | NoAnswer, reference: str) -> Outcome:
    if isinstance(answer, NoAnswer):
        return _unknown(answer.problem)
    if answer.status not in (200, 201):
        return _unknown(f"status {answer.status}")
    try:
        order = msgspec.convert(answer.json(), _Order)
    except msgspec.ValidationError:
        return _unknown("an answer of another shape")
    if order.reference != reference:
        return _unknown("an answer about another order")
    return _outcome(order)


def _outcome(order: _Order) -> Outcome:
    """Translate; whatever the provider's documents do not know makes the whole report UNKNOWN."""
    kind = _KINDS.get(order.status)
    if kind is None:
        return _unknown(order.status, order.id)
    reason = _REASONS.get(order.code or "") if kind is Kind.DECLINED else None
    if kind is Kind.DECLINED and reason is None:
        return _unknown(f"declined with code {order.code}", order.id)
    amount = _amount(order.amount)
    if amount is None:
        return _unknown("an amount that cannot be read", order.id)
    return Outcome(
        kind=kind,
        at=order.at,
        amount=amount,
        reason=reason,
        provider_reference=order.id,
        network_reference=order.utr,
        link=order.link if kind is Kind.WAITING else None,
        detail=order.code or order.status,
    )


def _refund_outcome(answer: Answer | NoAnswer, key: str) -> Outcome:
    if isinstance(answer, NoAnswer):
        return _unknown(answer.problem)
    try:
        if answer.status == 409:
            return _refusal(msgspec.convert(answer.json(), _Refusal))
        if answer.status not in (200, 201):
            return _unknown(f"status {answer.status}")
        refund = msgspec.convert(answer.json(), _Refund)
    except msgspec.ValidationError:
        return _unknown("an answer of another shape")
    amount = _amount(refund.amount)
    if refund.key != key or amount is None:
        return _unknown("an answer about another refund")
    return Outcome(
        kind=Kind.REFUNDED,
        at=refund.at,
        amount=amount,
        provider_reference=refund.id,
        network_reference=refund.utr,
        detail=refund.status,
    )


def _refusal(refusal: _Refusal) -> Outcome:
    if refusal.code != "refund_refused":
        return _unknown(refusal.code)
    return Outcome(kind=Kind.REFUND_REFUSED, at=clock.now(), detail=refusal.error[:DETAIL_MAX])


def _amount(text: str) -> Money | None:
    try:
        return parse(text, INR)
    except InvalidAmount:
        return None


def _unknown(detail: str, provider_reference: str | None = None) -> Outcome:
    return Outcome(
        kind=Kind.UNKNOWN,
        at=clock.now(),
        provider_reference=provider_reference,
        detail=detail[:DETAIL_MAX],
    )
