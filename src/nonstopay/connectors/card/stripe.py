"""Stripe: a PaymentIntent that is confirmed as it is made, with the card in the request.

Its documents: "Payment Intents API", "Handling raw card data" (the account must be enabled for it),
"Multicapture", "Refunds", "Disputes", "Idempotent requests", "Search", "Decline codes", "Verify webhook
signatures manually"; field names as in Stripe's OpenAPI description of the version below.

* Our reference is the intent's metadata and the idempotency key of its making. A capture's or refund's
  key stands in the metadata too, for Stripe forgets idempotency keys after a day.
* An intent whose id we never heard is searched by metadata, which is indexed within a minute. If nothing
  is found we use the idempotency key up: another intent is asked for under it, without a card. Stripe
  refuses that if it has seen the key. Else it never saw the payment, and can no longer carry it out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from nonstopay import clock
from nonstopay.connectors import declines, stamped
from nonstopay.connectors.base import Notice, option, read
from nonstopay.connectors.charge import Charge, Paid
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import (
    Authentication,
    DisputeNews,
    DisputeStage,
    Kind,
    Outcome,
    unknown,
)
from nonstopay.money import Money, fiat

T = TypeVar("T")
Currency = Literal["usd", "eur", "gbp", "inr", "zar"]
NAME = "stripe"
URL = "https://api.stripe.com"
VERSION = "2026-06-24.dahlia"

CODES = declines.STRIPE
_FLOWS = {"frictionless": Authentication.FRICTIONLESS, "challenge": Authentication.CHALLENGED}
_RESULTS = {"attempt_acknowledged": Authentication.ATTEMPTED, "failed": Authentication.FAILED}
_REFUNDS = dict.fromkeys(("pending", "requires_action"), Kind.PROCESSING)
_REFUNDS |= {"succeeded": Kind.REFUNDED}
_REFUNDS |= dict.fromkeys(("failed", "canceled"), Kind.REFUND_REFUSED)
_STAGES = {
    **dict.fromkeys(("warning_needs_response", "warning_under_review"), DisputeStage.INQUIRY),
    **dict.fromkeys(("needs_response", "under_review"), DisputeStage.CHARGEBACK),
    **dict.fromkeys(("won", "warning_closed"), DisputeStage.WON),
    "lost": DisputeStage.LOST,
}


class _Problem(msgspec.Struct, frozen=True):
    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    payment_intent: dict[str, Any] | None = None

    @property
    def word(self) -> str:
        return self.decline_code or self.code or self.type

    def outcome(self, at: datetime) -> Outcome:
        own = (self.payment_intent or {}).get("id")
        if self.type != "card_error":
            return declines.declined(declines.NOT_ACCEPTED, self.word, at=at)
        known = CODES.get(self.decline_code or "") or CODES.get(self.code or "")
        advice = {self.advice_code or "", self.network_advice_code or ""}
        why = declines.failure(known, network=self.network_decline_code or "", advice=advice)
        return declines.declined(why, self.word, at=at, provider_reference=own)


class _Said(msgspec.Struct, frozen=True):
    error: _Problem


class _Intent(msgspec.Struct, frozen=True):
    id: str
    status: str
    amount: int
    amount_received: int
    amount_capturable: int
    currency: Currency
    metadata: dict[str, str]
    next_action: dict[str, Any] | None = None
    last_payment_error: _Problem | None = None
    latest_charge: dict[str, Any] | str | None = None

    @property
    def link(self) -> str | None:
        redirect: dict[str, str] = (self.next_action or {}).get("redirect_to_url") or {}
        return redirect.get("url")

    @property
    def sum(self) -> Money:
        return _money(self.amount, self.currency)

    @property
    def charge(self) -> dict[str, Any]:
        return self.latest_charge if isinstance(self.latest_charge, dict) else {}

    @property
    def authentication(self) -> Authentication | None:
        card = (self.charge.get("payment_method_details") or {}).get("card") or {}
        secure = card.get("three_d_secure")
        if secure is None:
            return Authentication.NONE if "three_d_secure" in card else None
        if secure.get("result") == "authenticated":
            return _FLOWS.get(secure.get("authentication_flow"))
        return _RESULTS.get(secure.get("result"))


class _Refund(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: Currency
    status: str | None
    payment_intent: str | None
    metadata: dict[str, str]


class _Page(msgspec.Struct, Generic[T], frozen=True):
    data: list[T]
    has_more: bool


class _Dispute(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: Currency
    reason: str
    status: str
    evidence_details: dict[str, Any]
    payment_intent: str | None = None
    payment_method_details: dict[str, Any] | None = None


class Stripe:
    """Implements `CardConnector`.

    Args:
        secret_key: `sk_live_…`, or a restricted key that may write intents and refunds.
        webhook_secret: `whsec_…`, what its notifications are signed with.
    """

    name = NAME

    def __init__(self, http: ProviderHttp, url: str, secret_key: str, webhook_secret: str) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/v1"
        self._headers = {"authorization": f"Bearer {secret_key}", "stripe-version": VERSION}
        self._webhook_secret = webhook_secret.encode()

    async def authorise(self, charge: Charge) -> Outcome:
        answer = await self._ask("POST", "/payment_intents", charge.reference, _wish(charge))
        intent = read(answer, _Intent)
        if isinstance(intent, _Intent):
            if intent.sum == charge.amount and intent.metadata.get("reference") == charge.reference:
                return _standing(intent, clock.now())
            return unknown("an answer about another payment", intent.id)
        refusal = _refusal(answer, 400, 401, 402, 403)  # our key does not hold: nothing was done
        return intent if refusal is None else refusal.outcome(clock.now())

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        return await self.look_up(paid)  # what the payer's browser brings proves nothing

    async def look_up(self, paid: Paid) -> Outcome:
        if paid.provider_reference is None:
            return await self._find(paid.reference)
        intent = await self._intent(paid)
        return intent if isinstance(intent, Outcome) else _standing(intent, clock.now())

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        wish = {"amount_to_capture": str(amount.minor), f"metadata[{key}]": str(amount.minor)}
        wish |= {} if final else {"final_capture": "false"}
        intent, refusal = await self._act(paid, "capture", key, wish)
        if isinstance(intent, Outcome):
            return intent
        # Asked again after Stripe forgot the key, a capture that was made is refused too.
        if refusal and intent.metadata.get(key) != str(amount.minor):
            return Outcome(kind=Kind.CAPTURE_REFUSED, at=clock.now(), detail=refusal.word)
        if intent.amount_received < amount.minor:
            return unknown("less was captured than asked", intent.id)
        return _about(intent, Kind.CAPTURED, clock.now(), amount)

    async def void(self, paid: Paid, key: str) -> Outcome:
        intent, _ = await self._act(paid, "cancel", key, {})
        if isinstance(intent, Outcome):
            return intent
        kind = Kind.VOIDED if intent.status == "canceled" else Kind.VOID_REFUSED
        return _about(intent, kind, clock.now())

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        own = paid.provider_reference
        if own is None:
            return unknown("its id there is not known yet")
        path = f"/refunds?payment_intent={quote(own)}&limit=100"
        made = read(await self._ask("GET", path), _Page[_Refund])
        if isinstance(made, Outcome):
            return made
        earlier = (one for one in made.data if one.metadata.get("key") == key)
        refund: _Refund | Outcome | None = next(earlier, None)
        if refund is None and made.has_more:
            return unknown("more refunds than one page holds")
        if refund is None:
            wish = {"payment_intent": own, "amount": str(amount.minor)}
            marks = {"metadata[reference]": paid.reference, "metadata[key]": key}
            answer = await self._ask("POST", "/refunds", key, wish | marks)
            if problem := _refusal(answer):
                return Outcome(kind=Kind.REFUND_REFUSED, at=clock.now(), detail=problem.word)
            refund = read(answer, _Refund)
        if isinstance(refund, Outcome) or _money(refund.amount, refund.currency) == amount:
            return refund if isinstance(refund, Outcome) else _refunded(refund, clock.now())
        return unknown("the key was used with another amount", refund.id)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        header = headers.get("stripe-signature", "")
        stamped.require(self._webhook_secret, header, body, timedelta(seconds=300))
        try:
            return list(_notices(msgspec.json.decode(body)))
        except (msgspec.DecodeError, KeyError, TypeError):
            return []

    async def _find(self, reference: str) -> Outcome:
        """A payment whose id we never heard; see the file's head."""
        query = urlencode({"query": f"metadata['reference']:'{reference}'", "limit": "10"})
        answer = await self._ask("GET", f"/payment_intents/search?{query}")
        found = read(answer, _Page[_Intent])
        if isinstance(found, Outcome):
            return found
        for intent in found.data:
            if intent.metadata.get("reference") == reference:
                return _standing(intent, clock.now())
        empty = {"amount": "100", "currency": "usd", "metadata[stands_for]": reference}
        claimed = read(await self._ask("POST", "/payment_intents", reference, empty), _Intent)
        if isinstance(claimed, Outcome) or claimed.metadata.get("stands_for") != reference:
            return unknown("Stripe has seen its key, and does not find it yet")
        path = f"/payment_intents/{quote(claimed.id)}/cancel"
        await self._ask("POST", path, f"{reference}.none", {})
        return declines.declined(declines.NEVER_HEARD, "its idempotency key was free")

    async def _act(
        self, paid: Paid, act: str, key: str, form: Mapping[str, str]
    ) -> tuple[_Intent | Outcome, _Problem | None]:
        """Do something to an intent; if Stripe refuses, the intent as it is and the refusal."""
        if paid.provider_reference is None:
            return unknown("its id there is not known yet"), None
        path = f"/payment_intents/{quote(paid.provider_reference)}/{act}"
        answer = await self._ask("POST", path, key, form)
        refusal = _refusal(answer)
        return (await self._intent(paid), refusal) if refusal else (read(answer, _Intent), None)

    async def _intent(self, paid: Paid) -> _Intent | Outcome:
        path = f"/payment_intents/{quote(paid.provider_reference or '')}?expand%5B%5D=latest_charge"
        intent = read(await self._ask("GET", path), _Intent)
        if isinstance(intent, _Intent) and intent.metadata.get("reference") != paid.reference:
            return unknown("an answer about another payment")
        return intent

    async def _ask(
        self, verb: str, path: str, key: str = "", form: Any = None
    ) -> Answer | NoAnswer:
        headers = self._headers | ({"idempotency-key": key} if key else {})
        return await self._http.call(verb, self._url + path, headers=headers, form=form)


