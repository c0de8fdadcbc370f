"""Add an endpoint beside the callback URL."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.endpoint import Endpoint
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.connectors.public_http import check_url
from nonstopay.errors import Conflict, InvalidInput
from nonstopay.store.db import Connection
from nonstopay.store.seal import Sealer

ENDPOINTS_MAX = 16
EVER_MAX = 1000
"""With those that were removed, whose history stays."""
KINDS_MAX = 50
DESCRIPTION_MAX = 200


async def add(
    tx: Connection,
    sealer: Sealer,
    merchant_id: int,
    url: str,
    now: datetime,
    *,
    known: Collection[str],
    kinds: Sequence[str] = (),
    description: str = "",
    allow_loopback: bool = False,
) -> tuple[int, str]:
    """Let events go to `url` too, from now on, signed with a secret of its own.

    Args:
        known: all kinds of events that there are.
        kinds: those that it gets, e.g. `invoice:paid` or `invoice:*`; none means all operations.
        allow_loopback: the sandbox alone.

    Returns:
        The endpoint's id, and its secret `whsec_…`, which is shown once.

    Raises:
        InvalidInput: `url` is not a public http(s) URL, or a kind is not known.
        Conflict: the merchant has sixteen endpoints, or has had a thousand.
    """
    check_url(url, allow_loopback=allow_loopback)
    check_room(await records.lock_endpoints(tx, merchant_id))
    endpoint_id = await records.insert_endpoint(
        tx,
        merchant_id,
        url,
        now,
        is_callback=False,
        description=check_description(description),
        kinds=check_kinds(kinds, known),
    )
    return endpoint_id, await rotate(
        tx, sealer, merchant_id, now, overlap=timedelta(0), endpoint_id=endpoint_id
    )


def check_room(others: Sequence[Endpoint]) -> None:
    """Raises `Conflict` if there is no room for one more that is on."""
    if sum(one.enabled for one in others) >= ENDPOINTS_MAX:
        raise Conflict(f"a merchant has at most {ENDPOINTS_MAX} endpoints; remove one first")
    if len(others) >= EVER_MAX:
        raise Conflict(f"a merchant makes at most {EVER_MAX} endpoints; change one instead")


def check_kinds(kinds: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """The filter, each kind once, sorted.

    Raises:
        InvalidInput: a kind that is not known, which would never match; names those that are.
    """
    if len(kinds) > KINDS_MAX:
        raise InvalidInput("events", f"invalid events: {KINDS_MAX} at most")
    choices = set(known) | {f"{kind.partition(':')[0]}:*" for kind in known}
    for kind in kinds:
        if kind not in choices:
            listed = ", ".join(sorted(choices))
            raise InvalidInput(
                "events", f"invalid events: {kind[:40]!r} is not known; there are {listed}"
            )
    return tuple(sorted(set(kinds)))


def check_description(text: str) -> str:
    if len(text) > DESCRIPTION_MAX or not text.isprintable():
        raise InvalidInput("description", f"a description has {DESCRIPTION_MAX} letters at most")
    return text
