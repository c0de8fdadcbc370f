"""`upi://pay` links: writing them, reading them, and saying what is wrong with one.

Source: NPCI, UPI Linking Specifications 1.6 (November 2017), section 1.2. We are stricter where
apps are: a link of a merchant names its category and a unique `tr` and `tid`, its amount has two
decimals and cannot be changed by the payer. Spaces are `%20`; several apps show a `+` as it is.

Providers write looser links, and forbid to change them: `refusals` is what no app would pay, or would
pay wrongly; `examine` is everything that can be said of a link, for people.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a link.

    Attributes:
        parameter: which one; empty for the link as a whole.
        problem: what it must be.
        refused_by: whose apps would not pay it; empty if all do, though not as they should.
        why: what comes of it.
        unsafe: no payer must be shown this link: it cannot be paid, or not surely rightly.
    """

    parameter: str
    problem: str
    refused_by: str
    why: str
    unsafe: bool = False


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


EVERY_APP = "every app"
_PERSON = "Google Pay, PhonePe"
_AS_PERSON = "without a category it looks like a payment to a person; such links are often refused"
_VISIBLE = r"[^\x00-\x1f\x7f]{1,99}"
# What apps still take, who does without it, and what comes of its absence.
_CONSEQUENCES = {
    "pa": (_RULES["pa"][0], EVERY_APP, "it cannot tell whom to pay"),
    "pn": (_VISIBLE, EVERY_APP, "NPCI makes it mandatory; the payer must see whom he pays"),
    "mc": (r"(?!0000)[0-9]{4}", _PERSON, _AS_PERSON),
    "tid": (r"[!-~]{1,99}", "", "the app makes one of its own"),
    "tr": (r"[!-~]{1,35}", "", "nobody can tell which order was paid"),
    "tn": (_VISIBLE, "", "the payer's statement does not say what it was for"),
    "am": (
        r"(?!0+(\.0{1,2})?$)[0-9]{1,12}(\.[0-9]{1,2})?",
        "",
        "the payer types the amount himself",
    ),
    "cu": (r"INR", "", "apps take it for rupees, as UPI moves nothing else"),
}
_NEEDED = frozenset({"pa", "pn", "tr", "am"})


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
    """Everything that would make a UPI app refuse this link, or show it badly; empty if nothing."""
    return [_sentence(finding) for finding in examine(uri)]


def examine(uri: str) -> list[Finding]:
    """Everything that is wrong with a link by our strict reading, with whom it concerns."""
    if len(uri) > LONGEST:
        return [_whole(f"it is longer than {LONGEST} characters")]
    if not uri.startswith("upi://pay?"):
        return [_whole("it does not begin with upi://pay?")]
    try:
        pairs = _pairs(uri)
    except UnicodeDecodeError:
        return [_whole("its percent-encoding is not UTF-8")]
    names = [name for name, _ in pairs]
    values = dict(pairs)
    found = [
        Finding(name, "is given twice", EVERY_APP, "apps may read either of the two", unsafe=True)
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    found += [finding for name in _RULES if (finding := _broken(name, values.get(name)))]
    if values.get("mam", "null") not in ("null", values.get("am")):
        problem = "lets the payer change the amount"
        found.append(Finding("mam", problem, "", "he may pay less", unsafe=True))
    if "+" in uri:
        problem = "it holds a +, which apps show as it is: write a space as %20, a plus as %2B"
        found.append(Finding("", problem, "", "the payer sees plus signs for spaces"))
    return found


def refusals(uri: str, amount: Money) -> list[str]:
    """Why a provider's link must not be shown to a payer who is to pay `amount`; empty if it may."""
    found = [_sentence(finding) for finding in examine(uri) if finding.unsafe]
    if found:
        return found
    asked = dict(_pairs(uri))["am"]
    if Decimal(asked) != amount.decimal():
        return [f"am asks for {asked}, the order is for {amount.text()}"]
    return []


def _broken(name: str, value: str | None) -> Finding | None:
    """What is wrong with a parameter; `None` for the value: it is not there."""
    pattern, rule = _RULES[name]
    tolerated, missed_by, why = _CONSEQUENCES[name]
    if value is None:
        return Finding(name, f"is missing: it {rule}", missed_by, why, unsafe=name in _NEEDED)
    if re.fullmatch(pattern, value):
        return None
    if re.fullmatch(tolerated, value):
        return Finding(name, rule, "", "apps take it as it is; the specification is stricter")
    if name == "mc" and value == "0000":
        return Finding(name, rule, missed_by, why)
    return Finding(name, rule, EVERY_APP, "apps cannot read it", unsafe=True)


def _whole(problem: str) -> Finding:
    return Finding("", problem, EVERY_APP, "it is no UPI link", unsafe=True)


def _sentence(finding: Finding) -> str:
    return f"{finding.parameter} {finding.problem}".strip()


def _pairs(uri: str) -> list[tuple[str, str]]:
    query = uri.partition("?")[2]
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(name, unquote(text, errors="strict")) for name, _, text in parts]
