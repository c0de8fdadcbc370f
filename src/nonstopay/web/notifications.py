"""Where providers call in: verify, translate, record. The same news twice changes nothing.

A notification that does not verify changes nothing and is told so; one about an order that is not ours
is taken note of and answered with success, so that the provider stops repeating it. What a provider
does not sign is no news but a hint: the order is looked up.
"""

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.assembly import NOTIFY_PATH, Gateway
from nonstopay.business.payments.look_up import look_up_now
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.connectors.base import Notice, UnverifiedNotice
from nonstopay.errors import NotFound, Unavailable

BODY_BYTES_MAX = 256 * 1024
_log = logging.getLogger(__name__)


def routes(gateway: Gateway) -> list[Route]:
    """A door for each connector, `/notifications/upi/<name>`."""

    async def receive(request: Request) -> Response:
        name = request.path_params["connector"]
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        try:
            notices = gateway.rails.connector(name).read_notice(dict(request.headers), body)
        except (NotFound, UnverifiedNotice):
            _log.warning("notification refused", extra={"connector": name})
            return JSONResponse({"error": "not verified"}, 401)
        try:
            for notice in notices:
                await _take_in(name, notice)
        except Unavailable:
            return JSONResponse({"error": "try again"}, 503)
        return JSONResponse({"ok": True})

    async def _take_in(name: str, notice: Notice) -> None:
        db, at = gateway.db, clock.now()
        try:
            if notice.outcome is None:
                await look_up_now(db, name, notice.reference, at=at)
            else:
                await record_outcome(
                    db, name, notice.reference, notice.outcome, source="notification", at=at
                )
        except NotFound:
            _log.warning("notification about an unknown order", extra={"connector": name})

    return [Route(f"{NOTIFY_PATH}{{connector}}", receive, methods=["POST"])]


async def _body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return body
