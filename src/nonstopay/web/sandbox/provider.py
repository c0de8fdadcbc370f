"""The HTTP face of the pretend bank: what the UPI connector calls, lost answers included."""

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.connectors.upi import link
from nonstopay.connectors.upi.link import UpiLink
from nonstopay.errors import InvalidInput
from nonstopay.money import Money, fiat, parse
from nonstopay.sandbox import upi, upi_order
from nonstopay.sandbox.faults import Target
from nonstopay.sandbox.upi_order import UpiOrder
from nonstopay.web.sandbox.bodies import Handler, one_line, read
from nonstopay.web.sandbox.context import SandboxContext
from nonstopay.web.sandbox.provider_door import as_provider

PATH = "/sandbox/provider/upi"


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
        served = as_provider(context.db, Target.UPI, context.upi_api_key, handler)
        return Route(PATH + path, served, methods=[method])

    return [
        route("/orders", create, "POST"),
        route("/orders/{reference}", look_up, "GET"),
        route("/orders/{reference}/refunds", refund, "POST"),
    ]


def _wish(wish: _Wish) -> upi.Wish:
    if wish.expires_at.tzinfo is None:
        raise InvalidInput("expires_at", "expires_at must name its time zone")
    return upi.Wish(
        reference=wish.reference,
        amount=_rupees(wish.amount, wish.currency),
        payee_name=one_line(wish.payee_name, 99) or "Shop",
        note=one_line(wish.note, 50) or "Payment",
        expires_at=wish.expires_at,
        notify_url=wish.notify_url,
    )


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
