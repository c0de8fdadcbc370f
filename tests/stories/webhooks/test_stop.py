"""An open stream does not hold up a gateway that is told to stop."""

import asyncio
import time
from contextlib import closing

from tests.stories.gateway import Gateway
from tests.stories.webhooks.test_endpoints_and_events import Stream


async def test_a_gateway_stops_at_once_though_somebody_listens(own_gateway: Gateway) -> None:
    merchant = own_gateway.merchant()
    with closing(Stream(merchant, after="0")) as stream:
        merchant.create()
        assert (await asyncio.to_thread(stream.next))["id"] == "1"
        began = time.monotonic()
        own_gateway.stop()
        own_gateway.start()

    assert time.monotonic() - began < 9
