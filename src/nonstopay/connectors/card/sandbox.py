"""The sandbox's card provider, spoken to over HTTP as one speaks to a real one.

Its documents: `POST /payments`, `GET /payments/{reference}`, and below that `POST …/captures`,
`…/void` and `…/refunds`, each with a key of ours; all with an API key. A payment is
requires_authentication, authorised, captured, declined, expired or voided; a refusal carries the
issuer's answer (ISO 8583) or a word of the provider's. Notifications tell of a payment, of an act on it
or of its dispute, and carry `x-card-signature: t=<unix seconds>,v1=<hex>`, v1 being the HMAC-SHA256 of
`<t>.<body>`. What it refuses to begin (400, 401) it has not done; what it answers with 404 and
`not_found` it never heard of.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from nonstopay import clock
from nonstopay.connectors import declines, stamped
from nonstopay.connectors.base import Notice, option, read
from nonstopay.connectors.charge import Charge, Paid
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import (
    DETAIL_MAX,
    Authentication,
    DisputeNews,
    DisputeStage,
    Kind,
    Outcome,
    failures,
    unknown,
)
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money, fiat, parse

NAME = "card_sandbox"
TOLERANCE = timedelta(minutes=5)

CODES = failures("""
authentication_failed payer authentication: authentication_failed
cancelled_by_payer payer authentication: cancelled
card_not_supported provider initiation: not_a_test_card
""")
"""The provider's own words; the others are the issuer's."""

_REFUSED = failures("""
wrong_card_details payer initiation: invalid_card
merchant_refused merchant initiation: invalid_input invalid_amount not_allowed
""")
_NEVER_HEARD = failures("not_received provider initiation: not_found")
_KINDS = MappingProxyType(
    {
        "requires_authentication": Kind.WAITING,
        "authorised": Kind.AUTHORISED,
        "captured": Kind.CAPTURED,
        "declined": Kind.DECLINED,
        "expired": Kind.EXPIRED,
        "voided": Kind.VOIDED,
    }
)
_DONE = MappingProxyType({"capture": Kind.CAPTURED, "void": Kind.VOIDED, "refund": Kind.REFUNDED})


class _Payment(msgspec.Struct, frozen=True):
    id: str
    reference: str
    status: str
    amount: str
    authorised: str
    captured: str
    voided: str
    currency: str
    authentication: Authentication
    at: datetime
    code: str | None = None
    link: str | None = None


class _Act(msgspec.Struct, frozen=True):
    kind: Literal["capture", "void", "refund"]
    key: str
    id: str
    amount: str
    currency: str
    at: datetime


class _Dispute(msgspec.Struct, frozen=True):
    id: str
    stage: DisputeStage
    amount: str
    currency: str
    reason: str
    at: datetime
    answer_by: datetime


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    code: str


class _Notification(msgspec.Struct, frozen=True):
    event: str
    payment: _Payment
    act: _Act | None = None
    dispute: _Dispute | None = None


class SandboxCard:
    """Implements `CardConnector`.

    Args:
        http: how to call.
        url: where the provider lives, e.g. `http://127.0.0.1:8080/sandbox/provider/card`.
        api_key: what it knows us by.
        notice_secret: what its notifications are signed with.
    """

    name = NAME

    def __init__(self, http: ProviderHttp, url: str, api_key: str, notice_secret: bytes) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/payments"
        self._headers = {"authorization": f"Bearer {api_key}"}
        self._notice_secret = notice_secret

    async def authorise(self, charge: Charge) -> Outcome:
        answer = await self._post("", _wish(charge))
        if refusal := _refusal(answer, 400, 401):
            why = _REFUSED.get(refusal.code)
            return declines.declined(why, refusal.error) if why else unknown(refusal.code)
        payment = read(answer, _Payment, statuses=(200, 201))
        if isinstance(payment, Outcome):
            return payment
        if _money(payment.amount, payment.currency) != charge.amount:
            return unknown("an answer about another amount", payment.id)
        return _standing(payment, charge.reference)

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        """What the payer's browser brings proves nothing: the provider is asked."""
        return await self.look_up(paid)

    async def look_up(self, paid: Paid) -> Outcome:
        answer = await self._http.call(
            "GET", f"{self._url}/{paid.reference}", headers=self._headers
        )
        if refusal := _refusal(answer, 404):
            why = _NEVER_HEARD.get(refusal.code)
            return declines.declined(why, refusal.error) if why else unknown(refusal.code)
        payment = read(answer, _Payment)
        return payment if isinstance(payment, Outcome) else _standing(payment, paid.reference)

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        wish = _part(key, amount) | {"final": final}
        answer = await self._post(f"/{paid.reference}/captures", wish)
        return _done(answer, "capture", key, amount, Kind.CAPTURE_REFUSED)

    async def void(self, paid: Paid, key: str) -> Outcome:
        answer = await self._post(f"/{paid.reference}/void", {"key": key})
        return _done(answer, "void", key, None, Kind.VOID_REFUSED)

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        answer = await self._post(f"/{paid.reference}/refunds", _part(key, amount))
        return _done(answer, "refund", key, amount, Kind.REFUND_REFUSED)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        stamped.require(self._notice_secret, headers.get("x-card-signature", ""), body, TOLERANCE)
        try:
            said = msgspec.json.decode(body, type=_Notification)
        except msgspec.DecodeError:
            return []
        payment, act = said.payment, said.act
        if said.dispute is not None:
            outcome = _disputed(said.dispute, payment)
        elif act is not None:
            outcome = _of_act(act)
        else:
            outcome = _standing(payment, payment.reference)
        return [
            Notice(
                reference=payment.reference,
                outcome=outcome,
                provider_reference=payment.id,
                key=act.key if act else None,
            )
        ]

    async def _post(self, path: str, wish: Mapping[str, Any]) -> Answer | NoAnswer:
        return await self._http.call("POST", self._url + path, headers=self._headers, json=wish)


