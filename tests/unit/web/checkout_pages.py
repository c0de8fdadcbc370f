"""One page of each kind, to be varied by the tests, and a reader of what a browser would see."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

from nonstopay.money import Money, fiat
from nonstopay.web.checkout.page import (
    Brand,
    ChoosePage,
    Conversion,
    DeclineReason,
    DonePage,
    DoneState,
    ErrorKind,
    ErrorPage,
    Invoice,
    Landing,
    LandingPage,
    Method,
    MethodKind,
    Payment,
    Trouble,
    UpiPage,
    UpiState,
    Visit,
)
from nonstopay.web.checkout.render import (
    render_choose,
    render_done,
    render_error,
    render_landing,
    render_upi,
)

NOW = datetime(2026, 10, 30, 14, 24, tzinfo=UTC)
LINK = (
    "upi://pay?pa=lotus.books@nonstop&pn=Lotus%20Books&mc=5942&tid=NSP185A1&tr=NSP185A1"
    "&tn=Invoice%20185&am=417.05&cu=INR"
)
RUPEES = Money(41705, fiat("INR"))
VISIT = Visit(now=NOW, url="/widget/sale/create/?token=abc.def")
BRAND = Brand(merchant="Lotus Books")
INVOICE = Invoice(
    number="185",
    amount=Money(500, fiat("USD")),
    valid_until=NOW + timedelta(days=14),
    reference="LB-1093",
    description="The Shadow Lines, paperback",
)
METHODS = tuple(Method(kind=kind, url=f"/widget/sale/pay/?method={kind}") for kind in MethodKind)
CHOOSE = ChoosePage(
    visit=VISIT, brand=BRAND, invoice=INVOICE, methods=METHODS, cancel_url="/cancel/?token=abc"
)
UPI = UpiPage(
    visit=VISIT,
    brand=BRAND,
    invoice=INVOICE,
    state=UpiState.WAITING,
    amount=RUPEES,
    upi_uri=LINK,
    qr_expires_at=NOW + timedelta(minutes=6),
    qr_seconds=480,
    events_url="/events/?token=abc",
    new_qr_url="/new-qr/?token=abc",
    conversion=Conversion(
        rate=Decimal("83.41"),
        source="ECB",
        as_of=date(2026, 10, 30),
        locked_until=NOW + timedelta(minutes=8),
    ),
    methods=METHODS[1:],
    cancel_url="/cancel/?token=abc",
    revision="3",
)
DONE = DonePage(
    visit=VISIT,
    brand=BRAND,
    invoice=INVOICE,
    state=DoneState.PAID,
    payment=Payment(charged=RUPEES, at=NOW, kind=MethodKind.UPI, reference="630412345678"),
    return_url="https://lotus.example/thanks?order=LB-1093",
)


def every_page(language: str = "en") -> dict[str, str]:
    """Each page in each of its states, as HTML, by a name for the failure message."""
    visit = replace(VISIT, language=language, sandbox=True)
    choose = replace(CHOOSE, visit=visit)
    pages = {"choose": render_choose(choose)}
    for trouble in Trouble:
        troubled = replace(METHODS[1], trouble=trouble)
        pages[f"choose {trouble}"] = render_choose(replace(choose, methods=[troubled]))
    pages["choose again"] = render_choose(replace(choose, unanswered=MethodKind.UPI))
    for state in UpiState:
        pages[f"upi {state}"] = render_upi(replace(UPI, visit=visit, state=state))
    for reason in DeclineReason:
        declined = replace(UPI, visit=visit, state=UpiState.DECLINED, reason=reason)
        pages[f"upi {reason}"] = render_upi(declined)
    for end in DoneState:
        pages[f"done {end}"] = render_done(replace(DONE, visit=visit, state=end))
    again = replace(DONE, visit=visit, state=DoneState.REFUNDED, payment=None, refunded=RUPEES)
    pages["done again"] = render_done(replace(again, again_url="/widget/sale/create/?again=1"))
    for outcome in Landing:
        pages[f"landing {outcome}"] = render_landing(LandingPage(visit=visit, outcome=outcome))
    for kind in ErrorKind:
        pages[f"error {kind}"] = render_error(ErrorPage(visit=visit, kind=kind))
    return pages


@dataclass
class Tag:
    name: str
    attributes: dict[str, str]


@dataclass
class Reading(HTMLParser):
    """A page as a parser sees it: its tags, its text, and whether all that opened was closed."""

    html: str
    tags: list[Tag] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    VOID = ("meta", "link", "input", "img", "rect", "path")

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> names an attribute twice"
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str]]:
        return [tag.attributes for tag in self.tags if tag.name == name]
