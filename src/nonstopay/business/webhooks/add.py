"""Add an endpoint beside the callback URL."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.connectors.public_http import check_url
from nonstopay.errors import Conflict, InvalidInput
from nonstopay.store.db import Connection
from nonstopay.store.seal import Sealer

ENDPOINTS_MAX = 16
KINDS_MAX = 50
DESCRIPTION_MAX = 200
_KIND = re.compile(r"[a-z][a-z_]*:(?:\*|[a-z][a-z_-]*)", re.ASCII)


async def add(
    tx: Connection,
    sealer: Sealer,
    merchant_id: int,
    url: str,
    now: datetime,
    *,
    kinds: Sequence[str] = (),
    description: str = "",
    allow_loopback: bool = False,
) -> tuple[int, str]:
    """Let events go to `url` too, from now on, signed with a secret of its own.

    Args:
        kinds: the events it gets, e.g. `invoice:paid` or `invoice:*`; none means all operations.
        allow_loopback: the sandbox alone.

    Returns:
        The endpoint's id, and its secret `whsec_…`, which is shown once.

    Raises:
        InvalidInput: `url` is not a public http(s) URL, or a kind is not of that form.
        Conflict: the merchant has sixteen endpoints.
    """
    check_url(url, allow_loopback=allow_loopback)
    known = [one for one in await records.endpoints(tx, merchant_id) if one.enabled]
    if len(known) >= ENDPOINTS_MAX:
        raise Conflict(f"a merchant has at most {ENDPOINTS_MAX} endpoints; remove one first")
    endpoint_id = await records.insert_endpoint(
        tx,
        merchant_id,
        url,
        now,
        is_callback=False,
        description=check_description(description),
        kinds=check_kinds(kinds),
    )
    return endpoint_id, await rotate(
        tx, sealer, merchant_id, now, overlap=timedelta(0), endpoint_id=endpoint_id
    )


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """The filter, each kind once, sorted. Raises `InvalidInput`."""
    wrong = [kind for kind in kinds if not _KIND.fullmatch(kind)]
    if wrong or len(kinds) > KINDS_MAX:
        raise InvalidInput("events", "events are written like invoice:paid or invoice:*")
    return tuple(sorted(set(kinds)))


def check_description(text: str) -> str:
    if len(text) > DESCRIPTION_MAX or not text.isprintable():
        raise InvalidInput("description", f"a description has {DESCRIPTION_MAX} letters at most")
    return text
