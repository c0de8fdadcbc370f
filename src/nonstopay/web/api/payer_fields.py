"""What a merchant tells of the payer: the forms of his name, his address, where he is."""

import ipaddress
from typing import TypeGuard

from nonstopay.card_number import holds_number, is_phone_a_number
from nonstopay.web.api.countries import COUNTRIES
from nonstopay.web.api.errors import invalid
from nonstopay.web.api.parameters import NumberText, Parameters, given, plain_text

TEXT_MAX = 200


def read_text(parameters: Parameters, name: str) -> str | None:
    """Up to 200 printable characters without a card number. Raises `ContractError`, as all here."""
    value = given(parameters, name)
    if value is None:
        return None
    text = plain_text(value)
    if text is None or len(text) > TEXT_MAX or not text.isprintable():
        raise invalid(name)
    if is_phone_a_number(text) if name == "phone" else holds_number(text):
        raise invalid(name)  # it came into the wrong field, and would be kept (PCI DSS 3.3.1)
    return text


def read_ip(parameters: Parameters) -> str | None:
    """The payer's address."""
    value = given(parameters, "customer_ip")
    if value is None:
        return None
    # A zone (fe80::1%eth0) names a card of the sender's own machine, and may hold any text.
    if not is_text(value) or "%" in value:
        raise invalid("customer_ip")
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise invalid("customer_ip") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def read_country(parameters: Parameters) -> str | None:
    """A country that ISO 3166-1 knows."""
    value = given(parameters, "country")
    if value is None:
        return None
    if not is_text(value) or value not in COUNTRIES:
        raise invalid("country")
    return value


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value came as text; a JSON number did not."""
    return isinstance(value, str) and not isinstance(value, NumberText)
