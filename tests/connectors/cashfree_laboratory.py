"""Cashfree, as its documents have it: orders by our id, sessions with an idempotency key, refunds."""

import base64
import contextlib
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay import clock
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi import cashfree
from nonstopay.connectors.upi.cashfree import NAME, Cashfree
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

SECRET = "the client secret at Cashfree"
MANNERS = Manners(
    pending=Kind.WAITING,
    doubt=Kind.WAITING,
    lifetime=timedelta(minutes=17),
    ending=(Kind.DECLINED,),
    replay_window=timedelta(minutes=16),
)
_STATUS = {OPEN: "PENDING", HELD: "PENDING", PAID: "SUCCESS", FAILED: "FAILED"}
_CODES = {
    "wrong_pin": "ZM",
    "insufficient_funds": "Z9",
    "declined": "U30",
    "bank_unavailable": "UT",
}


class CashfreeDialect(Dialect):
    def __init__(self, notify_url: str) -> None:
        super().__init__(notify_url)
        self._replays: dict[str, Any] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("POST", "/api/orders", self._order),
            self.route("POST", "/api/orders/sessions", self._session),
            self.route("GET", "/api/orders/{id}", self._get),
            self.route("GET", "/api/orders/{id}/payments", self._payments),
            self.route("GET", "/api/orders/{id}/refunds", self._refunds),
            self.route("POST", "/api/orders/{id}/refunds", self._refund),
        ]

    def notice(self, order: BankOrder, one: Try) -> dict[str, Any] | None:
        if one.state in (OPEN, HELD):
            return None
        event = recording(NAME, "event")
        payment = self._payment(order, one)
        said = event["data"]["payment"]
        told = said | {name: payment[name] for name in said if name in payment}
        word = "USER_DROPPED" if one.reason == "timed_out" else payment["payment_status"]
        data = event["data"] | {
            "order": event["data"]["order"] | {"order_id": order.reference},
            "payment": told,
            "error_details": payment["error_details"],
        }
        return event | {"type": f"PAYMENT_{word}_WEBHOOK", "data": data}

    def signed(self, body: bytes, at: datetime) -> dict[str, str]:
        stamp = str(int(at.timestamp() * 1000))
        digest = hmac.new(SECRET.encode(), stamp.encode() + body, hashlib.sha256).digest()
        return {
            "x-webhook-timestamp": stamp,
            "x-webhook-signature": base64.b64encode(digest).decode(),
        }

    def _order(self, request: Request, wish: Any) -> tuple[int, Any]:
        assert request.headers["x-client-secret"] == SECRET
        assert len(wish["customer_details"]["customer_phone"]) == 10
        if wish["order_id"] in self.orders:
            return 409, recording(NAME, "error")
        ends_at = datetime.fromisoformat(wish["order_expiry_time"])
        assert ends_at > clock.now() + timedelta(minutes=15)
        order = self.open(
            wish["order_id"], wish["order_id"], round(wish["order_amount"] * 100), ends_at
        )
        return 200, self._said(order)

    def _session(self, request: Request, wish: Any) -> tuple[int, Any]:
        key = request.headers["x-idempotency-key"]
        if key not in self._replays:
            order = self.orders[wish["payment_session_id"].removeprefix("session_of_")]
            assert wish["payment_method"] == {"upi": {"channel": "link"}}
            one = self.begin(order)
            said = recording(NAME, "link")
            links = said["data"]["payload"]
            payload = {app: relinked(link, one.id, order.paise) for app, link in links.items()}
            self._replays[key] = said | {
                "cf_payment_id": one.id,
                "payment_amount": _rupees(order.paise),
                "data": said["data"] | {"payload": payload},
            }
        return 200, self._replays[key]

    def _get(self, request: Request, _: Any) -> tuple[int, Any]:
        order = self.orders.get(request.path_params["id"])
        return (200, self._said(order)) if order else (404, recording(NAME, "error"))

    def _payments(self, request: Request, _: Any) -> tuple[int, Any]:
        order = self.orders[request.path_params["id"]]
        return 200, [self._payment(order, one) for one in order.tries]

    def _refunds(self, request: Request, _: Any) -> tuple[int, Any]:
        order = self.orders[request.path_params["id"]]
        return 200, [self._refund_said(order, refund) for refund in order.refunds]

    def _refund(self, request: Request, wish: Any) -> tuple[int, Any]:
        order, key = self.orders[request.path_params["id"]], request.headers["x-idempotency-key"]
        assert wish["refund_id"].isalnum()
        paise = round(wish["refund_amount"] * 100)
        if key not in self._replays:
            if paise > order.left:
                return 400, recording(NAME, "error")
            made = Refund(self.number(), wish["refund_id"], paise, clock.now(), done=True)
            order.refunds.append(made)
            self._replays[key] = self._refund_said(order, made)
        return 200, self._replays[key]

    def _said(self, order: BankOrder) -> dict[str, Any]:
        over = clock.now() > order.ends_at
        return recording(NAME, "order") | {
            "order_id": order.reference,
            "order_amount": _rupees(order.paise),
            "order_status": "PAID" if order.paid else "EXPIRED" if over else "ACTIVE",
            "payment_session_id": f"session_of_{order.reference}",
        }

    def _payment(self, order: BankOrder, one: Try) -> dict[str, Any]:
        failure = recording(NAME, "failure") | {"error_code_raw": _CODES.get(one.reason)}
        status = "USER_DROPPED" if one.reason == "timed_out" else _STATUS[one.state]
        return recording(NAME, "payment") | {
            "cf_payment_id": one.id,
            "order_id": order.reference,
            "payment_amount": _rupees(order.paise),
            "payment_status": status,
            "is_captured": one.state == PAID,
            "bank_reference": one.utr or None,
            "payment_time": one.at.isoformat(timespec="seconds"),
            "error_details": failure if one.state == FAILED else None,
        }

    def _refund_said(self, order: BankOrder, refund: Refund) -> dict[str, Any]:
        return recording(NAME, "refund") | {
            "cf_refund_id": refund.id,
            "refund_id": refund.key,
            "refund_amount": _rupees(refund.paise),
            "order_id": order.reference,
        }


