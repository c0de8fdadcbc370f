"""Where providers call in: verify, translate, record. The same news twice changes nothing.

A notification that does not verify changes nothing and is told so; one about an order that is not ours
is taken note of and answered with success, so that the provider stops repeating it. What a provider
does not sign is no news but a hint: the order is looked up.
"""

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.assembly import NOTIFY_PATH, Gateway
from nonstopay.business.payments.take_in import take_in
from nonstopay.connectors.base import Notice, UnverifiedNotice
from nonstopay.errors import IllegalTransition, NotFound, Unavailable

BODY_BYTES_MAX = 256 * 1024
_log = logging.getLogger(__name__)


def routes(gateway: Gateway) -> list[Route]:
    """A door for each connector, `/notifications/<rail>/<name>`."""

    async def receive(request: Request) -> Response:
        rail, name = request.path_params["rail"], request.path_params["connector"]
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        try:
            connector = gateway.rails.listener(rail, name)
            notices = connector.read_notice(dict(request.headers), body)
        except (NotFound, UnverifiedNotice):
            _log.warning("notification refused", extra={"connector": name})
            return JSONResponse({"error": "not verified"}, 401)
        try:
            for notice in notices:
                await _take_in(name, notice)
        except Unavailable:
            return JSONResponse({"error": "try again"}, 503)
        # All of them look at the status; older accounts at one of them wait for this word besides.
        return PlainTextResponse("[accepted]")

    async def _take_in(name: str, notice: Notice) -> None:
        try:
            await take_in(gateway.db, name, notice, at=clock.now())
        except NotFound:
            _log.warning("notification about an unknown order", extra={"connector": name})
        except IllegalTransition as error:
            # Somebody acted at the provider behind our back: repeating it would not help.
            _log.error(
                "notification of something impossible",
                extra={"connector": name, "problem": str(error)},
            )

    return [Route(f"{NOTIFY_PATH}{{rail}}/{{connector}}", receive, methods=["POST"])]


async def _body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return body
