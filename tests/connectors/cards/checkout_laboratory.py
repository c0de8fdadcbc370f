"""Checkout.com, as its documents have it: accepted first, done a little later, listed as actions."""

import contextlib
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay.connectors.card.checkout import NAME, Checkout
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.cards.acquirer import (
    CHALLENGED,
    DECLINED,
    RELEASED,
    CardDialect,
    Part,
    Pay,
    Said,
    changed,
)
from tests.connectors.cards.laboratory import CardLaboratory, Manners, Words
from tests.connectors.laboratory import Script
from tests.connectors.pretend_provider import encoded, recording
from tests.connectors.serving import address_of, serving_on

WEBHOOK_KEY = "the key of Checkout's notifications"
CHANNEL = "pc_laboratory"
CODES = {
    "insufficient_funds": "20051",
    "declined_by_bank": "20005",
    "expired_card": "20054",
    "wrong_code": "20082",
    "lost_or_stolen": "30041",
    "authentication_failed": "20151",
}
MANNERS = Manners(
    stages={
        "dispute_received": "inquiry",
        "dispute_evidence_required": "chargeback",
        "dispute_won": "won",
        "dispute_arbitration_lost": "lost",
    },
)
_EVENTS = {
    "authorised": "payment_approved",
    "declined": "payment_declined",
    "captured": "payment_captured",
    "voided": "payment_voided",
    "refunded": "payment_refunded",
}


