"""Cashfree's settlements, from its document "Settlement Reconciliation", API version 2025-01-01.

Amounts are rupees. Our reference is the order's id. A refund's own id is ours too: `refund_id`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import msgspec

from nonstopay.connectors.base import option, read
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Outcome
from nonstopay.connectors.settlements import INDIA, Line, LineKind
from nonstopay.errors import ProviderUnavailable
from nonstopay.money import Money, fiat

NAME = "cashfree"
URL = "https://api.cashfree.com/pg"
VERSION = "2025-01-01"
INR = fiat("INR")
PAGE = 100
PAGES_MAX = 1000
_KINDS = {"PAYMENT": LineKind.PAYMENT, "REFUND": LineKind.REFUND}

_Rupees = Any  # a JSON number; of Decimal's own accord texts would pass, too


class _EventDetails(msgspec.Struct, frozen=True):
    event_id: str
    event_type: str
    event_status: str
    sale_type: Literal["CREDIT", "DEBIT"]
    event_amount: _Rupees
    event_settlement_amount: _Rupees = None
    event_currency: Literal["INR"] = "INR"
    event_service_charge: _Rupees = None
    event_service_tax: _Rupees = None


class _OrderDetails(msgspec.Struct, frozen=True):
    order_id: str | None = None


class _PaymentDetails(msgspec.Struct, frozen=True):
    cf_payment_id: str | None = None


class _SettlementDetails(msgspec.Struct, frozen=True):
    cf_settlement_id: str | None = None
    settlement_date: str | None = None
    settlement_utr: str | None = None


class _Item(msgspec.Struct, frozen=True):
    event_details: _EventDetails
    order_details: _OrderDetails = _OrderDetails()
    payment_details: _PaymentDetails = _PaymentDetails()
    settlement_details: _SettlementDetails = _SettlementDetails()

    @property
    def is_settled(self) -> bool:
        place = self.settlement_details
        done = self.event_details.event_status == "SUCCESS"
        return done and bool(place.cf_settlement_id and place.settlement_date)


class _Page(msgspec.Struct, frozen=True):
    data: list[_Item]
    cursor: str | None = None


class CashfreeSettlements:
    """Implements `SettlementSource`.

    Args:
        http: how to call.
        url: the API.
        client_id, client_secret: the API key.
    """

    name = NAME

    def __init__(self, http: ProviderHttp, url: str, client_id: str, client_secret: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {
            "x-api-version": VERSION,
            "x-client-id": client_id,
            "x-client-secret": client_secret,
        }

    async def settled(self, day: date) -> Sequence[Line]:
        items: list[_Item] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._page(day, cursor)
            items += page.data
            if not page.cursor or not page.data:
                return [_line(item) for item in items if item.is_settled]
            if page.cursor == cursor:
                break
            cursor = page.cursor
        raise ProviderUnavailable(f"{NAME} does not come to an end of {day}'s settlements")

    async def _page(self, day: date, cursor: str | None) -> _Page:
        wish = {
            "pagination": {"limit": PAGE, "cursor": cursor},
            "filters": {
                "start_date": datetime.combine(day, time.min, INDIA).isoformat(),
                "end_date": datetime.combine(day, time(23, 59, 59), INDIA).isoformat(),
            },
        }
        answer = await self._http.call(
            "POST", f"{self._url}/settlement/recon", headers=self._headers, json=wish
        )
        page = read(answer, _Page)
        if isinstance(page, Outcome):
            raise ProviderUnavailable(f"no settlements of {day} from {NAME}: {page.detail}")
        return page


def connect(http: ProviderHttp, options: Mapping[str, str]) -> CashfreeSettlements:
    """From `client_id`, `client_secret`; `url` for another address."""
    client_id, secret = (option(options, NAME, key) for key in ("client_id", "client_secret"))
    return CashfreeSettlements(http, options.get("url") or URL, client_id, secret)


def _line(item: _Item) -> Line:
    event, place = item.event_details, item.settlement_details
    kind = _KINDS.get(event.event_type, LineKind.OTHER)
    is_payment = kind is LineKind.PAYMENT
    net = _money(event.event_settlement_amount, event)
    return Line(
        kind=kind,
        word=event.event_type,
        reference=item.order_details.order_id or None,
        provider_reference=(is_payment and item.payment_details.cf_payment_id) or event.event_id,
        payment=None if is_payment else item.payment_details.cf_payment_id or None,
        settlement=place.cf_settlement_id or "",
        utr=place.settlement_utr or None,
        gross=_money(event.event_amount, event),
        fee=_money(event.event_service_charge or 0, event),
        tax=_money(event.event_service_tax or 0, event),
        net=net if event.sale_type == "CREDIT" else -net,
        settled_at=_instant(place.settlement_date or "", event),
    )


def _money(rupees: object, event: _EventDetails) -> Money:
    if isinstance(rupees, int | Decimal) and not isinstance(rupees, bool):
        paise = Decimal(rupees).scaleb(2)
        if paise.is_finite() and paise == paise.to_integral_value():
            return Money(int(paise), INR)
    raise ProviderUnavailable(f"{NAME} names an amount of {event.event_id} that cannot be read")


def _instant(text: str, event: _EventDetails) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ProviderUnavailable(f"{NAME} names no time for {event.event_id}") from None
    return (found if found.tzinfo else found.replace(tzinfo=INDIA)).astimezone(UTC)
