"""`nonstopay card`: what the codes of card networks and providers mean, and what to do about them."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay.cli.terminal import Terminal
from nonstopay.connectors import card as providers
from nonstopay.connectors import declines
from nonstopay.connectors.outcome import ADVICE, Failure, Reason

app = App(name="card", help="Explain why card providers refuse, and what to do then.")
Json = Annotated[bool, Parameter(name="--json", negative=())]
_COLUMNS = ("from", "code", "reason", "source", "retry", "failover", "advice")


@app.command
def codes(code: str = "", /, *, as_json: Json = False) -> None:
    """Explain a refusal code of a card network or of a provider, or all of them.

    Parameters
    ----------
    code
        One code, e.g. 51, insufficient_funds or 20051; without it every code that is known.
    """
    rows = [row for row in _rows() if not code or row[1].lower() == code.lower()]
    if as_json:
        said = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        print(msgspec.json.encode(said).decode())
    elif rows:
        Terminal().table(_COLUMNS, rows)
    else:
        print(f"nobody documents {code}: such a refusal is one without an explanation")
    sys.exit(0 if rows else 1)


def tables() -> Iterator[tuple[str, Mapping[str, Failure]]]:
    """Who has codes of his own, and which: the network, then every provider in the folder."""
    yield "the network", declines.NETWORK
    for entry in iter_modules(providers.__path__):
        module = import_module(f"{providers.__name__}.{entry.name}")
        if hasattr(module, "CODES"):
            yield module.NAME, module.CODES


def markdown() -> str:
    """The taxonomy as a document; a test holds docs/card-errors.md to it."""
    lines = [_HEAD, "## Reasons\n", "| reason | for the merchant | try again | other provider |"]
    lines.append("| --- | --- | --- | --- |")
    used = {failure.reason for _, table in tables() for failure in table.values()}
    for reason in (one for one in Reason if one in used | {Reason.NOT_RECEIVED}):
        after = declines.AFTER[reason]
        failover = "yes" if after.failover else "no"
        said = (f"`{reason}`", ADVICE[reason].merchant, _RETRIES[after.retry], failover)
        lines.append(f"| {' | '.join(said)} |")
    for owner, table in tables():
        lines += [f"\n## Codes of {owner}\n", "| code | reason | source | step |"]
        lines.append("| --- | --- | --- | --- |")
        lines += [f"| `{code}` | {f.reason} | {f.source} | {f.step} |" for code, f in table.items()]
    lines += ["\n## Orders to stop\n", _STOP, "| advice | what may be tried |", "| --- | --- |"]
    lines += [f"| `{code}` | {_RETRIES[may]} |" for code, may in declines.ADVICE_CODES.items()]
    return "\n".join([*lines, ""])


def _rows() -> Iterator[tuple[str, ...]]:
    for owner, table in tables():
        for code, failure in table.items():
            after = declines.AFTER[failure.reason]
            failover = "yes" if after.failover else "no"
            advice = ADVICE[failure.reason].merchant
            yield owner, code, failure.reason, failure.source, after.retry, failover, advice


_RETRIES = {
    declines.Retry.CORRECTED: "the same card, corrected",
    declines.Retry.LATER: "the same card, later",
    declines.Retry.AUTHENTICATED: "the same card, with 3-D Secure",
    declines.Retry.OTHER_CARD: "another card",
    declines.Retry.NEVER: "this card never again",
    declines.Retry.SAME: "the same again",
}
_HEAD = """# Card errors

Why a card was refused: a **reason**, at whose desk (**source**), and how far it had got (**step**); what
may be tried then, and whether **another provider** may be asked for the same payment at once. Match on
the reason; the provider's own code stands beside it in a payment's history, for people. A payer reads
none of this: the payment page has its own words for each reason. `nonstopay card codes 51` explains one
code. This page is written by `nonstopay.cli.card.markdown`.

Another provider is asked only where nobody who judges the card or its holder has said no. After a bank's
refusal it would be the same bank again, and schemes count and fine such repeats; after a risk check it
would be what card testers hope for. After *unknown*, which is no refusal, nothing is ever tried anywhere.

Of several words the sharpest counts: an order to stop; the provider's own code; and if that says only
that the bank refused, the bank's answer in the network's codes. A refusal with a code that no document
names is `declined_by_bank`: the provider's status says that no money moved, its code only says why.
"""
_STOP = """That a card is not tried again is the order of the network's `04`, `07`, `41`, `43`, `R0`, `R1`,
`R3`, and of those below among Mastercard's merchant advice codes. Among what an issuer will never approve
Visa counts `04`, `07`, `12`, `14`, `15`, `41`, `43`, `46`, `57`, `R0`, `R1`, `R3`.
"""
