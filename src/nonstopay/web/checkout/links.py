"""Which addresses may stand in a link of the payment page, and the links that open a UPI app."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit

from nonstopay.errors import LawBroken

LONGEST = 2048
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\<>\"]")
_UPI_PAY = re.compile(r"upi://pay\?[A-Za-z0-9%&=+._~@:/?,!*'()$-]+", re.ASCII)
_WALLET = re.compile(r"(ethereum|bitcoin|litecoin):[A-Za-z0-9%&=+._~@/?-]+", re.ASCII)


class Platform(StrEnum):
    """The payer's device, as far as it changes how a UPI app is opened."""

    ANDROID = "android"
    IOS = "ios"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AppLink:
    """A button that opens one payment app on the payer's phone."""

    name: str
    href: str


def safe_href(url: str | None) -> str | None:
    """`url` if a page may link to it, else None: absolute http or https, with a host.

    Refused: every other scheme (`javascript:`, `data:` …), control characters and spaces,
    backslashes, user information (`https://bank.example@evil.example`), over 2,048 characters.
    """
    if not url or len(url) > LONGEST or _UNSAFE.search(url):
        return None
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    has_user = "@" in parts.netloc
    web = parts.scheme in ("http", "https")
    return url if web and parts.hostname and port_is_number and not has_user else None


def own_path(url: str) -> str:
    """`url` if it is a path on this very host; forms, events, logos and stylesheets stay here.

    Raises:
        LawBroken: it leads elsewhere. Such paths are made by us, never taken from a stranger.
    """
    if not url.startswith("/") or url.startswith("//") or _UNSAFE.search(url):
        raise LawBroken("an address of the payment page must be a path on its own host")
    return url


def in_language(url: str, tag: str) -> str:
    """This page's own `url` (path and query) with `lang` set to `tag`."""
    path, _, query = own_path(url).partition("?")
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "lang"]
    return f"{path}?{urlencode([*kept, ('lang', tag)])}"


def platform_of(user_agent: str | None) -> Platform:
    """The platform a User-Agent header speaks of; a wrong guess costs a button, not a payment."""
    agent = (user_agent or "").lower()
    if "android" in agent:
        return Platform.ANDROID
    if "iphone" in agent or "ipad" in agent:
        return Platform.IOS
    return Platform.OTHER


def upi_link(uri: str) -> str:
    """`uri` if it is a well-formed `upi://pay?…` link in plain ASCII.

    Raises:
        LawBroken: it is not; the gateway makes these links itself.
    """
    if len(uri) > LONGEST or not _UPI_PAY.fullmatch(uri):
        raise LawBroken("not a upi://pay link")
    return uri


def wallet_link(uri: str | None) -> str | None:
    """`uri` if it is a well-formed EIP-681 or BIP-21 link in plain ASCII; some networks have none.

    Raises:
        LawBroken: it is something else; the gateway makes these links itself.
    """
    if uri is not None and (len(uri) > LONGEST or not _WALLET.fullmatch(uri)):
        raise LawBroken("not a link for a wallet")
    return uri


def payee_of(uri: str) -> str:
    """The payee's name (`pn`) that the payer's app shows for this link, or its address (`pa`)."""
    fields = dict(parse_qsl(upi_link(uri).partition("?")[2]))
    return fields.get("pn") or fields.get("pa", "")


def app_links(uri: str, platform: Platform) -> tuple[AppLink, ...]:
    """The apps that can be opened by name with the query of a UPI link.

    Schemes as the apps register them: Google Pay answers `tez://` on Android and `gpay://` on iOS.
    """
    query = upi_link(uri).partition("?")[2]
    google = "tez" if platform is Platform.ANDROID else "gpay"
    return (
        AppLink("Google Pay", f"{google}://upi/pay?{query}"),
        AppLink("PhonePe", f"phonepe://pay?{query}"),
        AppLink("Paytm", f"paytmmp://pay?{query}"),
    )
