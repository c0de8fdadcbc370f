"""The chart: every account that a book can have, and none besides."""

import pytest

from nonstopay.errors import LawBroken
from nonstopay.ledger.chart import CHART, Side, find


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("merchant", "merchant"),
        ("exchange", "exchange"),
        ("payer", "payer"),
        ("platform:fees", "platform:fees"),
        ("provider:upi", "provider:<connector>"),
        ("provider:stripe_card", "provider:<connector>"),
    ],
)
def test_an_account_belongs_to_its_row(name: str, row: str) -> None:
    assert find(name).name == row


@pytest.mark.parametrize(
    "name", ["", "provider:", "provider", "merchants", "merchant:", "Merchant", "platform", "bank"]
)
def test_no_other_account_exists(name: str) -> None:
    with pytest.raises(LawBroken):
        find(name)


def test_what_we_owe_is_guarded_and_nothing_else() -> None:
    assert {account.name for account in CHART if account.guarded} == {
        account.name for account in CHART if account.side is Side.LIABILITY
    }


def test_balances_are_positive_on_the_side_on_which_the_account_grows() -> None:
    assert {side: side.balance(debits=30, credits=100) for side in Side} == {
        Side.ASSET: -70,
        Side.LIABILITY: 70,
        Side.INCOME: 70,
        Side.EXPENSE: -70,
        Side.POSITION: 70,
    }
