"""Checkout.com: `/payments` with the card in the request, and 3-D Secure by redirect.

Its documents: "Payments API", "Authenticate payments", "Capture a payment", "Void", "Refund", "Idempotency",
"API response codes", "Webhook event types", "Configure your webhook server", "Disputes"; field names as in
its SDKs and the examples of its webhooks.

* Captures, voids and refunds are accepted, then done: PROCESSING until a notification or the payment's
  list of actions tells. Asking again finds them there by their reference, `<our reference>.<key>`.
* A payment whose id we never heard is listed by our reference. An empty list is no proof: the request may
  still be on its way. So it is UNKNOWN, never NOT_RECEIVED.
* Whether the money is to be taken at once stands in the payment's metadata, so that a payment which is
  authorised and about to be captured is PROCESSING, and one that waits for a capture AUTHORISED.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec.structs import replace as change

from nonstopay import clock
from nonstopay.connectors import declines
from nonstopay.connectors.base import Notice, UnverifiedNotice, option, read
from nonstopay.connectors.charge import Charge, Paid, Payer
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import (
    DETAIL_MAX,
    Authentication,
    DisputeNews,
    Kind,
    Outcome,
    unknown,
)
from nonstopay.connectors.outcome import DisputeStage as Stage
from nonstopay.money import Money, fiat

Currency = Literal["USD", "EUR", "GBP", "INR", "ZAR"]
NAME = "checkout"
URL = "https://api.checkout.com"
CODES = declines.CHECKOUT
_AT_ONCE = {  # "Error codes": refused before anything was sent to the bank
    **dict.fromkeys(("card_number_invalid", "card_number_required"), CODES["20014"]),
    **dict.fromkeys(("card_expired", "card_expiry_year_invalid"), CODES["20054"]),
    **dict.fromkeys(("card_expiry_month_invalid", "expiry_date_format_invalid"), CODES["20054"]),
    **{"cvv_invalid": CODES["20082"], "card_disabled": CODES["20062"]},
}
_ACTS = {  # the path, the action's type, what it is called when it is done, and when it is refused
    "captures": ("Capture", Kind.CAPTURED, Kind.CAPTURE_REFUSED),
    "voids": ("Void", Kind.VOIDED, Kind.VOID_REFUSED),
    "refunds": ("Refund", Kind.REFUNDED, Kind.REFUND_REFUSED),
}
_EVENTS = {
    "payment_captured": Kind.CAPTURED,
    "payment_capture_declined": Kind.CAPTURE_REFUSED,
    "payment_voided": Kind.VOIDED,
    "payment_void_declined": Kind.VOID_REFUSED,
    "payment_refunded": Kind.REFUNDED,
    "payment_refund_declined": Kind.REFUND_REFUSED,
    "payment_approved": Kind.AUTHORISED,
    "payment_declined": Kind.DECLINED,
    **dict.fromkeys(("payment_expired", "payment_canceled"), Kind.EXPIRED),
}
_STAGES = {
    "dispute_received": Stage.INQUIRY,
    "dispute_evidence_required": Stage.CHARGEBACK,
    "dispute_arbitration_sent_to_scheme": Stage.PRE_ARBITRATION,
    **dict.fromkeys(("dispute_won", "dispute_canceled", "dispute_resolved"), Stage.WON),
    **dict.fromkeys(("dispute_lost", "dispute_expired", "dispute_accepted"), Stage.LOST),
    **{"dispute_arbitration_won": Stage.WON, "dispute_arbitration_lost": Stage.LOST},
}


class _Balances(msgspec.Struct, frozen=True):
    total_authorized: int = 0
    total_captured: int = 0
    available_to_capture: int | None = None


class _Secure(msgspec.Struct, frozen=True):
    authentication_response: str | None = None
    challenged: bool = False


class _Action(msgspec.Struct, frozen=True):
    id: str
    type: str
    amount: int | None = None
    approved: bool | None = None
    response_code: str | None = None
    reference: str | None = None


class _Payment(msgspec.Struct, frozen=True):
    id: str
    status: str
    amount: int | None = None  # no amount in what a payment that waits for 3-D Secure answers first
    currency: Currency | None = None
    reference: str | None = None
    response_code: str | None = None
    metadata: dict[str, Any] | None = None
    balances: _Balances = _Balances()
    processing: dict[str, Any] | None = None
    actions: list[_Action] = []
    secure: _Secure = msgspec.field(name="3ds", default=_Secure())
    links: dict[str, dict[str, Any]] = msgspec.field(name="_links", default_factory=dict)


class _List(msgspec.Struct, frozen=True):
    data: list[_Payment]


class _Accepted(msgspec.Struct, frozen=True):
    action_id: str


class _Problem(msgspec.Struct, frozen=True):
    error_codes: list[str] = []


class _Event(msgspec.Struct, frozen=True):
    type: str
    data: dict[str, Any]
    timestamp: datetime | None = None
    created_on: datetime | None = None


class Checkout:
    """Implements `CardConnector`.

    Args:
        url: the API; each account has one with a prefix of its own.
        channel: the processing channel, `pc_…`.
        webhook_key: what its notifications are signed with.
    """

    name = NAME

    def __init__(
        self, http: ProviderHttp, url: str, secret_key: str, channel: str, webhook_key: str
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {secret_key}"}
        self._channel = channel
        self._webhook_key = webhook_key.encode()

    async def authorise(self, charge: Charge) -> Outcome:
        wish = _wish(charge) | {"processing_channel_id": self._channel}
        answer = await self._ask("POST", "/payments", charge.reference, wish)
        problem = read(answer, _Problem, statuses=(401, 422))
        if isinstance(problem, _Problem):
            word = next(iter(problem.error_codes), "the key is not taken")
            return declines.declined(_AT_ONCE.get(word, declines.NOT_ACCEPTED), word)
        payment = read(answer, _Payment, statuses=(200, 201, 202))
        if isinstance(payment, Outcome):
            return payment
        if payment.status == "Pending" and payment.amount is None:
            code: Any = charge.amount.currency.code
            payment = change(payment, amount=charge.amount.minor, currency=code)
        if payment.reference != charge.reference or _money(payment) != charge.amount:
            return unknown("an answer about another payment", payment.id)
        return _standing(change(payment, metadata=_mode(charge)))

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        """The payer brings `cko-session-id`; the payment it belongs to must be ours."""
        if paid.provider_reference is None and (session := returned.get("cko-session-id")):
            paid = replace(paid, provider_reference=session)
        return await self.look_up(paid)

    async def look_up(self, paid: Paid) -> Outcome:
        if paid.provider_reference is None:
            answer = await self._ask("GET", f"/payments?limit=10&reference={quote(paid.reference)}")
            found = read(answer, _List)
            if isinstance(found, Outcome):
                return found
            ours = [one for one in found.data if one.reference == paid.reference]
            return _standing(ours[0]) if ours else unknown("no payment of this reference, so far")
        answer = await self._ask("GET", f"/payments/{quote(paid.provider_reference)}")
        payment = read(answer, _Payment)
        if isinstance(payment, Outcome):
            return payment
        is_ours = payment.reference == paid.reference
        return _standing(payment) if is_ours else unknown("an answer about another payment")

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        wish = {"amount": amount.minor, "capture_type": "Final" if final else "NonFinal"}
        return await self._act(paid, "captures", key, amount, wish)

    async def void(self, paid: Paid, key: str) -> Outcome:
        return await self._act(paid, "voids", key, None, {})

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        return await self._act(paid, "refunds", key, amount, {"amount": amount.minor})

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        ours = hmac.new(self._webhook_key, body, hashlib.sha256).hexdigest()
        claimed = headers.get("cko-signature", "")
        if not hmac.compare_digest(ours.encode(), claimed.encode()):
            raise UnverifiedNotice("the notification's signature does not hold")
        try:
            notice = _notice(msgspec.json.decode(body, type=_Event))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
            return []
        return [notice] if notice else []

    async def _act(
        self, paid: Paid, act: str, key: str, amount: Money | None, wish: dict[str, Any]
    ) -> Outcome:
        """Do it unless it was done; the payment's actions tell."""
        own, (type_, done, refused) = paid.provider_reference, _ACTS[act]
        if own is None:
            return unknown("its id there is not known yet")
        path = f"/payments/{quote(own)}"
        actions = read(await self._ask("GET", f"{path}/actions"), list[_Action])
        if isinstance(actions, Outcome):
            return actions
        reference = f"{paid.reference}.{key}"
        made = next((one for one in actions if one.reference == reference), None)
        if made is None:
            marked = wish | {"reference": reference}
            answer = await self._ask("POST", f"{path}/{act}", key, marked)
            problem = read(answer, _Problem, statuses=(403, 422))
            if isinstance(answer, Answer) and answer.status in (403, 422):
                words = problem.error_codes if isinstance(problem, _Problem) else []
                detail = next(iter(words), f"status {answer.status}")
                return Outcome(kind=refused, at=clock.now(), detail=detail[:DETAIL_MAX])
            accepted = read(answer, _Accepted, statuses=(202,))
            if isinstance(accepted, Outcome):
                return accepted
            made = _Action(id=accepted.action_id, type=type_, amount=wish.get("amount"))
        if made.type != type_ or (amount and made.amount != amount.minor):
            return unknown("the key was used for something else", made.id)
        kinds = {None: Kind.PROCESSING, True: done, False: refused}
        return Outcome(
            kind=kinds[made.approved],
            at=clock.now(),
            amount=amount,
            provider_reference=made.id if act == "refunds" else own,
            detail=made.response_code or "",
        )

    async def _ask(
        self, verb: str, path: str, key: str = "", wish: Any = None
    ) -> Answer | NoAnswer:
        headers = self._headers | ({"cko-idempotency-key": key} if key else {})
        return await self._http.call(verb, self._url + path, headers=headers, json=wish)


