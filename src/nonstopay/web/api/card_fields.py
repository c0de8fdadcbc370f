"""The card fields of create invoice: a payer's card that comes server to server.

Number and code are read into values that show themselves nowhere, and are neither kept with the
invoice nor digested for idempotency: the number is told from another by the vault's fingerprint, the
code not at all (PCI DSS 3.3.1).
"""

import re
from datetime import date, datetime

from nonstopay import clock
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.expiry import is_no_year, is_over
from nonstopay.card_number import CardCode, CardNumber, parse_code, parse_number
from nonstopay.connectors.charge import Browser, Card, Payer
from nonstopay.errors import InvalidCard
from nonstopay.web.api.errors import PARAMETER_REQUIRED, ContractError, invalid
from nonstopay.web.api.parameters import Parameters, given, plain_text
from nonstopay.web.api.payer_fields import read_country, read_ip, read_text

NUMBER = "card_number"
NEVER_KEPT = frozenset(
    {NUMBER, "card_ccv", "card_cvv", "card_cvc", "ccv", "cvv", "cvc", "cvv2", "cvc2", "cid", "csc"}
)
"""Parameters of which not even a digest is kept; with the names by which a code may come mistakenly."""
AGE_MAX = 120
_OF_A_CARD = (NUMBER, "card_expiry_date", "card_ccv")
_REQUIRED = (
    *("name", "address1", "address2", "city", "country", "postcode", "date_of_birth"),
    *(*_OF_A_CARD, "customer_ip", "phone"),
)
_MAY_BE_EMPTY = frozenset({"address2"})
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])/([0-9]{4})", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PHONE = re.compile(r"\+?\(?[0-9](?:[ ().-]{0,3}[0-9]){5,14}", re.ASCII)


def has_card(parameters: Parameters) -> bool:
    """Whether anything of a card was sent: then the payment is meant server to server."""
    return any(given(parameters, name) is not None for name in _OF_A_CARD)


def read_card(parameters: Parameters, email: str) -> CardAttempt:
    """The card and its holder: all that is required first, then each form, as the document orders them.

    Raises:
        ContractError: 50015, 50014. What was sent is not in the message.
    """
    for required in _REQUIRED:
        empty = required in _MAY_BE_EMPTY and parameters.get(required) == ""
        if given(parameters, required) is None and not empty:
            raise ContractError(PARAMETER_REQUIRED, f"{required} required")
    at = clock.now()
    name, address1, address2, city = (
        read_text(parameters, field) for field in ("name", "address1", "address2", "city")
    )
    country, postcode = read_country(parameters), read_text(parameters, "postcode")
    born = _date_of_birth(parameters, at.date())
    number = _number(parameters)
    month, year = _expiry(parameters, at)
    card = Card(
        number=number,
        expiry_month=month,
        expiry_year=year,
        code=_code(parameters, number),
        holder=name or "",
    )
    ip, phone = read_ip(parameters), _phone(parameters)
    payer = Payer(
        email=email,
        name=name,
        phone=phone,
        address1=address1,
        address2=address2,
        city=city,
        state=read_text(parameters, "state"),
        postcode=postcode,
        country=country,
        date_of_birth=born,
    )
    return CardAttempt(card=card, payer=payer, browser=Browser(ip=ip), direct=True)


def _date_of_birth(parameters: Parameters, today: date) -> str:
    text = _text(parameters, "date_of_birth")
    try:
        born = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        born = None
    if born is None or not today.year - AGE_MAX <= born.year or born >= today:
        raise invalid("date_of_birth")
    return text


def _number(parameters: Parameters) -> CardNumber:
    try:
        return parse_number(_text(parameters, NUMBER))
    except InvalidCard:
        raise invalid(NUMBER) from None


def _expiry(parameters: Parameters, at: datetime) -> tuple[int, int]:
    form = _EXPIRY.fullmatch(_text(parameters, "card_expiry_date"))
    if form is None or is_over(int(form[1]), int(form[2]), at) or is_no_year(int(form[2]), at):
        raise invalid("card_expiry_date")
    return int(form[1]), int(form[2])


def _code(parameters: Parameters, number: CardNumber) -> CardCode:
    try:
        return parse_code(_text(parameters, "card_ccv"), number.brand)
    except InvalidCard:
        raise invalid("card_ccv") from None


def _phone(parameters: Parameters) -> str:
    text = read_text(parameters, "phone") or ""
    if not _PHONE.fullmatch(text):
        raise invalid("phone")
    return text


def _text(parameters: Parameters, name: str) -> str:
    """The parameter as text, a number as it was written; of anything else the empty text."""
    return plain_text(given(parameters, name)) or ""
