"""PhonePe, as its documents have it: a token, orders that give their link once, refunds that take time."""

import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay import clock
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi.phonepe import NAME, PhonePe
from tests.connectors.laboratory import Manners, Script, Words
from tests.connectors.pretend_provider import (
    FAILED,
    HELD,
    OPEN,
    PAID,
    BankOrder,
    Dialect,
    DialectLaboratory,
    Refund,
    Try,
    encoded,
    recording,
    relinked,
)
from tests.connectors.serving import address_of, serving_on

CLIENT = {"client_id": "SHOP", "client_version": "1", "client_secret": "secret"}
USER, PASSWORD = "nonstopay", "correct5horse"
MANNERS = Manners(
    link_again="none",
    pending=Kind.WAITING,
    doubt=Kind.WAITING,
    lives_on=False,
    lifetime=timedelta(minutes=9),
    ending=(Kind.EXPIRED,),
    signs_words=False,
    signs_time=False,
    excess=Kind.UNKNOWN,
)
_STATES = {OPEN: "PENDING", HELD: "PENDING", PAID: "COMPLETED", FAILED: "FAILED"}
_CODES = {
    "wrong_pin": "ZM",
    "insufficient_funds": "Z9",
    "declined": "U30",
    "bank_unavailable": "U90",
    "deemed": "RB",
    "timed_out": "TXN_AUTO_FAILED",
}


class PhonePeDialect(Dialect):
    token = "token-of-the-gateway"

    def revoke(self) -> None:
        """The token that was given out is taken no more."""
        self.token = "another-token"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("POST", "/api/v1/oauth/token", self._token, always=True),
            self.route("POST", "/api/payments/v2/pay", self._pay),
            self.route("GET", "/api/payments/v2/order/{id}/status", self._status),
            self.route("POST", "/api/payments/v2/refund", self._refund),
            self.route("GET", "/api/payments/v2/refund/{id}/status", self._refund_status),
        ]

    def notice(self, order: BankOrder, one: Try) -> dict[str, Any] | None:
        if one.state in (OPEN, HELD):
            return None
        ending = "completed" if one.state == PAID else "failed"
        payload = {"merchantId": "SHOP", "merchantOrderId": order.reference} | self._said(order)
        return recording(NAME, "event") | {"event": f"pg.order.{ending}", "payload": payload}

    def signed(self, body: bytes, at: datetime) -> dict[str, str]:
        return {"authorization": hashlib.sha256(f"{USER}:{PASSWORD}".encode()).hexdigest()}

    def _token(self, request: Request, body: bytes) -> tuple[int, Any]:
        assert b"grant_type=client_credentials" in body
        now = int(clock.now().timestamp())
        told = {"access_token": self.token, "issued_at": now, "expires_at": now + 3600}
        return 200, recording(NAME, "token") | told

    def _pay(self, request: Request, wish: Any) -> tuple[int, Any]:
        if not self._may(request):
            return 401, recording(NAME, "error")
        if wish["merchantOrderId"] in self.orders:
            return 400, recording(NAME, "error")
        assert wish["paymentFlow"] == {"type": "PG", "paymentMode": {"type": "UPI_QR"}}
        ends_at = clock.now() + timedelta(seconds=wish["expireAfter"])
        order = self.open(wish["merchantOrderId"], wish["merchantOrderId"], wish["amount"], ends_at)
        self.begin(order)
        said = recording(NAME, "opened")
        return 200, said | {
            "orderId": f"OMO{order.reference}",
            "expireAt": int(order.ends_at.timestamp() * 1000),
            "intentUrl": relinked(said["intentUrl"], f"OMO{order.reference}", order.paise),
        }

    def _status(self, request: Request, _: Any) -> tuple[int, Any]:
        order = self.orders.get(request.path_params["id"])
        if not self._may(request):
            return 401, recording(NAME, "error")
        return (200, self._said(order)) if order else (400, recording(NAME, "error"))

    def _may(self, request: Request) -> bool:
        return request.headers["authorization"] == f"O-Bearer {self.token}"

    def _refund(self, request: Request, wish: Any) -> tuple[int, Any]:
        order, key = self.orders[wish["originalMerchantOrderId"]], wish["merchantRefundId"]
        if wish["amount"] > order.left or any(made.key == key for made in order.refunds):
            return 400, recording(NAME, "error")
        made = Refund(self.number(), key, wish["amount"], clock.now(), done=False)
        order.refunds.append(made)
        self.later(clock.now(), lambda: setattr(made, "done", True))
        said = {"refundId": f"OMR{made.id}", "amount": made.paise}
        return 200, recording(NAME, "refund_made") | said

    def _refund_status(self, request: Request, _: Any) -> tuple[int, Any]:
        for order in self.orders.values():
            for made in order.refunds:
                if made.key == request.path_params["id"]:
                    return 200, recording(NAME, "refund") | {
                        "originalMerchantOrderId": order.reference,
                        "amount": made.paise,
                        "state": "COMPLETED" if made.done else "PENDING",
                        "refundId": f"OMR{made.id}",
                    }
        return 400, recording(NAME, "error")

    def _said(self, order: BankOrder) -> dict[str, Any]:
        last = order.tries[-1]
        code = _CODES[last.reason] if last.state == FAILED else None
        word = "BANK_TECHNICAL_ISSUE" if code == "RB" else "PAYMENT_ERROR"
        errors = {"errorCode": word, "detailedErrorCode": code} if code else {}
        return (
            recording(NAME, "order")
            | {
                "orderId": f"OMO{order.reference}",
                "state": _STATES[last.state],
                "amount": order.paise,
                "expireAt": int(order.ends_at.timestamp() * 1000),
                "paymentDetails": [self._tried(order, one) for one in order.tries],
            }
            | errors
        )

    def _tried(self, order: BankOrder, one: Try) -> dict[str, Any]:
        said = recording(NAME, "transaction")
        (split,) = said["splitInstruments"]
        return said | {
            "transactionId": f"OM{one.id}",
            "amount": order.paise,
            "state": _STATES[one.state],
            "splitInstruments": [split | {"rail": split["rail"] | {"utr": one.utr or None}}],
        }


