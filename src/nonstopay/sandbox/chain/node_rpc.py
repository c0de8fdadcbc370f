"""Talking to a node of the sandbox: as its owner, with the calls that a real chain has not."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from nonstopay.errors import Conflict, Unavailable

LIMIT_SECONDS = 20.0
_STEP_SECONDS = 0.005


class NodeRpc:
    """The node at `url`, for the time of a `with`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=LIMIT_SECONDS), trust_env=False
        )

    async def ask(self, method: str, *parameters: Any) -> Any:
        """One call; its result.

        Raises:
            Conflict: the node refuses; says why.
            Unavailable: it does not answer.
        """
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = msgspec.json.decode(await self.pass_on(msgspec.json.encode(question)))
        if answer.get("error"):
            raise Conflict(f"the chain refuses: {answer['error'].get('message')}")
        return answer["result"]

    async def send(self, transaction: Mapping[str, str]) -> str:
        """Have a transaction made by an account of the node's own, and wait for its block; its hash.

        Raises:
            Conflict: the node refuses it, or it was reverted.
            Unavailable: it comes into no block.
        """
        made = str(await self.ask("eth_sendTransaction", transaction))
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                while (receipt := await self._receipt(made)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(_STEP_SECONDS)
        except TimeoutError:
            raise Unavailable(f"the chain puts {made} into no block") from None
        if receipt["status"] != "0x1":
            raise Conflict(f"the chain reverted {made}")
        return made

    async def _receipt(self, transaction: str) -> Mapping[str, str] | None:
        told: Mapping[str, str] | None
        told = await self.ask("eth_getTransactionReceipt", transaction)
        return told

    async def pass_on(self, body: bytes) -> bytes:
        """Somebody's question as it is; the node's answer as it is. Raises `Unavailable`."""
        headers = {"content-type": "application/json"}
        try:
            async with self._session.post(self._url, data=body, headers=headers) as response:
                if response.status == HTTPStatus.UNAUTHORIZED:  # its password is of an earlier day
                    raise Unavailable("the chain's node is not ready")
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the chain's node does not answer: {type(error).__name__}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()
