"""An orderly stop, with payers looking at their pages."""

import http.client
import time

from tests.stories.gateway import Gateway
from tests.stories.payments.till import Till
from tests.stories.shop import open_shop

STOP_SECONDS = 5.0


async def test_open_pages_do_not_hold_up_a_stop(own_gateway: Gateway) -> None:
    """Live news ends with the process; the page comes back to the next one by itself."""
    with open_shop() as shop:
        sale = Till(own_gateway, own_gateway.merchant(), shop).hosted()
    token = sale.page_url.partition("?")[2]
    connection = http.client.HTTPConnection("127.0.0.1", own_gateway.port, timeout=20)
    connection.request("GET", f"/widget/sale/events/?{token}")
    stream = connection.getresponse()
    assert stream.readline() == b"retry: 2000\n"
    while not stream.readline().startswith(b"data:"):
        pass

    started = time.monotonic()
    own_gateway.stop()

    assert time.monotonic() - started < STOP_SECONDS
    assert stream.read() == b"\n", "the stream ended in good order"
    connection.close()
