"""A merchant's side of webhooks, small enough to copy: receive, verify by hand, answer at once.

For demos and tests. It verifies both signatures that come: `X-Signature` over the body, and that of
Standard Webhooks over `id.timestamp.body`, whose timestamp may be five minutes off at most, so that
a recorded message cannot be played to it later.
"""

import base64
import hmac
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from nonstopay import clock

TOLERANCE_SECONDS = 300
_KEPT_MAX = 1000
_BODY_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A message whose signatures hold. `id` is the same when it comes again."""

    id: str
    body: Mapping[str, Any]


class Receiver:
    """Listens on `host:port` while used as `async with`; port 0 takes a free one.

    Attributes:
        events: the latest messages, each once, the oldest first.
        refused: how many came whose signatures did not hold.
    """

    def __init__(self, secret: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.events: deque[Received] = deque(maxlen=_KEPT_MAX)
        self.refused = 0
        self._secret = secret
        self._host = host
        self._port = port
        app = web.Application(client_max_size=_BODY_MAX)
        app.router.add_post("/webhooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None)

    @property
    def url(self) -> str:
        """The callback URL to give to the gateway, once it listens."""
        return f"http://{self._host}:{self._port}/webhooks"

    async def __aenter__(self) -> "Receiver":
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not verify(self._secret, request.headers, body):
            self.refused += 1
            return web.Response(status=401)
        message_id = request.headers["webhook-id"]
        if all(event.id != message_id for event in self.events):
            self.events.append(Received(message_id, json.loads(body)))
        return web.Response(status=204)


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether both signatures are ours and the message is fresh.

    Args:
        secret: `whsec_…`, as the gateway showed it.
        headers: any mapping that finds names in lower case.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or not timestamp.isascii() or len(timestamp) > 12:
        return False
    if abs(clock.now().timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    return _verify_plain(secret, headers, body) and _verify_standard(
        secret, message_id, timestamp, headers, body
    )


def _verify_plain(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """During a rotation the old secret's signature comes in a header of its own."""
    expected = hmac.new(secret.encode(), body, "sha256").hexdigest().encode()
    offered = (headers.get("x-signature", ""), headers.get("x-signature-previous", ""))
    return any(hmac.compare_digest(expected, one.encode()) for one in offered)


def _verify_standard(
    secret: str, message_id: str, timestamp: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """The header holds one signature for each secret that is valid: one of them must be ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest())
    offered = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected, one.encode()) for one in offered)
