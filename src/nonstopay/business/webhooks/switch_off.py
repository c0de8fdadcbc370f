"""Switch an endpoint off that is gone or has failed for too long, and tell its merchant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from nonstopay.business.mail.letters import endpoint_disabled
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.delivery import EndpointKey, Result
from nonstopay.business.webhooks.endpoint import DISABLED, ENDPOINT
from nonstopay.business.webhooks.states import State
from nonstopay.errors import InvalidInput
from nonstopay.store import outbox
from nonstopay.store.db import Connection

PATIENCE = timedelta(days=5)
GONE = "the endpoint answered 410 Gone"
WORN_OUT = f"nothing was received there for {PATIENCE.days} days"

log = structlog.get_logger()


async def switch_off(
    tx: Connection, endpoints: Sequence[EndpointKey], reason: str, now: datetime
) -> None:
    """Send nothing there any more, give up what is pending, and tell the merchant: by a letter, and
    by the event `webhook:disabled` in his feed and at his other endpoints that want it.
    """
    for one in await records.disable_endpoints(tx, endpoints, reason, now):
        facts = {"url": one.url, "reason": reason, "at": now.isoformat()}
        await outbox.record(
            tx, one.merchant_id, DISABLED, ENDPOINT, one.id, one.version, facts, now
        )
        try:
            await endpoint_disabled(tx, one.merchant_id, one.url, reason, now)
        except InvalidInput as error:  # an address that takes no mail must not stop deliveries
            log.warning("webhook_letter_not_written", merchant_id=one.merchant_id, why=str(error))


async def judge_endpoints(tx: Connection, results: Sequence[Result], now: datetime) -> None:
    """Switch off what a batch of results shows to be gone or worn out.

    410 is the receiver's own wish and counts at once. Five days without a receipt count when a
    delivery is given up: whoever gets an event a week has had the whole retry plan for it, twice.
    """
    gone = [result.claimed.endpoint for result in results if result.gone]
    if gone:
        await switch_off(tx, gone, GONE, now)
    given_up = {result.claimed.endpoint for result in results if result.after is State.DEAD}
    if given_up:
        worn_out = await records.failing_before(tx, sorted(given_up), now - PATIENCE)
        if worn_out:
            await switch_off(tx, worn_out, WORN_OUT, now)
