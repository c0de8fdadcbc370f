"""What this installation has of chains: networks, readers, accounts, and which coins are in order."""

from collections.abc import Iterable, Mapping

from nonstopay.business.deposits.worth import Worth, at_par
from nonstopay.connectors.crypto.account import Account
from nonstopay.connectors.crypto.check import Checked
from nonstopay.connectors.crypto.networks import Coin, Kind, Network, Networks
from nonstopay.connectors.crypto.reader import Reader
from nonstopay.errors import NotFound
from nonstopay.money import Money


class Chains:
    """The chains of this installation, for one process.

    Args:
        readers: by network; a network without one is not watched, and its coins are not offered.
        accounts: by family.
        worth: of an amount of a coin, in dollars.
        dust: what is worth less is ignored.
        two_nodes_above: what is worth this or more needs the word of two nodes; `None`: nothing does.
    """

    def __init__(
        self,
        networks: Networks,
        readers: Mapping[str, Reader],
        accounts: Mapping[str, Account],
        *,
        worth: Worth = at_par,
        dust: Money | None = None,
        two_nodes_above: Money | None = None,
    ) -> None:
        self.networks = networks
        self.readers = dict(readers)
        self.accounts = dict(accounts)
        self.worth = worth
        self.dust = dust
        self.two_nodes_above = two_nodes_above
        self.checked: dict[str, Checked] = {}

    def coins_offered(self) -> list[Coin]:
        """Coins that payers can pay with: in order on their chain, read, and with an account."""
        return [
            coin
            for coin in self.networks.coins()
            if self.is_in_order(coin.name) and self.account(self.networks[coin.network])
        ]

    @property
    def is_on(self) -> bool:
        """Whether there is a coin that can be paid with; asked often, so it stops at the first."""
        return any(
            self.is_in_order(coin.name) and self.account(self.networks[coin.network])
            for coin in self.networks.coins()
        )

    def is_in_order(self, name: str) -> bool:
        """Whether the chain agreed with our table on this coin."""
        checked = self.checked.get(name)
        return checked is not None and not checked.problem

    def unanswered(self) -> list[str]:
        """Networks that are read, of whose coins one was never answered for."""
        return [
            name
            for name in self.readers
            if any(
                (found := self.checked.get(coin.name)) is None
                or (found.problem and not found.wrong)
                for coin in self.networks[name].coins.values()
            )
        ]

    def may_read(self, network: str) -> bool:
        """Whether the network's chain is ours: it answered for every coin, and not all are wrong."""
        coins = self.networks[network].coins.values()
        return network not in self.unanswered() and any(self.is_in_order(one.name) for one in coins)

    def coin(self, name: str) -> Coin:
        """The coin called `USDT_polygon`. Raises `NotFound`."""
        return self.networks.coin(name)

    def network(self, name: str) -> Network:
        """The network of this name. Raises `NotFound`."""
        try:
            return self.networks[name]
        except KeyError:
            raise NotFound(f"no network is called {name}") from None

    def coin_of(self, network: str, contract: str) -> Coin | None:
        """The coin with this contract, if the chain agreed with our table on it."""
        found = next(
            (
                one
                for one in self.networks[network].coins.values()
                if (one.contract or "") == contract
            ),
            None,
        )
        return found if found and self.is_in_order(found.name) else None

    def account(self, network: Network) -> Account | None:
        """What the network's addresses are derived from, if we have it."""
        account = self.accounts.get(family_of(network))
        return account if account and account.path == network.account_path else None

    def of_family(self, family: str) -> Iterable[Network]:
        """The networks on which the addresses of a family receive."""
        return [one for one in self.networks.values() if family_of(one) == family]


def family_of(network: Network) -> str:
    """The networks with the same spelling and account share their addresses."""
    return network.name if network.kind is Kind.UTXO else str(network.kind)
