"""A transaction of an EVM network with fees by EIP-1559: its fields, and its bytes once signed.

Sources: EIP-2718 and EIP-1559 for the envelope (type 2), the Yellow Paper (appendix B) for RLP.
"""

from dataclasses import dataclass, replace

from nonstopay.connectors.crypto.evm_address import keccak256
from nonstopay.connectors.crypto.evm_words import argument
from nonstopay.signer.key import Key

TYPE = b"\x02"
TRANSFER = bytes.fromhex("a9059cbb")
"""The selector of ERC-20's `transfer(address,uint256)`."""
Item = bytes | int | list["Item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What is signed. `tip`, `max_fee`: wei for a unit of gas; `value`: wei."""

    chain_id: int
    nonce: int
    tip: int
    max_fee: int
    gas: int
    to: str
    value: int
    data: bytes

    def paying(self, *, tip: int, max_fee: int) -> "Transaction":
        """The same, with other fees."""
        return replace(self, tip=tip, max_fee=max_fee)


def transfer_data(to: str, units: int, behind: bytes = b"") -> bytes:
    """What a token's contract is called with. It decodes two words and leaves what is behind them alone."""
    return TRANSFER + bytes.fromhex(argument(to) + argument(units)) + behind


def signed(transaction: Transaction, key: Key) -> bytes:
    """The bytes that a node takes."""
    fields: list[Item] = [
        transaction.chain_id,
        transaction.nonce,
        transaction.tip,
        transaction.max_fee,
        transaction.gas,
        bytes.fromhex(transaction.to[2:]),
        transaction.value,
        transaction.data,
        [],
    ]
    mark = key.sign(keccak256(TYPE + rlp(fields)))
    r, s, parity = (int.from_bytes(part) for part in (mark[:32], mark[32:64], mark[64:]))
    return TYPE + rlp([*fields, parity, r, s])


def hash_of(raw: bytes) -> str:
    """The name of a signed transaction on its chain."""
    return "0x" + keccak256(raw).hex()


def rlp(item: Item) -> bytes:
    """Recursive length prefix; a number is its bytes without leading zeros."""
    if isinstance(item, list):
        body = b"".join(rlp(one) for one in item)
        return _length(len(body), 0xC0) + body
    raw = item.to_bytes((item.bit_length() + 7) // 8) if isinstance(item, int) else item
    if len(raw) == 1 and raw[0] < 0x80:
        return raw
    return _length(len(raw), 0x80) + raw


def _length(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([offset + 55 + len(size)]) + size
