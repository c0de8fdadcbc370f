"""A gateway of this folder's own, on whose real chains payers send coins."""

from collections.abc import AsyncIterator, Iterator

import pytest

from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.node import find_program
from tests.stories.crypto.market import Market
from tests.stories.gateway import Gateway, free_port
from tests.stories.payments.accounts import Auditor, audit, must_hold


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """After all stories the proof holds, against the chains, too."""
    try:
        find_program()
    except Misconfigured as error:
        pytest.skip(str(error))
    running = Gateway(tmp_path_factory.mktemp("crypto") / "data", free_port(), chains=True)
    running.start()
    yield running
    must_hold(running, "--chain")
    running.stop()


@pytest.fixture(scope="package")
def market(gateway: Gateway) -> Market:
    """A merchant with a fee of a tenth, who leaves everything as it comes."""
    merchant = gateway.merchant()
    gateway.command("merchant", "set", str(merchant.id), "--fee-percent", "10")
    market = Market(gateway, merchant)
    market.wait_for_coins()
    return market


@pytest.fixture(scope="package")
def generous(gateway: Gateway, market: Market) -> Market:
    """A merchant without a fee who is credited whatever comes, and whenever."""
    merchant = gateway.merchant()
    number = str(merchant.id)
    gateway.command("merchant", "set", number, "--late-success", "credit")
    gateway.command("crypto", "policy", number, "--under", "credit", "--over", "credit")
    return Market(gateway, merchant)


@pytest.fixture
async def auditor(gateway: Gateway) -> AsyncIterator[Auditor]:
    async with audit(gateway) as auditor:
        yield auditor
