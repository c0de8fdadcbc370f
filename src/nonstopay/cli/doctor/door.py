"""The doctor's look at the HTTP door: the gateway answers there, or the port is free for it."""

import msgspec

from nonstopay.cli.doctor.finding import Finding, fail, ok
from nonstopay.cli.outsiders import Door
from nonstopay.cli.ports import is_free
from nonstopay.cli.where import local_url
from nonstopay.config import Settings
from nonstopay.errors import Unavailable


async def examine(settings: Settings, api_url: str) -> Finding:
    """What answers where the gateway should.

    Args:
        api_url: where the last `serve` of this installation said it is; empty if none ran.
    """
    url = api_url or local_url(settings)
    async with Door(url) as door:
        try:
            status, body = await door.ask("GET", "/health/ready")
        except Unavailable as error:
            return _silent(settings, url, error)
    return judge(url, status, body)


def judge(url: str, status: int, body: bytes) -> Finding:
    """What an answer to `GET /health/ready` says of whoever gave it."""
    try:
        parts = msgspec.json.decode(body, type=dict[str, bool | dict[str, bool]])
    except msgspec.DecodeError:
        parts = {}
    if "ready" not in parts:
        advice = "stop that program, or choose another port with serve --port"
        return fail("http", f"something else answers at {url} (status {status})", advice)
    if parts.pop("ready"):
        return ok("http", f"the gateway at {url} is ready")
    missing = ", ".join(name for name, alive in parts.items() if alive is False)
    return fail("http", f"the gateway at {url} is not ready: {missing}", "see its log")


def _silent(settings: Settings, url: str, error: Unavailable) -> Finding:
    if is_free(settings.host, settings.port):
        return ok("http", f"no gateway runs; {settings.host}:{settings.port} is free for it")
    return fail(
        "http",
        f"{url} does not speak HTTP with us: {error}",
        "stop what holds the port, or choose another with serve --port",
    )
