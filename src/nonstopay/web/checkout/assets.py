"""Static files of a page under addresses that carry their content's hash, to be cached for ever."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: where it is served, what it is, its bytes, its subresource integrity."""

    path: str
    content_type: str
    body: bytes
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
            found[file.name] = Asset(path, CONTENT_TYPES[dot + ending], body, f"sha384-{digest}")
    return MappingProxyType(found)


@cache
def _checkout() -> Mapping[str, Asset]:
    return assets_of("nonstopay.web.checkout", "/static/checkout/")


def asset(name: str) -> Asset:
    """The payment page's static file called `name` (`checkout.css`)."""
    return _checkout()[name]


def assets() -> Mapping[str, Asset]:
    """The payment page's static files by the path they are served at."""
    return {each.path: each for each in _checkout().values()}
