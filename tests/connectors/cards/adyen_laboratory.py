"""Adyen, as its documents have it: it takes everything in, and tells later what became of it."""

import base64
import contextlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from nonstopay.connectors.card.adyen import NAME, Adyen
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.cards.acquirer import (
    CHALLENGED,
    DECLINED,
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

HMAC_KEY = bytes(range(32))
ACCOUNT = "AcmeToys"
CODES = {
    "insufficient_funds": ("12", "Not enough balance"),
    "declined_by_bank": ("2", "Refused"),
    "expired_card": ("6", "Expired Card"),
    "wrong_code": ("24", "CVC Declined"),
    "lost_or_stolen": ("5", "Blocked Card"),
    "authentication_failed": ("11", "3D Not Authenticated"),
}
RAW = {"lost_or_stolen": "41 : Lost card"}
MANNERS = Manners(
    looks_up=False,
    stages={
        "REQUEST_FOR_INFORMATION": "inquiry",
        "CHARGEBACK": "chargeback",
        "CHARGEBACK_REVERSED": "won",
        "SECOND_CHARGEBACK": "pre_arbitration",
        "PREARBITRATION_LOST": "lost",
    },
)
_EVENTS = {
    "authorised": "AUTHORISATION",
    "declined": "AUTHORISATION",
    "captured": "CAPTURE",
    "voided": "CANCELLATION",
    "refunded": "REFUND",
}


class AdyenDialect(CardDialect):
    key_header = "idempotency-key"

    def __init__(self, notify_url: str) -> None:
        super().__init__(notify_url)
        self.answers: dict[str, bool] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            self.route("POST", "/api/payments", self._pay),
            self.route("POST", "/api/payments/details", self._details),
            self.route("POST", "/api/payments/{id}/captures", self._capture),
            self.route("POST", "/api/payments/{id}/cancels", self._cancel),
            self.route("POST", "/api/payments/{id}/refunds", self._refund),
        ]

    def letter(self, what: str, pay: Pay, part: Part | None = None) -> Any:
        if what == "captured" and part and not part.key:
            return None  # no notification of a capture that nobody asked for
        own = {"pspReference": pay.id, "merchantReference": self._name(pay)}
        if part:
            own = {"originalReference": pay.id, "pspReference": f"PSP{part.id}"}
            own["merchantReference"] = part.key or self._name(pay)
        elif what == "voided":
            own["originalReference"] = pay.id
        return own | {
            "eventCode": _EVENTS[what],
            "success": "false" if what == "declined" else "true",
            "amount": {"currency": pay.currency, "value": part.minor if part else pay.minor},
            "reason": CODES[pay.reason][1] if what == "declined" else "",
        }

    def refusal(self, pay: Pay, event: str, key: str) -> Any:
        """What it tells of an act that it took in, and that then failed."""
        said = self.letter("refunded", pay, Part("9", f"payment7.refunds.{key}", 100))
        return said | {"eventCode": event, "success": "false", "reason": "Insufficient balance"}

    def dispute(self, pay: Pay, stage: str) -> Any:
        own = {"originalReference": pay.id, "pspReference": "DISPUTE1", "eventCode": stage}
        amount = {"currency": pay.currency, "value": pay.minor}
        more = {"merchantReference": self._name(pay), "reason": "Other Fraud", "success": "true"}
        return own | more | {"amount": amount, "additionalData": recording(NAME, "dispute")}

    def sealed(self, said: Any, at: datetime) -> tuple[dict[str, str], bytes]:
        notification = recording(NAME, "notification")
        (item,) = notification["notificationItems"]
        event = item["NotificationRequestItem"]
        event |= said
        names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
        parts = [event.get(name, "") for name in names]
        parts += [str(event["amount"]["value"]), event["amount"]["currency"]]
        parts += [event["eventCode"], event["success"]]
        ours = hmac.digest(HMAC_KEY, ":".join(parts).encode(), "sha256")
        event["additionalData"]["hmacSignature"] = base64.b64encode(ours).decode()
        return {}, encoded(notification)

    def came_back(self, pay: Pay, ok: bool) -> dict[str, str]:
        self.answers[pay.id] = ok
        return {"redirectResult": f"token {pay.id}", "invoice": "7"}

    def _pay(self, request: Request, wish: Any) -> Said:
        assert wish["merchantAccount"] == ACCOUNT
        assert wish["authenticationData"]["threeDSRequestData"]["nativeThreeDS"] == "disabled"
        assert ("captureDelayHours" in wish) is not ("additionalData" in wish)
        method, amount = wish["paymentMethod"], wish["amount"]
        assert len(method["cvc"]) == 3
        reference, _, rest = wish["reference"].partition(".")
        own, capture = f"PSP{self.number()}", rest != "reserve"
        pay = self.charge(
            own, reference, amount["value"], amount["currency"], method["number"], capture
        )
        if pay.state == CHALLENGED:
            return 200, recording(NAME, "redirect")
        return 200, self._result(pay)

    def _details(self, request: Request, wish: Any) -> Said:
        pay = self.pays[wish["details"]["redirectResult"].partition(" ")[2]]
        self.finish(pay, self.answers[pay.id])
        return 200, self._result(pay)

    def _capture(self, request: Request, wish: Any) -> Said:
        pay, minor = self.pays[request.path_params["id"]], wish["amount"]["value"]
        final = minor == pay.open
        if self.take(pay, wish["reference"], minor, final=final) is None:
            return 422, changed(recording(NAME, "problem"), errorCode="132")
        return 201, self._received(pay, wish)

    def _cancel(self, request: Request, wish: Any) -> Said:
        pay = self.pays[request.path_params["id"]]
        if not self.release(pay):
            return 422, changed(recording(NAME, "problem"), errorCode="167")
        return 201, self._received(pay, wish)

    def _refund(self, request: Request, wish: Any) -> Said:
        pay = self.pays[request.path_params["id"]]
        if self.give(pay, wish["reference"], wish["amount"]["value"]) is None:
            return 422, changed(recording(NAME, "problem"), errorCode="132")
        return 201, self._received(pay, wish)

    def _result(self, pay: Pay) -> dict[str, Any]:
        own = {"pspReference": pay.id, "merchantReference": self._name(pay)}
        if pay.state == DECLINED:
            code, words = CODES[pay.reason]
            more = {"refusalReasonRaw": RAW[pay.reason]} if pay.reason in RAW else {}
            said = {"refusalReasonCode": code, "refusalReason": words, "additionalData": more}
            return recording(NAME, "refused") | own | said
        amount = {"currency": pay.currency, "value": pay.minor}
        flow = {"threeDAuthenticatedResponse": "Y"} if pay.flow else {}
        return recording(NAME, "result") | own | {"amount": amount, "additionalData": flow}

    def _received(self, pay: Pay, wish: Any) -> dict[str, Any]:
        own = {"paymentPspReference": pay.id, "pspReference": f"PSP{self.number()}"}
        return recording(NAME, "received") | own | {"reference": wish["reference"]}

    def _name(self, pay: Pay) -> str:
        return pay.reference if pay.capture else f"{pay.reference}.reserve"


