"""A chain in alysis whose blocks are the same each time they are made, so that it outlives a restart.

alysis keeps a chain in memory alone, and draws a block's time and one random field itself. Here both are
ours, and are written down with each block's transactions. It is not among our dependencies:
`tools/chain.sh` fetches it into a folder of its own where there is no anvil.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from nonstopay import clock

DEPTH_MAX = 100
GAS = 5_000_000
# The first account of every development node, whose private key all the world knows; and alysis' own.
PAYER_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
PAYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ROOT_KEY = bytes(31) + b"\1"
_RICHES = 10**30
_ROOT_KEEPS = 10**20


class Refused(Exception):
    """The chain's no."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(words)
        self.number = number
        self.words = words


class _Birth(msgspec.Struct):
    born: int


class _Block(msgspec.Struct):
    """A block's time (seconds), what tells it from one with the same contents, and its transactions."""

    time: int
    mark: int
    transactions: list[str]


class _Back(msgspec.Struct, forbid_unknown_fields=True):
    back: int


class PythonChain:
    """A chain.

    Args:
        journal: where it is written down; made anew if it is not there.
    """

    def __init__(self, chain_id: int, journal: Path) -> None:
        from alysis import Node, RPCNode, _backend

        self.chain_id = chain_id
        self._journal = journal
        self._rpc = RPCNode
        self._mark = 0
        born, blocks = _written(journal)
        _backend.time = SimpleNamespace(time=lambda: born)
        _backend.os = SimpleNamespace(urandom=lambda length: _digest(self._mark)[:length])
        self._node: Any = Node(
            root_balance_wei=_RICHES, chain_id=chain_id, auto_mine_transactions=False
        )
        self._snapshots = [deepcopy(self._node)]
        for block in blocks:
            self._make(block)
        if not blocks:
            _note(journal, _Birth(born))
            gift = {"to": PAYER, "value": hex(_RICHES - _ROOT_KEEPS), "nonce": "0x0"}
            self.mine([self.sign(gift, ROOT_KEY)])

    def ask(self, method: Any, *parameters: Any) -> Any:
        """What alysis answers. Raises `Refused`."""
        from ethereum_rpc import RPCError

        try:
            return self._rpc(self._node).rpc(method, *parameters)
        except RPCError as error:
            raise Refused(error.code, error.message) from None

    def block(self, which: str) -> dict[str, int]:
        """The numbers of a block."""
        told = self.ask("eth_getBlockByNumber", which, False)
        if told is None:
            raise Refused(-32000, "unknown block")
        return {name: int(told[name], 16) for name in ("number", "timestamp", "baseFeePerGas")}

    def mine(self, transactions: Sequence[bytes]) -> list[str]:
        """A block of exactly these; their hashes. Raises `Refused`: one is not to be executed."""
        now = int(clock.now().timestamp())
        seconds = max(now, self.block("latest")["timestamp"] + 1)
        block = _Block(seconds, self._mark + 1, ["0x" + raw.hex() for raw in transactions])
        hashes = self._make(block)
        _note(self._journal, block)
        return hashes

    def go_back(self, depth: int) -> None:
        """Forget the newest blocks. Raises `Refused`: it cannot go back so far."""
        if not 0 < depth < len(self._snapshots):
            raise Refused(-32000, f"it cannot go back {depth} blocks")
        del self._snapshots[-depth:]
        self._node = deepcopy(self._snapshots[-1])
        _note(self._journal, _Back(depth))

    def sign(self, wish: Mapping[str, str], key: bytes = PAYER_KEY) -> bytes:
        """A transaction of an account of the node's own."""
        import rlp
        from eth_keys.datatypes import PrivateKey

        if key is PAYER_KEY and wish["from"].lower() != PAYER.lower():
            raise Refused(-32000, "no such account here")
        nonce = wish.get("nonce") or self.ask("eth_getTransactionCount", PAYER, "latest")
        fields = [
            int(nonce, 16),
            2 * int(self.ask("eth_gasPrice"), 16),
            GAS,
            bytes.fromhex(wish.get("to", "0x")[2:]),
            int(wish.get("value", "0x0"), 16),
            bytes.fromhex(wish.get("data", "0x").removeprefix("0x")),
        ]
        digest = self._node.web3_sha3(rlp.encode([*fields, self.chain_id, 0, 0]))
        v, r, s = PrivateKey(key).sign_msg_hash(digest).vrs
        raw: bytes = rlp.encode([*fields, v + 35 + 2 * self.chain_id, r, s])
        return raw

    def _make(self, block: _Block) -> list[str]:
        self._mark = block.mark
        chain = self._node._backend.chain
        chain.header = chain.header.copy(timestamp=block.time)  # else it is of this very moment
        try:
            hashes = [self.ask("eth_sendRawTransaction", raw) for raw in block.transactions]
        except Refused:
            self._node = deepcopy(self._snapshots[-1])
            raise
        self._node.mine_block()
        self._snapshots.append(deepcopy(self._node))
        del self._snapshots[: -DEPTH_MAX - 1]
        return hashes


def _digest(mark: int) -> bytes:
    return sha256(str(mark).encode()).digest()


def _note(journal: Path, what: _Birth | _Block | _Back) -> None:
    with journal.open("ab") as file:
        file.write(msgspec.json.encode(what) + b"\n")


def _written(journal: Path) -> tuple[int, list[_Block]]:
    """When the chain began, and the blocks that no reorganisation left behind."""
    lines = list(_whole_lines(journal))
    if not lines:
        return int(clock.now().timestamp()), []
    blocks: list[_Block] = []
    for line in lines[1:]:
        if line.startswith(b'{"back"'):
            del blocks[-msgspec.json.decode(line, type=_Back).back :]
        else:
            blocks.append(msgspec.json.decode(line, type=_Block))
    return msgspec.json.decode(lines[0], type=_Birth).born, blocks


def _whole_lines(journal: Path) -> Iterator[bytes]:
    """A kill may have cut the last one in half: it is cut off."""
    if not journal.exists():
        return
    raw = journal.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        journal.write_bytes(whole)
    yield from whole.splitlines()
