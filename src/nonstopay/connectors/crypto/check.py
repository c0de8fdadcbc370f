"""Whether the chain is the one our table describes: asked at every start, before a coin is offered.

A wrong chain id or a token of other decimals would turn every amount wrong (Upbit, September 2023), so
a coin that does not fit is off and an alarm is raised. A node that does not answer leaves the coin
off, too: what was not checked is not offered.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.json_rpc import NodeTrouble
from nonstopay.connectors.crypto.networks import Coin

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """A coin, and why it is off; empty if it is in order.

    Attributes:
        wrong: the chain contradicts our table, for which somebody must look. Else it just did not
            answer, and is asked again.
    """

    coin: Coin
    problem: str = ""
    wrong: bool = False


async def check(networks: Iterable[EvmNetwork]) -> Mapping[str, Checked]:
    """Every coin of these networks by its name, with what is wrong with it."""
    found: dict[str, Checked] = {}
    for one in networks:
        chain = await _chain_problem(one)
        for coin in one.network.coins.values():
            checked = Checked(coin, *chain) if chain else await _check_coin(one, coin)
            found[coin.name] = checked
            _tell(checked)
    return found


async def _chain_problem(one: EvmNetwork) -> tuple[str, bool] | None:
    """Every node must be on the network's chain: any of them may be asked later."""
    unanswered = 0
    for node in one.nodes:
        try:
            chain_id = await node.chain_id()
        except NodeTrouble:
            unanswered += 1
            continue
        if chain_id != one.network.chain_id:
            return f"{node.name} is on chain {chain_id}, not {one.network.chain_id}", True
    if unanswered == len(one.nodes):
        return f"no node of {one.network.name} answers", False
    return None


async def _check_coin(one: EvmNetwork, coin: Coin) -> Checked:
    contract = coin.contract
    if contract is None:
        return Checked(coin)
    try:
        decimals = await one.ask(lambda node: node.decimals(contract))
    except NodeTrouble as trouble:
        return Checked(coin, f"its decimals are unknown: {trouble}")
    if decimals != coin.decimals:
        return Checked(coin, f"it has {decimals} decimals, our table says {coin.decimals}", True)
    return Checked(coin)


def _tell(checked: Checked) -> None:
    if checked.wrong:
        _log.error(
            "ALARM: a coin is not what we know it as, and is off",
            extra={"coin": checked.coin.name, "problem": checked.problem},
        )
    elif checked.problem:
        _log.debug(
            "a coin is off until its chain answers",
            extra={"coin": checked.coin.name, "problem": checked.problem},
        )
