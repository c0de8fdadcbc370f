"""Reading what is sent to the sandbox, and answering errors with what to do."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nonstopay.errors import Conflict, InvalidInput, NonstopayError, NotAllowed, NotFound

BODY_MAX = 1 << 16

Shape = TypeVar("Shape")
Handler = Callable[[Request], Awaitable[Response]]


async def read(request: Request, shape: type[Shape]) -> Shape:
    """The JSON body as `shape`.

    Raises:
        InvalidInput: not JSON, another shape, or over 64 KiB.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise InvalidInput("body", f"send a JSON body of at most {BODY_MAX} bytes")
    try:
        return msgspec.json.decode(bytes(body), type=shape)
    except msgspec.DecodeError as error:
        wanted = ", ".join(getattr(shape, "__struct_fields__", ()))
        raise InvalidInput("body", f"send a JSON object with {wanted}: {error}") from None


def one_line(text: str, longest: int) -> str:
    """A text as people are shown it: printable, on one line, cut to its length."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.split())[:longest].strip()


def answering_errors(handler: Handler) -> Handler:
    """The handler, with our errors as JSON: `{"error": what is wrong, "code": a stable word}`."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except NonstopayError as error:
            body = {"error": error.message, "code": error.code}
            return JSONResponse(body, status_of(error))

    return answer


def status_of(error: NonstopayError) -> int:
    """The HTTP status for an error; 503 if trying again may help, 500 if it is ours."""
    match error:
        case InvalidInput():
            return 400
        case NotAllowed():
            return 401
        case NotFound():
            return 404
        case Conflict():
            return 409
        case _:
            return 503 if error.transient else 500
