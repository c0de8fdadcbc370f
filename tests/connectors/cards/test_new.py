"""The walk-through of a new connector is real: its file is taken from the page and run."""

import hashlib
import hmac
import json
import re
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.charge import CardConnector, Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from tests.connectors.cards.laboratory import WHOLE, CardLaboratory
from tests.connectors.cards.stripe_laboratory import stripe_laboratory
from tests.connectors.pretend_provider import encoded
from tests.connectors.serving import answering, serving

PAGE = (Path(__file__).parents[3] / "docs" / "connectors" / "new.md").read_text()
PAID = Paid(reference="payment7", provider_reference="pp_1")
SEAL = "the seal of Pennypost"


@pytest.fixture(scope="module")
def pennypost(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module that the page shows."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path_factory.mktemp("connectors") / "pennypost.py"
    file.write_text(code)
    spec = spec_from_file_location("pennypost", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def taken() -> dict[str, Any]:
    """The recording that the page shows."""
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def connect(pennypost: ModuleType, http: ProviderHttp, address: str) -> CardConnector:
    options = {"url": address, "api_key": "key", "seal": SEAL}
    connector: CardConnector = pennypost.connect(http, options)
    return connector


async def charged(
    pennypost: ModuleType, http: ProviderHttp, said: object, status: int = 200
) -> Outcome:
    """What a charge comes to if the provider answers so."""
    async with stripe_laboratory(http) as lab:
        charge = CardLaboratory.charge(lab)
    async with serving([answering(encoded(said), status)]) as address:
        return await connect(pennypost, http, address).authorise(charge)


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({}, Kind.CAPTURED, None),
        ({"state": "reserved"}, Kind.AUTHORISED, None),
        ({"state": "waiting", "link": "https://pennypost.example/3ds"}, Kind.WAITING, None),
        ({"state": "refused", "code": "E1"}, Kind.DECLINED, Reason.INSUFFICIENT_FUNDS),
        ({"state": "refused", "code": "E7"}, Kind.DECLINED, Reason.DECLINED_BY_BANK),
        ({"state": "lost in the post"}, Kind.UNKNOWN, None),
        ({"state": "waiting"}, Kind.UNKNOWN, None),
        ({"reference": "payment8"}, Kind.UNKNOWN, None),
        ({"currency": "XXX"}, Kind.UNKNOWN, None),
    ],
)
async def test_it_translates_what_the_provider_says(
    pennypost: ModuleType,
    taken: dict[str, Any],
    http: ProviderHttp,
    change: dict[str, Any],
    kind: Kind,
    reason: Reason | None,
) -> None:
    outcome = await charged(pennypost, http, taken | change)

    assert (outcome.kind, outcome.reason) == (kind, reason)


async def test_silence_is_unknown_and_never_heard_is_said(
    pennypost: ModuleType, http: ProviderHttp
) -> None:
    assert (await charged(pennypost, http, {}, 500)).kind is Kind.UNKNOWN
    async with serving([]) as address:
        connector = connect(pennypost, http, address)
        assert (await connector.look_up(PAID)).reason is Reason.NOT_RECEIVED


async def test_it_gives_back_or_is_refused(
    pennypost: ModuleType, taken: dict[str, Any], http: ProviderHttp
) -> None:
    async with serving([answering(encoded(taken | {"state": "returned"}))]) as address:
        done = await connect(pennypost, http, address).refund(PAID, "refund1", WHOLE)
    async with serving([answering(b"{}", 409)]) as address:
        refused = await connect(pennypost, http, address).refund(PAID, "refund1", WHOLE)

    assert (done.kind, done.amount) == (Kind.REFUNDED, WHOLE)
    assert refused.kind is Kind.REFUND_REFUSED


def test_it_believes_sealed_letters_of_today(
    pennypost: ModuleType, taken: dict[str, Any], http: ProviderHttp
) -> None:
    connector = connect(pennypost, http, "http://localhost")
    body = encoded(taken)

    def sealed(ago: timedelta) -> dict[str, str]:
        stamp = int((clock.now() - ago).timestamp())
        ours = hmac.new(SEAL.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
        return {"x-seal": f"t={stamp},v1={ours}"}

    (notice,) = connector.read_notice(sealed(timedelta(0)), body)
    assert notice.reference == "payment7"
    for headers in ({}, sealed(timedelta(minutes=6))):
        with pytest.raises(UnverifiedNotice):
            connector.read_notice(headers, body)
