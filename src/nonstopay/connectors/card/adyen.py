"""Adyen: `/payments` of its Checkout API with the card in the request, and 3-D Secure by redirect.

Its documents: "Checkout API v71", "Raw card data", "Redirect 3D Secure 2", "Capture", "Cancel", "Refund",
"API idempotency", "Refusal reasons", "Standard webhooks", "Verify HMAC signatures", "Dispute webhooks";
field names as in its OpenAPI descriptions CheckoutService-v71 and Webhooks-v1.

* Captures, cancellations and refunds are only `received`; a notification tells what became of them. We
  say PROCESSING until then.
* Adyen cannot be asked what became of a payment; it says to wait for the notification. Nor can the request
  be repeated under its idempotency key, for the card's code is gone. So `look_up` is always UNKNOWN.
* A notification's signature covers one field that is ours, `merchantReference`. So it says what it is
  about: `<reference>` a payment whose money is taken at once, `<reference>.reserve` one that is reserved,
  `<reference>.<act>.<key>` an act on it. No reference or key of ours has a point.
* What is not signed (a refusal's words, a dispute's reason code) decides about no money.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec

from nonstopay import clock
from nonstopay.connectors import declines
from nonstopay.connectors.base import Notice, UnverifiedNotice, option, read
from nonstopay.connectors.charge import Browser, Charge, Paid, Payer
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import (
    DETAIL_MAX,
    Authentication,
    DisputeNews,
    Failure,
    Kind,
    Outcome,
    unknown,
)
from nonstopay.connectors.outcome import DisputeStage as Stage
from nonstopay.errors import Misconfigured
from nonstopay.money import Money, fiat

NAME = "adyen"
RESERVE = "reserve"
CODES = declines.ADYEN
_STATEMENT = re.compile(r"[^A-Za-z0-9 .,'_?+*/-]")
_AT_ONCE = {"101": CODES["8"], "103": CODES["24"], "129": CODES["6"]}  # number, code, expiry
_ACTS = {
    "CAPTURE": (Kind.CAPTURED, Kind.CAPTURE_REFUSED),
    "CANCELLATION": (Kind.VOIDED, Kind.VOID_REFUSED),
    "REFUND": (Kind.REFUNDED, Kind.REFUND_REFUSED),
    "EXPIRE": (Kind.VOIDED, Kind.VOIDED),
    "CAPTURE_FAILED": (Kind.CAPTURE_REFUSED, Kind.CAPTURE_REFUSED),
    "REFUND_FAILED": (Kind.REFUND_REFUSED, Kind.REFUND_REFUSED),
    "REFUNDED_REVERSED": (Kind.REFUND_REFUSED, Kind.REFUND_REFUSED),
}
"""What an event means that succeeded, and one that did not."""
_STAGES = {
    **dict.fromkeys(("REQUEST_FOR_INFORMATION", "NOTIFICATION_OF_CHARGEBACK"), Stage.INQUIRY),
    "CHARGEBACK": Stage.CHARGEBACK,
    "SECOND_CHARGEBACK": Stage.PRE_ARBITRATION,
    **dict.fromkeys(("PREARBITRATION_OPEN", "SCHEME_ARBITRATION"), Stage.PRE_ARBITRATION),
    **dict.fromkeys(("CHARGEBACK_REVERSED", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED"), Stage.WON),
    **dict.fromkeys(("PREARBITRATION_WON", "PREARBITRATION_ISSUER_WITHDRAWN"), Stage.WON),
    "SCHEME_ARBITRATION_WON": Stage.WON,
    **dict.fromkeys(("PREARBITRATION_LOST", "SCHEME_ARBITRATION_LOST"), Stage.LOST),
    **dict.fromkeys(("PREARBITRATION_ACCEPTED", "DISPUTE_DEFENSE_PERIOD_ENDED"), Stage.LOST),
}


class _Amount(msgspec.Struct, frozen=True):
    value: int
    currency: Literal["USD", "EUR", "GBP", "INR", "ZAR"]

    @property
    def money(self) -> Money:
        return Money(self.value, fiat(self.currency))


class _Action(msgspec.Struct, frozen=True):
    type: str
    url: str | None = None
    method: str = "GET"


class _Result(msgspec.Struct, frozen=True, rename="camel"):
    result_code: str
    psp_reference: str | None = None
    merchant_reference: str | None = None
    amount: _Amount | None = None
    refusal_reason_code: str | None = None
    action: _Action | None = None
    additional_data: dict[str, Any] | None = None


class _Received(msgspec.Struct, frozen=True, rename="camel"):
    psp_reference: str
    payment_psp_reference: str
    status: Literal["received"]


class _Problem(msgspec.Struct, frozen=True, rename="camel"):
    error_code: str
    error_type: str


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    psp_reference: str
    merchant_reference: str
    merchant_account_code: str
    event_code: str
    event_date: datetime
    amount: _Amount
    success: str
    original_reference: str = ""
    reason: str | None = None
    additional_data: dict[str, Any] | None = None


class _Envelope(msgspec.Struct, frozen=True):
    item: _Item = msgspec.field(name="NotificationRequestItem")


class _Notification(msgspec.Struct, frozen=True, rename="camel"):
    notification_items: list[_Envelope]


class Adyen:
    """Implements `CardConnector`.

    Args:
        url: the Checkout API with its version; live it has a prefix of the account's own.
        merchant_account: for which we take payments.
        hmac_key: what its notifications are signed with.
    """

    name = NAME

    def __init__(
        self, http: ProviderHttp, url: str, api_key: str, merchant_account: str, hmac_key: bytes
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"x-api-key": api_key}
        self._merchant_account = merchant_account
        self._hmac_key = hmac_key

    async def authorise(self, charge: Charge) -> Outcome:
        wish = _wish(charge) | {"merchantAccount": self._merchant_account}
        answer = await self._post("/payments", charge.reference, wish)
        refused = _refused_at_once(answer)
        if refused is not None:
            return declines.declined(
                _AT_ONCE.get(refused, declines.NOT_ACCEPTED), f"error {refused}"
            )
        result = read(answer, _Result)
        if isinstance(result, Outcome):
            return result
        if result.amount and result.amount.money != charge.amount:
            return unknown("an answer about another amount", result.psp_reference)
        outcome = _outcome(result, charge.capture, Authentication.FRICTIONLESS)
        return replace(outcome, amount=charge.amount)

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        """Hand Adyen what the payer brought; asked twice with the same, it answers the same."""
        token = returned.get("redirectResult")
        if not token:
            return unknown("the payer came back with nothing")
        key = hashlib.sha256(f"{paid.reference} {token}".encode()).hexdigest()
        answer = await self._post("/payments/details", key, {"details": {"redirectResult": token}})
        result = read(answer, _Result)
        if isinstance(result, Outcome):
            return result
        reference, _, rest = (result.merchant_reference or "").partition(".")
        if reference != paid.reference:
            return unknown("an answer about another payment")
        return _outcome(result, rest != RESERVE, Authentication.CHALLENGED)

    async def look_up(self, paid: Paid) -> Outcome:
        return unknown("Adyen cannot be asked; its notification tells", paid.provider_reference)

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        """`final` is Adyen's rule: it lets the rest go, unless the account is set up for several."""
        wish = {"amount": _amount(amount)}
        return await self._act(paid, "captures", key, Kind.CAPTURE_REFUSED, wish)

    async def void(self, paid: Paid, key: str) -> Outcome:
        return await self._act(paid, "cancels", key, Kind.VOID_REFUSED, {})

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        wish = {"amount": _amount(amount)}
        return await self._act(paid, "refunds", key, Kind.REFUND_REFUSED, wish)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        try:
            said = msgspec.json.decode(body, type=_Notification)
        except msgspec.DecodeError:
            raise UnverifiedNotice("a notification of another shape has no signature") from None
        items = [envelope.item for envelope in said.notification_items]
        for item in items:
            self._verify(item)
        return [notice for item in items for notice in _notices(item)]

    def _verify(self, item: _Item) -> None:
        what = (item.merchant_reference, item.amount.value, item.amount.currency)
        whose = (item.psp_reference, item.original_reference, item.merchant_account_code)
        signed = ":".join(map(str, (*whose, *what, item.event_code, item.success)))
        ours = base64.b64encode(hmac.digest(self._hmac_key, signed.encode(), "sha256"))
        claimed = str((item.additional_data or {}).get("hmacSignature", "")).encode()
        if not hmac.compare_digest(ours, claimed):
            raise UnverifiedNotice("the notification's signature does not hold")
        if item.merchant_account_code != self._merchant_account:
            raise UnverifiedNotice("the notification is for another account")

    async def _act(
        self, paid: Paid, act: str, key: str, refusal: Kind, wish: dict[str, Any]
    ) -> Outcome:
        if paid.provider_reference is None:
            return unknown("its PSP reference is not known yet")
        path = f"/payments/{quote(paid.provider_reference)}/{act}"
        reference = f"{paid.reference}.{act}.{key}"
        marks = {"merchantAccount": self._merchant_account, "reference": reference}
        answer = await self._post(path, key, wish | marks)
        if (code := _refused_at_once(answer, 422)) is not None:
            return Outcome(kind=refusal, at=clock.now(), detail=f"error {code}")
        said = read(answer, _Received, statuses=(201,))
        if isinstance(said, Outcome):
            return said
        if said.payment_psp_reference != paid.provider_reference:
            return unknown("an answer about another payment")
        own = said.psp_reference if act == "refunds" else paid.provider_reference
        return Outcome(
            kind=Kind.PROCESSING, at=clock.now(), provider_reference=own, detail=said.status
        )

    async def _post(self, path: str, key: str, wish: object) -> Answer | NoAnswer:
        headers = self._headers | {"idempotency-key": key}
        return await self._http.call("POST", self._url + path, headers=headers, json=wish)


