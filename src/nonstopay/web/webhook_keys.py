"""The page of public keys by which a receiver checks the ed25519 signatures of its webhooks."""

import base64

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.webhooks.public_keys import PublicKey, public_keys

PATH = "/.well-known/nonstopay/webhook-keys"
_ID_MAX = 2**63 - 1
_FRESH = {"cache-control": "public, max-age=300"}


def routes(gateway: Gateway) -> list[Route]:
    """`/.well-known/nonstopay/webhook-keys/{merchant}/{endpoint}`: a JWK set (RFC 7517, RFC 8037).

    There is a page for each endpoint because each has keys of its own.
    """

    async def keys(request: Request) -> Response:
        merchant_id, endpoint_id = (
            request.path_params[name] for name in ("merchant_id", "endpoint_id")
        )
        if max(merchant_id, endpoint_id) > _ID_MAX:
            return JSONResponse({"keys": []}, 404)
        found = await public_keys(gateway.db, gateway.sealer, merchant_id, endpoint_id, clock.now())
        if not found:
            return JSONResponse({"keys": []}, 404)
        return JSONResponse({"keys": [_jwk(key) for key in found]}, headers=_FRESH)

    return [Route(f"{PATH}/{{merchant_id:int}}/{{endpoint_id:int}}", keys)]


def _jwk(key: PublicKey) -> dict[str, str]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": key.id,
        "x": base64.urlsafe_b64encode(key.raw).rstrip(b"=").decode(),
        "whpk": key.text,
    }
