"""What moved in a block of an EVM network: transfers that any contract logged, and the coin itself.

Contracts log what they like, so a log of another form than ERC-20's is no transfer; what the node itself
says of a log (its block, its place, whether it was removed) is read strictly, and is `ValueError` where
it cannot be. Addresses stay as the node spells them until somebody asks whose they are: a block has
hundreds, and almost none is ours.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from nonstopay.connectors.crypto import evm_words as words
from nonstopay.connectors.crypto.evm_address import spell

OWN_VALUE = -1
"""The place of what a transaction sent itself: it comes before anything that was logged."""
_NO_ADDRESS = "0x" + 24 * "0"
_HEX = re.compile(r"0x[0-9a-fA-F]*", re.ASCII)


class Move(NamedTuple):
    """A transfer. `receiver`, `contract`: forty hexadecimal digits; no contract: the native coin."""

    receiver: str
    contract: str
    units: int
    transaction: str
    place: int


def transfers(logs: Any, block_hash: str) -> list[Move]:
    """The transfers among a block's logs, numbered within each transaction."""
    moves = []
    counted: defaultdict[str, int] = defaultdict(int)
    for log in sorted(logs, key=lambda one: words.quantity(one["logIndex"])):
        if log["blockHash"] != block_hash or log.get("removed", False) is not False:
            raise ValueError("a log of another block, or one that was removed")
        if not _is_transfer(log):
            continue
        transaction = "0x" + _digits(log["transactionHash"], 64)
        place = counted[transaction]
        counted[transaction] += 1
        units = int(_digits(log["data"], 64), 16)
        if units:
            receiver, contract = _digits(log["topics"][2], 64)[24:], _digits(log["address"], 40)
            moves.append(Move(receiver, contract, units, transaction, place))
    return moves


def sendings(transactions: Any, block_hash: str) -> list[Move]:
    """What the transactions of a block say that they send; one that failed sent nothing."""
    moves = []
    for one in transactions:
        if one["blockHash"] != block_hash:
            raise ValueError("a transaction of another block")
        units = words.quantity(one["value"])
        receiver = one.get("to")  # none where a contract is made
        if units and receiver is not None:
            transaction = "0x" + _digits(one["hash"], 64)
            moves.append(Move(_digits(receiver, 40), "", units, transaction, OWN_VALUE))
    return moves


def spelt(receivers: Iterable[str]) -> dict[str, str]:
    """Addresses with their checksum, by their digits."""
    return {one: spell(bytes.fromhex(one)) for one in set(receivers)}


def _is_transfer(log: Any) -> bool:
    """Whether a contract logged what ERC-20 says: three topics, of which two are addresses, one number."""
    topics = log["topics"]
    return (
        len(topics) == 3
        and topics[0] == words.TRANSFER
        and topics[2].startswith(_NO_ADDRESS)
        and len(log["data"]) == 2 + 64
    )


def _digits(word: Any, count: int) -> str:
    """So many hexadecimal digits, in small letters. Written for speed: a busy block has thousands."""
    if len(word) != 2 + count or not _HEX.fullmatch(word):
        raise ValueError("not so many digits")
    digits: str = word[2:]
    return digits.lower()
