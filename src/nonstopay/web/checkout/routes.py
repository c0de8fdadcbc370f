"""The payer's HTTP: his page, the buttons on it, its live news, the landing pages."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import wraps

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.open import open_invoice
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.start import NotPayable, Wish, start_upi
from nonstopay.errors import NotFound, Unavailable
from nonstopay.web.api.caller import PeerAddress
from nonstopay.web.checkout import page
from nonstopay.web.checkout.assets import assets
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.checkout.links import platform_of
from nonstopay.web.checkout.render import render_error, render_landing
from nonstopay.web.checkout.text import negotiate
from nonstopay.web.checkout.view import (
    CANCEL_PATH,
    EVENTS_PATH,
    LANDING_PATH,
    NEW_QR_PATH,
    PAGE_PATH,
    PAY_PATH,
    Sight,
    render,
    revision,
)
from nonstopay.web.checkout.watch import Watch

_log = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]
_SEE_OTHER = 303
_STATIC_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Checkout:
    """The handlers, over the parts they need."""

    def __init__(self, gateway: Gateway, addresses: PeerAddress) -> None:
        self._gateway = gateway
        self._addresses = addresses
        self._watch = Watch(gateway.db)

    def routes(self) -> list[Route]:
        """Every path a payer comes by, each with and without its closing slash."""
        paths: list[tuple[str, Handler, str]] = [
            (PAGE_PATH, self.show, "GET"),
            (PAY_PATH, self.pay, "POST"),
            (NEW_QR_PATH, self.new_qr, "POST"),
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
        return await self._start(request, Wish())

    async def new_qr(self, request: Request) -> Response:
        """The payer wants another QR than the attempt he names: same invoice, new attempt."""
        after = request.query_params.get("after", "")
        return await self._start(request, Wish(after=int(after) if after.isdecimal() else 0))

    async def cancel(self, request: Request) -> Response:
        """The payer leaves. Nothing is cancelled: he may come back while the invoice is open."""
        self._subject(request)
        return self._back(request, left="1")

    async def events(self, request: Request) -> Response:
        """The page's live news, as server-sent events."""
        sight = await self._sight(request)

        async def stream() -> AsyncIterator[bytes]:
            yield b"retry: 2000\n\n"
            async for change in self._watch.changes(sight.merchant.id, sight.invoice.id):
                now = await self._sight(request)
                news = {"state": now.shown, "revision": revision(change), "reload": False}
                yield b"event: state\ndata: " + msgspec.json.encode(news) + b"\n\n"

        headers = {**security_headers(), "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    async def _start(self, request: Request, wish: Wish) -> Response:
        merchant_id, invoice_id = self._subject(request)
        merchant = await self._merchant(merchant_id)
        # If the invoice is not payable any more, the page itself tells how it stands.
        with suppress(NotPayable):
            await start_upi(self._gateway.db, self._gateway.rails, merchant, invoice_id, wish)
        return self._back(request)

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
        return Sight(
            visit=self._visit(request),
            token=request.query_params["token"],
            public_url=gateway.settings.public_url,
            merchant=merchant,
            invoice=invoice,
            payment=payment,
            rails=gateway.rails,
            cancelled="left" in request.query_params,
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
            except Unavailable:
                return self._error(request, page.ErrorKind.BUSY, 503)
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


async def _static(request: Request) -> Response:
    found = assets().get(request.url.path)
    if found is None:
        return Response(status_code=404)
    return Response(found.body, media_type=found.content_type, headers=_STATIC_HEADERS)
