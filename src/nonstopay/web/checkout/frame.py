"""What every page is made of: its frame, the ticket, the other methods, safe words and addresses."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nonstopay.web.checkout import links
from nonstopay.web.checkout.assets import asset
from nonstopay.web.checkout.page import Brand, Invoice, Method, Visit
from nonstopay.web.checkout.text import languages
from nonstopay.web.checkout.wording import Wording, stamp

COUNTDOWN_WITHIN = timedelta(hours=1)
DESCRIPTION_SHOWN = 160
_INVISIBLE = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def fill(template: str, visit: Visit, brand: Brand, **values: object) -> str:
    """A page as HTML: `template` with these values, in the frame that all pages have."""
    words = wording_of(visit)
    spoken = languages().values()
    frame = _environment().get_template(template)
    return frame.render(
        t=words.say,
        language=words.language,
        languages=[(to.tag, to.name, links.in_language(visit.url, to.tag)) for to in spoken],
        now=stamp(visit.now),
        sandbox=visit.sandbox,
        brand=brand,
        merchant=isolated(brand.merchant),
        monogram=next((letter for letter in brand.merchant if letter.isalnum()), "").upper(),
        logo_url=own(brand.logo_url),
        css_url=own(brand.css_url),
        asset=asset,
        **values,
    )


def wording_of(visit: Visit) -> Wording:
    return Wording(visit.language, visit.zone)


def ticket(
    words: Wording,
    visit: Visit,
    invoice: Invoice,
    due: str,
    *,
    same_as: str | None = None,
    rate: Markup | None = None,
) -> dict[str, object]:
    """What is to be paid; `same_as` and `rate` where that is another currency than the invoice's."""
    soon = timedelta(0) < invoice.valid_until - visit.now <= COUNTDOWN_WITHIN
    return {
        "due": due,
        "same_as": same_as,
        "rate": rate,
        "description": shortened(invoice.description),
        "reference": shortened(invoice.reference),
        "number": invoice.number,
        "valid_until": words.moment(invoice.valid_until),
        "left": countdown(invoice.valid_until) if soon else "",
    }


def countdown(instant: datetime) -> Markup:
    """The room where the script counts down to an instant that is written out beside it."""
    return Markup('<b class="left" role="timer" data-left="{}" hidden></b>').format(stamp(instant))


def share_left(visit: Visit, until: datetime, seconds: int) -> int:
    """Whole per cent that are left of what lasts `seconds` and ends at `until`."""
    left = (until - visit.now).total_seconds()
    return max(0, min(100, round(100 * left / max(1, seconds))))


def methods_shown(
    words: Wording, visit: Visit, methods: Sequence[Method]
) -> list[dict[str, object]]:
    """The ways to pay, as the template draws them."""
    return [_method(words, visit, method) for method in methods]


def own(path: str | None) -> str | None:
    """A path on our own host, or none."""
    return None if path is None else links.own_path(path)


def action(visit: Visit, path: str | None) -> str | None:
    """Where a form posts to or our own link leads: on to a page in the same language."""
    return None if path is None else links.in_language(path, visit.language)


def isolated(text: str) -> Markup:
    """A stranger's words, kept from reordering ours when they run the other way."""
    return Markup("<bdi>{}</bdi>").format(text) if text else Markup("")


def strong(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(text)


def shortened(text: str) -> str:
    return text if len(text) <= DESCRIPTION_SHOWN else f"{text[: DESCRIPTION_SHOWN - 1]}…"


def _method(words: Wording, visit: Visit, method: Method) -> dict[str, object]:
    label = method.label or words.say(f"method.{method.kind}")
    return {
        "kind": method.kind.value,
        "url": action(visit, method.url),
        "by_link": method.by_link,
        "label": label,
        "hint": method.hint or words.say(f"method.{method.kind}_hint"),
        "trouble": words.say(f"trouble.{method.trouble}", method=label) if method.trouble else None,
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_invisible,
    )


def _without_invisible(value: object) -> object:
    """Drop control and direction-override characters: a name must not rewrite its neighbours."""
    return value.translate(_INVISIBLE) if isinstance(value, str) else value
