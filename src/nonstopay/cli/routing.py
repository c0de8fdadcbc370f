"""`nonstopay routing`: which card payments go to which providers, and what other rules would have done."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments.routing import records
from nonstopay.business.payments.routing.past import ENOUGH, Rate, Tally
from nonstopay.business.payments.routing.read import read_rules
from nonstopay.business.payments.routing.replay import Forecast, Replay
from nonstopay.business.payments.routing.rule import DEFAULT, Rule
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where

app = App(name="routing", help="Which card payments go to which providers, and what if.")
Json = Annotated[bool, Parameter(name="--json", negative=())]
Days = Annotated[int, Parameter(validator=Number(gte=1, lte=3660))]


@app.command
def show(*, as_json: Json = False, where: Where = Where()) -> None:
    """The rules in their order, and how the providers work just now."""

    async def act(gateway: Gateway) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
        standing = await gateway.rails.board.standing(gateway.db)
        rules = [(rule.name, _when(rule), " → ".join(rule.to)) for rule in gateway.rails.routing]
        default = (DEFAULT, "any other", " → ".join(gateway.rails.card) or "nobody")
        states = [(name, str(standing.of(CARD.name, [name]))) for name in gateway.rails.card]
        return [*rules, default], states

    rules, states = run(where, act)
    if as_json:
        told = [dict(zip(("rule", "when", "to"), one, strict=True)) for one in rules]
        print(msgspec.json.encode({"rules": told, "health": dict(states)}).decode())
        return
    terminal = Terminal()
    terminal.table(("RULE", "WHEN", "TO"), rules)
    if states:
        terminal.say()
        terminal.facts(states)


@app.command
def replay(
    *,
    rules: Path | None = None,
    since: Days = 30,
    as_json: Json = False,
    where: Where = Where(),
) -> None:
    """Try rules on past card payments: who would have been asked, and how many approved. Writes nothing.

    Parameters
    ----------
    rules
        A TOML file with [[routing]] rules; left out: those of the configuration.
    since
        How many days back.
    """

    async def act(gateway: Gateway) -> list[Forecast]:
        connectors = list(gateway.rails.card)
        tried = read_rules(rules, connectors) if rules else gateway.rails.routing
        counted = Replay(tried, connectors)
        until = clock.now()
        async with gateway.db.reading() as conn:
            async for attempt in records.attempts(conn, until - timedelta(days=since), until):
                counted.take(attempt)
        return counted.forecasts()

    forecasts = run(where, act)
    if as_json:
        print(msgspec.json.encode(described(forecasts)).decode())
    else:
        _tell(forecasts, since)


def _tell(forecasts: Sequence[Forecast], days: int) -> None:
    terminal = Terminal()
    payments = sum(one.payments for one in forecasts)
    moved = [one for one in forecasts if one.moved]
    terminal.say(
        f"{payments} card payments in {days} days; {sum(one.moved for one in moved)} would have begun "
        "at another provider"
    )
    for one in moved:
        _tell_segment(terminal, one)
    if moved:
        terminal.faint(
            f"\n  Rates are of first attempts, from {ENOUGH} decided ones on, with bounds of 95 %. They "
            "know neither\n  failover nor why a provider got the payments it got: try a part first."
        )


def _tell_segment(terminal: Terminal, one: Forecast) -> None:
    brand, country, currency = one.segment
    terminal.heading(f"{brand}, payers of {country or 'no country told'}, {currency}")
    terminal.facts(
        [
            ("payments", f"{one.payments} ({one.volume})"),
            ("would move", f"{one.moved} ({one.moved_volume})"),
            ("now", _shares(one.before, one.seen)),
            ("then", _shares(one.after, one.seen)),
            ("approved now", _percent(one.was)),
            ("approved then", _percent(one.would_be)),
        ]
    )


def _shares(payments: Mapping[str, int], seen: Mapping[str, Tally]) -> str:
    """`stripe 40 (approved 35 of 38)`, the largest share first."""
    return ", ".join(
        f"{name} {count} (approved {tally.approved} of {tally.decided})"
        for name, count in sorted(payments.items(), key=lambda item: -item[1])
        for tally in (seen.get(name, Tally()),)
    )


def _percent(rate: Rate | None) -> str:
    if rate is None:
        return "too few to say"
    low, middle, high = (f"{100 * one:.1f}" for one in rate)
    return f"{middle} % ({low} to {high})"


def _when(rule: Rule) -> str:
    parts = [
        _among("currency", rule.currencies),
        _among("country", rule.countries),
        _among("brand", rule.brands),
        _among("merchant", rule.merchants),
        f"amount ≥ {rule.amount_min.text()}" if rule.amount_min else "",
        f"amount ≤ {rule.amount_max.text()}" if rule.amount_max else "",
    ]
    return ", ".join(part for part in parts if part) or "always"


def _among(name: str, values: frozenset[Any]) -> str:
    return f"{name} {' or '.join(sorted(map(str, values)))}" if values else ""


def described(forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """The forecast for programs; amounts and rates as text."""
    return {
        "payments": sum(one.payments for one in forecasts),
        "moved": sum(one.moved for one in forecasts),
        "enough": ENOUGH,
        "segments": [_segment(one) for one in forecasts if one.moved],
    }


def _segment(one: Forecast) -> dict[str, Any]:
    return {
        **one.segment._asdict(),
        "payments": one.payments,
        "volume": one.volume.text(),
        "moved": one.moved,
        "moved_volume": one.moved_volume.text(),
        "before": dict(one.before),
        "after": dict(one.after),
        "seen": {name: tally._asdict() for name, tally in one.seen.items()},
        "approved_before": _rate(one.was),
        "approved_after": _rate(one.would_be),
    }


def _rate(rate: Rate | None) -> dict[str, str] | None:
    if rate is None:
        return None
    return {name: str(value.quantize(Decimal("0.0001"))) for name, value in rate._asdict().items()}
