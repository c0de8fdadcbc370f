"""Putting the parts together: the one place that builds what a process needs from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nonstopay import clock
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.connect import ANSWER_MAX as CHAIN_ANSWER_MAX
from nonstopay.business.deposits.connect import connect as connect_chains
from nonstopay.business.deposits.connect import has_own_chains, nodes_of
from nonstopay.business.invoices.describe import describe_events
from nonstopay.business.invoices.invoice import STATUS
from nonstopay.business.invoices.token import Tokens
from nonstopay.business.payments.crypto.price import worth_by_rates
from nonstopay.business.payments.crypto.tell import KINDS as CRYPTO_KINDS
from nonstopay.business.payments.crypto.tell import OBJECT as CRYPTO
from nonstopay.business.payments.crypto.tell import describe_crypto
from nonstopay.business.payments.disputes.dispute import OBJECT as DISPUTE
from nonstopay.business.payments.disputes.tell import KINDS as DISPUTE_KINDS
from nonstopay.business.payments.disputes.tell import describe_dispute
from nonstopay.business.payments.health.describe import describe_method
from nonstopay.business.payments.health.health import KIND as METHOD_KINDS
from nonstopay.business.payments.health.health import METHOD
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.refunds.refund import OBJECT as REFUND
from nonstopay.business.payments.refunds.tell import KINDS as REFUND_KINDS
from nonstopay.business.payments.refunds.tell import describe_refund
from nonstopay.business.payments.routing.read import rules_of
from nonstopay.business.risk.limits import policy_of
from nonstopay.business.settlement.rules import Rules
from nonstopay.business.settlement.rules import rules_of as settlement_rules
from nonstopay.business.transactions.payout import Payout
from nonstopay.business.transactions.sender import Sender
from nonstopay.business.transactions.wiring import sender_of
from nonstopay.business.webhooks.describe import describe_endpoint
from nonstopay.business.webhooks.endpoint import DISABLED, ENDPOINT
from nonstopay.business.webhooks.payload import Describe, one_by_one
from nonstopay.config import Settings
from nonstopay.connectors import card, upi
from nonstopay.connectors.base import Connect, find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer, derive
from nonstopay.store.vault.keyring import keyring_of
from nonstopay.store.vault.vault import Vault

NOTIFY_PATH = "/notifications/"
SANDBOX = {"upi": "upi_sandbox", "card": "card_sandbox"}
"""The sandbox's own connector of each rail."""
RETURN_PATH = "/widget/sale/return/?token="
"""Where payers come back to from 3-D Secure."""
DESCRIBERS: Mapping[str, Describe] = {
    "invoice": describe_events,
    REFUND: one_by_one(describe_refund),
    DISPUTE: one_by_one(describe_dispute),
    CRYPTO: one_by_one(describe_crypto),
    METHOD: one_by_one(describe_method),
    ENDPOINT: one_by_one(describe_endpoint),
}
"""Who describes an object to merchants, in webhooks and in the feed of events alike."""
EVENT_KINDS = frozenset(
    {
        *STATUS.values(),
        *REFUND_KINDS,
        *DISPUTE_KINDS,
        *CRYPTO_KINDS,
        *METHOD_KINDS.values(),
        DISABLED,
    }
)
"""The events that an endpoint can ask for."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a process of the gateway works with.

    Attributes:
        sealer: encrypts small secrets at rest.
        vault: keeps card numbers.
        chain_http: reaches the chains' nodes, whose answers are long.
        fields_key: keys the digests that idempotency keeps of parameters.
        settlement: the rules of settlement.
        payout: who sends coins; without him no batch closes by itself and none is paid.
        sender: the same, as the worker knows him: it is he who sees transactions through.
        sandbox_key: what the pretend bank lets us in with.
        sandbox_secret: what it signs its notifications with.
    """

    settings: Settings
    db: Database
    rails: Rails
    http: ProviderHttp
    chains: Chains
    chain_http: ProviderHttp
    tokens: Tokens
    sealer: Sealer
    vault: Vault
    fields_key: bytes
    settlement: Rules
    sandbox_key: str
    sandbox_secret: bytes
    payout: Payout | None = None
    sender: Sender | None = None

    async def close(self) -> None:
        await self.http.close()
        await self.chain_http.close()
        await self.db.close()


