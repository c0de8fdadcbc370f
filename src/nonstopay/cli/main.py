"""The command line: the list of what an operator can do."""

import asyncio
import sys
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay import __version__
from nonstopay.cli.where import Where, database_of, prepare
from nonstopay.errors import Misconfigured, NonstopayError

app = App(
    name="nonstopay",
    version=__version__,
    help="A payment gateway that you run yourself.",
)
# By name, so that a command imports what it needs and nothing more.
_COMMANDS = {
    "serve": ("serve:serve", "Run the whole gateway: database, API and worker."),
    "api": ("processes:api", "Run one API process, beside others on the same --database."),
    "worker": ("processes:worker", "Run one worker, beside others on the same --database."),
    "signer": ("signer:signer", "Hold the key of the hot wallet, and sign what its limits allow."),
    "merchant": ("merchant:app", "Create merchants and change what they may do."),
    "webhook": ("webhook:app", "Where a merchant's webhooks go, what failed, sending it again."),
    "payment": ("payment:app", "Look at payments; capture, let go, refund, decide a doubt."),
    "risk": ("risk:app", "Block lists, and payments that are withheld for review."),
    "routing": ("routing:app", "Which card payments go to which providers, and what if."),
    "vault": ("vault:app", "The card vault: its keys, and changing them."),
    "wallet": ("wallet:app", "Where merchants are settled, and the proof that it is theirs."),
    "crypto": ("crypto:app", "What becomes of coins that came other than asked."),
    "settlement": ("settlement:app", "Terms, fees, and the batches that pay merchants."),
    "transaction": ("transaction:app", "What leaves the hot wallet: see it, raise its fee."),
    "chain": ("chain:app", "How far the chains were read, and the recovery sheet."),
    "statement": ("statement:app", "What became of every cent of a batch or a month."),
    "verify-statement": ("statement:verify_statement", "Check a statement, offline."),
    "proof": ("proof:proof", "Recompute every book and check every invariant."),
    "doctor": ("doctor.examine:doctor", "Check the installation and say what to do."),
    "bench": ("bench:bench", "Measure the figures beside their yardstick."),
    "demo": ("demo.demo:demo", "Show the main job on this machine."),
    "listen": ("tell:listen", "Show webhooks as they happen, and forward them."),
    "card": ("card:app", "Explain why card providers refuse, and what to do then."),
    "upi": ("upi:app", "Check UPI links, and explain UPI error codes."),
    "trigger": ("trigger:trigger", "Make something happen in the sandbox."),
}
for _name, (_where, _help) in _COMMANDS.items():
    app.command(f"nonstopay.cli.{_where}", name=_name, help=_help)


@app.command
def migrate(
    *, as_json: Annotated[bool, Parameter(name="--json")] = False, where: Where = Where()
) -> None:
    """Bring the database up to date. `serve` does it by itself."""
    settings = where.settings()
    with database_of(settings) as url:
        asyncio.run(prepare(settings, url))
    print(
        msgspec.json.encode({"migrated": True}).decode()
        if as_json
        else "the database is up to date"
    )


def main() -> None:
    """Run a command; what goes wrong is one sentence on standard error and exit status 1 or 2."""
    if not __debug__:
        sys.exit("nonstopay: refuses to run with python -O: its assertions guard money")
    try:
        app()
    except Misconfigured as error:
        print(f"nonstopay: {error}", file=sys.stderr)
        sys.exit(2)
    except NonstopayError as error:
        print(f"nonstopay: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
