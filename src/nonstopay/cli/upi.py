"""`nonstopay upi`: what is wrong with a UPI link, and what UPI's error codes mean."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay.cli.terminal import Mark, Terminal
from nonstopay.connectors import npci
from nonstopay.connectors import upi as providers
from nonstopay.connectors.outcome import ADVICE, Failure, Reason
from nonstopay.connectors.upi.link import Finding, examine

app = App(name="upi", help="Check UPI links, and explain UPI error codes.")
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def lint(uri: str, /, *, as_json: Json = False) -> None:
    """Say what is wrong with a upi://pay link, who would refuse it, and why. Exit status 1 if it is not safe.

    Parameters
    ----------
    uri
        The link, in quotes: 'upi://pay?pa=shop@bank&pn=Shop&…'
    """
    found = examine(uri)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _tell(found)
    sys.exit(1 if any(finding.refused_by or finding.unsafe for finding in found) else 0)


@app.command
def codes(code: str = "", /, *, as_json: Json = False) -> None:
    """Explain an error code of NPCI or of a provider, or all of them.

    Parameters
    ----------
    code
        One code, e.g. U30; without it every code that is known.
    """
    rows = [row for row in _rows() if not code or row[1].lower() == code.lower()]
    if as_json:
        names = ("from", "code", "reason", "source", "step", "advice")
        print(msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode())
    elif rows:
        Terminal().table(("from", "code", "reason", "source", "step", "advice"), rows)
    else:
        print(
            f"nobody documents {code}: a payment with it stays in doubt until the provider is sure"
        )
    sys.exit(0 if rows else 1)


def tables() -> Iterator[tuple[str, Mapping[str, Failure]]]:
    """Who has codes of his own, and which: NPCI, then every provider in the folder."""
    yield "NPCI", npci.CODES
    for entry in iter_modules(providers.__path__):
        module = import_module(f"{providers.__name__}.{entry.name}")
        if hasattr(module, "CODES"):
            yield module.NAME, module.CODES


def _rows() -> Iterator[tuple[str, str, str, str, str, str]]:
    for owner, table in tables():
        for code, failure in table.items():
            advice = ADVICE[failure.reason].merchant
            yield owner, code, failure.reason, failure.source, failure.step, advice
    doubt = "Nobody knows yet: the payment is asked about until it is known."
    for code in sorted(npci.IN_DOUBT):
        yield "NPCI", code, "", "", "", doubt


def _tell(found: list[Finding]) -> None:
    terminal = Terminal()
    if not found:
        terminal.marked(Mark.OK, "every app can pay this link, and shows it as it is meant")
    for finding in found:
        who = f"refused by {finding.refused_by}: " if finding.refused_by else ""
        mark = Mark.FAIL if finding.refused_by or finding.unsafe else Mark.WARN
        terminal.marked(
            mark, f"{finding.parameter} {finding.problem}".strip(), f"{who}{finding.why}"
        )


def markdown() -> str:
    """The taxonomy as a document; a test holds docs/upi-errors.md to it."""
    lines = [_HEAD, "## Reasons\n", "| reason | for the merchant | again? |", "| --- | --- | --- |"]
    used = {failure.reason for _, table in tables() for failure in table.values()}
    for reason in (one for one in Reason if one in used):
        advice = ADVICE[reason]
        lines.append(f"| `{reason}` | {advice.merchant} | {'yes' if advice.again else 'no'} |")
    for owner, table in tables():
        lines += [f"\n## Codes of {owner}\n", "| code | reason | source | step |"]
        lines.append("| --- | --- | --- | --- |")
        lines += [f"| `{code}` | {f.reason} | {f.source} | {f.step} |" for code, f in table.items()]
    doubt = ", ".join(f"`{code}`" for code in sorted(npci.IN_DOUBT))
    return "\n".join([*lines, f"\n## In doubt\n\n{_DOUBT}\n\n{doubt}\n"])


_HEAD = """# UPI errors

Why a try to pay failed: a **reason**, at whose desk (**source**), and how far it had got (**step**).
Match on the reason; the provider's own code stands beside it in a payment's history, for people.
A payer reads none of this: the payment page has its own words for each reason, in every language.
`nonstopay upi codes U30` explains one code. This page is written by `nonstopay.cli.upi.markdown`.

A refusal is never the last word. Until the order has ended, money that comes after it is taken in.
"""
_DOUBT = """With these the money may still move, either way. A payment with one of them is *unknown*: it is
asked about until it is known, and neither the payer nor the merchant is told that it failed. The same
holds for every code that no document names."""
