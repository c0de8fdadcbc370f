"""Where card connectors are put through the suite: a laboratory for each.

Every connector needs an entry in `LABORATORIES`; the suite says so if it is missing. The sandbox's own
acquirer has a suite of its own, on the database.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from nonstopay.connectors import base
from nonstopay.connectors import card as card_connectors
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.cards.adyen_laboratory import adyen_laboratory
from tests.connectors.cards.checkout_laboratory import checkout_laboratory
from tests.connectors.cards.laboratory import CardLaboratory
from tests.connectors.cards.stripe_laboratory import stripe_laboratory

OpenLaboratory = Callable[[ProviderHttp], AbstractAsyncContextManager[CardLaboratory]]

LABORATORIES: Mapping[str, OpenLaboratory] = {
    "adyen": adyen_laboratory,
    "checkout": checkout_laboratory,
    "stripe": stripe_laboratory,
}
SANDBOXES = frozenset(name for name in base.find(card_connectors) if "sandbox" in name)
CONNECTORS = sorted(set(base.find(card_connectors)) - SANDBOXES)
