"""`nonstopay webhook check`: is your webhook receiver fit for money? Grades it from A to F."""

import asyncio
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from nonstopay.business.webhooks.check import ALL_POINTS, Report
from nonstopay.business.webhooks.check import check as check_endpoint
from nonstopay.cli.terminal import Mark, Terminal
from nonstopay.connectors.public_http import PublicHttp, check_url

_FIT = "AB"

AsJson = Annotated[bool, Parameter(name="--json", negative=())]
Secret = Annotated[str, Parameter(env_var="WEBHOOK_SECRET")]


def check(
    url: str,
    /,
    *,
    secret: Secret,
    public: Annotated[bool, Parameter(negative=())] = False,
    as_json: AsJson = False,
) -> None:
    """Send a receiver what networks and strangers will, and grade it; leaves with 0 for A and B.

    Parameters
    ----------
    url
        Where it listens; the messages are about an invoice that does not exist.
    secret
        The signing secret that it verifies with, whsec_…; other users of this machine can read it
        here, so better put it into the environment.
    public
        Reach it as live gateways do: on the public internet only.
    """
    check_url(url, allow_loopback=not public)

    async def run() -> Report:
        async with PublicHttp(allow_loopback=not public) as http:
            return await check_endpoint(http, url, secret)

    report = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        _print(report)
    sys.exit(0 if report.grade in _FIT else 1)


def _print(report: Report) -> None:
    terminal = Terminal()
    terminal.heading(f"{report.url}")
    for one in report.findings:
        if one.lost:
            terminal.marked(Mark.FAIL, f"{one.trial}: {one.found} (-{one.lost})", one.advice)
        else:
            terminal.marked(Mark.OK, f"{one.trial}: {one.found}")
    terminal.heading(f"grade {report.grade}, {report.points} of {ALL_POINTS} points")
    terminal.faint("Not seen from outside: whether a repeat is acted on only once.")