def connect(http: ProviderHttp, options: Mapping[str, str]) -> Stripe:
    """From `secret_key` and `webhook_secret`; `url` for another address."""
    keys = (option(options, NAME, key) for key in ("secret_key", "webhook_secret"))
    return Stripe(http, options.get("url") or URL, *keys)


def _wish(charge: Charge) -> dict[str, str]:
    """The intent to make, as a form."""
    card, payer = charge.card, charge.payer
    details = "payment_method_data[billing_details]"
    address = {"line1": payer.address1, "line2": payer.address2, "city": payer.city}
    address |= {"state": payer.state, "postal_code": payer.postcode, "country": payer.country}
    wish = {
        "amount": str(charge.amount.minor),
        "currency": charge.amount.currency.code.lower(),
        "confirm": "true",
        "capture_method": "automatic" if charge.capture else "manual",
        "payment_method_types[]": "card",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": card.number.reveal(),
        "payment_method_data[card][exp_month]": str(card.expiry_month),
        "payment_method_data[card][exp_year]": str(card.expiry_year),
        "payment_method_data[card][cvc]": card.code.reveal() if card.code else None,
        f"{details}[name]": card.holder,
        f"{details}[email]": payer.email,
        f"{details}[phone]": payer.phone,
        **{f"{details}[address][{name}]": text for name, text in address.items()},
        "return_url": charge.return_url,
        "description": charge.note,
        "metadata[reference]": charge.reference,
        "expand[]": "latest_charge",
    }
    if not charge.capture:
        wish["payment_method_options[card][request_multicapture]"] = "if_available"
    return {name: text for name, text in wish.items() if text}


