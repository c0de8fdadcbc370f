"""The sandbox's controls: what payers, banks and time do, on demand. Not there when live."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.connectors.upi import link
from nonstopay.sandbox import clock, faults, upi
from nonstopay.sandbox.card import bank
from nonstopay.sandbox.card.cards import CARDS
from nonstopay.sandbox.card.dispute import Stage
from nonstopay.web.sandbox import card_provider, chain, issuer, mail, phone, provider
from nonstopay.web.sandbox.bodies import answering_errors, read
from nonstopay.web.sandbox.context import SandboxContext


class _Pay(msgspec.Struct, frozen=True):
    uri: str
    outcome: str = "success"


class _Contest(msgspec.Struct, frozen=True):
    invoice_id: str | int
    stage: str = Stage.CHARGEBACK


class _Advance(msgspec.Struct, frozen=True):
    advance_seconds: int


class _Fault(msgspec.Struct, frozen=True):
    target: str
    mode: str
    seconds: int = 30


def routes(context: SandboxContext) -> list[Route]:
    """Every route under `/sandbox/`: the controls, the pretend providers, app and issuer."""

    async def info(request: Request) -> Response:
        return JSONResponse(
            {
                "networks": chain.info(context),
                "cards": [
                    {"number": number, "outcome": card.outcome} for number, card in CARDS.items()
                ],
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

    async def contest(request: Request) -> Response:
        wish = await read(request, _Contest)
        payment, dispute = await bank.contest(context.db, f"Invoice {wish.invoice_id}", wish.stage)
        facts: dict[str, Any] = dispute.facts() | {"payment": payment.facts()}
        return JSONResponse(facts)

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
        Route("/sandbox/card/chargeback", answering_errors(contest), methods=["POST"]),
        Route("/sandbox/clock", answering_errors(advance), methods=["POST"]),
        Route("/sandbox/fault", answering_errors(fault), methods=["POST"]),
        *chain.routes(context),
        *mail.routes(context),
        *phone.routes(context),
        *provider.routes(context),
        *card_provider.routes(context),
        *issuer.routes(context),
    ]
