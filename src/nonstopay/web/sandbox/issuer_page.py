"""What the pretend issuer shows: the question for the one-time code, and what became of it.

Pure rendering, whole without scripts: a page for a phone in a hurry, which asks for one thing.
"""

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from nonstopay.sandbox.card.course import RIGHT_CODE
from nonstopay.sandbox.card.payment import Payment, Status
from nonstopay.web.checkout.links import safe_href
from nonstopay.web.checkout.wording import Wording
from nonstopay.web.sandbox.upi_app import asset


def render_challenge(payment: Payment, *, now: datetime, problem: str = "") -> str:
    """The page for a payment: the question while it is open, and afterwards how it went.

    Args:
        now: for the date on the page.
        problem: why the last answer was none.
    """
    words = Wording("en", "UTC")
    is_open = payment.status is Status.REQUIRES_AUTHENTICATION
    return _render(
        payment=payment,
        state="open" if is_open else _outcome(payment),
        amount=words.money(payment.amount),
        day=words.date(now.date()),
        until=words.time(payment.ends_at) if payment.ends_at else "",
        problem=problem,
        right_code=RIGHT_CODE,
        back=safe_href(payment.return_url),
    )


def render_nothing() -> str:
    """The page at an address where nothing is asked."""
    return _render(payment=None, state="nothing", back=None)


def _outcome(payment: Payment) -> str:
    match payment.status:
        case Status.EXPIRED:
            return "expired"
        case Status.DECLINED:
            return "refused"
        case _:
            return "confirmed"


def _render(**values: object) -> str:
    return _environment().get_template("issuer.html").render(css=asset("issuer.css"), **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
