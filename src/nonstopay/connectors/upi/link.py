"""`upi://pay` links: writing them, reading them, and saying what is wrong with one.

Source: NPCI, UPI Linking Specifications 1.6 (November 2017), section 1.2. We are stricter where
apps are: a link of a merchant names its category and a unique `tr` and `tid`, its amount has two
decimals and cannot be changed by the payer. Spaces are `%20`; several apps show a `+` as it is.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from nonstopay.errors import InvalidInput
from nonstopay.money import Money, fiat
from nonstopay.money import parse as parse_amount

LONGEST = 2048
INR = fiat("INR")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpiLink:
    """What a payer's UPI app is asked to pay.

    Attributes:
        payee_address: `pa`, the virtual payment address, `shop@bank`.
        payee_name: `pn`, shown to the payer, at most 99 characters.
        merchant_code: `mc`, the four digits of ISO 18245; `0000` would be a person.
        transaction_id: `tid`, the payee's bank's id, at most 35 letters and digits.
        reference: `tr`, the order, at most 35 letters and digits.
        note: `tn`, for the payer's statement, at most 50 characters.
        amount: `am` and `cu`, rupees.
    """

    payee_address: str
    payee_name: str
    merchant_code: str
    transaction_id: str
    reference: str
    note: str
    amount: Money


class InvalidLink(InvalidInput):
    """Not a payable UPI link; `problems` says everything that is wrong with it."""

    code = "invalid_upi_link"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("uri", "this UPI link cannot be paid: " + "; ".join(problems))
        self.problems = problems


_RULES = {
    "pa": (r"[A-Za-z0-9._-]{2,255}@[A-Za-z][A-Za-z0-9]{1,63}", "must be a UPI address, shop@bank"),
    "pn": (r"[^\x00-\x1f\x7f]{1,99}", "must be the payee's name, 1 to 99 characters"),
    "mc": (r"(?!0000)[0-9]{4}", "must be a merchant category of four digits; 0000 is a person"),
    "tid": (r"[A-Za-z0-9]{1,35}", "must be 1 to 35 letters and digits"),
    "tr": (r"[A-Za-z0-9]{1,35}", "must be 1 to 35 letters and digits"),
    "tn": (r"[^\x00-\x1f\x7f]{1,50}", "must be a note of 1 to 50 characters"),
    "am": (r"(?!0+\.00)(0|[1-9][0-9]{0,11})\.[0-9]{2}", "must be rupees with two decimals, 409.71"),
    "cu": (r"INR", "must be INR"),
}


def write(link: UpiLink) -> str:
    """The link as text, percent-encoded.

    Raises:
        InvalidLink: a part breaks a rule of the specification.
    """
    parts = {
        "pa": link.payee_address,
        "pn": link.payee_name,
        "mc": link.merchant_code,
        "tid": link.transaction_id,
        "tr": link.reference,
        "tn": link.note,
        "am": link.amount.text(),
        "cu": link.amount.currency.code,
    }
    uri = "upi://pay?" + "&".join(f"{name}={quote(text, safe='@')}" for name, text in parts.items())
    found = problems(uri)
    if found:
        raise InvalidLink(found)
    return uri


def read(uri: str) -> UpiLink:
    """The parts of a link.

    Raises:
        InvalidLink: an app would refuse it, or let the payer change what is paid.
    """
    found = problems(uri)
    if found:
        raise InvalidLink(found)
    parts = dict(_pairs(uri))
    return UpiLink(
        payee_address=parts["pa"],
        payee_name=parts["pn"],
        merchant_code=parts["mc"],
        transaction_id=parts["tid"],
        reference=parts["tr"],
        note=parts["tn"],
        amount=parse_amount(parts["am"], INR),
    )


def problems(uri: str) -> list[str]:
    """Everything that would make a UPI app refuse this link; empty if nothing."""
    if len(uri) > LONGEST:
        return [f"it is longer than {LONGEST} characters"]
    if not uri.startswith("upi://pay?"):
        return ["it does not begin with upi://pay?"]
    try:
        pairs = _pairs(uri)
    except UnicodeDecodeError:
        return ["its percent-encoding is not UTF-8"]
    names = [name for name, _ in pairs]
    values = dict(pairs)
    found = [f"{name} is given twice" for name in sorted(set(names)) if names.count(name) > 1]
    for name, (pattern, rule) in _RULES.items():
        if name not in values:
            found.append(f"{name} is missing: it {rule}")
        elif not re.fullmatch(pattern, values[name]):
            found.append(f"{name} {rule}")
    if values.get("mam", "null") not in ("null", values.get("am")):
        found.append("mam lets the payer change the amount")
    if "+" in uri:
        found.append("it holds a +, which apps show as it is: write a space as %20, a plus as %2B")
    return found


def _pairs(uri: str) -> list[tuple[str, str]]:
    query = uri.partition("?")[2]
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(name, unquote(text, errors="strict")) for name, _, text in parts]
