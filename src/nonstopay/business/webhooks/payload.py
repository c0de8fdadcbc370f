"""The body of a webhook: what happened, told by the capability to whose object it happened."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from nonstopay.errors import LawBroken
from nonstopay.store.db import Database
from nonstopay.store.outbox import Event

Describe = Callable[[Database, int, int, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""`(database, merchant id, object id, the event's facts)` → the members of the body, in order."""

_json = msgspec.json.Encoder(decimal_format="number")


async def build(db: Database, describers: Mapping[str, Describe], event: Event) -> bytes:
    """The body for an event, as JSON.

    Args:
        describers: for each kind of object, e.g. `invoice`, who describes it.

    Raises:
        LawBroken: nobody describes such an object.
    """
    describe = describers.get(event.object)
    if describe is None:
        raise LawBroken(f"nobody describes a {event.object} for webhooks")
    return _json.encode(await describe(db, event.merchant_id, event.object_id, event.facts))
