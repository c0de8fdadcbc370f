"""The gateway's HTTP: one ASGI application.

The API is answered by its own plain callable; everything else is Starlette's. The sandbox's routes
are not there when live.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from nonstopay.business.assembly import Gateway
from nonstopay.business.deposits.check import check_until_answered
from nonstopay.business.invoices.create import InvoiceCreator
from nonstopay.business.merchants.directory import Directory
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.web import health, notifications, webhook_keys
from nonstopay.web.api.call import Receive, Scope, Send
from nonstopay.web.api.caller import Callers, PeerAddress
from nonstopay.web.api.events import EventCalls
from nonstopay.web.api.routes import Api, api_routes
from nonstopay.web.checkout.routes import Checkout
from nonstopay.web.sandbox import controls
from nonstopay.web.sandbox.context import SandboxContext

_log = logging.getLogger(__name__)
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


class Application:
    """What uvicorn serves.

    Args:
        end_streams: ends the answers that would go on for ever.
        before_page: done before all but the API: the sandbox looks at its clock, which another process
            may have moved a moment ago.
    """

    def __init__(
        self,
        api: Api,
        pages: Starlette,
        *,
        end_streams: Callable[[], None],
        before_page: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._api = api
        self._pages = pages
        self._before_page = before_page
        self.end_streams = end_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._api.serves(scope["path"]):
            await self._api(scope, receive, send)
            return
        if self._before_page is not None and scope["type"] == "http":
            await self._before_page()
        await self._pages(scope, receive, send)


def application(gateway: Gateway) -> Application:
    """The application over an assembled gateway; it drains its writes when it stops."""
    settings = gateway.settings
    creator = InvoiceCreator(
        gateway.db,
        batch_max=settings.create_batch_max,
        waiting_max=settings.create_waiting_max,
    )
    addresses = PeerAddress(settings.trusted_proxies)
    events = EventCalls(gateway)
    api = Api(api_routes(gateway, creator, events), Callers(Directory(gateway.db), addresses))
    checkout = Checkout(gateway, addresses)

    def end_streams() -> None:
        checkout.close()
        events.close()

    pages = Starlette(
        routes=[
            *checkout.routes(),
            *notifications.routes(gateway),
            *health.routes(gateway),
            *webhook_keys.routes(gateway),
            *_sandbox_routes(gateway),
        ],
        lifespan=_running(gateway, creator),
        exception_handlers={404: _not_found, 500: _our_failure},
    )
    follow = None if settings.live else partial(sandbox_clock.catch_up, gateway.db)
    return Application(api, pages, end_streams=end_streams, before_page=follow)


def _sandbox_routes(gateway: Gateway) -> Sequence[BaseRoute]:
    if gateway.settings.live:
        return ()
    return controls.routes(
        SandboxContext(
            db=gateway.db,
            base_url=gateway.settings.public_url,
            upi_api_key=gateway.sandbox_key,
            card_api_key=gateway.sandbox_key,
            chain=gateway.settings.data_path if gateway.settings.sandbox_chain else None,
        )
    )


def _running(gateway: Gateway, creator: InvoiceCreator) -> Lifespan:
    """Meanwhile the chains are asked whether they are ours; at the end writes are drained."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        checking = asyncio.create_task(check_until_answered(gateway.chains))
        yield
        checking.cancel()
        await creator.close()

    return lifespan


async def _not_found(request: Request, _: Exception) -> Response:
    return PlainTextResponse("There is nothing here.\n", 404)


async def _our_failure(request: Request, error: Exception) -> Response:
    _log.error("a page failed", exc_info=error, extra={"path": request.url.path})
    return PlainTextResponse("Our own failure; nothing is lost. Please try again.\n", 500)
