"""QR codes as images that stand in the page itself: no request, no script."""

from functools import lru_cache

import segno
from markupsafe import Markup

QUIET_ZONE = 4
"""Light modules around the symbol, as ISO/IEC 18004 asks."""
SCALE = 4
"""Pixels a module: enough to stay sharp where a browser smooths what it enlarges."""


def qr_image(content: str, description: str, *, error: str = "m") -> Markup:
    """`content` as a QR code, with `description` as its text alternative.

    `error` is the level of error correction. On a screen, where nothing is scratched, `l` does for a
    long content: larger modules are worth more to a camera.

    The image scales to the box it is put in; it is dark on white whatever the page's theme, as
    scanners need it. A PNG of two colours is a quarter of the same drawing in SVG.
    """
    side, address = _drawn(content, error)
    image = Markup('<img class="qr" width="{side}" height="{side}" alt="{alt}" src="{address}">')
    return image.format(side=side, alt=description, address=address)


@lru_cache(maxsize=1024)
def _drawn(content: str, error: str) -> tuple[int, str]:
    """Side in pixels and `data:` address; kept, for a page without script asks again and again."""
    code = segno.make_qr(content, error=error, boost_error=False)
    side, _ = code.symbol_size(scale=SCALE, border=QUIET_ZONE)
    return int(side), code.png_data_uri(scale=SCALE, border=QUIET_ZONE)
