"""By what an address is counted: who has a network of his own is one payer, however he is written."""

import pytest

from nonstopay.business.risk.address import counted_as


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("unix", "unix"),
        ("", ""),
        (None, None),
    ],
)
def test_one_payer_is_counted_as_one(address: str | None, counted: str | None) -> None:
    assert counted_as(address) == counted
