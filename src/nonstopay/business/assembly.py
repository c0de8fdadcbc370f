"""Putting the parts together: the one place that builds what a process needs from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nonstopay.business.invoices.token import Tokens
from nonstopay.business.payments.rails import Rails
from nonstopay.config import Settings
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.upi.sandbox import SandboxUpi
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer, derive

NOTIFY_PATH = "/notifications/upi/"


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a process of the gateway works with.

    Attributes:
        sealer: encrypts small secrets at rest.
        fields_key: keys the digests that idempotency keeps of parameters.
        sandbox_secret: shared with the pretend bank, which signs its notifications with it.
    """

    settings: Settings
    db: Database
    rails: Rails
    http: ProviderHttp
    tokens: Tokens
    sealer: Sealer
    fields_key: bytes
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
    sandbox_secret = derive(secrets[0], "sandbox-provider")
    db = await Database.open(
        database_url, min_size=2, max_size=settings.database_connections
    )
    http = ProviderHttp()
    return Gateway(
        settings=settings,
        db=db,
        rails=Rails(
            upi=_upi(settings, http, api_url, sandbox_secret),
            notify_url=f"{api_url}{NOTIFY_PATH}",
            upi_lifetime=timedelta(seconds=settings.upi_seconds),
            rate_max_age=_rate_max_age(settings),
        ),
        http=http,
        tokens=Tokens([derive(secret, "checkout-token") for secret in secrets]),
        sealer=Sealer([derive(secret, "seal") for secret in secrets]),
        fields_key=derive(secrets[0], "idempotency-fields"),
        sandbox_secret=sandbox_secret,
    )


def _rate_max_age(settings: Settings) -> timedelta | None:
    """How old a rate may be. The sandbox lives on an offline history, which may be of any age."""
    return timedelta(days=settings.rate_max_age_days) if settings.live else None


def _upi(
    settings: Settings, http: ProviderHttp, api_url: str, secret: bytes
) -> Mapping[str, UpiConnector]:
    """The UPI connectors that are configured. When live the sandbox's is not there."""
    if settings.live:
        return {}
    sandbox = SandboxUpi(http, f"{api_url}/sandbox/provider/upi", secret.hex(), secret)
    return {sandbox.name: sandbox}
