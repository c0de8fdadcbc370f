"""One gateway for all the stories; those that break it start their own."""

from collections.abc import Iterator

import pytest

from tests.stories.gateway import Gateway, Merchant, free_port


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway that many stories share, each with a merchant of its own."""
    running = Gateway(tmp_path_factory.mktemp("shared") / "data", free_port(), chains=True)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that the story may kill, or move into the future."""
    running = Gateway(tmp_path_factory.mktemp("own") / "data", free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def merchant(gateway: Gateway) -> Merchant:
    return gateway.merchant()