def connect(http: ProviderHttp, options: Mapping[str, str]) -> Checkout:
    """From `secret_key`, `processing_channel_id`, `webhook_key`; `url` for the account's own address."""
    keys = ("secret_key", "processing_channel_id", "webhook_key")
    return Checkout(http, options.get("url") or URL, *(option(options, NAME, key) for key in keys))


def _wish(charge: Charge) -> dict[str, Any]:
    card, payer = charge.card, charge.payer
    source = {
        "type": "card",
        "number": card.number.reveal(),
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
        "cvv": card.code.reveal() if card.code else None,
        "name": card.holder,
        "store_for_future_use": False,
        "billing_address": _address(payer),
    }
    wish = {
        "source": {name: said for name, said in source.items() if said is not None},
        "amount": charge.amount.minor,
        "currency": charge.amount.currency.code,
        "reference": charge.reference,
        "capture": charge.capture,
        "3ds": {"enabled": True, "attempt_n3d": True},
        "success_url": charge.return_url,
        "failure_url": charge.return_url,
        "payment_ip": charge.browser.ip,
        "customer": {"email": payer.email, "name": payer.name or card.holder},
        "description": charge.note,
        "metadata": _mode(charge),
    }
    return {name: said for name, said in wish.items() if said is not None}


def _address(payer: Payer) -> dict[str, str]:
    address = {"address_line1": payer.address1, "address_line2": payer.address2}
    address |= {"city": payer.city, "state": payer.state}
    address |= {"zip": payer.postcode, "country": payer.country}
    return {name: text for name, text in address.items() if text}


