"""Change, remove or switch on an endpoint, or send it a test."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.add import check_description, check_kinds, check_room
from nonstopay.business.webhooks.endpoint import ENDPOINT, REMOVED, TEST, Endpoint, require
from nonstopay.connectors.public_http import check_url
from nonstopay.errors import Conflict
from nonstopay.store import outbox
from nonstopay.store.db import Connection


async def change(
    tx: Connection,
    merchant_id: int,
    endpoint_id: int,
    *,
    known: Collection[str],
    url: str | None = None,
    kinds: Sequence[str] | None = None,
    description: str | None = None,
    on: bool = False,
    allow_loopback: bool = False,
) -> Endpoint:
    """Change what is given; the rest stays. What is pending goes to the new URL.

    Args:
        known: all kinds of events that there are.
        on: send there again, with a clean slate. What was given up stays so until it is replayed.

    Returns:
        The endpoint as it is now.

    Raises:
        InvalidInput: as `add`.
        NotFound: the merchant has no such endpoint.
        Conflict: there is no room to switch it on.
    """
    others = await records.lock_endpoints(tx, merchant_id) if on else []
    before = require(await records.lock_endpoint(tx, merchant_id, endpoint_id))
    after = replace(before, version=before.version + 1)
    if url is not None:
        after = replace(after, url=check_url(url, allow_loopback=allow_loopback))
    if kinds is not None:
        after = replace(after, kinds=check_kinds(kinds, known))
    if description is not None:
        after = replace(after, description=check_description(description))
    if on:
        if not before.enabled:
            check_room([one for one in others if one.id != endpoint_id])
        after = replace(after, failing_since=None, disabled_at=None, disabled_reason=None)
    await records.update_endpoint(tx, after)
    return after


async def remove(tx: Connection, merchant_id: int, endpoint_id: int, now: datetime) -> None:
    """Send nothing there any more; what is pending is given up. Its history stays.

    Raises:
        NotFound: the merchant has no such endpoint.
    """
    require(await records.lock_endpoint(tx, merchant_id, endpoint_id))
    await records.disable_endpoints(tx, [(merchant_id, endpoint_id)], REMOVED, now)


async def send_test(tx: Connection, merchant_id: int, endpoint_id: int, now: datetime) -> int:
    """Send `webhook:test` there by the way that all webhooks go; the event's id.

    Raises:
        NotFound: the merchant has no such endpoint.
        Conflict: it is switched off.
    """
    endpoint = require(await records.lock_endpoint(tx, merchant_id, endpoint_id))
    if not endpoint.enabled:
        raise Conflict("the endpoint is switched off; switch it on first")
    version = endpoint.version + 1
    await records.update_endpoint(tx, replace(endpoint, version=version))
    facts = {"url": endpoint.url, "at": now.isoformat()}
    return await outbox.record(tx, merchant_id, TEST, ENDPOINT, endpoint_id, version, facts, now)