def connect(http: ProviderHttp, options: Mapping[str, str]) -> SandboxCard:
    """From `url`, `api_key` and `notice_secret`."""
    url, api_key, secret = (
        option(options, NAME, key) for key in ("url", "api_key", "notice_secret")
    )
    return SandboxCard(http, url, api_key, secret.encode())


def _wish(charge: Charge) -> dict[str, Any]:
    card = charge.card
    return {
        "reference": charge.reference,
        "amount": charge.amount.text(),
        "currency": charge.amount.currency.code,
        "capture": charge.capture,
        "card": {
            "number": card.number.reveal(),
            "expiry_month": card.expiry_month,
            "expiry_year": card.expiry_year,
            "code": card.code.reveal() if card.code else None,
            "holder": card.holder,
        },
        "payee_name": charge.payee_name,
        "note": charge.note,
        "return_url": charge.return_url,
        "notify_url": charge.notify_url,
    }


def _part(key: str, amount: Money) -> dict[str, Any]:
    return {"key": key, "amount": amount.text(), "currency": amount.currency.code}


def _refusal(answer: Answer | NoAnswer, *statuses: int) -> _Refusal | None:
    """What the provider refused in so many words; a bare status may be anybody's on the way."""
    refusal = read(answer, _Refusal, statuses=statuses)
    return None if isinstance(refusal, Outcome) else refusal


def _standing(payment: _Payment, reference: str) -> Outcome:
    """How a payment stands; whatever the provider's documents do not know makes it UNKNOWN."""
    kind = _KINDS.get(payment.status)
    captured = payment.captured if kind is Kind.CAPTURED else payment.amount
    amount = _money(captured, payment.currency)
    if payment.reference != reference:
        return unknown("an answer about another payment")
    if kind is None or amount is None or (kind is Kind.WAITING and payment.link is None):
        return unknown(f"{payment.status}, and not as documented", payment.id)
    if kind is Kind.DECLINED:
        code = payment.code or ""
        return declines.declined(
            declines.failure(CODES.get(code), network=code),
            code,
            provider_reference=payment.id,
            authentication=payment.authentication,
            at=payment.at,
        )
    return Outcome(
        kind=kind,
        at=payment.at,
        amount=amount,
        left=_left(payment) if kind is Kind.CAPTURED else None,
        provider_reference=payment.id,
        link=payment.link,
        authentication=None if kind is Kind.WAITING else payment.authentication,
        detail=payment.status,
    )


def _left(payment: _Payment) -> Money | None:
    sums = [
        _money(text, payment.currency)
        for text in (payment.authorised, payment.captured, payment.voided)
    ]
    authorised, captured, voided = sums
    if authorised is None or captured is None or voided is None:
        return None
    return authorised - captured - voided


def _done(
    answer: Answer | NoAnswer, kind: str, key: str, amount: Money | None, refused: Kind
) -> Outcome:
    """What became of an act that we asked for."""
    if refusal := _refusal(answer, 409):
        if refusal.code != refused:
            return unknown(refusal.code)
        return Outcome(kind=refused, at=clock.now(), detail=refusal.error[:DETAIL_MAX])
    act = read(answer, _Act, statuses=(200, 201))
    if isinstance(act, Outcome):
        return act
    is_ours = (act.kind, act.key) == (kind, key)
    if not is_ours or amount not in (None, _money(act.amount, act.currency)):
        return unknown("an answer about another act", act.id)
    return _of_act(act)


def _of_act(act: _Act) -> Outcome:
    amount = _money(act.amount, act.currency)
    if amount is None:
        return unknown("an amount that cannot be read", act.id)
    # A refund is known by its own id; the payment keeps its own.
    own = act.id if act.kind == "refund" else None
    return Outcome(
        kind=_DONE[act.kind], at=act.at, amount=amount, provider_reference=own, detail=act.kind
    )


def _disputed(dispute: _Dispute, payment: _Payment) -> Outcome:
    amount = _money(dispute.amount, dispute.currency)
    if amount is None:
        return unknown("an amount that cannot be read", payment.id)
    return Outcome(
        kind=Kind.DISPUTED,
        at=dispute.at,
        amount=amount,
        dispute=DisputeNews(
            reference=dispute.id,
            stage=dispute.stage,
            reason=dispute.reason,
            answer_by=dispute.answer_by,
        ),
        detail=dispute.stage,
    )


def _money(text: str, currency: str) -> Money | None:
    try:
        return parse(text, fiat(currency))
    except (InvalidAmount, KeyError):
        return None