def words() -> Words:
    """The recordings, as if they were of today, and such as no document has."""
    now = int(clock.now().timestamp())
    token = {
        "POST /token": encoded(
            recording(NAME, "token") | {"issued_at": now, "expires_at": now + 3600}
        )
    }
    order = recording(NAME, "order") | {"expireAt": (now + 480) * 1000}
    paid = recording(NAME, "transaction")
    event = recording(NAME, "event")

    def orders(change: dict[str, Any]) -> Script:
        return token | {"GET /status": encoded(order | change)}

    def refunded(**change: Any) -> Script:
        return token | {"GET /refund/": encoded(recording(NAME, "refund") | change)}

    changes: list[dict[str, Any]] = [
        {"state": "DEEMED"},
        {"state": "completed"},
        {"state": None},
        {"state": "FAILED"},
        {"state": "FAILED", "detailedErrorCode": "RB"},
        {"state": "FAILED", "detailedErrorCode": "WORDS_OF_TOMORROW"},
        {"paymentDetails": []},
        {"paymentDetails": [paid, paid]},
        {"paymentDetails": [paid | {"amount": "409.71"}]},
        {"paymentDetails": [paid | {"state": "DEEMED"}]},
        {"amount": 409.71},
        {"merchantOrderId": "payment8"},
        {"expireAt": "tomorrow"},
    ]
    refunds: list[dict[str, Any]] = [
        {"state": "QUEUED"},
        {"state": "CONFIRMED"},
        {"originalMerchantOrderId": "payment8"},
        {"amount": 1},
    ]
    return Words(
        captured=orders({}),
        undocumented={str(change): orders(change) for change in changes},
        notification=encoded(event),
        undocumented_notification=encoded(event | {"event": "pg.order.deemed"}),
        refunded=refunded(),
        undocumented_refunds={str(change): refunded(**change) for change in refunds},
    )


@contextlib.asynccontextmanager
async def phonepe_laboratory(http: ProviderHttp) -> AsyncIterator[DialectLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = PhonePeDialect(f"{address}/notifications")
    laboratory = DialectLaboratory(
        address, _connector, _connector(http, address), words(), MANNERS, dialect=dialect
    )
    async with serving_on(listener, [laboratory.door(), *dialect.routes()]):
        yield laboratory


def _connector(http: ProviderHttp, address: str) -> UpiConnector:
    url = f"{address}/api"
    return PhonePe(http, url, f"{url}/v1/oauth/token", CLIENT, USER, PASSWORD)
