"""When a chain replaces its blocks: what was not confirmed goes back, what was confirmed is frozen."""

import logging

import pytest

from nonstopay.business.deposits.deposit import missing
from nonstopay.business.deposits.watch.read import ChainReplaced
from nonstopay.business.deposits.watch.write import KEPT_BLOCKS
from nonstopay.connectors.crypto.evm_network import NodesDisagree
from tests.unit.deposits.conftest import NETWORKS, Watch

NEEDED = 12
"""Confirmations on Ethereum, of less than $1000."""


@pytest.mark.parametrize("depth", [1, 2, 5, 11, 12, 13, 64])
async def test_a_chain_takes_back_its_newest_blocks(
    watch: Watch, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The payment is in the lowest of them."""
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(depth - 1)
    await watch.look()
    assert await watch.states() == ["confirmed" if depth >= NEEDED else "seen"]
    await watch.forget_jobs()

    watch.chain.reorg(depth)
    await watch.look()

    assert await watch.states() == ["frozen" if depth >= NEEDED else "gone"]
    assert [one.confirmations for one in await watch.deposits()] == [0]
    assert await watch.jobs() == ["1"], "whoever is above must hear of it"
    alarms = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert ["ALARM" in one.message for one in alarms] == ([True] if depth >= NEEDED else [])


@pytest.mark.parametrize("depth", [1, 2, 5, 11, 12, 13, 64])
async def test_what_lies_below_is_untouched(watch: Watch, depth: int) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(depth)
    await watch.look()
    before = await watch.deposits()

    watch.chain.reorg(depth)
    await watch.look()

    (after,) = await watch.deposits()
    assert after.block_hash == before[0].block_hash
    assert str(after.state) == ("confirmed" if depth + 2 >= NEEDED else "seen")


async def test_a_transaction_is_mined_again_in_another_block(watch: Watch) -> None:
    sent = watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(3)
    await watch.look()

    watch.chain.reorg(4)
    watch.chain.put(watch.chain.payment("USDT", "0x" + "22" * 20, 1), sent)
    await watch.look()

    gone, again = await watch.deposits()
    assert (str(gone.state), str(again.state)) == ("gone", "seen")
    assert (gone.transaction, gone.place) == (again.transaction, again.place)
    assert again.confirmations == 1, "its confirmations are counted anew, from its new block"
    watch.chain.mine(NEEDED - 1)
    await watch.look()
    assert sorted(await watch.states()) == ["confirmed", "gone"]


async def test_a_transaction_is_replaced_by_one_of_another_amount(watch: Watch) -> None:
    address = await watch.address()
    watch.chain.pay("USDT", address, 5_000_000)
    await watch.look()

    watch.chain.reorg(1, longer=0)
    watch.chain.pay("USDT", address, 4_000_000)
    watch.chain.mine(NEEDED)
    await watch.look()

    assert [(str(one.state), one.amount.minor) for one in await watch.deposits()] == [
        ("gone", 5_000_000),
        ("confirmed", 4_000_000),
    ]


async def test_the_same_height_with_another_hash(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(NEEDED - 2)
    await watch.look()

    watch.chain.reorg(NEEDED - 1, longer=0)
    await watch.look()

    assert await watch.states() == ["gone"]


async def test_a_block_comes_back(watch: Watch) -> None:
    """Two branches overtake each other."""
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    await watch.look()
    gone = watch.chain.reorg(1)
    await watch.look()
    assert await watch.states() == ["gone"]

    watch.chain.blocks[-2:] = gone
    watch.chain.mine(NEEDED)
    await watch.look()

    assert await watch.states() == ["confirmed"]


async def test_a_frozen_deposit_is_confirmed_again_where_its_block_comes_back(
    watch: Watch,
) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(NEEDED)
    await watch.look()
    gone = watch.chain.reorg(NEEDED + 1)
    await watch.look()
    assert await watch.states() == ["frozen"]
    assert len(missing(await watch.deposits())) == 1

    watch.chain.blocks[-len(gone) - 1 :] = gone
    watch.chain.mine(2)
    await watch.look()

    assert await watch.states() == ["confirmed"]


async def test_a_frozen_deposit_is_not_missing_once_it_is_confirmed_elsewhere(
    watch: Watch,
) -> None:
    sent = watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(NEEDED)
    await watch.look()
    watch.chain.reorg(NEEDED + 1)
    watch.chain.put(sent)
    watch.chain.mine(NEEDED)
    await watch.look()

    found = await watch.deposits()
    assert sorted(str(one.state) for one in found) == ["confirmed", "frozen"]
    assert missing(found) == []


async def test_a_chain_that_got_shorter(watch: Watch) -> None:
    """A node that lost its newest blocks, and went on from there otherwise."""
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(5)
    await watch.look()

    del watch.chain.blocks[-6:]
    await watch.look()
    assert await watch.states() == ["seen"], "it may as well have fallen behind"

    watch.chain.mine(1)
    await watch.look()
    assert await watch.states() == ["gone"]


async def test_another_chain_altogether_is_not_read(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(NEEDED)
    await watch.look()

    watch.chain.blocks.clear()
    watch.chain.mine(40)
    with pytest.raises(ChainReplaced):
        await watch.look()

    assert await watch.states() == ["confirmed"]


async def test_one_node_alone_replaces_no_blocks(watch: Watch) -> None:
    """The first node says that they were replaced, the second has them still."""
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(2)
    await watch.look()
    second = watch.chain.copy()
    watch.nodes[1].words = second.words()

    watch.chain.reorg(3)
    second.mine(1)
    with pytest.raises(NodesDisagree):
        await watch.look()
    assert await watch.states() == ["seen"]

    second.blocks = list(watch.chain.blocks)
    await watch.look()
    assert await watch.states() == ["gone"]


async def test_what_is_confirmed_is_not_frozen_on_the_word_of_one(watch: Watch) -> None:
    """The second node does not answer: then a reorganisation takes back what was only seen, no more."""
    watch.chain.pay("USDT", await watch.address(1), 5_000_000)
    watch.chain.mine(NEEDED)
    watch.chain.pay("USDT", await watch.address(2), 5_000_000)
    await watch.look()
    watch.nodes[1].raw = (500, b"")

    watch.chain.reorg(1)
    await watch.look()
    assert (await watch.states(1), await watch.states(2)) == (["confirmed"], ["gone"])

    watch.chain.reorg(NEEDED + 3)
    with pytest.raises(NodesDisagree):
        await watch.look()
    assert await watch.states(1) == ["confirmed"]

    watch.nodes[1].raw = None
    await watch.look()
    assert await watch.states(1) == ["frozen"]


def test_every_coin_is_confirmed_long_before_blocks_are_forgotten() -> None:
    asked = [tier.blocks for network in NETWORKS.values() for tier in network.tiers]

    assert 2 * max(asked) < KEPT_BLOCKS