def connect(http: ProviderHttp, options: Mapping[str, str]) -> Adyen:
    """From `url`, `api_key`, `merchant_account` and `hmac_key` (hexadecimal)."""
    url, api_key, account, hmac_key = (
        option(options, NAME, key) for key in ("url", "api_key", "merchant_account", "hmac_key")
    )
    try:
        return Adyen(http, url, api_key, account, binascii.a2b_hex(hmac_key))
    except binascii.Error:
        raise Misconfigured(f"{NAME}'s hmac_key must be hexadecimal") from None


def _wish(charge: Charge) -> dict[str, Any]:
    card, payer = charge.card, charge.payer
    parts = urlsplit(charge.return_url)
    code = {"cvc": card.code.reveal()} if card.code else {}
    wish = {
        "reference": charge.reference if charge.capture else f"{charge.reference}.{RESERVE}",
        "amount": _amount(charge.amount),
        "paymentMethod": code
        | {
            "type": "scheme",
            "number": card.number.reveal(),
            "expiryMonth": f"{card.expiry_month:02d}",
            "expiryYear": str(card.expiry_year),
            "holderName": card.holder,
        },
        "authenticationData": {"threeDSRequestData": {"nativeThreeDS": "disabled"}},
        "browserInfo": _browser(charge.browser),
        "billingAddress": _address(payer),
        "captureDelayHours": 0 if charge.capture else None,
        "additionalData": None if charge.capture else {"manualCapture": "true"},
        "channel": "Web",
        "origin": f"{parts.scheme}://{parts.netloc}",
        "returnUrl": charge.return_url,
        "shopperInteraction": "Ecommerce",
        "shopperIP": charge.browser.ip,
        "shopperEmail": payer.email,
        "telephoneNumber": payer.phone,
        "dateOfBirth": payer.date_of_birth,
        "shopperStatement": _STATEMENT.sub("", f"{charge.payee_name} {charge.note}")[:22],
    }
    return {name: said for name, said in wish.items() if said is not None}


