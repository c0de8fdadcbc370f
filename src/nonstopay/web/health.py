"""Whether the gateway is alive and ready, and its metrics, which only this machine may read."""

import ipaddress
from contextlib import suppress

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.business.assembly import Gateway
from nonstopay.business.deposits.watch.alive import alive
from nonstopay.errors import Unavailable
from nonstopay.store import heartbeat
from nonstopay.web.chain_metrics import chain_metrics
from nonstopay.web.payment_metrics import payment_metrics
from nonstopay.web.webhook_metrics import webhook_metrics


def routes(gateway: Gateway) -> list[Route]:
    """`/health/live`, `/health/ready`, `/metrics`."""

    async def live(request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(request: Request) -> Response:
        parts = {"database": True, "worker": False}
        chains: dict[str, bool] = {}  # a chain that is silent takes nobody out of service
        try:
            parts["worker"] = await heartbeat.is_alive(gateway.db, "worker")
            chains = await alive(gateway.db, gateway.chains.readers)
        except Unavailable:
            parts["database"] = False
        is_ready = all(parts.values())
        return JSONResponse(
            {"ready": is_ready, **parts, "chains": chains}, 200 if is_ready else 503
        )

    async def metrics(request: Request) -> Response:
        if not _is_loopback(request.client.host if request.client else ""):
            return Response(status_code=404)
        text = generate_latest()
        with suppress(Unavailable):
            text += await webhook_metrics(gateway.db)
            text += await payment_metrics(gateway.db)
            text += await chain_metrics(gateway.db)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
