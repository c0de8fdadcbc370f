"""Static files of a page under addresses that carry their content's hash, to be cached for ever.

They go out compressed to whoever takes it, since nothing in them is secret. Pages carry tokens beside
words of strangers, and are never compressed: their length would tell of the token (BREACH).
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from nonstopay.web.checkout.text import by_preference

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
_BEST = 9


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: where it is served, what it is, its bytes, its subresource integrity.

    `packed` is the body in gzip, made once; the same body always packs to the same bytes.
    """

    path: str
    content_type: str
    body: bytes
    packed: bytes
    integrity: str


def assets_of(package: str, prefix: str) -> Mapping[str, Asset]:
    """The files in `package`'s folder `static`, by name, to be served below `prefix`."""
    found = {}
    for file in files(package).joinpath("static").iterdir():
        stem, dot, ending = file.name.rpartition(".")
        if dot + ending in CONTENT_TYPES:
            body = file.read_bytes()
            path = f"{prefix}{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
            digest = base64.b64encode(hashlib.sha384(body).digest()).decode()
            found[file.name] = Asset(
                path=path,
                content_type=CONTENT_TYPES[dot + ending],
                body=body,
                packed=gzip.compress(body, _BEST, mtime=0),
                integrity=f"sha384-{digest}",
            )
    return MappingProxyType(found)


def serve(found: Mapping[str, Asset], request: Request) -> Response:
    """The file that is asked for, from `found` by path: packed if the client takes gzip."""
    asset = found.get(request.url.path)
    if asset is None:
        return Response(status_code=404)
    if "gzip" not in by_preference(request.headers.get("accept-encoding", "")):
        return Response(asset.body, media_type=asset.content_type, headers=_HEADERS)
    headers = {**_HEADERS, "Content-Encoding": "gzip"}
    return Response(asset.packed, media_type=asset.content_type, headers=headers)


@cache
def _checkout() -> Mapping[str, Asset]:
    return assets_of("nonstopay.web.checkout", "/static/checkout/")


def asset(name: str) -> Asset:
    """The payment page's static file called `name` (`checkout.css`)."""
    return _checkout()[name]


def assets() -> Mapping[str, Asset]:
    """The payment page's static files by the path they are served at."""
    return {each.path: each for each in _checkout().values()}
