"""The letters that we write to merchants. Subjects are our own words: no name gets into a header."""

from datetime import datetime

from nonstopay import clock
from nonstopay.business.mail.write import write
from nonstopay.business.merchants import records as merchants
from nonstopay.errors import NotFound
from nonstopay.store.db import Connection

ENDPOINT_DISABLED = "Your webhooks are switched off"
WALLET_ACTIVATED = "Your wallet is confirmed"
WALLET_NAMED = "A wallet was named for your settlement"
WALLET_CHANGES = "Your wallet is about to change"


async def endpoint_disabled(
    tx: Connection, merchant_id: int, url: str, reason: str, at: datetime
) -> int:
    """Tell a merchant that nothing is sent to one of his URLs any more; the letter's id.

    Args:
        reason: why, as the end of a sentence: `it answered 410 Gone`.

    Raises:
        NotFound: no such merchant.
    """
    text = (
        "Hello {name},\n\n"
        "we no longer send webhooks to\n{url}\n\n"
        "The reason: {reason}.\n\n"
        "Nothing is lost: what happened since is kept, and can be sent again. Mend the endpoint, set "
        "your callback URL again, then ask for the missing events to be replayed."
    )
    return await _write(
        tx, merchant_id, ENDPOINT_DISABLED, text, at, url=url, reason=reason.rstrip(".")
    )


async def wallet_activated(tx: Connection, merchant_id: int, at: datetime) -> int:
    """Tell a merchant that his wallet was validated and he may create invoices; the letter's id.

    Raises:
        NotFound: no such merchant.
    """
    text = (
        "Hello {name},\n\n"
        "your wallet has been validated:\n{wallet}\n\n"
        "You can create invoices from now on; what they earn is settled to this address. If you did "
        "not ask for this, answer at once."
    )
    return await _write(tx, merchant_id, WALLET_ACTIVATED, text, at)


async def wallet_named(tx: Connection, merchant_id: int, address: str, at: datetime) -> int:
    """Tell a merchant that somebody named a wallet in his name; the letter's id.

    Raises:
        NotFound: no such merchant.
    """
    text = (
        "Hello {name},\n\n"
        "this wallet was named for your settlement:\n{address}\n\n"
        "It is used once it is proven to be yours; until then nothing is settled to it. If you did "
        "not ask for this, answer at once."
    )
    return await _write(tx, merchant_id, WALLET_NAMED, text, at, address=address)


async def wallet_changes(
    tx: Connection, merchant_id: int, address: str, starts_at: datetime, at: datetime
) -> int:
    """Tell a merchant from when on another wallet is used; the letter's id.

    Raises:
        NotFound: no such merchant.
    """
    text = (
        "Hello {name},\n\n"
        "from {starts_at} UTC on you are settled to this wallet:\n{address}\n\n"
        "Until then the old one is used:\n{wallet}\n\n"
        "If you did not ask for this, answer at once: until then it can be cancelled."
    )
    return await _write(
        tx,
        merchant_id,
        WALLET_CHANGES,
        text,
        at,
        address=address,
        starts_at=clock.text(starts_at),
    )


async def _write(
    tx: Connection, merchant_id: int, subject: str, text: str, at: datetime, **facts: str
) -> int:
    merchant = await merchants.by_id(tx, merchant_id)
    if merchant is None:
        raise NotFound(f"there is no merchant {merchant_id}")
    wallet = merchant.wallet.address or "(no address was given yet)"
    filled = text.format(name=merchant.name, wallet=wallet, **facts)
    return await write(tx, merchant_id, merchant.email, subject, filled, at)
