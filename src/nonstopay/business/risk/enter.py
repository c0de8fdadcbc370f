"""Put a card, an address, an e-mail … on a list, and take it off again."""

from datetime import datetime

from nonstopay.business.risk import records
from nonstopay.business.risk.entry import EVERYBODY, About, Entry, List, in_form
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Connection


async def enter(
    tx: Connection,
    merchant_id: int,
    one: List,
    about: About,
    text: str,
    *,
    note: str,
    at: datetime,
) -> Entry:
    """Put a value on a list; it holds from the next attempt on. Twice is once, with the last note.

    Args:
        merchant_id: whose payers are meant; `EVERYBODY` is all merchants'.
        text: as people write it; it is kept `in_form`.
        note: why, for those who wonder later.

    Raises:
        InvalidInput: no such value; a card, which has a fingerprint at each merchant, for everybody.
    """
    if about is About.CARD and merchant_id == EVERYBODY:
        raise InvalidInput("merchant", "a card is known by its merchant: say which")
    entry = Entry(
        merchant_id=merchant_id,
        list=one,
        about=about,
        value=in_form(about, text),
        note=note,
        entered_at=at,
    )
    await records.enter(tx, entry)
    return entry


async def strike(tx: Connection, merchant_id: int, one: List, about: About, text: str) -> None:
    """Take a value off a list.

    Raises:
        NotFound: it is not on it.
    """
    value = in_form(about, text)
    if not await records.strike(tx, merchant_id, one, about, value):
        raise NotFound(f"{about} {value} is not on this {one} list")
