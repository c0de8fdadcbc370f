"""`nonstopay proof` tells books that were touched from books that were not."""

import pytest

from tests.stories.payments.accounts import audit, must_hold, prove
from tests.stories.payments.till import Till

CHAIN = "every book is an unbroken chain of lines, numbered without gaps, up to its head"
BALANCES = "every account holds exactly what its lines say, and every line has its accounts"
CREDITED = "every captured payment is credited to its merchant, exactly, and no other is"
RETURNED = "money for payers is held while it is returning, and gone when it is returned"
ABOUT = "every line about a payment has its payment"
EARNED = "every paid invoice has exactly one captured payment, and no other has one"
TOLD = "every change of an invoice has exactly one event"
TALLY = "the tally that the history counts with is exact"

# What somebody with all privileges did, how to undo it, and the first check that must notice.
TAMPERINGS = [
    (
        "UPDATE transfer SET amount = amount + 1 WHERE merchant_id = $1 AND number = 1",
        "UPDATE transfer SET amount = amount - 1 WHERE merchant_id = $1 AND number = 1",
        CHAIN,
    ),
    (
        "UPDATE account SET credits = credits + 1 WHERE merchant_id = $1 AND name = 'merchant'",
        "UPDATE account SET credits = credits - 1 WHERE merchant_id = $1 AND name = 'merchant'",
        BALANCES,
    ),
    (
        "UPDATE payment SET amount_minor = 499 WHERE merchant_id = $1 AND amount_minor = 500",
        "UPDATE payment SET amount_minor = 500 WHERE merchant_id = $1 AND amount_minor = 499",
        CREDITED,
    ),
    (
        "UPDATE payment SET state = 'returned' WHERE merchant_id = $1 AND state = 'captured'",
        "UPDATE payment SET state = 'captured' WHERE merchant_id = $1 AND state = 'returned'",
        RETURNED,
    ),
    (
        "UPDATE payment SET id = id + 1000000 WHERE merchant_id = $1",
        "UPDATE payment SET id = id - 1000000 WHERE merchant_id = $1",
        ABOUT,
    ),
    (
        "UPDATE payment SET invoice_id = -invoice_id WHERE merchant_id = $1",
        "UPDATE payment SET invoice_id = -invoice_id WHERE merchant_id = $1",
        EARNED,
    ),
    (
        "UPDATE event SET object = 'nothing' WHERE merchant_id = $1 AND kind = 'invoice:opened'",
        "UPDATE event SET object = 'invoice' WHERE merchant_id = $1 AND kind = 'invoice:opened'",
        TOLD,
    ),
    (
        "UPDATE invoice SET state = 'withheld' WHERE merchant_id = $1",
        "UPDATE invoice SET state = 'awaiting_approval' WHERE merchant_id = $1",
        TALLY,
    ),
]


@pytest.fixture(scope="module")
def honest_till(till: Till) -> Till:
    """A merchant with one paid invoice and nothing else."""
    return Till(till.gateway, till.gateway.merchant(), till.shop)


async def test_after_all_these_stories_everything_holds(honest_till: Till) -> None:
    sale = honest_till.hosted()
    sale.pay()
    await sale.shows("paid")

    must_hold(honest_till.gateway)


@pytest.mark.parametrize(("tampering", "undo", "check"), TAMPERINGS)
async def test_what_was_tampered_with_is_found(
    honest_till: Till, tampering: str, undo: str, check: str
) -> None:
    gateway, merchant = honest_till.gateway, honest_till.merchant
    async with audit(gateway, role="postgres") as superuser:
        assert await superuser.conn.execute(tampering, merchant.id) == "UPDATE 1"
        status, proof = prove(gateway)
        await superuser.conn.execute(undo, merchant.id)

    broken = {each["name"]: each["failures"] for each in proof["checks"] if not each["holds"]}
    assert (status, proof["holds"]) == (1, False)
    assert f"merchant {merchant.id}" in str(broken[check])
