"""Payers with coins, and a merchant who takes them."""

import time
from dataclasses import dataclass
from typing import Any

from tests.stories.gateway import Gateway, Merchant

PATIENCE_SECONDS = 20.0
CREATE = "/api/btn-create-invoice/get/"
COINS = "/api/crypto-payable-currencies/get/"


@dataclass
class Market:
    """Both, on one gateway."""

    gateway: Gateway
    merchant: Merchant

    def wait_for_coins(self) -> None:
        """Until all chains of the sandbox have answered."""
        until(lambda: len(self.coins()) >= 8, "the coins are on")

    def coins(self) -> list[str]:
        answer = self.merchant.get(COINS).json()
        return [one["value"] for one in answer["list"]]

    def asks(self, amount: str = "15.04", coin: str = "USDT_polygon") -> "Sale":
        """The merchant asks for so many dollars in this coin."""
        answer = self.merchant.post(
            CREATE,
            {
                "email": "payer@example.com",
                "amount": amount,
                "devise": "USD",
                "payableCurrencies": coin,
            },
        ).json()
        assert answer["errorCode"] == 0, answer
        return Sale(self, int(answer["ID"]), coin, answer)


@dataclass
class Sale:
    """An invoice that is to be paid by crypto. `told`: what the API answered."""

    market: Market
    invoice: int
    coin: str
    told: dict[str, Any]

    def send(self, amount: str, coin: str = "", **more: str) -> str:
        """A payer sends so much of a coin (else of the one asked for), in a block of its own."""
        ticker, _, network = (coin or self.coin).partition("_")
        sent = self.market.gateway.sandbox(
            "chain/pay",
            network=network,
            coin=ticker,
            address=self.told["address"],
            amount=amount,
            **more,
        )
        return str(sent["tx_hash"])

    def mine(self, blocks: int = 6, network: str = "") -> None:
        network = network or self.coin.partition("_")[2]
        self.market.gateway.sandbox("chain/mine", network=network, blocks=blocks)

    def reorg(self, depth: int) -> None:
        self.market.gateway.sandbox("chain/reorg", network=self.coin.partition("_")[2], depth=depth)

    @property
    def status(self) -> str:
        answer = self.market.merchant.get(f"/api/invoice/status/?id={self.invoice}").json()
        return str(answer["invoice"]["status"])

    @property
    def infos(self) -> dict[str, Any]:
        answer = self.market.merchant.get(f"/api/client-invoice-info/get/?id={self.invoice}").json()
        return dict(answer["data"])

    def becomes(self, status: str) -> None:
        until(lambda: self.status == status, f"invoice {self.invoice} is {status}")

    def stays(self, status: str, seconds: float = 1.0) -> None:
        """Nothing happens, for as long as a watcher and a worker need several times over."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            assert self.status == status
            time.sleep(0.1)


def until(holds: Any, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not so: {what}"
        time.sleep(0.05)
