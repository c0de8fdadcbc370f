"""Agreeing with a merchant on his terms and on his fees."""

from collections.abc import Sequence
from datetime import datetime

from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import ANY_METHOD, METHODS, FeeTier
from nonstopay.business.settlement import records
from nonstopay.business.settlement.terms import Terms
from nonstopay.business.settlement.volume import count
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Connection


async def agree(tx: Connection, merchant_id: int, terms: Terms) -> None:
    """Write down a merchant's terms; batches that are closed keep theirs.

    Raises:
        NotFound: no such merchant.
        InvalidInput: terms that cannot be kept.
    """
    terms.check()
    await _require(tx, merchant_id)
    await records.save_terms(tx, merchant_id, terms)


async def agree_fees(
    tx: Connection, merchant_id: int, method: str, tiers: Sequence[FeeTier], at: datetime
) -> None:
    """Give a method these tiers of fees, and no others; none at all is what holds for all methods.

    Raises:
        NotFound: no such merchant.
        InvalidInput: no such method, no tier from zero on, a fee or a volume that cannot be.
    """
    if method not in (*METHODS, ANY_METHOD):
        raise InvalidInput("method", f"there are {', '.join(METHODS)} and {ANY_METHOD}")
    _check(tiers)
    await _require(tx, merchant_id)
    await merchants.replace_tiers(tx, merchant_id, method, tiers)
    await count(tx, merchant_id, at)


def _check(tiers: Sequence[FeeTier]) -> None:
    if tiers and min(tier.above for tier in tiers) != 0:
        raise InvalidInput("tier", "one tier holds from a volume of 0 on")
    if len({tier.above for tier in tiers}) != len(tiers):
        raise InvalidInput("tier", "two tiers begin at the same volume")
    for tier in tiers:
        numbers = (tier.above, tier.plan.percent, tier.plan.fixed, tier.plan.minimum)
        if not all(number.is_finite() and number >= 0 for number in numbers):
            raise InvalidInput("tier", "fees and volumes are not negative")
        if tier.plan.percent > 100:
            raise InvalidInput("tier", "a fee is 0 to 100 percent")


async def _require(tx: Connection, merchant_id: int) -> None:
    if await merchants.by_id(tx, merchant_id) is None:
        raise NotFound(f"there is no merchant {merchant_id}")
