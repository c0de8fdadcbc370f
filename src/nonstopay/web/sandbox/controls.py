"""The sandbox's controls: what payers, banks and time do, on demand. Not there when live."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.connectors.upi import link
from nonstopay.sandbox import clock, faults, upi
from nonstopay.web.sandbox import mail, phone, provider
from nonstopay.web.sandbox.bodies import answering_errors, read
from nonstopay.web.sandbox.context import SandboxContext


class _Pay(msgspec.Struct, frozen=True):
    uri: str
    outcome: str = "success"


class _Advance(msgspec.Struct, frozen=True):
    advance_seconds: int


class _Fault(msgspec.Struct, frozen=True):
    target: str
    mode: str
    seconds: int = 30


def routes(context: SandboxContext) -> list[Route]:
    """Every route under `/sandbox/`: the controls, the pretend UPI app, the pretend provider."""

    async def info(request: Request) -> Response:
        return JSONResponse(
            {
                "networks": {},
                "cards": [],
                "upi_outcomes": list(upi.OUTCOMES),
                "mail_url": f"{context.base_url}{mail.PATH}",
            }
        )

    async def pay(request: Request) -> Response:
        wish = await read(request, _Pay)
        asked = link.read(wish.uri)
        order, message = await upi.pay(
            context.db, asked.reference, asked.payee_address, asked.amount, wish.outcome
        )
        answer: dict[str, Any] = order.facts() | {"message": message}
        return JSONResponse(answer)

    async def advance(request: Request) -> Response:
        wish = await read(request, _Advance)
        now = await clock.advance(context.db, wish.advance_seconds)
        return JSONResponse({"now": now.isoformat()})

    async def fault(request: Request) -> Response:
        wish = await read(request, _Fault)
        until = await faults.begin(context.db, wish.target, wish.mode, wish.seconds)
        return JSONResponse({"target": wish.target, "mode": wish.mode, "until": until.isoformat()})

    return [
        Route("/sandbox/info", info, methods=["GET"]),
        Route("/sandbox/upi/pay", answering_errors(pay), methods=["POST"]),
        Route("/sandbox/clock", answering_errors(advance), methods=["POST"]),
        Route("/sandbox/fault", answering_errors(fault), methods=["POST"]),
        *mail.routes(context),
        *phone.routes(context),
        *provider.routes(context),
    ]
