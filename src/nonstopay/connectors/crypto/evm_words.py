"""The words that EVM nodes speak: quantities, hashes and addresses in hexadecimal, read strictly.

Source: ethereum.github.io/execution-apis, "QUANTITY" and "DATA". A number is an exact int. Whatever
has another form is `ValueError`, which the caller makes a lie of the node that said it.
"""

import re
from dataclasses import dataclass
from typing import Any

from nonstopay.connectors.crypto.evm_address import spell

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The topic of ERC-20's `Transfer(address,address,uint256)`: the hash of these words."""
DECIMALS = "0x313ce567"
BALANCE_OF = "0x70a08231"
_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})", re.ASCII)
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header.

    Attributes:
        timestamp: seconds since 1970.
        base_fee: wei for a unit of gas; `None` before EIP-1559.
    """

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """An ERC-20 transfer, as its contract logged it.

    Attributes:
        contract, sender, receiver: addresses with their checksum.
        units: of the token's smallest unit.
        log_index: its place in the block; with the block's hash it names the transfer for ever.
    """

    contract: str
    sender: str
    receiver: str
    units: int
    block_number: int
    block_hash: str
    transaction: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction. `succeeded` is False if it was reverted and nothing moved."""

    transaction: str
    block_number: int
    block_hash: str
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction should offer now, wei for a unit of gas (EIP-1559)."""

    base_fee: int
    priority_fee: int

    @property
    def max_fee(self) -> int:
        """Enough while the base fee doubles: six full blocks in a row."""
        return 2 * self.base_fee + self.priority_fee


def quantity(word: Any) -> int:
    if not isinstance(word, str) or not _QUANTITY.fullmatch(word):
        raise ValueError("no quantity")
    return int(word, 16)


def data(word: Any, length: int | None = None) -> bytes:
    """Bytes; of this length, if one is given."""
    if not isinstance(word, str) or not _DATA.fullmatch(word):
        raise ValueError("no data")
    raw = bytes.fromhex(word[2:])
    if length is not None and len(raw) != length:
        raise ValueError("data of another length")
    return raw


def hash_of(word: Any) -> str:
    return "0x" + data(word, 32).hex()


def number_in(word: Any) -> int:
    """A `uint256` that a contract returned or logged: exactly 32 bytes."""
    return int.from_bytes(data(word, 32))


def address_in(topic: Any) -> str:
    """An address in a log's topic: 32 bytes, the first twelve empty."""
    raw = data(topic, 32)
    if any(raw[:12]):
        raise ValueError("no address")
    return spell(raw[12:])


def argument(value: str | int) -> str:
    """An address or a number as 32 bytes of a call's data, without `0x`."""
    number = int(value, 16) if isinstance(value, str) else value
    return f"{number:064x}"


def block(told: Any) -> Block:
    base_fee = told.get("baseFeePerGas")
    return Block(
        number=quantity(told["number"]),
        hash=hash_of(told["hash"]),
        parent_hash=hash_of(told["parentHash"]),
        timestamp=quantity(told["timestamp"]),
        base_fee=None if base_fee is None else quantity(base_fee),
    )


def transfer(told: Any) -> Transfer | None:
    """A log as a transfer; `None` for a token's log that only shares the topic (ERC-721 has four)."""
    topics = told["topics"]
    if len(topics) != 3 or hash_of(topics[0]) != TRANSFER:
        return None
    if told.get("removed", False) is not False:
        raise ValueError("a log that was removed")
    return Transfer(
        contract=spell(data(told["address"], 20)),
        sender=address_in(topics[1]),
        receiver=address_in(topics[2]),
        units=number_in(told["data"]),
        block_number=quantity(told["blockNumber"]),
        block_hash=hash_of(told["blockHash"]),
        transaction=hash_of(told["transactionHash"]),
        log_index=quantity(told["logIndex"]),
    )


def receipt(told: Any) -> Receipt:
    status = quantity(told["status"])
    if status not in (0, 1):
        raise ValueError("no status")
    return Receipt(
        transaction=hash_of(told["transactionHash"]),
        block_number=quantity(told["blockNumber"]),
        block_hash=hash_of(told["blockHash"]),
        succeeded=status == 1,
    )
