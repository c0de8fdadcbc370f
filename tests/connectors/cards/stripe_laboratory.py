"""Stripe, as its documents have it: intents that are searched late, and keys that compare."""

import contextlib
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay.connectors.card.stripe import NAME, VERSION, Stripe
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
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

SECRET = "whsec_of_the_laboratory"
CODES = {
    "insufficient_funds": "insufficient_funds",
    "declined_by_bank": "do_not_honor",
    "expired_card": "expired_card",
    "wrong_code": "incorrect_cvc",
    "lost_or_stolen": "lost_card",
    "authentication_failed": "payment_intent_authentication_failure",
}
MANNERS = Manners(
    never_heard=Kind.DECLINED,
    signs_time=True,
    stages={"warning_needs_response": "inquiry", "needs_response": "chargeback", "won": "won"},
)
_EVENTS = {
    "declined": "payment_intent.payment_failed",
    "captured": "payment_intent.succeeded",
    "voided": "payment_intent.canceled",
    "refunded": "refund.updated",
}


class StripeDialect(CardDialect):
    key_header = "idempotency-key"
    compares = True
    at_once = True

    def __init__(self, notify_url: str) -> None:
        super().__init__(notify_url)
        self.indexed = True

    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("POST", "/api/v1/payment_intents", self._make),
            self.route("GET", "/api/v1/payment_intents/search", self._search),
            self.route("GET", "/api/v1/payment_intents/{id}", self._find),
            self.route("POST", "/api/v1/payment_intents/{id}/capture", self._capture),
            self.route("POST", "/api/v1/payment_intents/{id}/cancel", self._cancel),
            self.route("GET", "/api/v1/refunds", self._refunds),
            self.route("POST", "/api/v1/refunds", self._refund),
        ]

    def letter(self, what: str, pay: Pay, part: Part | None = None) -> Any:
        if what == "authorised":
            if pay.capture:
                return None
            return self._event("payment_intent.amount_capturable_updated", self._intent(pay))
        thing = self._refund_said(pay, part) if part and what == "refunded" else self._intent(pay)
        return self._event(_EVENTS[what], thing)

    def dispute(self, pay: Pay, stage: str) -> Any:
        dispute = changed(recording(NAME, "dispute"), payment_intent=pay.id, status=stage)
        return self._event("charge.dispute.updated", dispute)

    def sealed(self, said: Any, at: datetime) -> tuple[dict[str, str], bytes]:
        body, stamp = encoded(said), int(at.timestamp())
        ours = hmac.new(SECRET.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={stamp},v0=old,v1={'0' * 64},v1={ours}"}, body

    def came_back(self, pay: Pay, ok: bool) -> dict[str, str]:
        self.finish(pay, ok)
        return {"payment_intent": pay.id, "payment_intent_client_secret": "cs", "invoice": "7"}

    def reused(self) -> Said:
        return 400, recording(NAME, "idempotency")

    def _make(self, request: Request, wish: Any) -> Said:
        assert request.headers["stripe-version"] == VERSION
        if "confirm" not in wish:  # an empty intent, to use a key up
            empty = {"id": "pi_empty", "amount_received": 0, "status": "requires_payment_method"}
            metadata = {"stands_for": wish["metadata[stands_for]"]}
            return 200, changed(recording(NAME, "intent"), **empty, metadata=metadata)
        assert wish["payment_method_types[]"] == "card"
        own = f"pi_{self.number()}"
        card = wish["payment_method_data[card][number]"]
        assert len(wish["payment_method_data[card][cvc]"]) == 3
        capture = wish["capture_method"] == "automatic"
        reference, amount = wish["metadata[reference]"], int(wish["amount"])
        pay = self.charge(own, reference, amount, wish["currency"], card, capture)
        if pay.state == DECLINED:
            return 402, self._error(pay)
        return 200, self._intent(pay)

    def _search(self, request: Request, _: Any) -> Said:
        wanted = request.query_params["query"].partition(":")[2].strip("'")
        found = [self._intent(pay) for pay in self.pays.values() if pay.reference == wanted]
        return 200, changed(recording(NAME, "page"), data=found if self.indexed else [])

    def _find(self, request: Request, _: Any) -> Said:
        assert request.query_params["expand[]"] == "latest_charge"
        return 200, self._intent(self.pays[request.path_params["id"]], expand=True)

    def _capture(self, request: Request, wish: Any) -> Said:
        pay = self.pays[request.path_params["id"]]
        key = request.headers["idempotency-key"]
        final = wish.get("final_capture", "true") == "true"
        if self.take(pay, key, int(wish["amount_to_capture"]), final=final) is None:
            return 400, recording(NAME, "invalid")
        pay.marks[key] = wish[f"metadata[{key}]"]
        return 200, self._intent(pay)

    def _cancel(self, request: Request, _: Any) -> Said:
        pay = self.pays.get(request.path_params["id"])
        if pay is None:
            return 200, changed(recording(NAME, "intent"), id="pi_empty", status="canceled")
        if not self.release(pay):
            return 400, recording(NAME, "invalid")
        return 200, self._intent(pay)

    def _refunds(self, request: Request, _: Any) -> Said:
        pay = self.pays[request.query_params["payment_intent"]]
        made = [self._refund_said(pay, part) for part in pay.refunds]
        return 200, changed(recording(NAME, "page"), data=made)

    def _refund(self, request: Request, wish: Any) -> Said:
        pay = self.pays[wish["payment_intent"]]
        part = self.give(pay, wish["metadata[key]"], int(wish["amount"]))
        return (200, self._refund_said(pay, part)) if part else (400, recording(NAME, "invalid"))

    def _intent(self, pay: Pay, *, expand: bool = False) -> dict[str, Any]:
        status = {CHALLENGED: "requires_action", RELEASED: "canceled"}.get(pay.state)
        if pay.state == DECLINED:
            status = "requires_payment_method"
        charge = changed(recording(NAME, "charge"), captured=pay.closed)
        if pay.flow:
            secure = {"result": "authenticated", "authentication_flow": pay.flow}
            card = changed(charge["payment_method_details"]["card"], three_d_secure=secure)
            charge["payment_method_details"] = {"card": card, "type": "card"}
        return changed(
            recording(NAME, "intent"),
            id=pay.id,
            amount=pay.minor,
            currency=pay.currency,
            amount_received=pay.taken,
            amount_capturable=pay.open,
            status=status or ("succeeded" if pay.closed else "requires_capture"),
            metadata={"reference": pay.reference} | pay.marks,
            next_action=recording(NAME, "next_action") if pay.state == CHALLENGED else None,
            last_payment_error=self._error(pay)["error"] if pay.state == DECLINED else None,
            latest_charge=charge if expand else charge["id"],
        )

    def _error(self, pay: Pay) -> dict[str, Any]:
        code = CODES[pay.reason]
        problem = recording(NAME, "error")["error"]
        known = {"decline_code": code, "network_decline_code": None, "advice_code": None}
        return {"error": problem | known | {"network_advice_code": None}}

    def _refund_said(self, pay: Pay, part: Part) -> dict[str, Any]:
        return changed(
            recording(NAME, "refund"),
            id=f"re_{part.id}",
            amount=part.minor,
            currency=pay.currency,
            payment_intent=pay.id,
            metadata={"reference": pay.reference, "key": part.key} if part.key else {},
        )

    def _event(self, type: str, thing: Any) -> dict[str, Any]:
        return changed(recording(NAME, "event"), type=type, data={"object": thing})


def words() -> Words:
    intent = recording(NAME, "intent")

    def said(**change: Any) -> Script:
        return {"POST /payment_intents": encoded(intent | change)}

    def refused(code: str) -> Script:
        problem = recording(NAME, "error")["error"]
        blank = {"network_decline_code": None, "advice_code": None, "network_advice_code": None}
        failed = {"status": "requires_payment_method", "amount_received": 0}
        error = problem | blank | {"decline_code": code}
        return said(**failed, last_payment_error=error)

    changes: list[dict[str, Any]] = [
        {"status": "settled"},
        {"status": None},
        {"status": "requires_action"},
        {"status": "requires_payment_method"},
        {"amount": 1},
        {"amount": "40971"},
        {"currency": "usd"},
        {"currency": "xxx"},
        {"metadata": {"reference": "payment8"}},
        {"metadata": None},
    ]
    return Words(
        charged=said(),
        undocumented={str(change): said(**change) for change in changes},
        refused=refused,
        codes={code: reason for reason, code in CODES.items()},
    )


@contextlib.asynccontextmanager
async def stripe_laboratory(http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = StripeDialect(f"{address}/notifications")
    connector = _connector(http, f"{address}/api")
    lab = CardLaboratory(f"{address}/api", _connector, connector, words(), MANNERS, dialect)
    async with serving_on(listener, [lab.door(), *dialect.routes()]):
        yield lab


def _connector(http: ProviderHttp, address: str) -> Stripe:
    return Stripe(http, address, "sk_test_key", SECRET)
