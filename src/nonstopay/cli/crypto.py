"""`nonstopay crypto`: what becomes of coins that came other than asked."""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay.business.assembly import Gateway
from nonstopay.business.merchants import records as merchants
from nonstopay.business.payments.crypto import records
from nonstopay.business.payments.crypto.policy import Choice, Policy
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput, NotFound

app = App(name="crypto", help="What becomes of coins that came other than asked.")
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def policy(
    merchant_id: int,
    /,
    *,
    tolerance_percent: Decimal | None = None,
    under: Choice | None = None,
    over: Choice | None = None,
    stray: Choice | None = None,
    as_json: Json = False,
    where: Where = Where(),
) -> None:
    """Show a merchant's policy, changed by what is given. Late money follows `merchant set --late-success`.

    Parameters
    ----------
    tolerance_percent
        So much less than asked is enough.
    under
        Too little when the time is up: credit it, or let the payer have it back (refund).
    over
        What is over: the same.
    stray
        A stablecoin on another network, or another stablecoin: the same.
    """
    given: dict[str, object] = {
        "tolerance_percent": tolerance_percent,
        "under": under,
        "over": over,
        "stray": stray,
    }
    changes = {name: value for name, value in given.items() if value is not None}

    async def work(gateway: Gateway) -> Policy:
        async with gateway.db.transaction() as tx:
            if await merchants.by_id(tx, merchant_id) is None:
                raise NotFound("no such merchant")
            chosen = replace(await records.policy(tx, merchant_id), **changes)  # type: ignore[arg-type]
            if not 0 <= chosen.tolerance_percent < 100:
                raise InvalidInput(
                    "tolerance_percent", "a tolerance is from 0 to below 100 percent"
                )
            if changes:
                await records.set_policy(tx, merchant_id, chosen)
        return chosen

    chosen = run(where, work)
    facts = {name: str(value) for name, value in asdict(chosen).items()}
    if as_json:
        print(msgspec.json.encode(facts).decode())
    else:
        Terminal().table(("what", "choice"), list(facts.items()))