def _amount(money: Money) -> dict[str, Any]:
    return {"value": money.minor, "currency": money.currency.code}


def _browser(browser: Browser) -> dict[str, Any]:
    return {
        "acceptHeader": browser.accept,
        "userAgent": browser.user_agent,
        "language": browser.language,
        "javaEnabled": False,
        "javaScriptEnabled": browser.java_script,
        "colorDepth": browser.colour_depth,
        "screenWidth": browser.screen_width,
        "screenHeight": browser.screen_height,
        "timeZoneOffset": browser.time_zone_minutes,
    }


def _address(payer: Payer) -> dict[str, Any] | None:
    """All of it or none: Adyen refuses a part. We know no house number apart from the street."""
    if not (payer.address1 and payer.city and payer.postcode and payer.country):
        return None
    state = {"stateOrProvince": payer.state} if payer.state else {}
    return state | {
        "street": payer.address1,
        "houseNumberOrName": payer.address2 or "N/A",
        "city": payer.city,
        "postalCode": payer.postcode,
        "country": payer.country,
    }


def _refused_at_once(answer: Answer | NoAnswer, *statuses: int) -> str | None:
    """The code of an error before anything was done; `None` if that is not sure."""
    said = read(answer, _Problem, statuses=statuses or (400, 401, 403, 422))
    if isinstance(said, Outcome) or said.error_code == "704":  # its key is in progress
        return None
    return (
        said.error_code if said.error_type in ("validation", "security", "configuration") else None
    )


