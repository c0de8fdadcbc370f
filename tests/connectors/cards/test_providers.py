"""What holds for some card providers, each in its words."""

from typing import Any

import pytest

from nonstopay.connectors import card
from nonstopay.connectors.base import find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Reason
from nonstopay.errors import Misconfigured
from tests.connectors.cards.laboratories import LABORATORIES
from tests.connectors.pretend_provider import encoded
from tests.connectors.serving import answering, serving


@pytest.mark.parametrize("name", LABORATORIES)
def test_a_missing_key_is_named(name: str, http: ProviderHttp) -> None:
    with pytest.raises(Misconfigured, match=f"the configuration of {name} needs "):
        find(card)[name](http, {})


@pytest.mark.parametrize(
    ("name", "status", "problem"),
    [
        ("stripe", 401, {"error": {"type": "invalid_request_error"}}),
        ("stripe", 400, {"error": {"type": "invalid_request_error", "code": "parameter_missing"}}),
        ("adyen", 401, {"errorCode": "000", "errorType": "security"}),
        ("adyen", 422, {"errorCode": "901", "errorType": "validation"}),
        ("checkout", 422, {"error_codes": ["processing_channel_id_required"]}),
        ("checkout", 401, {"error_codes": []}),
    ],
)
async def test_a_charge_that_was_not_taken_in_may_go_elsewhere(
    http: ProviderHttp, name: str, status: int, problem: Any
) -> None:
    async with (
        LABORATORIES[name](http) as lab,
        serving([answering(encoded(problem), status)]) as address,
    ):
        outcome = await lab.make(http, address).authorise(lab.charge())

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason.MERCHANT_REFUSED)
