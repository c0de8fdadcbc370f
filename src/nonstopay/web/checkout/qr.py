"""QR codes as inline SVG: dark modules on a white quiet zone, no image request, no script."""

from functools import lru_cache

import segno
from markupsafe import Markup, escape

QUIET_ZONE = 4
"""Light modules around the symbol, as ISO/IEC 18004 asks."""


def qr_svg(content: str, description: str) -> Markup:
    """`content` as a QR code, error correction M, with `description` as its text alternative.

    The drawing scales to the box it is put in; its colours are fixed, for a scanner needs dark on
    light whatever the page's theme.
    """
    side, modules = _drawn(content)
    return Markup(
        '<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{label}"'
        ' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        '<path stroke="#000" d="{modules}"/></svg>'
    ).format(side=side, label=escape(description), modules=modules)


@lru_cache(maxsize=1024)
def _drawn(content: str) -> tuple[int, str]:
    """Side and strokes; kept, for a page that waits without script is asked for again and again."""
    matrix = segno.make_qr(content, error="m", boost_error=False).matrix
    return len(matrix) + 2 * QUIET_ZONE, _runs(matrix)


def _runs(matrix: tuple[bytearray, ...]) -> str:
    """Every horizontal run of dark modules as one stroke, moved to relatively to stay small."""
    strokes, x, y = [], 0.0, 0.0
    for row, modules in enumerate(matrix):
        column = 0
        while column < len(modules):
            start = column
            while column < len(modules) and modules[column]:
                column += 1
            if column > start:
                left, middle = start + QUIET_ZONE, row + QUIET_ZONE + 0.5
                strokes.append(f"m{left - x:g} {middle - y:g}h{column - start}")
                x, y = column + QUIET_ZONE, middle
            column += 1
    return "".join(strokes)
