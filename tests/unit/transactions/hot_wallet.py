"""A hot wallet for tests: a real signer behind its real door, real chains, and what stands between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from nonstopay import ids
from nonstopay.business.transactions.account import Pace
from nonstopay.business.transactions.ask import Desk
from nonstopay.business.transactions.crash import CrashPoint, never
from nonstopay.business.transactions.payout import Order
from nonstopay.business.transactions.sender import Sender
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.money import Money, coin
from nonstopay.signer.client import SignerClient
from nonstopay.signer.journal import Journal
from nonstopay.signer.key import FileKey
from nonstopay.signer.limits import GWEI, Limits
from nonstopay.signer.server import serve
from nonstopay.signer.signer import Signer
from nonstopay.store.db import Database

NETWORKS = networks.load(shipped=networks.SANDBOX)
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
LIMITS = Limits(
    transaction="10000", day="50000", native="0", contracts=frozenset(), fee_max=2000 * GWEI
)
QUICK = Pace(resend=timedelta(0), bump=timedelta(hours=1), blocks=1)


def order(number: int, units: int = 1_000_000, *, address: str = WALLET) -> Order:
    """An order for USDC on polygon, one coin if nothing is said."""
    return Order(
        key=f"test/{number}",
        merchant_id=7,
        network="polygon",
        amount=Money(units, coin("USDC", 6)),
        address=address,
        root=bytes(range(32)),
    )


def signer_in(folder: Path, limits: Limits = LIMITS, secret: bytes | None = None) -> Signer:
    """A signer with a key of its own."""
    key = FileKey(secret or ids.random_bytes(32))
    return Signer(key, NETWORKS, Journal(folder / f"{key.address}.jsonl"), limits)


@asynccontextmanager
async def behind_its_door(signer: Signer, place: Path) -> AsyncIterator[SignerClient]:
    """The signer as the gateway reaches it."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(signer, place, stop))
    while not place.exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.005)
    try:
        yield SignerClient(place)
    finally:
        stop.set()
        await serving


def desk(limits: Limits = LIMITS) -> Desk:
    """A desk that lets new addresses in at once."""
    return Desk(networks=NETWORKS, limits=limits, new_address=timedelta(0))


def sender_with(
    db: Database,
    chains: dict[str, EvmNetwork],
    signer: SignerClient,
    *,
    pace: Pace = QUICK,
    crash: CrashPoint = never,
) -> Sender:
    return Sender(db, desk(), chains, signer, pace=pace, crash=crash)
