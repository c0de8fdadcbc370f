"""Razorpay's settlements, from its document "Fetch Settlement Recon Details".

Amounts are in paise. `fee` holds the tax, which stands beside it once more; we take them apart. Our
reference is the order's receipt.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from nonstopay.connectors.base import option, read
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Outcome
from nonstopay.connectors.settlements import Line, LineKind
from nonstopay.errors import ProviderUnavailable
from nonstopay.money import Money, fiat

NAME = "razorpay"
URL = "https://api.razorpay.com/v1"
INR = fiat("INR")
PAGE = 100
PAGES_MAX = 1000
_KINDS = {"payment": LineKind.PAYMENT, "refund": LineKind.REFUND}


class _Item(msgspec.Struct, frozen=True):
    entity_id: str
    type: str
    debit: int
    credit: int
    amount: int
    currency: Literal["INR"]
    fee: int
    tax: int
    settled: bool
    settlement_id: str | None = None
    settled_at: int | None = None
    settlement_utr: str | None = None
    order_receipt: str | None = None
    payment_id: str | None = None


class _Page(msgspec.Struct, frozen=True):
    items: list[_Item]


class RazorpaySettlements:
    """Implements `SettlementSource`.

    Args:
        http: how to call.
        url: the API, version included.
        key_id, key_secret: the API key.
    """

    name = NAME

    def __init__(self, http: ProviderHttp, url: str, key_id: str, key_secret: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        basic = base64.b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self._headers = {"authorization": f"Basic {basic}"}

    async def settled(self, day: date) -> Sequence[Line]:
        items: list[_Item] = []
        for number in range(PAGES_MAX):
            page = await self._page(day, skip=number * PAGE)
            items += page.items
            if len(page.items) < PAGE:
                return [_line(item) for item in items if item.settled]
        raise ProviderUnavailable(f"{NAME} does not come to an end of {day}'s settlements")

    async def _page(self, day: date, skip: int) -> _Page:
        query = f"year={day:%Y}&month={day:%m}&day={day:%d}&count={PAGE}&skip={skip}"
        url = f"{self._url}/settlements/recon/combined?{query}"
        page = read(await self._http.call("GET", url, headers=self._headers), _Page)
        if isinstance(page, Outcome):
            raise ProviderUnavailable(f"no settlements of {day} from {NAME}: {page.detail}")
        return page


def connect(http: ProviderHttp, options: Mapping[str, str]) -> RazorpaySettlements:
    """From `key_id`, `key_secret`; `url` for another address."""
    key_id, key_secret = (option(options, NAME, key) for key in ("key_id", "key_secret"))
    return RazorpaySettlements(http, options.get("url") or URL, key_id, key_secret)


def _line(item: _Item) -> Line:
    if item.settled_at is None or not item.settlement_id:
        raise ProviderUnavailable(f"{NAME} settled {item.entity_id} and does not say when")
    return Line(
        kind=_KINDS.get(item.type, LineKind.OTHER),
        word=item.type,
        reference=item.order_receipt,
        provider_reference=item.entity_id,
        payment=item.payment_id,
        settlement=item.settlement_id,
        utr=item.settlement_utr,
        gross=Money(item.amount, INR),
        fee=Money(item.fee - item.tax, INR),
        tax=Money(item.tax, INR),
        net=Money(item.credit - item.debit, INR),
        settled_at=datetime.fromtimestamp(item.settled_at, UTC),
    )
