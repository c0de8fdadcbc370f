"""What a merchant may offer: payment methods, the connectors behind them, coins."""

from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.invoice import METHODS
from nonstopay.business.payments.crypto.offered import offered
from nonstopay.web.api.call import Call, Reply, success
from nonstopay.web.api.errors import invalid
from nonstopay.web.api.parameters import given, plain_text


class SolutionCalls:
    """The calls that list what is on here for this merchant."""

    def __init__(self, gateway: Gateway) -> None:
        self._rails = gateway.rails
        self._chains = gateway.chains

    async def types(self, call: Call) -> Reply:
        """`GET /api/payment-solution-type/get/`"""
        return success({"list": self._available(call)})

    async def names(self, call: Call) -> Reply:
        """`GET /api/payment-solution-name/get/?type=`"""
        await call.read_parameters()
        wanted = given(call.parameters, "type")
        if wanted is not None and plain_text(wanted) not in METHODS:
            raise invalid("type")
        types = [one for one in self._available(call) if wanted in (None, one)]
        return success({"list": [name for one in types for name in self._rails.solutions(one)]})

    async def coins(self, call: Call) -> Reply:
        """`GET /api/crypto-payable-currencies/get/`. Confirmations: those of a small payment."""
        return success(
            {
                "list": [
                    {
                        "value": one.name,
                        "coin": one.ticker,
                        "network": one.network,
                        "decimals": one.decimals,
                        "confirmations": self._chains.network(one.network).tiers[0].blocks,
                    }
                    for one in offered(self._chains, call.merchant)
                ]
            }
        )

    def _available(self, call: Call) -> list[str]:
        return [
            method.name
            for method in METHODS.values()
            if any(
                method.name in self._rails.methods(call.merchant, code)
                for code in method.currencies
            )
        ]
