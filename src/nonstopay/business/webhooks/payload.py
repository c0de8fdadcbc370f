"""The body of a webhook: what happened, told by the capability to whose object it happened."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from nonstopay.errors import LawBroken
from nonstopay.store.db import Database
from nonstopay.store.outbox import Event

Describe = Callable[[Database, Sequence[Event]], Awaitable[Sequence[dict[str, Any]]]]
"""`(database, events about objects of its kind)` → for each, in that order, the members of the body.

Many at once: a busy worker that asks for each invoice by itself spends half its time on that.
"""
DescribeOne = Callable[[Database, int, int, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""`(database, merchant id, object id, the event's facts)` → the members of the body, in order."""

_json = msgspec.json.Encoder(decimal_format="number")


def one_by_one(describe: DescribeOne) -> Describe:
    """For objects whose events are rare."""

    async def describe_all(db: Database, events: Sequence[Event]) -> list[dict[str, Any]]:
        return [
            await describe(db, event.merchant_id, event.object_id, event.facts) for event in events
        ]

    return describe_all


async def build(
    db: Database, describers: Mapping[str, Describe], events: Sequence[Event]
) -> list[bytes]:
    """The bodies for events, as JSON, in their order.

    Args:
        describers: for each kind of object, e.g. `invoice`, who describes it.

    Raises:
        LawBroken: nobody describes such an object.
        NonstopayError: as the describers; one event that cannot be described fails all.
    """
    bodies: dict[int, bytes] = {}
    for kind in dict.fromkeys(event.object for event in events):
        describe = describers.get(kind)
        if describe is None:
            raise LawBroken(f"nobody describes a {kind} for webhooks")
        alike = [event for event in events if event.object == kind]
        for event, members in zip(alike, await describe(db, alike), strict=True):
            bodies[event.id] = _json.encode(members)
    return [bodies[event.id] for event in events]


async def build_each(
    db: Database, describers: Mapping[str, Describe], events: Sequence[Event]
) -> dict[int, bytes | Exception]:
    """As `build`, by the events' ids; where one has no body its error stands, and stops no other."""
    once = list({event.id: event for event in events}.values())
    try:
        bodies: Sequence[bytes | Exception] = await build(db, describers, once)
    except Exception:  # one of them is to blame: ask for each by itself
        bodies = await asyncio.gather(*(_build_or_fail(db, describers, one) for one in once))
    return {event.id: body for event, body in zip(once, bodies, strict=True)}


async def _build_or_fail(
    db: Database, describers: Mapping[str, Describe], event: Event
) -> bytes | Exception:
    try:
        return (await build(db, describers, [event]))[0]
    except Exception as error:
        return error