def _refusal(answer: Answer | NoAnswer, *statuses: int) -> _Problem | None:
    """What Stripe refused for sure. A used-up key, a lock or a fault of its own is no refusal."""
    said = read(answer, _Said, statuses=statuses or (400, 402))
    problem = said.error if isinstance(said, _Said) else _Problem()
    return problem if problem.type in ("card_error", "invalid_request_error") else None


def _standing(intent: _Intent, at: datetime) -> Outcome:
    """How an intent stands; an undocumented word makes it UNKNOWN."""
    received = _money(intent.amount_received, intent.currency)
    match intent.status:
        case "requires_action" if intent.link:
            return _about(intent, Kind.WAITING, at)
        case "processing":
            return _about(intent, Kind.PROCESSING, at)
        case "requires_capture" if received.minor == 0:
            return _about(intent, Kind.AUTHORISED, at)
        case "requires_capture" | "succeeded":
            return _about(intent, Kind.CAPTURED, at, received)
        case "canceled":
            reserved = intent.charge.get("status") == "succeeded"
            return _about(intent, Kind.VOIDED if reserved else Kind.EXPIRED, at)
        case "requires_payment_method" if problem := intent.last_payment_error:
            flow = intent.authentication
            return replace(problem.outcome(at), provider_reference=intent.id, authentication=flow)
    return unknown(intent.status, intent.id)


