"""A gateway of this folder's own, whose clock the stories move; two merchants with shops."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.stories.gateway import Gateway, free_port
from tests.stories.payments.accounts import Auditor, audit
from tests.stories.payments.till import Till
from tests.stories.shop import open_shop

FEES = ("--fee-percent", "10", "--fee-fixed", "0.30")


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(tmp_path_factory.mktemp("payments") / "data", free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def till(gateway: Gateway) -> Iterator[Till]:
    """A merchant who is credited what comes late."""
    yield from _till(gateway, "credit")


@pytest.fixture(scope="package")
def strict_till(gateway: Gateway) -> Iterator[Till]:
    """A merchant who wants what comes late to go back."""
    yield from _till(gateway, "refund")


@pytest.fixture
async def auditor(gateway: Gateway) -> AsyncIterator[Auditor]:
    async with audit(gateway) as auditor:
        yield auditor


def _till(gateway: Gateway, late_success: str) -> Iterator[Till]:
    with open_shop() as shop:
        merchant = gateway.merchant("--callback-url", shop.url)
        gateway.command("merchant", "set", str(merchant.id), *FEES, "--late-success", late_success)
        yield Till(gateway, merchant, shop)
