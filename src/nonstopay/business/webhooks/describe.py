"""What a webhook says that is about an endpoint itself: a test, or that it was switched off."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.webhooks.endpoint import DISABLED, TEST
from nonstopay.store.db import Database


async def describe_endpoint(
    db: Database, merchant_id: int, endpoint_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The body, of the form of all others: status, id, description.

    Args:
        facts: those that the event kept; with a `reason` if the endpoint was switched off.
    """
    reason = facts.get("reason")
    return {
        "status": DISABLED if reason else TEST,
        "id": endpoint_id,
        "url": facts["url"],
        "description": reason or "A test. Nothing happened to any payment.",
        "datetime": clock.text(datetime.fromisoformat(facts["at"])),
    }