def _about(intent: _Intent, kind: Kind, at: datetime, amount: Money | None = None) -> Outcome:
    return Outcome(
        kind=kind,
        at=at,
        amount=amount or intent.sum,
        left=_money(intent.amount_capturable, intent.currency),
        provider_reference=intent.id,
        link=intent.link,
        authentication=intent.authentication,
        detail=intent.status,
    )


def _refunded(refund: _Refund, at: datetime) -> Outcome:
    return Outcome(
        kind=_REFUNDS.get(refund.status or "", Kind.UNKNOWN),
        at=at,
        amount=_money(refund.amount, refund.currency),
        provider_reference=refund.id,
        detail=refund.status or "",
    )


def _notices(event: dict[str, Any]) -> Iterator[Notice]:
    """What an event tells; what it leaves open (was a cancelled intent reserved?) is looked up."""
    at, thing = datetime.fromtimestamp(event["created"], UTC), event["data"]["object"]
    what: str = event["type"]
    if what.startswith("payment_intent.") and what != "payment_intent.created":
        intent = msgspec.convert(thing, _Intent)
        if reference := intent.metadata.get("reference"):
            outcome = None if intent.status == "canceled" else _standing(intent, at)
            yield Notice(reference=reference, outcome=outcome, provider_reference=intent.id)
    elif what.startswith("refund."):
        refund = msgspec.convert(thing, _Refund)
        reference, key = (refund.metadata.get(name) for name in ("reference", "key"))
        own, outcome = refund.payment_intent, _refunded(refund, at)
        if reference and key:
            yield Notice(reference=reference, outcome=outcome, provider_reference=own, key=key)
        elif own and outcome.kind in (Kind.REFUNDED, Kind.REFUND_REFUSED):
            yield Notice(reference="", outcome=outcome, provider_reference=own)
    elif what.startswith("charge.dispute."):
        dispute = msgspec.convert(thing, _Dispute)
        if own := dispute.payment_intent:
            outcome = _disputed(dispute, at) if dispute.status in _STAGES else None
            yield Notice(reference="", outcome=outcome, provider_reference=own)


def _disputed(dispute: _Dispute, at: datetime) -> Outcome:
    card = (dispute.payment_method_details or {}).get("card") or {}
    due = dispute.evidence_details.get("due_by")
    news = DisputeNews(
        reference=dispute.id,
        stage=_STAGES[dispute.status],
        reason=card.get("network_reason_code") or dispute.reason,
        answer_by=datetime.fromtimestamp(due, UTC) if due else None,
    )
    amount = _money(dispute.amount, dispute.currency)
    return Outcome(kind=Kind.DISPUTED, at=at, amount=amount, dispute=news, detail=dispute.status)


def _money(minor: int, currency: str) -> Money:
    return Money(minor, fiat(currency.upper()))
