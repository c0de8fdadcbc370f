"""Razorpay, as its documents have it: orders with receipts, payments on them, refunds with a key."""

import contextlib
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay import clock
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi.razorpay import NAME, Razorpay
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

SECRET = b"the secret of Razorpay's notifications"
SILENT_MINUTES = timedelta(minutes=10)
MANNERS = Manners(
    amount=b"40971",
    link_again="new",
    pending=Kind.PROCESSING,
    doubt=Kind.WAITING,
    lifetime=timedelta(days=3, hours=1),
    ending=(Kind.EXPIRED,),
    signs_time=False,
)
_STATUS = {OPEN: "created", HELD: "authorized", PAID: "captured", FAILED: "failed"}
_EVENTS = {HELD: "payment.authorized", PAID: "payment.captured", FAILED: "payment.failed"}
_REASONS = {
    "wrong_pin": "incorrect_pin",
    "insufficient_funds": "insufficient_funds",
    "declined": "payment_declined",
    "bank_unavailable": "bank_technical_error",
    "timed_out": "payment_timed_out",
}


class RazorpayDialect(Dialect):
    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("GET", "/api/orders", self._orders),
            self.route("POST", "/api/orders", self._order),
            self.route("POST", "/api/payments/create/upi", self._link),
            self.route("GET", "/api/payments/{id}/refunds", self._refunds),
            self.route("POST", "/api/payments/{id}/refund", self._refund),
        ]

    def notice(self, order: BankOrder, one: Try) -> dict[str, Any] | None:
        payment = {"payment": {"entity": self._payment(order, one)}}
        return recording(NAME, "event") | {"event": _EVENTS[one.state], "payload": payment}

    def signed(self, body: bytes, at: datetime) -> dict[str, str]:
        return {"x-razorpay-signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest()}

    def _orders(self, request: Request, _: Any) -> tuple[int, Any]:
        receipt = request.query_params["receipt"]
        found = [self._said(one) for one in self.orders.values() if one.reference == receipt]
        return 200, recording(NAME, "collection") | {"count": len(found), "items": found}

    def _order(self, request: Request, wish: Any) -> tuple[int, Any]:
        ends_at = clock.now() + SILENT_MINUTES
        assert wish["payment"]["capture"] == "automatic"
        order = self.open(f"order_{self.number()}", wish["receipt"], wish["amount"], ends_at)
        return 200, self._said(order)

    def _link(self, request: Request, wish: Any) -> tuple[int, Any]:
        order = self.orders[wish["order_id"]]
        assert wish["method"] == "upi"
        assert wish["contact"]
        assert wish["email"]
        one = self.begin(order)
        link = relinked(recording(NAME, "link")["link"], f"RZP{one.id}", order.paise)
        return 200, {"razorpay_payment_id": f"pay_{one.id}", "link": link}

    def _refunds(self, request: Request, _: Any) -> tuple[int, Any]:
        order, one = self._found(request)
        items = [self._refund_said(one, refund) for refund in order.refunds]
        return 200, recording(NAME, "collection") | {"count": len(items), "items": items}

    def _refund(self, request: Request, wish: Any) -> tuple[int, Any]:
        order, one = self._found(request)
        key = request.headers["x-refund-idempotency"]
        assert len(key) >= 10
        for made in order.refunds:
            if made.key == wish["receipt"] and made.paise == wish["amount"]:
                return 200, self._refund_said(one, made)
        if wish["amount"] > order.left or any(r.key == wish["receipt"] for r in order.refunds):
            return 400, recording(NAME, "error")
        made = Refund(self.number(), wish["receipt"], wish["amount"], clock.now(), done=True)
        order.refunds.append(made)
        return 200, self._refund_said(one, made)

    def _found(self, request: Request) -> tuple[BankOrder, Try]:
        wanted = request.path_params["id"].removeprefix("pay_")
        return next(
            (order, one)
            for order in self.orders.values()
            for one in order.tries
            if one.id == wanted
        )

    def _said(self, order: BankOrder) -> dict[str, Any]:
        payments = [self._payment(order, one) for one in order.tries]
        status = "paid" if order.paid else "attempted" if payments else "created"
        return recording(NAME, "order") | {
            "id": order.id,
            "amount": order.paise,
            "receipt": order.reference,
            "status": status,
            "created_at": int(order.at.timestamp()),
            "payments": {"entity": "collection", "count": len(payments), "items": payments},
        }

    def _payment(self, order: BankOrder, one: Try) -> dict[str, Any]:
        return recording(NAME, "payment") | {
            "id": f"pay_{one.id}",
            "order_id": order.id,
            "amount": order.paise,
            "status": _STATUS[one.state],
            "captured": one.state == PAID,
            "error_reason": _REASONS[one.reason] if one.state == FAILED else None,
            "notes": {"reference": order.reference},
            "acquirer_data": {"rrn": one.utr or None},
            "created_at": int(one.at.timestamp()),
        }

    def _refund_said(self, one: Try, refund: Refund) -> dict[str, Any]:
        return recording(NAME, "refund") | {
            "id": f"rfnd_{refund.id}",
            "receipt": refund.key,
            "amount": refund.paise,
            "payment_id": f"pay_{one.id}",
            "created_at": int(refund.at.timestamp()),
        }


def words() -> Words:
    """The recordings, as if they were of today."""
    today = {"created_at": int(clock.now().timestamp())}
    payment = recording(NAME, "payment") | today
    refund = recording(NAME, "refund") | today
    event = recording(NAME, "event")

    def orders(more: Mapping[str, Any], change: Mapping[str, Any]) -> Script:
        payments = {"items": [payment | dict(change)]}
        order = recording(NAME, "order") | today | {"status": "paid", "payments": payments}
        return {
            "GET /orders": encoded(recording(NAME, "collection") | {"items": [order | dict(more)]})
        }

    def told(**change: Any) -> bytes:
        return encoded(event | {"payload": {"payment": {"entity": payment | change}}})

    def refunded(**change: Any) -> Script:
        return {
            "GET /refunds": encoded(recording(NAME, "collection")),
            "POST /refund": encoded(refund | change),
            **orders({}, {}),
        }

    failed: dict[str, Any] = {"status": "failed", "captured": False}
    of_payments: list[dict[str, Any]] = [
        {"status": "deemed"},
        {"status": "CAPTURED"},
        {"status": None},
        failed,
        failed | {"error_reason": "deemed_transaction"},
        {"status": "refunded", "captured": False},
        {"amount": "409.71"},
        {"amount": 409.71},
        {"currency": "USD"},
        {"order_id": "order_of_another"},
        {"created_at": "yesterday"},
    ]
    of_orders: list[dict[str, Any]] = [
        {"receipt": "payment8"},
        {"status": "deemed"},
        {"amount": None},
    ]
    refunds: list[dict[str, Any]] = [
        {"status": "queued"},
        {"receipt": "refund2"},
        {"amount": 1},
        {"currency": "USD"},
    ]
    return Words(
        captured=orders({}, {}),
        undocumented={str(change): orders({}, change) for change in of_payments}
        | {f"order {change}": orders(change, {}) for change in of_orders},
        notification=told(),
        undocumented_notification=told(status="deemed"),
        refunded=refunded(),
        undocumented_refunds={str(change): refunded(**change) for change in refunds},
    )


@contextlib.asynccontextmanager
async def razorpay_laboratory(http: ProviderHttp) -> AsyncIterator[DialectLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = RazorpayDialect(f"{address}/notifications")
    laboratory = DialectLaboratory(
        address, _connector, _connector(http, address), words(), MANNERS, dialect=dialect
    )
    async with serving_on(listener, [laboratory.door(), *dialect.routes()]):
        yield laboratory


def _connector(http: ProviderHttp, address: str) -> UpiConnector:
    return Razorpay(http, f"{address}/api", "rzp_test_key", "secret", SECRET, "9999999999")
