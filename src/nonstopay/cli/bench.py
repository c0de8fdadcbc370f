"""`nonstopay bench`: the figures to reach, each measured beside its yardstick in the same run."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import msgspec
import uvloop
from cyclopts import Parameter

from nonstopay.bench import chain_scan, create_invoice, ledger, payment, webhooks
from nonstopay.bench.figures import Report
from nonstopay.bench.scratch import Scratch, scratch
from nonstopay.errors import InvalidInput

Measure = Callable[[Scratch, float, Callable[[str], None]], Coroutine[Any, Any, Report]]
MEASUREMENTS: dict[str, Measure] = {
    "create-invoice": create_invoice.measure,
    "payment": payment.measure,
    "ledger": ledger.measure,
    "webhooks": webhooks.measure,
    "chain-scan": chain_scan.measure,
}


def bench(
    names: list[str] | None = None,
    /,
    *,
    seconds: float = 10,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    folder: Path | None = None,
) -> None:
    """Measure on a scratch installation of its own; exit status 0 only if every goal is reached.

    Parameters
    ----------
    names
        What to measure: create-invoice, payment, ledger, webhooks, chain-scan; all if none is named.
    seconds
        How long each side runs, in all its rounds.
    folder
        Where the scratch database lives (default: the folder for temporary files). A folder in
        memory makes every commit cheap, and the figures worthless.
    """
    wanted = names or list(MEASUREMENTS)
    if unknown := sorted(set(wanted) - set(MEASUREMENTS)):
        raise InvalidInput(
            "names", f"unknown: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}"
        )
    reports = [_measure(name, seconds, folder, quiet=as_json) for name in wanted]
    if as_json:
        print(msgspec.json.encode({one.name: one for one in reports}).decode())
    else:
        for one in reports:
            _tell(one)
    sys.exit(0 if all(one.reached for one in reports) else 1)


def _measure(name: str, seconds: float, folder: Path | None, *, quiet: bool) -> Report:
    def say(line: str) -> None:
        if not quiet:
            print(f"  {line}", flush=True)

    load = os.getloadavg()[0]
    say(f"{name}: {os.cpu_count()} cores, load before {load:.1f}")
    with (
        scratch(folder or Path(gettempdir())) as place,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        report = runner.run(MEASUREMENTS[name](place, seconds, say))
    machine = {"cores": os.cpu_count() or 0, "load_before": round(load, 1)}
    return replace(report, figures={**report.figures, **machine})


def _tell(report: Report) -> None:
    print(f"\n{report.name}: {report.about}")
    for name, figure in report.figures.items():
        print(f"  {name.replace('_', ' '):<34} {figure}")
    for goal in report.goals:
        print(f"  {'reached' if goal.reached else 'MISSED '}  {goal.wanted}: {goal.measured}")
