"""The door of every pretend provider: it asks for the API key, and misbehaves as the fault says."""

import asyncio
import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nonstopay.errors import NotAllowed
from nonstopay.sandbox import faults
from nonstopay.sandbox.faults import Mode, Target
from nonstopay.store.db import Database
from nonstopay.web.sandbox.bodies import Handler, answering_errors

SILENCE_SECONDS = 30


class Silence(Response):
    """No answer at all: the connection is held until the caller gives up, or for some seconds."""

    def __init__(self, seconds: int = SILENCE_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            await JSONResponse({"error": "gateway timeout"}, 504)(scope, receive, send)


def as_provider(db: Database, target: Target, api_key: str, handler: Handler) -> Handler:
    """The handler behind the API key, misbehaving as the present fault of `target` says."""
    expected = f"Bearer {api_key}".encode()

    async def authorised(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise NotAllowed("the sandbox bank does not know this API key")
        return await handler(request)

    answered = answering_errors(authorised)

    async def answer(request: Request) -> Response:
        match await faults.current(db, target):
            case Mode.TIMEOUT:
                return Silence()
            case Mode.ERROR_500:
                return JSONResponse({"error": "internal error"}, 500)
            case Mode.LOST_ANSWER:
                await answered(request)
                return Silence()
            case _:
                return await answered(request)

    return answer
