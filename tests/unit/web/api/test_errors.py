"""What a caller is told of an error from inside the house: enough to act, nothing of the house."""

import pytest

from nonstopay import errors
from nonstopay.web.api.errors import ContractError, as_contract_error

PRIVATE = "cannot reach postgresql://nonstopay@db.internal:5432 via /run/postgresql"


@pytest.mark.parametrize(
    ("error", "status", "number"),
    [
        (errors.KeyReused(["amount"]), 422, 422),
        (errors.InProgress("the first call is still running"), 409, 409),
        (errors.Overloaded("too many requests are waiting"), 429, 429),
        (errors.DatabaseUnavailable(PRIVATE), 503, 503),
        (errors.CommitUnknown(PRIVATE), 503, 503),
        (errors.ProviderUnavailable(PRIVATE), 503, 503),
        (errors.InvalidInput("name"), 200, 50014),
        (errors.NotFound("invoice not found"), 200, 50016),
        (errors.Misconfigured(PRIVATE), 500, 500),
        (errors.LawBroken(PRIVATE), 500, 500),
        (errors.NonstopayError(PRIVATE), 500, 500),
    ],
)
def test_each_kind_has_its_status_and_number(
    error: errors.NonstopayError, status: int, number: int
) -> None:
    told = as_contract_error(error)
    assert (told.status, told.number) == (status, number)
    assert "internal" not in told.message
    assert "/run" not in told.message


def test_an_error_of_the_contract_is_told_as_it_is() -> None:
    error = ContractError(50001)
    assert as_contract_error(error) is error
