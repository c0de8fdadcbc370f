"""The HTTP face of the pretend bank: what the UPI connector calls, lost answers included."""

import asyncio
import hmac
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from nonstopay.connectors.upi import link
from nonstopay.connectors.upi.link import UpiLink
from nonstopay.errors import InvalidInput, NotAllowed
from nonstopay.money import Money, fiat, parse
from nonstopay.sandbox import faults, upi, upi_order
from nonstopay.sandbox.faults import Mode, Target
from nonstopay.sandbox.upi_order import UpiOrder
from nonstopay.web.sandbox.bodies import Handler, answering_errors, read
from nonstopay.web.sandbox.context import SandboxContext

PATH = "/sandbox/provider/upi"
SILENCE_SECONDS = 30


class Silence(Response):
    """No answer at all: the connection is held until the caller gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            await JSONResponse({"error": "gateway timeout"}, 504)(scope, receive, send)


class _Wish(msgspec.Struct, frozen=True):
    reference: str
    amount: str
    currency: str
    payee_name: str
    note: str
    expires_at: datetime
    notify_url: str


class _RefundWish(msgspec.Struct, frozen=True):
    key: str
    amount: str
    currency: str


def routes(context: SandboxContext) -> list[Route]:
    """The provider's API."""

    async def create(request: Request) -> Response:
        wish = await read(request, _Wish)
        order = await upi.create(context.db, _wish(wish))
        return JSONResponse(_with_link(order), 201)

    async def look_up(request: Request) -> Response:
        order = await upi.status(context.db, request.path_params["reference"])
        return JSONResponse(_with_link(order))

    async def refund(request: Request) -> Response:
        wish = await read(request, _RefundWish)
        amount = _rupees(wish.amount, wish.currency)
        made = await upi.refund(context.db, request.path_params["reference"], wish.key, amount)
        return JSONResponse(made.facts(), 201)

    def route(path: str, handler: Handler, method: str) -> Route:
        return Route(PATH + path, _as_provider(context, handler), methods=[method])

    return [
        route("/orders", create, "POST"),
        route("/orders/{reference}", look_up, "GET"),
        route("/orders/{reference}/refunds", refund, "POST"),
    ]


def _as_provider(context: SandboxContext, handler: Handler) -> Handler:
    """The handler behind the API key, misbehaving as the bank's present fault says."""
    expected = f"Bearer {context.upi_api_key}".encode()

    async def authorised(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise NotAllowed("the sandbox bank does not know this API key")
        return await handler(request)

    answered = answering_errors(authorised)

    async def answer(request: Request) -> Response:
        match await faults.current(context.db, Target.UPI):
            case Mode.TIMEOUT:
                return Silence()
            case Mode.ERROR_500:
                return JSONResponse({"error": "internal error"}, 500)
            case Mode.LOST_ANSWER:
                await answered(request)
                return Silence()
            case _:
                return await answered(request)

    return answer


def _wish(wish: _Wish) -> upi.Wish:
    if wish.expires_at.tzinfo is None:
        raise InvalidInput("expires_at", "expires_at must name its time zone")
    return upi.Wish(
        reference=wish.reference,
        amount=_rupees(wish.amount, wish.currency),
        payee_name=_line(wish.payee_name, 99) or "Shop",
        note=_line(wish.note, 50) or "Payment",
        expires_at=wish.expires_at,
        notify_url=wish.notify_url,
    )


def _line(text: str, longest: int) -> str:
    """A text as a link may carry it: printable, on one line, cut to its length."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.split())[:longest].strip()


def _rupees(amount: str, currency: str) -> Money:
    if currency != "INR":
        raise InvalidInput("currency", "currency must be INR")
    return parse(amount, fiat(currency))


def _with_link(order: UpiOrder) -> dict[str, Any]:
    uri = link.write(
        UpiLink(
            payee_address=order.payee_address,
            payee_name=order.payee_name,
            merchant_code=upi_order.MERCHANT_CODE,
            transaction_id=f"T{order.id}",
            reference=order.id,
            note=order.note,
            amount=order.amount,
        )
    )
    return order.facts() | {"link": uri}
