"""The card form as it came: a card, or what is wrong with each field.

Number and code go into values that show themselves nowhere; what is wrong with them is told without
them. What a payer typed into the wrong field may be his card number, so only what was understood is
ever shown again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from nonstopay.business.payments.cards.expiry import is_over
from nonstopay.card_number import (
    Brand,
    CardCode,
    CardNumber,
    hide_numbers,
    parse_code,
    parse_number,
)
from nonstopay.connectors.charge import Browser, Card
from nonstopay.errors import InvalidCard
from nonstopay.web.api.call import read_body
from nonstopay.web.api.errors import ContractError
from nonstopay.web.api.parameters import read_query
from nonstopay.web.checkout.card_page import Problem

HOLDER_MAX = 100
_CENTURY = 2000
_EXPIRY = re.compile(
    r"(?P<month>0?[1-9]|1[0-2]) ?[/.-] ?(?P<year>(?:20)?[0-9]{2})"
    r"|(?P<month_>0[1-9]|1[0-2])(?P<year_>(?:20)?[0-9]{2})",
    re.ASCII,
)
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,35}", re.ASCII)
_BROWSER = re.compile(
    r"([A-Za-z0-9-]{1,35})\|([0-9]{1,5})x([0-9]{1,5})\|([0-9]{1,2})\|(-?[0-9]{1,4})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was sent. `card` is there if nothing is wrong with it."""

    card: Card | None
    problems: Mapping[str, Problem]
    expiry: str
    holder: str
    after: int
    browser: Browser


async def read_form(request: Request, payer_ip: str, at: datetime) -> Filled:
    """Read the form; of a body that is none, every field is missing."""
    fields = await form_fields(request)
    return understand(fields, browser_of(request, fields.get("browser", ""), payer_ip), at)


async def returned_fields(request: Request) -> Mapping[str, str]:
    """What a payer brings back from 3-D Secure, in the address or in a form; not our token."""
    fields = {**request.query_params, **await form_fields(request)}
    return {name: value for name, value in fields.items() if name != "token"}


async def form_fields(request: Request) -> Mapping[str, str]:
    """What a form brought; nothing, of a body that is none."""
    try:
        return read_query(await read_body(dict(request.scope["headers"]), request.receive))
    except ContractError:
        return {}


def understand(fields: Mapping[str, str], browser: Browser, at: datetime) -> Filled:
    """The fields `number`, `expiry`, `code`, `holder` and `after`."""
    problems: dict[str, Problem] = {}
    number = _number(_clean(fields, "number"), problems)
    expiry = _expiry(_clean(fields, "expiry"), at, problems)
    code = _code(_clean(fields, "code"), number.brand if number else Brand.UNKNOWN, problems)
    holder = _holder(_clean(fields, "holder"), problems)
    after = fields.get("after", "")
    return Filled(
        card=_card(number, expiry, code, holder) if not problems else None,
        problems=problems,
        expiry=f"{expiry[0]:02} / {expiry[1] % 100:02}" if expiry else "",
        holder=holder,
        after=int(after) if re.fullmatch(r"[0-9]{1,18}", after, re.ASCII) else 0,
        browser=browser,
    )


def browser_of(request: Request, told: str, payer_ip: str) -> Browser:
    """The payer's browser: what its headers say, and what our script told if it ran.

    Args:
        told: `language|widthxheight|colour depth|minutes behind UTC`.
    """
    headers = request.headers
    by_script = _BROWSER.fullmatch(told)
    language, width, height, depth, minutes = (
        by_script.groups() if by_script else ("",) + ("0",) * 4
    )
    preferred = headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    return Browser(
        ip=payer_ip or None,
        accept=headers.get("accept", "")[:2048] or "text/html",
        user_agent=headers.get("user-agent", "")[:2048],
        language=language or (preferred if _LANGUAGE.fullmatch(preferred) else "en"),
        java_script=by_script is not None,
        colour_depth=int(depth) or 24,
        screen_width=int(width),
        screen_height=int(height),
        time_zone_minutes=int(minutes),
    )


def _clean(fields: Mapping[str, str], name: str) -> str:
    return " ".join(fields.get(name, "").split())


def _number(text: str, problems: dict[str, Problem]) -> CardNumber | None:
    try:
        return parse_number(text)
    except InvalidCard:
        problems["number"] = Problem.INVALID if text else Problem.MISSING
        return None


def _expiry(text: str, at: datetime, problems: dict[str, Problem]) -> tuple[int, int] | None:
    form = _EXPIRY.fullmatch(text)
    if form is None:
        problems["expiry"] = Problem.INVALID if text else Problem.MISSING
        return None
    month, year = int(form["month"] or form["month_"]), int(form["year"] or form["year_"])
    year += _CENTURY if year < _CENTURY else 0
    if is_over(month, year, at):
        problems["expiry"] = Problem.PAST
    return month, year


def _code(text: str, brand: Brand, problems: dict[str, Problem]) -> CardCode | None:
    try:
        return parse_code(text, brand)
    except InvalidCard:
        problems["code"] = Problem.INVALID if text else Problem.MISSING
        return None


def _holder(text: str, problems: dict[str, Problem]) -> str:
    if not text:
        problems["holder"] = Problem.MISSING
    elif len(text) > HOLDER_MAX or not text.isprintable() or hide_numbers(text) != text:
        problems["holder"] = Problem.INVALID
        return ""
    return text


def _card(
    number: CardNumber | None,
    expiry: tuple[int, int] | None,
    code: CardCode | None,
    holder: str,
) -> Card:
    assert number is not None
    assert expiry is not None
    return Card(
        number=number, expiry_month=expiry[0], expiry_year=expiry[1], code=code, holder=holder
    )