class CheckoutDialect(CardDialect):
    key_header = "cko-idempotency-key"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("POST", "/api/payments", self._pay),
            self.route("GET", "/api/payments", self._list),
            self.route("GET", "/api/payments/{id}", self._find),
            self.route("GET", "/api/payments/{id}/actions", self._actions),
            self.route("POST", "/api/payments/{id}/captures", self._capture),
            self.route("POST", "/api/payments/{id}/voids", self._void),
            self.route("POST", "/api/payments/{id}/refunds", self._refund),
        ]

    def letter(self, what: str, pay: Pay, part: Part | None = None) -> Any:
        event = recording(NAME, "event")
        data = event["data"] | {
            "id": pay.id,
            "action_id": f"act_{part.id if part else pay.id}",
            "reference": (part and part.key) or pay.reference,
            "amount": part.minor if part else pay.minor,
            "currency": pay.currency,
            "metadata": self._mode(pay),
        }
        if what == "declined":
            data["response_code"] = CODES[pay.reason]
        return changed(event, type=_EVENTS[what], data=data)

    def dispute(self, pay: Pay, stage: str) -> Any:
        data = recording(NAME, "dispute") | {"payment_id": pay.id, "currency": pay.currency}
        return changed(recording(NAME, "event"), type=stage, data=data)

    def sealed(self, said: Any, at: datetime) -> tuple[dict[str, str], bytes]:
        body = encoded(said)
        ours = hmac.new(WEBHOOK_KEY.encode(), body, hashlib.sha256).hexdigest()
        return {"cko-signature": ours}, body

    def came_back(self, pay: Pay, ok: bool) -> dict[str, str]:
        self.finish(pay, ok)
        return {"cko-session-id": f"sid_{pay.id}", "invoice": "7"}

    def _pay(self, request: Request, wish: Any) -> Said:
        assert wish["processing_channel_id"] == CHANNEL
        assert wish["3ds"]["enabled"] is True
        assert len(wish["source"]["cvv"]) == 3
        assert wish["source"]["store_for_future_use"] is False
        own_id, number = f"pay_{self.number()}", wish["source"]["number"]
        amount, currency = wish["amount"], wish["currency"]
        pay = self.charge(own_id, wish["reference"], amount, currency, number, wish["capture"])
        own: dict[str, Any] = {"id": own_id, "reference": pay.reference}
        if pay.state == CHALLENGED:
            return 202, recording(NAME, "opened") | own
        own |= {"amount": pay.minor, "currency": pay.currency}
        if pay.state == DECLINED:
            refused = {"status": "Declined", "approved": False, "response_code": CODES[pay.reason]}
            return 201, recording(NAME, "reply") | own | refused
        return 201, recording(NAME, "reply") | own

    def _list(self, request: Request, _: Any) -> Said:
        wanted = request.query_params["reference"]
        found = [self._payment(pay) for pay in self.pays.values() if pay.reference == wanted]
        return 200, changed(recording(NAME, "list"), data=found, total_count=len(found))

    def _find(self, request: Request, _: Any) -> Said:
        return 200, self._payment(self.pays[request.path_params["id"].removeprefix("sid_")])

    def _actions(self, request: Request, _: Any) -> Said:
        pay = self.pays[request.path_params["id"]]
        made = [("Capture", part) for part in pay.parts] + [("Refund", one) for one in pay.refunds]
        actions = [
            recording(NAME, "action")
            | {"id": f"act_{part.id}", "type": kind, "amount": part.minor, "reference": part.key}
            | {"approved": True if part.done else None}
            for kind, part in made
        ]
        if "void" in pay.marks:
            done = pay.state == RELEASED
            void = {"type": "Void", "approved": done, "reference": pay.marks["void"]}
            actions.append(recording(NAME, "action") | void)
        return 200, actions

    def _capture(self, request: Request, wish: Any) -> Said:
        pay, final = self.pays[request.path_params["id"]], wish["capture_type"] == "Final"
        part = self.take(pay, wish["reference"], wish["amount"], final=final)
        return self._accepted(wish) if part else (403, {})

    def _void(self, request: Request, wish: Any) -> Said:
        pay = self.pays[request.path_params["id"]]
        if not self.release(pay):
            return 403, {}
        pay.marks["void"] = wish["reference"]
        return self._accepted(wish)

    def _refund(self, request: Request, wish: Any) -> Said:
        part = self.give(self.pays[request.path_params["id"]], wish["reference"], wish["amount"])
        return self._accepted(wish) if part else (422, recording(NAME, "problem"))

    def _accepted(self, wish: Any) -> Said:
        own = {"action_id": f"act_{self._count:08d}", "reference": wish["reference"]}
        return 202, recording(NAME, "accepted") | own

    def _payment(self, pay: Pay) -> dict[str, Any]:
        status = {CHALLENGED: "Pending", RELEASED: "Voided", DECLINED: "Declined"}.get(pay.state)
        if status is None:
            status = "Captured" if pay.taken == pay.minor else "Partially Captured"
            status = status if pay.taken else "Authorized"
        links = recording(NAME, "opened")["_links"] if pay.state == CHALLENGED else {}
        code = {"id": "act_1", "type": "Authorization", "response_code": CODES.get(pay.reason)}
        return recording(NAME, "payment") | {
            "id": pay.id,
            "reference": pay.reference,
            "amount": pay.minor,
            "currency": pay.currency,
            "status": status,
            "metadata": self._mode(pay),
            "balances": {
                "total_authorized": pay.minor,
                "total_captured": pay.taken,
                "available_to_capture": pay.open,
            },
            "actions": [code] if pay.state == DECLINED else [],
            "3ds": {"authentication_response": "Y", "challenged": True} if pay.flow else {},
            "_links": links,
        }

    def _mode(self, pay: Pay) -> dict[str, str]:
        return {"capture": "at_once" if pay.capture else "later"}


def words() -> Words:
    reply = recording(NAME, "reply") | {"status": "Captured"}

    def said(**change: Any) -> Script:
        return {"POST /payments": encoded(reply | change)}

    changes: list[dict[str, Any]] = [
        {"status": "Settled"},
        {"status": None},
        {"status": "Card Verified"},
        {"amount": 1},
        {"amount": "40971"},
        {"amount": None},
        {"currency": "USD"},
        {"currency": "XXX"},
        {"reference": "payment8"},
    ]
    return Words(
        charged=said(),
        undocumented={str(change): said(**change) for change in changes},
        refused=lambda code: said(status="Declined", approved=False, response_code=code),
        codes={code: reason for reason, code in CODES.items()},
    )


@contextlib.asynccontextmanager
async def checkout_laboratory(http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = CheckoutDialect(f"{address}/notifications")
    connector = _connector(http, f"{address}/api")
    lab = CardLaboratory(f"{address}/api", _connector, connector, words(), MANNERS, dialect)
    async with serving_on(listener, [lab.door(), *dialect.routes()]):
        yield lab


def _connector(http: ProviderHttp, address: str) -> Checkout:
    return Checkout(http, address, "sk_test_key", CHANNEL, WEBHOOK_KEY)
