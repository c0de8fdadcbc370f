"""What the operator sets: limits for all, for one merchant, and a file of where cards come from."""

from dataclasses import replace
from pathlib import Path

import pytest

from nonstopay.business.risk.issuers import read_issuers
from nonstopay.business.risk.limits import SANDBOX, Limits, policy_of
from nonstopay.config import RiskLimits, Settings, load
from nonstopay.errors import Misconfigured


def test_a_merchants_section_changes_what_it_names_and_leaves_the_rest() -> None:
    policy = policy_of(
        Settings(
            mode="live",
            risk={
                "all": RiskLimits(card_per_hour=5, country_mismatch="block"),
                "12": RiskLimits(email_per_hour=0),
            },
        )
    )

    assert policy.limits_of(3) == Limits(card_per_hour=5, country_mismatch="block")
    assert policy.limits_of(12) == Limits(
        card_per_hour=5, country_mismatch="block", email_per_hour=0
    )


def test_limits_come_from_the_environment_too() -> None:
    settings = load({}, {"NONSTOPAY_RISK__12__EMAIL_PER_HOUR": "7"})

    assert policy_of(settings).limits_of(12).email_per_hour == 7


def test_in_the_sandbox_nothing_is_counted_unless_it_is_set() -> None:
    policy = policy_of(Settings(risk={"3": RiskLimits(card_per_hour=5)}))

    assert policy.limits_of(12) == SANDBOX
    assert policy.limits_of(3) == replace(SANDBOX, card_per_hour=5)


@pytest.mark.parametrize("section", ["everybody", "-1", "", "١٢"])
def test_a_section_of_nobody_is_refused(section: str) -> None:
    with pytest.raises(Misconfigured):
        policy_of(Settings(risk={section: RiskLimits()}))


def test_the_longest_first_digits_say_the_country(tmp_path: Path) -> None:
    file = tmp_path / "bins.csv"
    file.write_text("# of the test cards\n4,FR\n424242,US  # the usual one\n\n4242,GB\n")
    issuers = read_issuers(str(file))

    assert issuers.country_of("424242") == "US"
    assert issuers.country_of("424299") == "GB"
    assert issuers.country_of("411111") == "FR"
    assert issuers.country_of("555555") is None


@pytest.mark.parametrize("line", ["4242424,US", "4242,USA", "4242;US", "4242,GB"])
def test_a_line_that_is_not_understood_refuses_the_file(tmp_path: Path, line: str) -> None:
    file = tmp_path / "bins.csv"
    file.write_text(f"4242,US\n{line}\n")

    with pytest.raises(Misconfigured, match="line 2"):
        read_issuers(str(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read_issuers(str(tmp_path / "bins.csv"))
