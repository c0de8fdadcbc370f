"""Fees by method and by last month's volume."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from nonstopay import clock
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import FeePlan, FeeTier, Merchant
from nonstopay.business.settlement.agree import agree, agree_fees
from nonstopay.business.settlement.terms import Terms
from nonstopay.business.settlement.volume import count_all
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.money import fiat
from tests.unit.payments.counter import move_to
from tests.unit.settlement.treasury import USD, Treasury


def tier(above: int, percent: str, method: str = "CARD") -> FeeTier:
    return FeeTier(method, Decimal(above), FeePlan(Decimal(percent), Decimal(0)))


async def agree_on(treasury: Treasury, method: str, *tiers: FeeTier) -> None:
    async with treasury.db.transaction() as tx:
        await agree_fees(tx, treasury.merchant_id, method, tiers, clock.now())
    treasury.counter.merchant = await known(treasury)


async def known(treasury: Treasury) -> Merchant:
    async with treasury.db.reading() as conn:
        merchant = await merchants.by_id(conn, treasury.merchant_id)
    assert merchant is not None
    return merchant


async def test_a_methods_own_fees_go_before_those_for_all(treasury: Treasury) -> None:
    await treasury.charge("5")
    await agree_on(treasury, "CARD", tier(0, "3"))
    merchant = await known(treasury)
    assert merchant.plan("CARD", USD).percent == 3
    assert merchant.plan("UPI", USD).percent == 5

    await agree_on(treasury, "*", tier(0, "4", "*"))
    merchant = await known(treasury)
    assert merchant.plan("CARD", USD).percent == 3
    assert merchant.plan("UPI", USD).percent == 4

    await agree_on(treasury, "CARD")
    assert (await known(treasury)).plan("CARD", USD).percent == 4


async def test_what_is_captured_pays_the_fees_of_its_method(treasury: Treasury) -> None:
    await agree_on(treasury, "CARD", tier(0, "3"))
    await treasury.earn(1000)

    assert await treasury.holds("platform:fees") == "0.30"
    await treasury.must_hold()


async def test_last_months_volume_decides_the_tier_of_its_currency(treasury: Treasury) -> None:
    await agree_on(treasury, "CARD", tier(0, "3"), tier(20, "2"), tier(100, "1"))
    move_to(next_month(clock.now()))
    await treasury.earn(1500)
    await treasury.earn(1000)
    await count_all(treasury.db, clock.now())
    assert (await known(treasury)).plan("CARD", USD).percent == 3

    move_to(next_month(clock.now()))
    await count_all(treasury.db, clock.now())
    merchant = await known(treasury)
    assert merchant.volumes == {"USD": Decimal(25)}
    assert merchant.plan("CARD", USD).percent == 2
    assert merchant.plan("CARD", fiat("EUR")).percent == 3

    move_to(next_month(clock.now()))
    await count_all(treasury.db, clock.now())
    assert (await known(treasury)).plan("CARD", USD).percent == 3


def next_month(at: datetime) -> datetime:
    year, month = divmod(at.year * 12 + at.month, 12)
    return datetime(year, month + 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "tiers",
    [
        (tier(10, "3"),),
        (tier(0, "3"), tier(0, "2")),
        (tier(0, "101"),),
        (tier(0, "-1"),),
        (tier(0, "NaN"),),
    ],
)
async def test_fees_that_cannot_be_are_refused(
    treasury: Treasury, tiers: tuple[FeeTier, ...]
) -> None:
    with pytest.raises(InvalidInput):
        await agree_on(treasury, "CARD", *tiers)


@pytest.mark.parametrize(
    "terms",
    [
        Terms(reserve_percent=Decimal(100)),
        Terms(reserve_percent=Decimal("NaN")),
        Terms(reserve_days=-1),
        Terms(fx_percent=Decimal(-1)),
        Terms(threshold=Decimal("inf")),
        Terms(partner_percent=Decimal(10)),
        Terms(partner="7/8", partner_percent=Decimal(10)),
        Terms(partner="7", partner_percent=Decimal(101)),
    ],
)
async def test_terms_that_cannot_be_are_refused(treasury: Treasury, terms: Terms) -> None:
    async with treasury.db.transaction() as tx:
        with pytest.raises(InvalidInput):
            await agree(tx, treasury.merchant_id, terms)
        with pytest.raises(NotFound):
            await agree(tx, 99, Terms())
