"""The payer's HTTP: his page, the buttons on it, its live news, the landing pages."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import wraps

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.exchange.rate import RateMissing, RateTooOld
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CARD, CRYPTO, UPI
from nonstopay.business.invoices.open import open_invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.cards import records as used_cards
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.come_back import come_back
from nonstopay.business.payments.cards.enter import TooManyDeclines
from nonstopay.business.payments.cards.start import start_card
from nonstopay.business.payments.crypto.ask_refund import NothingToRefund, ask_refund
from nonstopay.business.payments.crypto.start import start_crypto
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.start import NotPayable, Wish, start_upi
from nonstopay.business.payments.states import State
from nonstopay.business.risk.address import counted_as
from nonstopay.connectors.charge import Card, Payer
from nonstopay.errors import InvalidInput, NotFound, Overloaded, Unavailable
from nonstopay.web.api.caller import PeerAddress
from nonstopay.web.checkout import page
from nonstopay.web.checkout.assets import assets, serve
from nonstopay.web.checkout.card_form import Filled, form_fields, read_form, returned_fields
from nonstopay.web.checkout.card_page import Pause
from nonstopay.web.checkout.crypto_facts import crypto_facts
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.checkout.links import platform_of
from nonstopay.web.checkout.pace import Pace
from nonstopay.web.checkout.refund_form import refused
from nonstopay.web.checkout.render import render_error, render_landing
from nonstopay.web.checkout.sight import (
    CANCEL_PATH,
    EVENTS_PATH,
    LANDING_PATH,
    MONEY_GOES_BACK,
    NEW_QR_PATH,
    PAGE_PATH,
    PAY_PATH,
    REFUND_PATH,
    RETURN_PATH,
    Sight,
)
from nonstopay.web.checkout.text import negotiate
from nonstopay.web.checkout.view import render
from nonstopay.web.checkout.watch import Watch

_log = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]
_SEE_OTHER = 303
FORMS_A_MINUTE = 120
"""Card forms that one address may send to one process: many payers may share it, a machine is faster."""


class Checkout:
    """The handlers, over the parts they need."""

    def __init__(self, gateway: Gateway, addresses: PeerAddress) -> None:
        self._gateway = gateway
        self._addresses = addresses
        self._watch = Watch(gateway.db)
        self._pace = Pace(FORMS_A_MINUTE, timedelta(minutes=1))

    def routes(self) -> list[Route]:
        """Every path a payer comes by, each with and without its closing slash."""
        paths: list[tuple[str, Handler, str]] = [
            (PAGE_PATH, self.show, "GET"),
            (PAY_PATH, self.pay, "POST"),
            (PAY_PATH, self.look, "GET"),
            (RETURN_PATH, self.come_back, "GET"),
            (RETURN_PATH, self.come_back, "POST"),
            (NEW_QR_PATH, self.new_qr, "POST"),
            (REFUND_PATH, self.give_back, "POST"),
            (REFUND_PATH, self.look, "GET"),
            (CANCEL_PATH, self.cancel, "POST"),
            (EVENTS_PATH, self.events, "GET"),
        ]
        return [
            Route(form, self._guarded(handler), methods=[method])
            for path, handler, method in paths
            for form in (path, path.rstrip("/"))
        ] + [
            *(
                Route(form, self._landing(outcome), methods=["GET"])
                for outcome in page.Landing
                for form in (LANDING_PATH.format(outcome=outcome), f"/service/pay/{outcome}")
            ),
            Route("/static/checkout/{name}", _static, methods=["GET"]),
        ]

    def close(self) -> None:
        """End the live news of every page, so that a stopping process need not wait for payers."""
        self._watch.close()

    async def show(self, request: Request) -> Response:
        """The payer's page, whatever the invoice's state. Opening it opens the invoice."""
        return HTMLResponse(render(await self._sight(request)), headers=security_headers())

    async def pay(self, request: Request) -> Response:
        """The payer chose a method: find or start his attempt, and show it."""
        if request.query_params.get("method") == page.MethodKind.CARD:
            return await self._pay_by_card(request)
        if request.query_params.get("method") == page.MethodKind.CRYPTO:
            coin = (await form_fields(request)).get("coin", "")
            return await self._start_crypto(request, coin, Wish())
        return await self._start(request, Wish())

    async def look(self, request: Request) -> Response:
        """A form that had something wrong is loaded anew, or read in another language."""
        self._subject(request)
        return self._back(request, method=request.query_params.get("method", ""))

    async def come_back(self, request: Request) -> Response:
        """The payer is back from 3-D Secure. What he brings along is believed by nobody."""
        merchant_id, invoice_id = self._subject(request)
        returned = await returned_fields(request)
        await come_back(self._gateway.db, self._gateway.rails, merchant_id, invoice_id, returned)
        return self._back(request)

    async def new_qr(self, request: Request) -> Response:
        """The payer wants another QR than the attempt he names: same invoice, new attempt."""
        wish = Wish(after=_number(request.query_params.get("after", "")))
        if coin := request.query_params.get("coin"):
            return await self._start_crypto(request, coin, wish)
        return await self._start(request, wish)

    async def give_back(self, request: Request) -> Response:
        """The payer names an address to which what paid for nothing is sent back."""
        sight = await self._sight(request)
        payment = sight.crypto_facts.refundable(_number(request.query_params.get("payment", "")))
        if payment is None:
            return self._back(request)
        address = (await form_fields(request)).get("address", "").strip()
        db, chains, at = self._gateway.db, self._gateway.chains, clock.now()
        try:
            await ask_refund(db, chains, payment.merchant_id, payment.id, address, at)
        except (InvalidInput, NothingToRefund) as error:
            return self._form(replace(sight, named=refused(address, error)), 422)
        return self._back(request)

    async def cancel(self, request: Request) -> Response:
        """The payer leaves. Nothing is cancelled: he may come back while the invoice is open."""
        self._subject(request)
        return self._back(request, left="1")

    async def events(self, request: Request) -> Response:
        """The page's live news, as server-sent events."""
        sight = await self._sight(request)

        def awaited() -> str | None:
            return sight.awaited_network

        async def stream() -> AsyncIterator[bytes]:
            nonlocal sight
            yield b"retry: 2000\n\n"
            of = (sight.merchant.id, sight.invoice.id)
            async for _ in self._watch.changes(*of, awaited):
                sight = await self._sight(request)
                news = {"state": sight.shown, "revision": sight.revision, "reload": False}
                yield b"event: state\ndata: " + msgspec.json.encode(news) + b"\n\n"

        headers = {**security_headers(), "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    async def _start(self, request: Request, wish: Wish) -> Response:
        sight = await self._sight(request)
        if not sight.may_pay_by(UPI.name):
            return self._back(request)
        # If the invoice is not payable any more, the page itself tells how it stands.
        with suppress(NotPayable):
            payment = await start_upi(
                self._gateway.db, self._gateway.rails, sight.merchant, sight.invoice.id, wish
            )
            if payment.state is State.STARTING:
                return self._back(request, unanswered="1")
        return self._back(request)

    async def _start_crypto(self, request: Request, coin: str, wish: Wish) -> Response:
        """Find or start the attempt in this coin; what came already keeps the payer with its own."""
        sight, gateway = await self._sight(request), self._gateway
        if sight.invoice.state not in PAYABLE or not sight.may_pay_by(CRYPTO.name):
            return self._back(request)
        try:
            await start_crypto(
                gateway.db,
                gateway.rails,
                gateway.chains,
                sight.merchant,
                sight.invoice.id,
                coin,
                wish,
            )
        except NotPayable:
            return self._back(request)
        except (NotFound, RateMissing, RateTooOld):
            return self._back(request, method=page.MethodKind.CRYPTO, unanswered="1")
        if sight.has_same_address(gateway.chains, coin):
            return self._back(request, same="1")
        return self._back(request)

    async def _pay_by_card(self, request: Request) -> Response:
        """Charge the card once, however often the form is sent, and show what became of it."""
        sight, at = await self._sight(request), clock.now()
        payer_ip = self._addresses.of(request.scope)
        if not self._pace.admits(counted_as(payer_ip) or "", at):
            raise Overloaded("too many card forms from one address")
        if sight.invoice.state not in PAYABLE or not sight.may_pay_by(CARD.name):
            return self._back(request)
        filled = await read_form(request, payer_ip, at)
        sight = replace(sight, filled=filled, by_card=True, another=filled.after)
        if filled.card is None:
            return self._form(sight, 422)
        attempt = await self._attempt(sight, filled.card, filled)
        try:
            payment = await start_card(
                self._gateway.db, self._gateway.rails, sight.merchant, sight.invoice.id, attempt
            )
        except NotPayable:
            return self._back(request)
        except TooManyDeclines as error:
            return self._form(replace(sight, pause=Pause(until=error.until)), 429)
        waits = payment.state is State.WAITING and payment.link is not None
        return self._back(request, bank="1") if waits else self._back(request)

    def _form(self, sight: Sight, status: int) -> Response:
        return HTMLResponse(render(sight), status, security_headers())

    async def _attempt(self, sight: Sight, card: Card, filled: Filled) -> CardAttempt:
        """The card, and who pays with it, as far as he or the merchant told."""
        invoice = sight.invoice
        async with self._gateway.db.reading() as conn:
            told, _ = await invoices.personal_details(conn, invoice.merchant_id, invoice.id)
        details = msgspec.json.decode(told, type=dict[str, str]) if told else {}
        payer = Payer(
            **{"name": filled.holder, **details},
            email=invoice.email,
            country=invoice.payer_country,
        )
        return CardAttempt(card=card, payer=payer, browser=filled.browser, after=filled.after)

    def _back(self, request: Request, **more: str) -> Response:
        query = {"token": request.query_params["token"], **more}
        if lang := request.query_params.get("lang"):
            query["lang"] = lang
        url = request.url.replace(path=PAGE_PATH, query="").include_query_params(**query)
        return RedirectResponse(f"{url.path}?{url.query}", _SEE_OTHER, security_headers())

    async def _sight(self, request: Request) -> Sight:
        merchant_id, invoice_id = self._subject(request)
        gateway, at = self._gateway, clock.now()
        invoice = await open_invoice(
            gateway.db,
            merchant_id,
            invoice_id,
            payer_ip=self._addresses.of(request.scope),
            at=at,
        )
        merchant = await self._merchant(merchant_id)
        async with gateway.db.reading() as conn:
            payment = await payments.current(conn, merchant_id, invoice_id)
            is_back = payment is not None and payment.state in MONEY_GOES_BACK
            returned = await owed(conn, payment) if payment and is_back else None
            by_card = payment is not None and payment.method == CARD.name
            used = (
                await used_cards.find(conn, merchant_id, payment.id)
                if payment and by_card
                else None
            )
        crypto = await crypto_facts(gateway, merchant, invoice, payment)
        return Sight(
            visit=self._visit(request),
            token=request.query_params["token"],
            public_url=gateway.settings.public_url,
            merchant=merchant,
            invoice=invoice,
            payment=payment,
            rails=gateway.rails,
            standing=await gateway.rails.board.standing(gateway.db),
            returned=returned,
            cancelled="left" in request.query_params,
            unanswered="unanswered" in request.query_params,
            again="again" in request.query_params,
            used=used,
            by_card=request.query_params.get("method") == page.MethodKind.CARD,
            another=_number(request.query_params.get("another", "")),
            to_bank="bank" in request.query_params,
            crypto_facts=crypto,
            by_crypto=request.query_params.get("method") == page.MethodKind.CRYPTO,
            same_address="same" in request.query_params,
        )

    def _subject(self, request: Request) -> tuple[int, int]:
        return self._gateway.tokens.read(request.query_params.get("token", ""))

    async def _merchant(self, merchant_id: int) -> Merchant:
        async with self._gateway.db.reading() as conn:
            merchant = await merchants.by_id(conn, merchant_id)
        if merchant is None:
            raise NotFound("this payment link is not known")
        return merchant

    def _visit(self, request: Request) -> page.Visit:
        asked = request.query_params.get("lang")
        return page.Visit(
            now=clock.now(),
            url=f"{request.url.path}?{request.url.query}",
            language=negotiate(request.headers.get("accept-language"), asked),
            platform=platform_of(request.headers.get("user-agent")),
            sandbox=not self._gateway.settings.live,
        )

    def _guarded(self, handler: Handler) -> Handler:
        """Turn what goes wrong into a page that says what to do, and nothing else."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except NotFound:
                return self._error(request, page.ErrorKind.LINK, 404)
            except Unavailable as error:
                status = 429 if isinstance(error, Overloaded) else 503
                return self._error(request, page.ErrorKind.BUSY, status)
            except Exception as error:
                _log.error("a page failed", exc_info=error, extra={"path": request.url.path})
                return self._error(request, page.ErrorKind.BROKEN, 500)

        return guarded

    def _error(self, request: Request, kind: page.ErrorKind, status: int) -> Response:
        html = render_error(page.ErrorPage(visit=self._visit(request), kind=kind))
        return HTMLResponse(html, status, security_headers())

    def _landing(self, outcome: page.Landing) -> Handler:
        async def landing(request: Request) -> Response:
            html = render_landing(page.LandingPage(visit=self._visit(request), outcome=outcome))
            return HTMLResponse(html, headers=security_headers())

        return landing


def _number(text: str) -> int:
    """The number of an attempt as an address carries it; 0 of whatever is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


async def _static(request: Request) -> Response:
    return serve(assets(), request)
