"""The chart and the movements as a page for accountants, made from the tables themselves.

`python -m nonstopay.ledger.describe > docs/ledger.md` writes it anew.
"""

import sys
from collections.abc import Iterable

from nonstopay.ledger.chart import CHART, EXCHANGE
from nonstopay.ledger.movements import MOVEMENTS, Leg

_OPENING = """\
# The ledger

This page is made from `src/nonstopay/ledger/chart.py` and `movements.py` by
`python -m nonstopay.ledger.describe`; a test compares them.

Every merchant has a book. A line of it debits one account and credits another by one positive
amount in one currency, so no line can be unbalanced. Lines are only ever added, numbered without
gaps, and each carries the SHA-256 of the digest before it and of all it says: a book is a chain.
"""
_EXCHANGE = f"""\
Where the two sides of a leg are counted in different currencies, `{EXCHANGE}` stands between them:
one line credits it in the currency that came in, one debits it in the currency that is owed. In one
and the same currency the leg is a single line. Sums of zero make no line.
"""


def markdown() -> str:
    """The page `docs/ledger.md`."""
    return "\n".join(
        [
            _OPENING,
            "## The accounts\n",
            *_table(
                ("account", "kind", "guarded", "what it counts"),
                ((f"`{a.name}`", a.side, "yes" if a.guarded else "", a.meaning) for a in CHART),
            ),
            "A guarded account's debits never exceed its credits: an overdraft is refused.\n",
            "## The movements\n",
            _EXCHANGE,
            *_table(
                ("movement", "debit", "credit", "sum", "when"),
                (
                    (
                        f"`{movement.name}`" if number == 0 else "",
                        f"`{leg.debit}`",
                        f"`{leg.credit}`",
                        _sums(leg),
                        movement.meaning if number == 0 else "",
                    )
                    for movement in MOVEMENTS
                    for number, leg in enumerate(movement.legs)
                ),
            ),
        ]
    )


def _sums(leg: Leg) -> str:
    return leg.debited if leg.debited == leg.credited else f"{leg.debited} → {leg.credited}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    rule = tuple("---" for _ in heads)
    return ["| " + " | ".join(row) + " |" for row in (heads, rule, *rows)] + [""]


if __name__ == "__main__":
    sys.stdout.write(markdown())