def words() -> Words:
    result = recording(NAME, "result")

    def said(**change: Any) -> Script:
        return {"POST /payments": encoded(result | change)}

    def refused(code: str) -> Script:
        blank = {"refusalReasonCode": code, "additionalData": {}}
        return {"POST /payments": encoded(recording(NAME, "refused") | blank)}

    changes: list[dict[str, Any]] = [
        {"resultCode": "Settled"},
        {"resultCode": None},
        {"resultCode": "ChallengeShopper"},
        {"resultCode": "PartiallyAuthorised"},
        {"resultCode": "Error", "refusalReasonCode": "999"},
        {"resultCode": "RedirectShopper"},
        {"amount": {"currency": "EUR", "value": 1}},
        {"amount": {"currency": "USD", "value": 40971}},
        {"amount": {"currency": "EUR", "value": "40971"}},
    ]
    return Words(
        charged=said(),
        undocumented={str(change): said(**change) for change in changes},
        refused=refused,
        codes={"12": "insufficient_funds", "6": "expired_card", "46": "do_not_try_again"},
    )


@contextlib.asynccontextmanager
async def adyen_laboratory(http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    dialect = AdyenDialect(f"{address}/notifications")
    connector = _connector(http, f"{address}/api")
    lab = CardLaboratory(f"{address}/api", _connector, connector, words(), MANNERS, dialect)
    async with serving_on(listener, [lab.door(), *dialect.routes()]):
        yield lab


def _connector(http: ProviderHttp, address: str) -> Adyen:
    return Adyen(http, address, "AQE-test-key", ACCOUNT, HMAC_KEY)