def _mode(charge: Charge) -> dict[str, Any]:
    return {"capture": "at_once" if charge.capture else "later"}


def _standing(payment: _Payment) -> Outcome:
    """How a payment stands; an undocumented word makes it UNKNOWN."""
    at_once = (payment.metadata or {}).get("capture") == "at_once"
    link = payment.links.get("redirect", {}).get("href")
    amount, rest = _money(payment), None
    if amount is None:
        return unknown("an answer without an amount", payment.id)
    match payment.status:
        case "Pending":
            kind = Kind.WAITING if link else Kind.PROCESSING
        case "Authorized":
            kind = Kind.PROCESSING if at_once else Kind.AUTHORISED
        case "Captured" | "Partially Captured" | "Partially Refunded" | "Refunded":
            kind, taken = Kind.CAPTURED, payment.balances.total_captured
            amount = Money(taken or amount.minor, amount.currency)
            rest = payment.balances.available_to_capture
        case "Voided":
            kind = Kind.VOIDED
        case "Expired" | "Canceled":
            kind = Kind.VOIDED if payment.balances.total_authorized else Kind.EXPIRED
        case "Declined":
            return _refused(payment)
        case _:
            return unknown(payment.status, payment.id)
    return Outcome(
        kind=kind,
        at=clock.now(),
        amount=amount,
        left=None if rest is None else Money(rest, amount.currency),
        provider_reference=payment.id,
        link=link if kind is Kind.WAITING else None,
        authentication=_authentication(payment.secure),
        detail=payment.status,
    )


