"""Creating a merchant and changing what was given of him."""

from decimal import Decimal
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.business.merchants import change
from nonstopay.business.merchants.change import Changes
from nonstopay.business.merchants.merchant import Bounds
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.money import fiat
from nonstopay.store.db import Database
from tests.unit.merchants.merchants import apply, enrol, known

WALLET = "0x" + "aB" * 20


async def test_a_new_merchant_may_call_from_nowhere_and_sell_nothing(database: Database) -> None:
    merchant = await known(database, await enrol(database))
    assert (merchant.email, merchant.name) == ("shop@example.com", "A shop")
    assert not merchant.wallet.active
    assert not merchant.allows_address("127.0.0.1")
    assert merchant.methods == {"CARD", "UPI", "CRYPTO"}


async def test_what_is_not_given_stays_and_a_list_replaces_the_list(database: Database) -> None:
    merchant_id = await enrol(
        database, Changes(networks=["10.0.0.1", "10.0.0.1/32"], wallet=WALLET, active=True)
    )
    merchant = await apply(database, merchant_id, Changes(networks=["2001:db8::/32"]))
    assert merchant.wallet.address == WALLET
    assert merchant.wallet.active
    assert merchant.allows_address("2001:db8::1")
    assert not merchant.allows_address("10.0.0.1")
    merchant = await apply(database, merchant_id, Changes(methods=["UPI"], networks=[]))
    assert merchant.methods == {"UPI"}
    assert merchant.networks == ()


async def test_one_limit_leaves_the_other_and_currencies_have_their_own(database: Database) -> None:
    merchant_id = await enrol(database, Changes(minimum=Decimal(5)))
    await apply(database, merchant_id, Changes(maximum=Decimal("99.99")))
    merchant = await apply(database, merchant_id, Changes(minimum=Decimal(1), limit_currency="EUR"))
    assert merchant.bounds(fiat("USD")) == Bounds(500, 9999)
    assert merchant.bounds(fiat("EUR")) == Bounds(100, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": ["UPI", "CASH"]},
        {"networks": ["10.0.0.0/8", "everywhere"]},
        {"wallet": "0x123"},
        {"wallet": WALLET + "\n"},
        {"fee_percent": Decimal("100.01")},
        {"fee_percent": Decimal("-1")},
        {"fee_percent": Decimal("NaN")},
        {"fee_fixed": Decimal("-0.01")},
        {"fee_fixed": Decimal("Infinity")},
        {"minimum": Decimal("sNaN")},
        {"maximum": Decimal("-1")},
        {"late_success": "keep"},
    ],
    ids=lambda wrong: ", ".join(f"{name}={value!r}" for name, value in wrong.items()),
)
async def test_a_wrong_value_changes_nothing(database: Database, wrong: dict[str, Any]) -> None:
    merchant_id = await enrol(database, Changes(networks=["10.0.0.1"]))
    before = await known(database, merchant_id)
    with pytest.raises(InvalidInput):
        await apply(database, merchant_id, Changes(**{"active": True, **wrong}))
    assert await known(database, merchant_id) == before


@pytest.mark.parametrize(
    ("email", "name"),
    [("", "A"), ("a@b", "A"), ("a b@c.de", "A"), ("a@b.co", ""), ("a@b.co", "  "),
     ("a@b.co", "A\nB"), ("a@b.co", "A" * 121)],
)  # fmt: skip
async def test_a_merchant_has_an_address_and_a_name(
    database: Database, email: str, name: str
) -> None:
    with pytest.raises(InvalidInput):
        async with database.transaction() as tx:
            await change.create(tx, email=email, name=name, changes=Changes(), at=clock.now())


async def test_a_merchant_who_is_not_there(database: Database) -> None:
    with pytest.raises(NotFound):
        await apply(database, 4711, Changes(active=True))
