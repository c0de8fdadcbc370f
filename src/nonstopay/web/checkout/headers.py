"""The headers of every payment page, errors and landing pages included."""

from collections.abc import Mapping
from types import MappingProxyType

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
)


def security_headers() -> Mapping[str, str]:
    """Headers to send with each HTML answer of the payment page.

    The token in the address is a secret, hence no referrer, no store, no index. Browsers apply
    `form-action 'self'` to the redirects of a form too: a POST must redirect to a page of ours,
    never straight to the merchant or to an app; that page carries the link.
    """
    return _HEADERS