def _refused(payment: _Payment) -> Outcome:
    tried = [one.response_code for one in payment.actions if one.type == "Authorization"]
    code = payment.response_code or next((one for one in tried if one), "")
    more = payment.processing or {}
    why = declines.failure(
        CODES.get(code),
        network=str(more.get("partner_response_code") or ""),
        advice=[str(more.get("partner_merchant_advice_code") or "")],
    )
    how = _authentication(payment.secure)
    return declines.declined(why, code, provider_reference=payment.id, authentication=how)


def _authentication(secure: _Secure) -> Authentication | None:
    flows = {
        "Y": Authentication.CHALLENGED if secure.challenged else Authentication.FRICTIONLESS,
        "A": Authentication.ATTEMPTED,
        "N": Authentication.FAILED,
    }
    return flows.get(secure.authentication_response or "")


def _money(payment: _Payment) -> Money | None:
    if payment.amount is None or payment.currency is None:
        return None
    return Money(payment.amount, fiat(payment.currency))


def _notice(event: _Event) -> Notice | None:
    """What an event tells, of a payment, of an act on it, or of a dispute."""
    data, at = event.data, event.timestamp or event.created_on or clock.now()
    if event.type in _STAGES:
        outcome = _disputed(data, _STAGES[event.type], at)
        reference = str(data.get("payment_reference")).partition(".")[0]
        return Notice(reference=reference, outcome=outcome, provider_reference=data["payment_id"])
    if event.type not in _EVENTS:
        return None
    reference, _, key = str(data.get("reference") or "").partition(".")
    payment = msgspec.convert(data | {"status": "Declined", "3ds": {}, "_links": {}}, _Payment)
    kind = _EVENTS[event.type]
    if kind is Kind.AUTHORISED and (payment.metadata or {}).get("capture") == "at_once":
        kind = Kind.PROCESSING
    outcome = Outcome(
        kind=kind,
        at=at,
        amount=_money(payment),
        provider_reference=data.get("action_id") if "refund" in event.type else payment.id,
        detail=event.type,
    )
    if kind is Kind.DECLINED:
        outcome = replace(_refused(payment), at=at)
    own, mark = payment.id, key or None
    return Notice(reference=reference, outcome=outcome, provider_reference=own, key=mark)


def _disputed(data: dict[str, Any], stage: Stage, at: datetime) -> Outcome:
    due = data.get("evidence_required_by")
    news = DisputeNews(
        reference=data["id"],
        stage=stage,
        reason=data.get("reason_code") or data.get("category") or "",
        answer_by=datetime.fromisoformat(due) if due else None,
    )
    amount = Money(data["amount"], fiat(data["currency"]))
    return Outcome(kind=Kind.DISPUTED, at=at, amount=amount, dispute=news)
