"""The command line: the list of what an operator can do."""

import asyncio
import sys
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay import __version__
from nonstopay.cli import merchant, proof, serve, tell, trigger
from nonstopay.cli.demo.demo import demo
from nonstopay.cli.doctor.examine import doctor
from nonstopay.cli.where import Where, database_of, prepare
from nonstopay.errors import Misconfigured, NonstopayError

app = App(
    name="nonstopay",
    version=__version__,
    help="A payment gateway that you run yourself.",
)
app.command(serve.serve)
app.command(serve.api)
app.command(serve.worker)
app.command(merchant.app)
app.command(proof.proof)
app.command(doctor)
app.command(demo)
app.command(tell.listen)
app.command(trigger.trigger)


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