async def assemble(settings: Settings, database_url: str, *, api_url: str) -> Gateway:
    """Open the database and build the parts.

    Args:
        api_url: where this installation's own HTTP door is reached from this machine; the sandbox's
            providers live there.
    """
    secrets = [key.encode() for key in (settings.secret_key, *settings.previous_secret_keys)]
    sandbox_key = derive(secrets[0], "sandbox-provider-key").hex()
    sandbox_secret = derive(secrets[0], "sandbox-provider-notices").hex()
    sandbox = {
        "url": f"{api_url}/sandbox/provider/",
        "api_key": sandbox_key,
        "notice_secret": sandbox_secret,
    }
    db = await Database.open(database_url, min_size=2, max_size=settings.database_connections)
    http = ProviderHttp()
    chain_http = ProviderHttp(answer_max=CHAIN_ANSWER_MAX)
    sealer = Sealer([derive(secret, "seal") for secret in secrets])
    tokens = Tokens([derive(secret, "checkout-token") for secret in secrets])
    vault = await Vault.unlock(db, keyring_of(settings), clock.now())
    cards = _connectors("card", settings.card, find(card), settings, http, sandbox)
    chains = connect_chains(
        settings, chain_http, worth_by_rates(db, _coin_rate_max_age(settings)), api_url=api_url
    )
    nodes = nodes_of(settings, chains.networks, api_url=api_url)
    own = has_own_chains(settings)
    sender = sender_of(settings, db, chains.networks, nodes, chain_http, own_chains=own)
    return Gateway(
        settings=settings,
        db=db,
        rails=Rails(
            upi=_connectors("upi", settings.upi, find(upi), settings, http, sandbox),
            card=cards,
            notify_url=f"{settings.public_url if settings.live else api_url}{NOTIFY_PATH}",
            upi_lifetime=timedelta(seconds=settings.upi_seconds),
            rate_max_age=_rate_max_age(settings),
            sealer=sealer,
            routing=rules_of(settings.routing, cards),
            risk=policy_of(settings),
            card_lifetime=timedelta(seconds=settings.card_seconds),
            vault=vault,
            return_url=lambda merchant_id, invoice_id: (
                f"{settings.public_url}{RETURN_PATH}{tokens.make(merchant_id, invoice_id)}"
            ),
            chains=chains,
            coin_lifetime=timedelta(seconds=settings.coin_seconds),
            coin_rate_max_age=_coin_rate_max_age(settings),
        ),
        http=http,
        chains=chains,
        chain_http=chain_http,
        tokens=tokens,
        sealer=sealer,
        vault=vault,
        fields_key=derive(secrets[0], "idempotency-fields"),
        settlement=settlement_rules(settings),
        sandbox_key=sandbox_key,
        sandbox_secret=sandbox_secret.encode(),
        payout=sender,
        sender=sender,
    )


def _rate_max_age(settings: Settings) -> timedelta | None:
    """How old a rate may be. The sandbox lives on an offline history, which may be of any age."""
    return timedelta(days=settings.rate_max_age_days) if settings.live else None


def _coin_rate_max_age(settings: Settings) -> timedelta | None:
    """How old a coin's rate may be. In the sandbox it stands still."""
    return timedelta(seconds=settings.coin_rate_max_seconds) if settings.live else None


def _connectors(
    rail: str,
    configured: Mapping[str, Mapping[str, str]],
    known: Mapping[str, Connect],
    settings: Settings,
    http: ProviderHttp,
    sandbox: Mapping[str, str],
) -> Mapping[str, Any]:
    """A rail's connectors that are configured, in that order; the sandbox's own comes last.

    Raises:
        Misconfigured: a provider that is not in the folder, or a key that is missing.
    """
    sections, own = dict(configured), SANDBOX[rail]
    if not settings.live:
        sections[own] = {**sandbox, "url": f"{sandbox['url']}{rail}"}
    for name in sections:
        if name not in known or (settings.live and name == own):
            raise Misconfigured(f"there is no {rail} provider {name}; there are {', '.join(known)}")
    return {name: known[name](http, options) for name, options in sections.items()}
