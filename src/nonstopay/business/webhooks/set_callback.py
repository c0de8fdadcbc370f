"""Set, change or remove a merchant's callback URL."""

from datetime import datetime

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.endpoint import REPLACED
from nonstopay.connectors.public_http import check_url
from nonstopay.store.db import Connection


async def set_callback(
    tx: Connection,
    merchant_id: int,
    url: str | None,
    now: datetime,
    *,
    allow_loopback: bool = False,
) -> None:
    """Let a merchant's webhooks go to `url` from now on instead of the URL before; to none if None.

    Endpoints that were added beside it stay as they are. What is pending for another callback URL
    is given up there. Setting the URL of an endpoint that was switched off makes a new endpoint
    with a clean slate.

    Args:
        allow_loopback: the sandbox alone.

    Raises:
        InvalidInput: `callback_url` is not a public http(s) URL.
    """
    if url is not None:
        check_url(url, allow_loopback=allow_loopback, parameter="callback_url")
    known = [
        one for one in await records.endpoints(tx, merchant_id) if one.enabled and one.is_callback
    ]
    others = [(one.merchant_id, one.id) for one in known if one.url != url]
    if others:
        await records.disable_endpoints(tx, others, REPLACED, now)
    if url is not None and len(others) == len(known):
        await records.insert_endpoint(tx, merchant_id, url, now)
