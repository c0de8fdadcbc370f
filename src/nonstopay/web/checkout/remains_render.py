"""What an attempt by crypto left behind, in words: part of its own page and of the invoice's end."""

from markupsafe import Markup

from nonstopay.web.checkout.frame import action, isolated
from nonstopay.web.checkout.page import Visit
from nonstopay.web.checkout.remains import Refund, Remains, Stray
from nonstopay.web.checkout.wording import Wording


def remains_shown(
    words: Wording, visit: Visit, merchant: str, remains: Remains | None
) -> dict[str, object] | None:
    """As `templates/remains.html` draws it; None if there is nothing to tell."""
    if remains is None or remains == Remains():
        return None
    over = words.say("remains.over", amount=words.money(remains.over)) if remains.over else None
    refund = remains.refund
    return {
        "over": over,
        "late": words.say("remains.late") if remains.is_late else None,
        "strays": [_stray(words, merchant, stray) for stray in remains.strays],
        "refund": _refund(words, visit, refund) if refund else None,
    }


def _stray(words: Wording, merchant: str, stray: Stray) -> Markup:
    """What came, and what becomes of it."""
    network = isolated(stray.network)
    if stray.amount is None:
        return words.say("remains.unknown", network=network)
    came = words.say("remains.came", amount=words.money(stray.amount), network=network)
    return Markup("{} {}").format(
        came, words.say(f"remains.{stray.fate}", merchant=isolated(merchant))
    )


def _refund(words: Wording, visit: Visit, refund: Refund) -> dict[str, object]:
    named = refund.form_url is None
    amount = words.money(refund.amount) if refund.amount else ""
    said = {"amount": amount, "network": isolated(refund.network)}
    return {
        "heading": words.say("remains.named" if named else "remains.refund", **said),
        "address": refund.address,
        "form_url": action(visit, refund.form_url),
        "hint": words.say("remains.hint", **said),
        "problem": (
            words.say(f"remains.wrong_{refund.problem}", **said) if refund.problem else None
        ),
    }
