"""What a transfer is to us: a coin or not, worth how much, and so how sure to be of it."""

from datetime import datetime

from nonstopay.business.deposits.address import DepositAddress
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.deposit import UNKNOWN, Deposit
from nonstopay.business.deposits.states import State
from nonstopay.connectors.crypto.networks import Network
from nonstopay.connectors.crypto.reader import Incoming
from nonstopay.money import Money


async def judge(
    chains: Chains, network: Network, one: Incoming, owner: DepositAddress, at: datetime
) -> Deposit:
    """The deposit that it is: SEEN, or IGNORED if its token is not on our list or it is dust.

    Where nobody knows what it is worth, it is treated as a fortune.
    """
    coin = chains.coin_of(network.name, one.contract)
    amount = Money(one.units, coin.currency if coin else UNKNOWN)
    worth = await chains.worth(amount) if coin else None
    tier = network.tier(worth) if worth is not None else network.tiers[-1]
    return Deposit(
        network=network.name,
        coin=coin.name if coin else "",
        contract=one.contract,
        transaction=one.transaction,
        place=one.place,
        block_number=one.block_number,
        block_hash=one.block_hash,
        address=owner.address,
        merchant_id=owner.merchant_id,
        invoice_id=owner.invoice_id,
        amount=amount,
        confirmations=1,
        needed=tier.blocks,
        needs_final=tier.finalized,
        witnesses=_witnesses(chains, worth),
        state=State.IGNORED if coin is None or _is_dust(chains, worth) else State.SEEN,
        seen_at=at,
        state_at=at,
    )


async def is_credited(chains: Chains, network: Network, one: Incoming) -> bool:
    """Whether it is a coin of ours, and no dust."""
    coin = chains.coin_of(network.name, one.contract)
    return coin is not None and not _is_dust(
        chains, await chains.worth(Money(one.units, coin.currency))
    )


def _is_dust(chains: Chains, worth: Money | None) -> bool:
    return worth is not None and chains.dust is not None and worth < chains.dust


def _witnesses(chains: Chains, worth: Money | None) -> int:
    limit = chains.two_nodes_above
    return 2 if limit is not None and (worth is None or worth >= limit) else 1