def _outcome(result: _Result, capture: bool, how: Authentication) -> Outcome:
    """Translate a result code; one that is undocumented, or not for cards by redirect, is UNKNOWN."""
    more, code = result.additional_data or {}, result.refusal_reason_code or ""
    flows = {"Y": how, "A": Authentication.ATTEMPTED, "N": Authentication.FAILED}
    outcome = unknown(result.result_code, result.psp_reference)
    match result.result_code:
        case "Authorised":
            outcome = replace(outcome, kind=Kind.CAPTURED if capture else Kind.AUTHORISED)
        case "RedirectShopper" if result.action and result.action.method == "GET":
            outcome = replace(outcome, kind=Kind.WAITING, link=result.action.url)
        case "Pending" | "Received":
            outcome = replace(outcome, kind=Kind.PROCESSING)
        case "Refused" | "Cancelled":
            outcome = declines.declined(_why(CODES.get(code), more), f"refused {code}")
        case "Error" if code in CODES:
            outcome = declines.declined(_why(CODES.get(code), more), f"error {code}")
    return replace(
        outcome,
        amount=result.amount.money if result.amount else None,
        provider_reference=result.psp_reference,
        authentication=flows.get(str(more.get("threeDAuthenticatedResponse"))),
    )


def _why(known: Failure | None, more: Mapping[str, Any]) -> Failure:
    """`05 : Do not honor`, and the same for Mastercard's advice, where the account shows them."""
    network, advice = (
        str(more.get(name, "")).partition(":")[0].strip()
        for name in ("refusalReasonRaw", "merchantAdviceCode")
    )
    return declines.failure(known, network=network, advice=[advice])


def _notices(item: _Item) -> Iterator[Notice]:
    reference, _, rest = item.merchant_reference.partition(".")
    own = item.original_reference or None
    event, done, stage = item.event_code, item.success == "true", _STAGES.get(item.event_code)
    kinds = (Kind.DISPUTED, Kind.DISPUTED) if stage else _ACTS.get(event)
    if event == "AUTHORISATION":
        own = item.psp_reference
        kinds = (Kind.AUTHORISED if rest == RESERVE else Kind.CAPTURED, Kind.DECLINED)
    if kinds is None:
        return
    outcome = Outcome(
        kind=kinds[0] if done else kinds[1],
        at=item.event_date,
        amount=item.amount.money,
        provider_reference=item.psp_reference if event.startswith("REFUND") else own,
        dispute=_news(item, stage) if stage else None,
        detail=(item.reason or event)[:DETAIL_MAX],
    )
    if outcome.kind is Kind.DECLINED:
        known = CODES.get((item.reason or "").lower().replace(" ", "_"))
        why = _why(known, item.additional_data or {})
        outcome = replace(outcome, reason=why.reason, source=why.source, step=why.step)
    key = rest.partition(".")[2] or None
    yield Notice(reference=reference, outcome=outcome, provider_reference=own, key=key)


def _news(item: _Item, stage: Stage) -> DisputeNews:
    more = item.additional_data or {}
    try:
        answer_by = datetime.fromisoformat(str(more.get("defensePeriodEndsAt")))
    except ValueError:
        answer_by = None
    reason = str(more.get("chargebackReasonCode") or item.reason or "").strip()
    return DisputeNews(
        reference=item.psp_reference, stage=stage, reason=reason[:DETAIL_MAX], answer_by=answer_by
    )
