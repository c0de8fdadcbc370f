"""Doing a call once under its Idempotency-Key, however often it comes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.errors import InProgress, KeyReused
from nonstopay.store import idempotency
from nonstopay.store.db import Connection
from nonstopay.web.api.call import REPLAYED, Call, Reply, success
from nonstopay.web.api.parameters import comparable

Act = Callable[[Connection], Awaitable[Mapping[str, Any]]]


class Once:
    """For calls that are rare. Answers are kept sealed: some hold a secret."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def do(self, call: Call, route: str, act: Act) -> Reply:
        """Do `act` in a transaction and answer with what it returns; again to a repeat of the key.

        Args:
            route: what the merchant's keys are kept apart by.

        Raises:
            KeyReused: the key was used with other parameters; names them.
            ContractError: 400, a key that cannot be kept.
            NonstopayError: as `act`; then nothing was done, and the key is free.
        """
        key, merchant_id = call.idempotency_key(), call.merchant.id
        async with self._gateway.db.transaction() as tx:
            if key is None:
                return success(await act(tx))
            now = clock.now()
            if await idempotency.take(tx, merchant_id, route, key, self._digests(call), now):
                reply = success(await act(tx))
                sealed = self._gateway.sealer.seal(reply.body, _context(merchant_id, route, key))
                await idempotency.remember_sealed(tx, merchant_id, route, key, sealed)
                return reply
        reply_before = await self.answer_of(call, route)
        if reply_before is None:
            raise InProgress("the first call with this Idempotency-Key is still running")
        return reply_before

    async def answer_of(self, call: Call, route: str) -> Reply | None:
        """What the call's key was answered with; None if it is new, or there is none.

        Raises:
            KeyReused, ContractError: as `do`.
        """
        key, merchant_id = call.idempotency_key(), call.merchant.id
        if key is None:
            return None
        async with self._gateway.db.reading() as conn:
            use = await idempotency.find(conn, merchant_id, route, key)
        if use is None or use.answer_sealed is None:
            return None
        now = msgspec.json.decode(self._digests(call), type=dict[str, str])
        if differing := idempotency.differing(use.fields, now):
            raise KeyReused(differing)
        context = _context(merchant_id, route, key)
        return Reply(self._gateway.sealer.open(use.answer_sealed, context), headers=REPLAYED)

    def _digests(self, call: Call) -> str:
        fields = {name: comparable(value) for name, value in call.parameters.items()}
        return idempotency.digest_fields(self._gateway.fields_key, fields)


def _context(merchant_id: int, route: str, key: str) -> str:
    return f"answer:{merchant_id}:{route}:{key}"
