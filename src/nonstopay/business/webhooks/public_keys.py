"""The public halves of an endpoint's ed25519 keys, for whoever checks its signatures."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.webhooks import records, sign
from nonstopay.business.webhooks.endpoint import SecretKind
from nonstopay.business.webhooks.rotate import open_all
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signs now.

    Attributes:
        id: its JWK thumbprint (RFC 7638), so another key has another id.
        text: `whpk_…`, as Standard Webhooks writes it.
        raw: 32 bytes.
    """

    id: str
    text: str
    raw: bytes


async def public_keys(
    db: Database, sealer: Sealer, merchant_id: int, endpoint_id: int, now: datetime
) -> list[PublicKey]:
    """The keys, the newest first; none if the endpoint does not exist or signs by HMAC alone."""
    endpoint = (merchant_id, endpoint_id)
    async with db.reading() as conn:
        found = await records.endpoint_secrets(conn, [endpoint], now)
    pairs = [one for one in found.get(endpoint, []) if one.kind is SecretKind.ED25519]
    return [
        PublicKey(sign.key_id(key), sign.public_key(key), sign.public_bytes(key))
        for key in open_all(sealer, endpoint, pairs)
    ]
