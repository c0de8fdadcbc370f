"""The pretend UPI app: what a payer's phone shows for a `upi://pay` link, for the sandbox alone.

Pure rendering, as on the payment page. Whoever serves it answers `GET ?uri=` with `render_upi_app`,
and a POST of `uri`, `pin` and `outcome` with `render_upi_result`. The PIN is for show: it is never
read, kept or logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from nonstopay.connectors.upi.link import InvalidLink, read
from nonstopay.web.checkout.assets import Asset, assets_of
from nonstopay.web.checkout.links import LONGEST, own_path
from nonstopay.web.checkout.wording import Wording


class UpiOutcome(StrEnum):
    """What the pretend bank does, by the names of the sandbox's controls."""

    SUCCESS = "success"
    WRONG_PIN = "wrong_pin"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DECLINED = "declined"
    PENDING = "pending"
    LATE_SUCCESS = "late_success"
    DEBIT_NO_CREDIT = "debit_no_credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpiAppPage:
    """The app on a link, as it came; empty if none did, and then it asks for one.

    `app_url` is this page's own path, `post_url` the form's. `problem` is the bank's word on why
    the last try was not even begun: paid already, expired, the link was changed.
    """

    uri: str
    app_url: str = "/sandbox/upi/app"
    post_url: str = "/sandbox/upi/app"
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpiResultPage:
    """What the app says after `outcome`; `message` is the bank's own word on it, if it had one.

    `app_url` leads back to the app with the same link.
    """

    uri: str
    outcome: UpiOutcome
    app_url: str
    message: str = ""


def render_upi_app(page: UpiAppPage) -> str:
    """The app with a payment to approve, or with a field to paste a link into."""
    return _render(
        page.uri,
        result=None,
        problem=page.problem,
        app_url=own_path(page.app_url),
        post_url=own_path(page.post_url),
        outcomes=[outcome.value for outcome in UpiOutcome if outcome is not UpiOutcome.SUCCESS],
    )


def render_upi_result(page: UpiResultPage) -> str:
    """The app's word on what happened, and below it what the gateway gets to hear."""
    return _render(
        page.uri,
        result=page.outcome.value,
        message=page.message,
        app_url=own_path(page.app_url),
    )


def _render(uri: str, **values: object) -> str:
    uri = uri.strip()[:LONGEST]
    link, problems = None, []
    try:
        link = read(uri)
    except InvalidLink as invalid:
        problems = invalid.problems
    frame = _environment().get_template("upi_app.html")
    return frame.render(
        uri=uri,
        link=link,
        problems=problems if uri else [],
        amount=Wording("en", "UTC").money(link.amount) if link else "",
        css=asset("upi_app.css"),
        **values,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _static() -> Mapping[str, Asset]:
    return assets_of("nonstopay.web.sandbox", "/static/sandbox/")


def asset(name: str) -> Asset:
    """The sandbox's static file called `name` (`upi_app.css`)."""
    return _static()[name]


def assets() -> Mapping[str, Asset]:
    """The sandbox's static files by the path they are served at."""
    return {each.path: each for each in _static().values()}
