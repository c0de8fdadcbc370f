"""One call of the API: what came, how its parameters are read, and what goes back.

The API does not go through a framework's request and response objects: its hottest call is a plain ASGI
callable, and what is here is all that it needs.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nonstopay.business.merchants.merchant import Merchant
from nonstopay.store.idempotency import KEY_LENGTH_MAX
from nonstopay.web.api.create_invoice import form_callback
from nonstopay.web.api.errors import ContractError, unreadable
from nonstopay.web.api.parameters import (
    BODY_BYTES_MAX,
    Parameters,
    callback_text,
    read_json,
    read_multipart,
    read_query,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FORM = b"application/x-www-form-urlencoded"
_MULTIPART = b"multipart/form-data"
_JSON = b"application/json"


@dataclass(slots=True)
class Call:
    """A call by a merchant who was let in.

    Attributes:
        headers: by lower-case name; of a doubled one the last counts.
        parameters: read from the body, and on GET from the query, which the body does not override.
    """

    scope: Scope
    headers: Mapping[bytes, bytes]
    merchant: Merchant
    body: bytes
    parameters: Parameters = field(default_factory=dict)
    is_form: bool = False

    async def read_parameters(self) -> None:
        """Read the parameters. Raises `ContractError` 400 or 415."""
        if self.body:
            self.parameters = await self._read_body()
        if self.scope["method"] == "GET" and self.scope["query_string"]:
            self.parameters = self.parameters | read_query(self.scope["query_string"])

    async def _read_body(self) -> Parameters:
        media = self.headers.get(b"content-type", _JSON).partition(b";")[0].strip().lower()
        if media == _JSON:
            return read_json(self.body)
        self.is_form = True
        if media == _FORM:
            return read_query(self.body)
        if media == _MULTIPART:
            return await read_multipart(self.headers, self.body)
        raise unreadable(
            415, "send application/json, application/x-www-form-urlencoded or multipart/form-data"
        )

    def callback(self) -> str:
        """The text of `callbackJson` as the merchant wrote it."""
        return form_callback(self.parameters) if self.is_form else callback_text(self.body)

    def idempotency_key(self) -> str | None:
        """The Idempotency-Key header. Raises `ContractError` 400 for one that cannot be kept."""
        raw = self.headers.get(b"idempotency-key")
        if raw is None:
            return None
        if not 0 < len(raw) <= KEY_LENGTH_MAX or not all(0x21 <= byte < 0x7F for byte in raw):
            raise unreadable(
                400, f"Idempotency-Key is 1 to {KEY_LENGTH_MAX} printable ASCII characters"
            )
        return raw.decode()


REPLAYED = ((b"idempotent-replayed", b"true"),)
"""The header of an answer that was given before, to the same Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: the JSON text, and what is unusual about it."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


def success(answer: Mapping[str, Any]) -> Reply:
    """A reply with `errorCode` 0 before the answer's own members."""
    return Reply(msgspec.json.encode({"errorCode": 0, **answer}))


def failure(error: ContractError) -> Reply:
    """The reply to a call that a check refused."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status in (409, 429, 503):
        headers = ((b"retry-after", b"1"),)
    body = msgspec.json.encode({"errorCode": error.number, "errorMessage": error.message})
    return Reply(body, error.status, headers)


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The whole body.

    Raises:
        ContractError: 413 over 64 KiB, before reading more; 400 when the caller left before its end,
            so that half an amount is never taken for a whole one.
    """
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise unreadable(400, "the body ended too early")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        more = message.get("more_body", False)
    return body


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a reply, never to be cached or sniffed."""
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", b"application/json; charset=utf-8"),
                (b"content-length", b"%d" % len(reply.body)),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                *reply.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


def _too_large() -> ContractError:
    return unreadable(413, f"the body is larger than {BODY_BYTES_MAX // 1024} KiB")
