"""The API's paths, and the walk of every call: guard, body, act, reply.

Pay-in paths end in `/` and pay-out paths do not; both forms of each are answered, without a redirect.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.create import InvoiceCreator
from nonstopay.errors import NonstopayError
from nonstopay.web.api.call import Call, Receive, Reply, Scope, Send, failure, read_body, send_reply
from nonstopay.web.api.caller import NO_WORDING, Callers
from nonstopay.web.api.endpoints import EndpointCalls
from nonstopay.web.api.errors import HISTORY_MESSAGES, as_contract_error, unreadable
from nonstopay.web.api.events import EventCalls
from nonstopay.web.api.invoices import InvoiceCalls
from nonstopay.web.api.once import Once
from nonstopay.web.api.refunds import RefundCalls
from nonstopay.web.api.solutions import SolutionCalls
from nonstopay.web.api.stream import Stream, send_stream

Act = Callable[[Call], Awaitable[Reply | Stream]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """A path's act for each HTTP method, and how it words the guard's errors."""

    acts: Mapping[str, Act]
    wording: Mapping[int, str] = field(default_factory=lambda: NO_WORDING)


def api_routes(gateway: Gateway, creator: InvoiceCreator, events: EventCalls) -> dict[str, Route]:
    """Every path of the API, without its closing slash."""
    invoices, solutions = InvoiceCalls(gateway, creator), SolutionCalls(gateway)
    endpoints = EndpointCalls(gateway)
    return {
        "/api/btn-create-invoice/get": Route({"POST": invoices.create}),
        "/api/invoice/status": Route({"GET": invoices.status, "POST": invoices.status}),
        "/api/client-invoice-info/get": Route({"GET": invoices.infos, "POST": invoices.infos}),
        "/api/invoice/refund": Route({"POST": RefundCalls(Once(gateway)).refund}),
        "/api/client-invoice-history/get": Route({"GET": invoices.history}, HISTORY_MESSAGES),
        "/api/crypto-payable-currencies/get": Route({"GET": solutions.coins}),
        "/api/payment-solution-type/get": Route({"GET": solutions.types}),
        "/api/payment-solution-name/get": Route({"GET": solutions.names}),
        "/api/events": Route({"GET": events.list}),
        "/api/events/stream": Route({"GET": events.stream}),
        "/api/webhook-endpoints/get": Route({"GET": endpoints.list}),
        "/api/webhook-endpoints/create": Route({"POST": endpoints.create}),
        "/api/webhook-endpoints/change": Route({"POST": endpoints.change}),
        "/api/webhook-endpoints/remove": Route({"POST": endpoints.remove}),
        "/api/webhook-endpoints/rotate-secret": Route({"POST": endpoints.rotate}),
        "/api/webhook-endpoints/test": Route({"POST": endpoints.test}),
        "/api/webhook-endpoints/replay": Route({"POST": endpoints.replay}),
        "/api/webhook-endpoints/dead": Route({"GET": endpoints.dead}),
        "/api/webhook-endpoints/attempts": Route({"GET": endpoints.attempts}),
    }


class Api:
    """The contract's API as a plain ASGI callable."""

    def __init__(self, routes: Mapping[str, Route], callers: Callers) -> None:
        self._routes = routes
        self._callers = callers

    def serves(self, path: str) -> bool:
        return path.startswith("/api/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._answer(scope, receive)
            if isinstance(reply, Stream):
                await send_stream(send, receive, reply)
                return
        except NonstopayError as error:
            told = as_contract_error(error)
            if told.status >= 500:
                _log.error("api call failed", extra={"path": scope["path"], "error": error.code})
            reply = failure(told)
        except Exception:
            _log.exception("api call failed", extra={"path": scope["path"]})
            reply = failure(unreadable(500, "our own failure; nothing is lost, please try again"))
        await send_reply(send, reply)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply | Stream:
        path: str = scope["path"]
        route = self._routes.get(path[:-1] if path.endswith("/") else path)
        if route is None:
            raise unreadable(404, "there is no such call; see the API documentation")
        act = route.acts.get(scope["method"])
        if act is None:
            raise unreadable(405, f"use {' or '.join(route.acts)}")
        headers = dict(scope["headers"])
        merchant = await self._callers.admit(scope, headers.get(b"api-key"), route.wording)
        body = await read_body(headers, receive)
        return await act(Call(scope, headers, merchant, body))