def words() -> Words:
    """The recordings, and such as no document has."""
    payment = recording(NAME, "payment")
    refund = recording(NAME, "refund") | {"refund_id": cashfree.refund_id("refund1")}
    event = recording(NAME, "event")
    paid = recording(NAME, "order") | {"order_status": "PAID"}

    def orders(change: dict[str, Any], order: dict[str, Any] | None = None) -> Script:
        return {
            "GET /payments": encoded([payment | change]),
            "GET /orders": encoded(paid | (order or {})),
            "POST /orders": encoded(paid | (order or {})),
        }

    def told(**change: Any) -> bytes:
        data = event["data"] | {"payment": event["data"]["payment"] | change}
        return encoded(event | {"data": data})

    def refunded(**change: Any) -> Script:
        return {
            "GET /refunds": encoded([]),
            "POST /refunds": encoded(refund | change),
            **orders({}),
        }

    failed: dict[str, Any] = {"payment_status": "FAILED"}
    failure = recording(NAME, "failure")
    of_payments: list[dict[str, Any]] = [
        {"payment_status": "DEEMED"},
        {"payment_status": "success"},
        {"payment_status": None},
        failed,
        {"payment_amount": 409.7100001},
        {"payment_amount": "409.71"},
        {"payment_amount": -409.71},
        {"payment_currency": "USD"},
        {"order_id": "payment8"},
        {"payment_time": "yesterday"},
    ]
    active = [
        failed | {"error_details": failure | {"error_reason": "words_of_tomorrow"}},
        failed | {"error_details": failure | {"error_code_raw": "RB"}},
    ]
    of_orders: list[dict[str, Any]] = [{"order_status": "SETTLED"}, {"order_id": "payment8"}]
    refunds: list[dict[str, Any]] = [
        {"refund_status": "QUEUED"},
        {"refund_id": "another"},
        {"refund_amount": 100.001},
        {"refund_currency": "USD"},
    ]
    return Words(
        captured=orders({}),
        undocumented={str(change): orders(change) for change in of_payments}
        | {str(change): orders(change, {"order_status": "ACTIVE"}) for change in active}
        | {f"order {change}": orders({}, change) for change in of_orders},
        notification=told(),
        undocumented_notification=told(payment_status="DEEMED"),
        refunded=refunded(),
        undocumented_refunds={str(change): refunded(**change) for change in refunds},
    )


def _rupees(paise: int) -> msgspec.Raw:
    return msgspec.Raw(f"{paise // 100}.{paise % 100:02d}".encode())


@contextlib.asynccontextmanager
async def cashfree_laboratory(http: ProviderHttp) -> AsyncIterator[DialectLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = CashfreeDialect(f"{address}/notifications")
    laboratory = DialectLaboratory(
        address, _connector, _connector(http, address), words(), MANNERS, dialect=dialect
    )
    async with serving_on(listener, [laboratory.door(), *dialect.routes()]):
        yield laboratory


def _connector(http: ProviderHttp, address: str) -> UpiConnector:
    return Cashfree(http, f"{address}/api", "client", SECRET, "9999999999")
