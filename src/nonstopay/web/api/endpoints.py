"""A merchant's webhook endpoints: made, changed, tried out, and what failed sent again. All of it ours.

What the operator does with `nonstopay webhook`, the merchant does here for himself. Whatever is named in a
call is looked for among the caller's own, so another merchant's is not there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nonstopay import clock
from nonstopay.business.assembly import EVENT_KINDS, Gateway
from nonstopay.business.webhooks import records, sign
from nonstopay.business.webhooks.add import add
from nonstopay.business.webhooks.change import change, remove, send_test
from nonstopay.business.webhooks.delivery import Attempt, Delivery, Wanted
from nonstopay.business.webhooks.endpoint import Endpoint, require
from nonstopay.business.webhooks.explain import explain
from nonstopay.business.webhooks.public_keys import public_keys
from nonstopay.business.webhooks.replay import replay_all
from nonstopay.business.webhooks.rotate import OVERLAP, OVERLAP_MAX, rotate, rotate_key, want_key
from nonstopay.business.webhooks.upkeep.standing import standing
from nonstopay.errors import NotFound
from nonstopay.store.db import Connection
from nonstopay.web.api import endpoint_parameters as read
from nonstopay.web.api.call import Call, Reply, success
from nonstopay.web.api.once import Once

PAGE = 50
_HOUR = timedelta(hours=1)
_ROUTE = "webhook-endpoint"


class EndpointCalls:
    """The calls, over the parts they need."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._once = Once(gateway)
        self._loopback = not gateway.settings.live

    async def list(self, call: Call) -> Reply:
        """`GET /api/webhook-endpoints/get/`: those that are on, and those that we switched off."""
        async with self._gateway.db.reading() as conn:
            found = await records.endpoints(conn, call.merchant.id)
        return success({"endpoints": [await self._described(one) for one in found if one.listed]})

    async def create(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/create/`: `url`, `events`, `description`, `ed25519`"""
        await call.read_parameters()
        url = read.required_text(call.parameters, "url")
        kinds = read.events(call.parameters)
        description = read.text(call.parameters, "description")
        with_key = read.flag(call.parameters, "ed25519")

        async def act(tx: Connection) -> Mapping[str, Any]:
            sealer, merchant_id, now = self._gateway.sealer, call.merchant.id, clock.now()
            endpoint_id, secret = await add(
                tx,
                sealer,
                merchant_id,
                url,
                now,
                known=EVENT_KINDS,
                kinds=kinds or (),
                description=description or "",
                allow_loopback=self._loopback,
            )
            answer = {"id": endpoint_id, "webhook_secret": secret}
            if with_key:
                answer["public_key"] = await rotate_key(tx, sealer, (merchant_id, endpoint_id), now)
            return answer

        return await self._once.do(call, f"{_ROUTE}-create", act)

    async def change(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/change/`: `id`; `url`, `events`, `description`, `ed25519`, `on`"""
        await call.read_parameters()
        endpoint_id = read.endpoint_id(call.parameters)
        url, description = (read.text(call.parameters, name) for name in ("url", "description"))
        kinds = read.events(call.parameters)
        with_key = read.flag(call.parameters, "ed25519")
        on = read.flag(call.parameters, "on")

        async def act(tx: Connection) -> Mapping[str, Any]:
            after = await change(
                tx,
                call.merchant.id,
                endpoint_id,
                known=EVENT_KINDS,
                url=url,
                kinds=kinds,
                description=description,
                on=bool(on),
                allow_loopback=self._loopback,
            )
            if with_key is not None:
                endpoint = (call.merchant.id, endpoint_id)
                await want_key(tx, self._gateway.sealer, endpoint, with_key, clock.now())
            return {"id": endpoint_id, "version": after.version}

        return await self._once.do(call, f"{_ROUTE}-change", act)

    async def remove(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/remove/`: `id`"""
        await call.read_parameters()
        endpoint_id = read.endpoint_id(call.parameters)

        async def act(tx: Connection) -> Mapping[str, Any]:
            await remove(tx, call.merchant.id, endpoint_id, clock.now())
            return {"id": endpoint_id}

        return await self._once.do(call, f"{_ROUTE}-remove", act)

    async def rotate(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/rotate-secret/`: `id`; `overlap_hours`, `ed25519`"""
        await call.read_parameters()
        endpoint_id = read.endpoint_id(call.parameters)
        hours = read.number(
            call.parameters, "overlap_hours", OVERLAP // _HOUR, range(OVERLAP_MAX // _HOUR + 1)
        )
        of_key = read.flag(call.parameters, "ed25519")

        async def act(tx: Connection) -> Mapping[str, Any]:
            sealer, now, overlap = self._gateway.sealer, clock.now(), timedelta(hours=hours)
            merchant_id = call.merchant.id
            require(await records.lock_endpoint(tx, merchant_id, endpoint_id))
            if of_key:
                key = await rotate_key(tx, sealer, (merchant_id, endpoint_id), now, overlap)
                return {"id": endpoint_id, "public_key": key}
            secret = await rotate(tx, sealer, merchant_id, now, overlap, endpoint_id=endpoint_id)
            return {"id": endpoint_id, "webhook_secret": secret}

        return await self._once.do(call, f"{_ROUTE}-rotate-secret", act)

    async def test(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/test/`: `id`"""
        await call.read_parameters()
        endpoint_id = read.endpoint_id(call.parameters)

        async def act(tx: Connection) -> Mapping[str, Any]:
            event_id = await send_test(tx, call.merchant.id, endpoint_id, clock.now())
            return {"id": endpoint_id, "event": sign.webhook_id(event_id)}

        return await self._once.do(call, f"{_ROUTE}-test", act)

    async def replay(self, call: Call) -> Reply:
        """`POST /api/webhook-endpoints/replay/`: `event`, or `from` and `to`, or `failed_since`; `id`

        It goes by batches, so a call that was cut off may have done its work: then a repeat sends
        again what was received meanwhile, under the same `webhook-id`.
        """
        await call.read_parameters()
        wanted = read.wanted(call.parameters)
        if before := await self._once.answer_of(call, f"{_ROUTE}-replay"):
            return before
        await self._require_own(call, wanted)
        count = await replay_all(self._gateway.db, call.merchant.id, wanted, clock.now())

        async def act(tx: Connection) -> Mapping[str, Any]:
            return {"deliveries": count}

        return await self._once.do(call, f"{_ROUTE}-replay", act)

    async def dead(self, call: Call) -> Reply:
        """`GET /api/webhook-endpoints/dead/?before=evt_…`: what was given up, the newest first."""
        await call.read_parameters()
        before = read.event_id(call.parameters, "before")
        merchant_id, told = call.merchant.id, []
        async with self._gateway.db.reading() as conn:
            for one in await records.dead_deliveries(conn, merchant_id, before, PAGE):
                made = await records.attempts(conn, merchant_id, one.endpoint_id, one.event_id)
                told.append(_dead(one, made))
        return success({"list": told})

    async def attempts(self, call: Call) -> Reply:
        """`GET /api/webhook-endpoints/attempts/?id=3&event=evt_912`: what came of a delivery."""
        await call.read_parameters()
        endpoint_id = read.endpoint_id(call.parameters)
        event_id = read.required_event(call.parameters)
        async with self._gateway.db.reading() as conn:
            key = (call.merchant.id, endpoint_id, event_id)
            delivery = await records.delivery(conn, *key)
            if delivery is None:
                raise NotFound("there is no such delivery")
            made = await records.attempts(conn, *key)
        return success({"state": delivery.state, "attempts": [_attempt(one) for one in made]})

    async def _require_own(self, call: Call, wanted: Wanted) -> None:
        if wanted.endpoint_id is not None:
            key = (call.merchant.id, wanted.endpoint_id)
            async with self._gateway.db.reading() as conn:
                require((await records.endpoints_by_key(conn, [key])).get(key))

    async def _described(self, one: Endpoint) -> dict[str, Any]:
        key, now = (one.merchant_id, one.id), clock.now()
        keys = await public_keys(self._gateway.db, self._gateway.sealer, *key, now)
        async with self._gateway.db.reading() as conn:
            stands = await standing(conn, key)
        return {
            "id": one.id,
            "url": one.url,
            "callback": one.is_callback,
            "description": one.description,
            "events": list(one.kinds),
            "format": one.format,
            "version": one.version,
            "public_keys": [key.text for key in keys],
            "failing_since": _time(one.failing_since),
            "disabled": one.disabled_reason,
            "pending": stands.pending,
            "due_since": _time(stands.due_since),
            "attempts": stands.attempts,
            "received": stands.received,
        }


def _dead(one: Delivery, made: list[Attempt]) -> dict[str, Any]:
    return {
        "event": sign.webhook_id(one.event_id),
        "kind": one.kind,
        "object": one.object,
        "object_id": one.object_id,
        "endpoint": one.endpoint_id,
        "attempts": one.attempts,
        "given_up": _time(one.finished_at),
        "why": explain(made[-1]) if made else "It was never tried.",
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "number": one.number,
        "datetime": clock.text(one.at),
        "duration_ms": one.duration_ms,
        "status": one.status,
        "problem": one.problem,
        "explanation": explain(one),
        "response": one.response,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else clock.text(at.astimezone(UTC))
