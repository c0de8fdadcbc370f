"""The HTTP face of the pretend card bank: what the card connector calls, lost answers included."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.card_number import parse_code, parse_number
from nonstopay.errors import InvalidInput
from nonstopay.money import Money, fiat, parse
from nonstopay.sandbox.card import bank
from nonstopay.sandbox.card.cards import named
from nonstopay.sandbox.card.payment import Payment, Status
from nonstopay.sandbox.card.wish import CURRENCIES, Wish
from nonstopay.sandbox.faults import Target
from nonstopay.web.sandbox import issuer
from nonstopay.web.sandbox.bodies import Handler, one_line, read
from nonstopay.web.sandbox.context import SandboxContext
from nonstopay.web.sandbox.provider_door import Silence, as_provider

PATH = "/sandbox/provider/card"
LOST_SECONDS = 3
"""How long a card whose answer is lost keeps its caller waiting, before a proxy gives up."""


class _Card(msgspec.Struct, frozen=True):
    number: str
    expiry_month: int
    expiry_year: int
    holder: str
    code: str | None = None

    def __repr__(self) -> str:
        return "<a card>"


class _Wish(msgspec.Struct, frozen=True):
    reference: str
    amount: str
    currency: str
    capture: bool
    card: _Card
    payee_name: str
    note: str
    return_url: str
    notify_url: str


class _Part(msgspec.Struct, frozen=True):
    key: str
    amount: str
    currency: str
    final: bool = False


class _Void(msgspec.Struct, frozen=True):
    key: str


def routes(context: SandboxContext) -> list[Route]:
    """The provider's API."""
    db = context.db

    async def charge(request: Request) -> Response:
        payment = await bank.charge(db, _wish(await read(request, _Wish)))
        if not named(payment.card).answers:
            return Silence(LOST_SECONDS)
        return JSONResponse(_with_link(context, payment), 201)

    async def look_up(request: Request) -> Response:
        payment = await bank.status(db, request.path_params["reference"])
        return JSONResponse(_with_link(context, payment))

    async def capture(request: Request) -> Response:
        part = await read(request, _Part)
        reference, amount = request.path_params["reference"], _money(part.amount, part.currency)
        made = await bank.capture(db, reference, part.key, amount, final=part.final)
        return JSONResponse(made.facts(), 201)

    async def void(request: Request) -> Response:
        wish = await read(request, _Void)
        made = await bank.void(db, request.path_params["reference"], wish.key)
        return JSONResponse(made.facts(), 201)

    async def refund(request: Request) -> Response:
        part = await read(request, _Part)
        reference, amount = request.path_params["reference"], _money(part.amount, part.currency)
        made = await bank.refund(db, reference, part.key, amount)
        return JSONResponse(made.facts(), 201)

    def route(path: str, handler: Handler, method: str) -> Route:
        served = as_provider(db, Target.CARD, context.card_api_key, handler)
        return Route(f"{PATH}/payments{path}", served, methods=[method])

    return [
        route("", charge, "POST"),
        route("/{reference}", look_up, "GET"),
        route("/{reference}/captures", capture, "POST"),
        route("/{reference}/void", void, "POST"),
        route("/{reference}/refunds", refund, "POST"),
    ]


def _wish(wish: _Wish) -> Wish:
    """What is asked for; the code is looked at and forgotten, for any is right here."""
    number = parse_number(wish.card.number)
    if wish.card.code is not None:
        parse_code(wish.card.code, number.brand)
    return Wish(
        reference=wish.reference,
        amount=_money(wish.amount, wish.currency),
        number=number,
        expiry_month=wish.card.expiry_month,
        expiry_year=wish.card.expiry_year,
        capture=wish.capture,
        payee_name=one_line(wish.payee_name, 99) or "Shop",
        note=one_line(wish.note, 99) or "Payment",
        return_url=wish.return_url,
        notify_url=wish.notify_url,
    )


def _money(amount: str, currency: str) -> Money:
    if currency not in CURRENCIES:
        raise InvalidInput("currency", f"currency must be one of: {', '.join(CURRENCIES)}")
    return parse(amount, fiat(currency))


def _with_link(context: SandboxContext, payment: Payment) -> dict[str, Any]:
    """The bank's answer; while the holder is asked, with the address of the issuer's page."""
    link = None
    if payment.status is Status.REQUIRES_AUTHENTICATION:
        link = f"{context.base_url}{issuer.PATH}/{payment.challenge}"
    return payment.facts() | {"link": link}
