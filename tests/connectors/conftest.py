import os
from collections.abc import AsyncIterator
from functools import partial

import pytest

from nonstopay.connectors.card.sandbox import SandboxCard
from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.card_sandbox_laboratory import CardLaboratory, card_laboratory
from tests.connectors.laboratory import Laboratory
from tests.connectors.sandbox_laboratory import sandbox_laboratory
from tests.connectors.upi_laboratory import CONNECTORS, LABORATORIES, SANDBOX, OpenLaboratory

# Against the providers' own test environments, and so only there where somebody gave their keys.
collect_ignore = (
    [] if any(name.startswith("UPI_TEST_") for name in os.environ) else ["test_upi_live.py"]
)


@pytest.fixture
async def http() -> AsyncIterator[ProviderHttp]:
    """A patient caller of providers."""
    async with ProviderHttp() as caller:
        yield caller


@pytest.fixture
async def hasty_http() -> AsyncIterator[ProviderHttp]:
    """One that gives up at once, for providers that hang."""
    async with ProviderHttp(limit_seconds=0.5) as caller:
        yield caller


@pytest.fixture(params=CONNECTORS)
def open_laboratory(request: pytest.FixtureRequest) -> OpenLaboratory:
    """Each UPI connector in turn. The sandbox's own provider alone needs a database."""
    if request.param == SANDBOX:
        return partial(sandbox_laboratory, request.getfixturevalue("database"))
    return LABORATORIES[request.param]


@pytest.fixture
async def lab(open_laboratory: OpenLaboratory, http: ProviderHttp) -> AsyncIterator[Laboratory]:
    """A connector with a provider that can be made to do anything."""
    async with open_laboratory(http) as laboratory:
        yield laboratory


@pytest.fixture
async def cards(database: Database, http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    """The sandbox's card provider, and the connector to it."""
    async with card_laboratory(database, http) as laboratory:
        yield laboratory


@pytest.fixture
async def hasty(cards: CardLaboratory, hasty_http: ProviderHttp) -> SandboxCard:
    """A connector to it that does not wait for those who hang."""
    return cards.connector_by(hasty_http)
