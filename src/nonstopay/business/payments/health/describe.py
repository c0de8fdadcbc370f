"""What merchants are told of a way to pay: in webhooks for those who ask for it, and in their feed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.payments.health.health import KIND
from nonstopay.business.payments.health.states import State
from nonstopay.store.db import Database

_DESCRIPTION = {
    State.HEALTHY: "Payments by {} succeed again.",
    State.DEGRADED: "Many payments by {} fail at the moment, through no fault of the payers.",
    State.DOWN: "Hardly any payment by {} succeeds at the moment.",
}


async def describe_method(
    db: Database, merchant_id: int, health_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The body, of the form of all others: status, id, description. All of it is in the facts."""
    state = State(facts["state"])
    return {
        "status": KIND[state],
        "id": health_id,
        "method": facts["method"],
        "description": _DESCRIPTION[state].format(facts["method"]),
        "datetime": clock.text(datetime.fromisoformat(facts["at"])),
    }
