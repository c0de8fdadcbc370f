"""PhonePe Payment Gateway: a dynamic UPI QR of the custom checkout, API v2.

Its documents: "Authorization", "Initiate Payment: UPI QR", "Order Status", "Refund and Refund Status",
"Webhook Handling", "Error Codes".

* Our reference is the merchant order id. PhonePe gives the link once: a start that is repeated learns
  that the order is there, and ends it, for nobody holds its link; the payer gets a new one.
* A notification carries the SHA-256 of a username and a password that never change. That proves who
  calls, and nothing about what is said: it makes us look the order up.
* `PENDING` is all that is said until the end, whether the payer acted or not: to us it waits.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from nonstopay import clock
from nonstopay.connectors import npci
from nonstopay.connectors.base import Notice, Order, UnverifiedNotice, option, read
from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import DETAIL_MAX, Failure, Kind, Outcome, failures, unknown
from nonstopay.money import Money, fiat

NAME = "phonepe"
URL = "https://api.phonepe.com/apis/pg"
TOKEN_URL = "https://api.phonepe.com/apis/identity-manager/v1/oauth/token"  # noqa: S105
INR = fiat("INR")
LIFE_MIN = timedelta(seconds=300)
LATE = timedelta(days=3)

CODES = failures("""
wrong_pin payer authentication: INVALID_MPIN
insufficient_funds payer debit: INSUFFICIENT_BALANCE
bank_unavailable bank debit: BANK_TECHNICAL_ISSUE
timed_out payer authorisation: TXN_AUTO_FAILED TXN_NOT_COMPLETED
""")
_SUBJECTS = ("pg.order.", "checkout.order.", "pg.transaction.", "checkout.transaction.")


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    issued_at: int
    expires_at: int
    token_type: Literal["O-Bearer"]

    def serves(self) -> bool:
        """In its first half; the second is left for answers that come late."""
        return clock.now().timestamp() < (self.issued_at + self.expires_at) / 2


class _Opened(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str
    state: Literal["PENDING"]
    expire_at: int
    intent_url: str = ""
    qr_data: str = ""


class _Rail(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    utr: str | None = None


class _Instrument(msgspec.Struct, frozen=True, rename="camel"):
    rail: _Rail | None = None


class _Try(msgspec.Struct, frozen=True, rename="camel"):
    transaction_id: str
    timestamp: int
    amount: int
    state: Literal["PENDING", "COMPLETED", "FAILED"]
    rail: _Rail | None = None
    split_instruments: list[_Instrument] = []

    @property
    def utr(self) -> str | None:
        rails = [self.rail, *(one.rail for one in self.split_instruments)]
        return next((rail.utr for rail in rails if rail and rail.utr), None)


class _Order(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str
    state: Literal["PENDING", "COMPLETED", "FAILED"]
    amount: int
    expire_at: int
    merchant_order_id: str | None = None
    error_code: str | None = None
    detailed_error_code: str | None = None
    payment_details: list[_Try] = []

    @property
    def expires_at(self) -> datetime:
        return _instant(self.expire_at)


class _RefundMade(msgspec.Struct, frozen=True, rename="camel"):
    refund_id: str
    amount: int
    state: Literal["PENDING", "CONFIRMED", "COMPLETED", "FAILED"]


class _Refund(msgspec.Struct, frozen=True, rename="camel"):
    original_merchant_order_id: str
    amount: int
    state: Literal["PENDING", "CONFIRMED", "COMPLETED", "FAILED"]
    refund_id: str
    timestamp: int


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    merchant_order_id: str


class _Event(msgspec.Struct, frozen=True):
    event: str
    payload: _Payload


class PhonePe:
    """Implements `UpiConnector`.

    Args:
        http: how to call.
        url, token_url: the API, and where its access tokens are had.
        client: `client_id`, `client_version`, `client_secret`.
        username, password: as set for notifications on PhonePe's dashboard.
    """

    name = NAME

    def __init__(
        self,
        http: ProviderHttp,
        url: str,
        token_url: str,
        client: Mapping[str, str],
        username: str,
        password: str,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token_url = token_url
        self._client = dict(client)
        self._caller = hashlib.sha256(f"{username}:{password}".encode()).hexdigest()
        self._token: _Token | None = None

    async def start(self, order: Order) -> Outcome:
        life = max(order.expires_at - clock.now(), LIFE_MIN)
        wish = {
            "merchantOrderId": order.reference,
            "amount": order.amount.minor,
            "expireAfter": int(life.total_seconds()),
            "metaInfo": {"udf1": order.note},
            "paymentFlow": {"type": "PG", "paymentMode": {"type": "UPI_QR"}},
        }
        answer = await self._call("POST", "/payments/v2/pay", wish)
        if isinstance(answer, Answer) and 400 <= answer.status < 500:
            return await self._started_before(order, answer)
        opened = read(answer, _Opened)
        if isinstance(opened, Outcome):
            return opened
        return Outcome(
            kind=Kind.WAITING,
            at=clock.now(),
            amount=order.amount,
            provider_reference=opened.order_id,
            link=opened.intent_url or opened.qr_data,
            detail=opened.state,
        )

    async def look_up(self, reference: str) -> Outcome:
        order = await self._order(reference)
        return order if isinstance(order, Outcome) else _standing(order)

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        answer = await self._call("GET", f"/payments/v2/refund/{quote(key)}/status")
        if not (isinstance(answer, Answer) and 400 <= answer.status < 500):
            refund = read(answer, _Refund)
            if isinstance(refund, Outcome):
                return refund
            return _refund_outcome(refund, reference, amount)
        standing = await self.look_up(reference)
        if standing.kind is Kind.UNKNOWN:
            return standing
        if standing.kind is not Kind.CAPTURED or standing.amount is None:
            return _never("nothing was captured")
        if standing.amount < amount:
            return _never("more than was captured")
        wish = {
            "merchantRefundId": key,
            "originalMerchantOrderId": reference,
            "amount": amount.minor,
        }
        made = read(await self._call("POST", "/payments/v2/refund", wish), _RefundMade)
        if isinstance(made, Outcome):
            return made
        # Taken in, no more: the status, asked for again, tells how it ended.
        return unknown(f"refund {made.state}", made.refund_id)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        claimed = headers.get("authorization", "")
        if not hmac.compare_digest(self._caller.encode(), claimed.encode()):
            raise UnverifiedNotice("the notification's authorization does not hold")
        try:
            event = msgspec.json.decode(body, type=_Event)
        except msgspec.DecodeError:
            return []
        if not event.event.startswith(_SUBJECTS):
            return []
        return [Notice(reference=event.payload.merchant_order_id, outcome=None)]

    async def _started_before(self, order: Order, refusal: Answer) -> Outcome:
        """The order may be there from a start whose answer was lost, and its link with it."""
        known = await self._order(order.reference)
        if isinstance(known, Outcome):
            return unknown(f"status {refusal.status}")
        if Money(known.amount, INR) != order.amount:
            return unknown("the reference was used with another amount", known.order_id)
        if known.state != "PENDING":
            return _standing(known)
        return Outcome(
            kind=Kind.EXPIRED,
            at=clock.now(),
            amount=order.amount,
            provider_reference=known.order_id,
            detail="its link was lost on the way to us",
        )

    async def _order(self, reference: str) -> _Order | Outcome:
        path = f"/payments/v2/order/{quote(reference)}/status?details=true"
        order = read(await self._call("GET", path), _Order)
        if isinstance(order, _Order) and order.merchant_order_id not in (None, reference):
            return unknown("an answer about another order")
        return order

    async def _call(self, method: str, path: str, wish: Any = None) -> Answer | NoAnswer:
        """One call, made again with a new token if the old one is not taken any more."""
        for _ in range(2):
            token = await self._access()
            if isinstance(token, NoAnswer):
                return token
            headers = {"authorization": f"{token.token_type} {token.access_token}"}
            answer = await self._http.call(method, self._url + path, headers=headers, json=wish)
            if not (isinstance(answer, Answer) and answer.status == 401):
                return answer
            self._token = None
        return NoAnswer("our access token is not taken")

    async def _access(self) -> _Token | NoAnswer:
        if self._token is not None and self._token.serves():
            return self._token
        form = self._client | {"grant_type": "client_credentials"}
        token = read(await self._http.call("POST", self._token_url, form=form), _Token)
        if isinstance(token, Outcome):
            return NoAnswer(f"no access token: {token.detail}")
        self._token = token
        return token


def connect(http: ProviderHttp, options: Mapping[str, str]) -> PhonePe:
    """From `client_id`, `client_version`, `client_secret`, `webhook_username`, `webhook_password`;
    `url` and `token_url` for other addresses."""
    client = {
        key: option(options, NAME, key) for key in ("client_id", "client_version", "client_secret")
    }
    return PhonePe(
        http,
        options.get("url") or URL,
        options.get("token_url") or TOKEN_URL,
        client,
        option(options, NAME, "webhook_username"),
        option(options, NAME, "webhook_password"),
    )


def _standing(order: _Order) -> Outcome:
    """How an order stands; `state` at its root decides, as the documents ask."""
    if order.state == "COMPLETED":
        return _completed(order)
    if order.state == "PENDING":
        return _about(order, Kind.WAITING)
    codes = (order.detailed_error_code or "", order.error_code or "")
    in_doubt = not npci.IN_DOUBT.isdisjoint(codes)
    if clock.now() > order.expires_at + (LATE if in_doubt else timedelta(0)):
        return _about(order, Kind.EXPIRED)
    known = (npci.CODES.get(code) or CODES.get(code) for code in codes)
    failure = next((one for one in known if one), None)
    if in_doubt or failure is None:
        return unknown(f"failed with code {' '.join(codes)}", order.order_id)
    return _about(order, Kind.DECLINED, failure)


def _completed(order: _Order) -> Outcome:
    paid = [one for one in order.payment_details if one.state == "COMPLETED"]
    if len(paid) != 1:
        return unknown(f"completed with {len(paid)} payments", order.order_id)
    return Outcome(
        kind=Kind.CAPTURED,
        at=_instant(paid[0].timestamp),
        amount=Money(paid[0].amount, INR),
        provider_reference=order.order_id,
        network_reference=paid[0].utr,
        detail=order.state,
    )


def _about(order: _Order, kind: Kind, failure: Failure | None = None) -> Outcome:
    tried = order.payment_details[-1].timestamp if order.payment_details else None
    return Outcome(
        kind=kind,
        at=_instant(tried) if tried else clock.now(),
        amount=Money(order.amount, INR),
        reason=failure.reason if failure else None,
        source=failure.source if failure else None,
        step=failure.step if failure else None,
        provider_reference=order.order_id,
        detail=(order.detailed_error_code or order.state)[:DETAIL_MAX],
    )


def _refund_outcome(refund: _Refund, reference: str, amount: Money) -> Outcome:
    if refund.original_merchant_order_id != reference or Money(refund.amount, INR) != amount:
        return unknown("an answer about another refund")
    if refund.state in ("PENDING", "CONFIRMED"):
        return unknown(refund.state, refund.refund_id)
    return Outcome(
        kind=Kind.REFUNDED if refund.state == "COMPLETED" else Kind.REFUND_REFUSED,
        at=_instant(refund.timestamp),
        amount=amount,
        provider_reference=refund.refund_id,
        detail=refund.state,
    )


def _never(detail: str) -> Outcome:
    return Outcome(kind=Kind.REFUND_REFUSED, at=clock.now(), detail=detail)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
