"""Where card numbers and card codes may be seen: PCI DSS 3.3 and 3.5 as rules for the code."""

import ast
import re

from tests.laws.sources import product, schema

# The word for taking the digits out, and who may say it: those who seal them, those who send them, and
# the pretend bank, which has them from outside.
REVEALS = "reveal"
MAY_REVEAL = ("card_number.py", "store/vault/", "connectors/", "sandbox/")

CARD_CODE = re.compile(r"\b\w*(?:cvc|cvv|ccv|csc|card_?code|security_?code)\w*\b", re.IGNORECASE)


def test_only_the_vault_and_the_connectors_see_the_digits() -> None:
    """Whoever holds a card number elsewhere passes it on as it is: closed, and shown as 411111…1111."""
    wrong = [
        source.at(node)
        for source in product()
        if not source.inside.startswith(MAY_REVEAL)
        for node in source.nodes()
        if isinstance(node, ast.Attribute) and node.attr == REVEALS
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_the_schema_has_no_place_for_a_card_code() -> None:
    """A card code is not kept after authorisation, even encrypted; so there is no column to forget it in."""
    wrong = [f"{place}: {line.strip()}" for place, line in schema() if CARD_CODE.search(line)]

    assert not wrong, "\n" + "\n".join(wrong)
