"""Putting the parts together: the one place that builds what a process needs from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nonstopay.business.invoices.describe import describe_event
from nonstopay.business.invoices.token import Tokens
from nonstopay.business.payments.rails import Rails
from nonstopay.business.webhooks.describe import describe_endpoint
from nonstopay.business.webhooks.endpoint import ENDPOINT
from nonstopay.business.webhooks.payload import Describe
from nonstopay.config import Settings
from nonstopay.connectors import upi
from nonstopay.connectors.base import UpiConnector, find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer, derive

NOTIFY_PATH = "/notifications/upi/"
SANDBOX = "upi_sandbox"
DESCRIBERS: Mapping[str, Describe] = {"invoice": describe_event, ENDPOINT: describe_endpoint}
"""Who describes an object to merchants, in webhooks and in the feed of events alike."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a process of the gateway works with.

    Attributes:
        sealer: encrypts small secrets at rest.
        fields_key: keys the digests that idempotency keeps of parameters.
        sandbox_key: what the pretend bank lets us in with.
        sandbox_secret: what it signs its notifications with.
    """

    settings: Settings
    db: Database
    rails: Rails
    http: ProviderHttp
    tokens: Tokens
    sealer: Sealer
    fields_key: bytes
    sandbox_key: str
    sandbox_secret: bytes

    async def close(self) -> None:
        await self.http.close()
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
        "url": f"{api_url}/sandbox/provider/upi",
        "api_key": sandbox_key,
        "notice_secret": sandbox_secret,
    }
    db = await Database.open(database_url, min_size=2, max_size=settings.database_connections)
    http = ProviderHttp()
    sealer = Sealer([derive(secret, "seal") for secret in secrets])
    return Gateway(
        settings=settings,
        db=db,
        rails=Rails(
            upi=_upi(settings, http, sandbox),
            notify_url=f"{api_url}{NOTIFY_PATH}",
            upi_lifetime=timedelta(seconds=settings.upi_seconds),
            rate_max_age=_rate_max_age(settings),
            sealer=sealer,
        ),
        http=http,
        tokens=Tokens([derive(secret, "checkout-token") for secret in secrets]),
        sealer=sealer,
        fields_key=derive(secrets[0], "idempotency-fields"),
        sandbox_key=sandbox_key,
        sandbox_secret=sandbox_secret.encode(),
    )


def _rate_max_age(settings: Settings) -> timedelta | None:
    """How old a rate may be. The sandbox lives on an offline history, which may be of any age."""
    return timedelta(days=settings.rate_max_age_days) if settings.live else None


def _upi(
    settings: Settings, http: ProviderHttp, sandbox: Mapping[str, str]
) -> Mapping[str, UpiConnector]:
    """The UPI connectors that are configured, in that order; the sandbox's own comes last.

    Raises:
        Misconfigured: a provider that is not in the folder, or a key that is missing.
    """
    sections = dict(settings.upi) if settings.live else {**settings.upi, SANDBOX: sandbox}
    known = find(upi)
    for name in sections:
        if name not in known or (settings.live and name == SANDBOX):
            raise Misconfigured(f"there is no UPI provider {name}; there are {', '.join(known)}")
    return {name: known[name](http, options) for name, options in sections.items()}
