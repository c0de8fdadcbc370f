"""The one way to call a provider: bounded in time and size, and its silence is an answer too.

No proxy from the environment, no redirects, no cookies, and no call while a transaction is open.
Nothing of a request or an answer is ever logged here: both may carry what must not be kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from nonstopay.store.db import forbid_transaction

LIMIT_SECONDS = 10.0
ANSWER_MAX = 1 << 20

_json = msgspec.json.Decoder(Any, float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said, whatever its status; redirects arrive as they are."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> object:
        """The body as JSON, numbers with a point as `Decimal`; None if it is not JSON."""
        try:
            return _json.decode(self.body)
        except msgspec.DecodeError:
            return None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody knows whether the provider did what we asked. Connectors report it as UNKNOWN."""

    problem: str


class ProviderHttp:
    """A pool of connections to providers, for one event loop.

    Args:
        limit_seconds: for the whole call, name look-up to last byte.
        answer_max: bytes of an answer, unpacked; a longer one counts as no answer.
    """

    def __init__(
        self, *, limit_seconds: float = LIMIT_SECONDS, answer_max: int = ANSWER_MAX
    ) -> None:
        self._limit_seconds = limit_seconds
        self._answer_max = answer_max
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer | NoAnswer:
        """One request, one answer or none; never tried again here.

        Args:
            json, form: the body, as JSON or as a web form; one of them at most.

        Raises:
            TransactionOpen: the caller holds a database transaction.
        """
        forbid_transaction("a call to a provider")
        sent = dict(headers or {})
        body = None
        if json is not None:
            sent["content-type"] = "application/json"
            body = msgspec.json.encode(json)
        elif form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        try:
            async with self._open().request(
                method, url, headers=sent, data=body, allow_redirects=False
            ) as response:
                return await self._read(response)
        except TimeoutError:
            return NoAnswer(f"no answer within {self._limit_seconds:g} s")
        except aiohttp.ClientError as error:
            return NoAnswer(f"the call failed: {type(error).__name__}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._limit_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> Answer | NoAnswer:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._answer_max:
                response.close()
                return NoAnswer(f"the answer is longer than {self._answer_max} bytes")
        return Answer(response.status, bytes(body))
