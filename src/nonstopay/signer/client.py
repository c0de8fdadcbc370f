"""Asking the signer, from processes that have no key."""

import asyncio
from pathlib import Path

import msgspec

from nonstopay.errors import NotAllowed, Unavailable
from nonstopay.signer.spend import Spend
from nonstopay.signer.words import LINE_MAX, Fill, Reserve, Said, Sign, WhoAreYou, Wish
from nonstopay.store.db import forbid_transaction

ANSWER_SECONDS = 10.0


class SignerClient:
    """The signer that listens at `place`.

    Every method raises `Unavailable` if he does not answer: what was asked may then have been done, and
    may be asked again.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._address = ""

    async def address(self) -> str:
        """The hot wallet's address."""
        if not self._address:
            self._address = (await self._ask(WhoAreYou())).address
        return self._address

    async def reserve(self, order: str, spend: Spend) -> None:
        """Have him promise to sign. Raises `NotAllowed`."""
        await self._ask(Reserve(order, spend))

    async def sign(self, order: str, nonce: int, *, gas: int, max_fee: int, tip: int) -> bytes:
        """The signed transaction. Raises `NotAllowed`."""
        said = await self._ask(Sign(order, nonce, gas, str(max_fee), str(tip)))
        return bytes.fromhex(said.raw)

    async def fill(self, network: str, nonce: int, *, max_fee: int, tip: int) -> bytes:
        """A signed transaction of nothing to ourselves. Raises `NotAllowed`."""
        said = await self._ask(Fill(network, nonce, str(max_fee), str(tip)))
        return bytes.fromhex(said.raw)

    async def _ask(self, wish: Wish) -> Said:
        forbid_transaction("asking the signer")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self._line(msgspec.json.encode(wish) + b"\n")
            said = msgspec.json.decode(line, type=Said)
        except (OSError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            raise Unavailable(f"the signer does not answer: {type(error).__name__}") from None
        if said.refused:
            raise NotAllowed(f"the signer refuses: {said.refused}")
        return said

    async def _line(self, wish: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._place, limit=LINE_MAX)
        try:
            writer.write(wish)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()
