"""The sender of coins: takes orders, and sees each of them through, one account at a time."""

import logging
import os
import socket
from collections import defaultdict
from collections.abc import Mapping

from nonstopay import clock, ids
from nonstopay.business.transactions import records
from nonstopay.business.transactions.account import Account, Overtaken, Pace
from nonstopay.business.transactions.ask import Desk, ask
from nonstopay.business.transactions.broadcast import send_lost
from nonstopay.business.transactions.crash import CrashPoint, never
from nonstopay.business.transactions.follow import confirm, look
from nonstopay.business.transactions.payout import Answer, Call, Order
from nonstopay.business.transactions.prepare import prepare, sign
from nonstopay.business.transactions.states import DONE, State
from nonstopay.business.transactions.transaction import Transaction
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.errors import Unavailable
from nonstopay.signer.client import SignerClient
from nonstopay.store.db import Database, forbid_transaction

AT_ONCE = 100
_WAITING = (State.PREPARED, State.SIGNED, State.BROADCAST)
_log = logging.getLogger(__name__)


class Sender:
    """Sends from the hot wallet, whose key the signer has.

    Args:
        chains: the networks on which it sends.
    """

    def __init__(
        self,
        db: Database,
        desk: Desk,
        chains: Mapping[str, EvmNetwork],
        signer: SignerClient,
        *,
        pace: Pace | None = None,
        crash: CrashPoint = never,
    ) -> None:
        self._db = db
        self.desk = desk
        self.chains = chains
        self.signer = signer
        self._pace = pace or Pace()
        self._crash = crash
        self._looked_at: dict[str, clock.Seconds] = {}
        self._name = f"{socket.gethostname()}:{os.getpid()}:{ids.token(32)}"

    async def ask(self, order: Order | Call) -> Answer:
        """Take an order, or say how far it has come; `turn` sees to it."""
        forbid_transaction("ordering coins")
        return (await ask(self._db, self.desk, order, clock.now())).answer

    async def turn(self) -> bool:
        """See to everything that is open, once; whether anything came further."""
        async with self._db.reading() as conn:
            networks = await records.open_networks(conn)
        moved = False
        for name in networks:
            if name not in self.chains or not self._is_time(name):
                continue
            try:
                moved |= await self._see_to(name)
            except (Unavailable, Overtaken) as trouble:
                _log.warning("sending stumbled", extra={"network": name, "why": trouble.message})
        return moved

    def _is_time(self, name: str) -> bool:
        """Whether the network was not looked at just now."""
        now = clock.stopwatch()
        if now - self._looked_at.get(name, -self._pace.look_seconds) < self._pace.look_seconds:
            return False
        self._looked_at[name] = now
        return True

    async def _see_to(self, name: str) -> bool:
        """All open transactions of a network, in the order of their nonces."""
        account = Account(
            db=self._db,
            chain=self.chains[name],
            signer=self.signer,
            address=await self.signer.address(),
            pace=self._pace,
            crash=self._crash,
        )
        if not await self._hold(account):
            return False
        async with self._db.reading() as conn:
            open_ = await records.open_ones(conn, name, clock.now(), AT_ONCE)
        first_open = next((one.nonce for one in open_ if one.nonce is not None), None)
        if first_open is not None:
            await send_lost(account, first_open)
        on_its_way: defaultdict[str, int] = defaultdict(int)
        moved = False
        for one in open_:
            if one.sender not in (None, account.address):
                continue  # the key was changed: what the old one signed is the operator's to watch
            after = await self._through(account, one, on_its_way[one.coin])
            moved |= after.state is not one.state
            if after.state in _WAITING:
                on_its_way[one.coin] += one.units
            await self._hold(account)
        return moved

    async def _through(self, account: Account, one: Transaction, on_its_way: int) -> Transaction:
        """One transaction, as far as it goes now."""
        while one.state not in DONE:
            at = clock.now()
            match one.state:
                case State.ASKED:
                    after = await prepare(account, one, at, on_its_way=on_its_way)
                case State.PREPARED:
                    after = await sign(account, one, at)
                case State.SIGNED | State.BROADCAST:
                    after = await look(account, one, at)
                case _:
                    after = await confirm(account, one, at)
            if after.state is one.state:
                return after
            one = after
        return one

    async def _hold(self, account: Account) -> bool:
        """Be the one who sends for this account; the lease is renewed with every transaction."""
        name, address, at = account.network, account.address, clock.now()
        async with self._db.reading() as conn:
            is_there = await records.has_account(conn, name, address)
        if not is_there:
            # What other programs sent with this key before counts, too.
            count = await account.chain.ask(lambda node: node.nonce(address, "pending"))
            async with self._db.transaction() as tx:
                await records.begin_account(tx, name, address, count)
        async with self._db.transaction() as tx:
            return await records.lease(
                tx, name, address, self._name, at=at, until=at + self._pace.lease
            )
