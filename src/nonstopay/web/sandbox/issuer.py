"""The pretend issuer: the page of 3-D Secure on which a card's holder confirms a payment.

The page may be closed and opened again until it is answered or its time is over; the first answer
counts. It is a page of a bank, so it knows nothing of the gateway but where to send the holder back.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.errors import NotFound
from nonstopay.sandbox.card import bank
from nonstopay.sandbox.card.payment import Payment, Status
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.sandbox import issuer_page
from nonstopay.web.sandbox.context import SandboxContext

PATH = "/sandbox/issuer"
CODE_MAX = 64


def routes(context: SandboxContext) -> list[Route]:
    """The issuer's page and its form."""

    async def show(request: Request) -> Response:
        try:
            payment = await bank.challenged(context.db, request.path_params["challenge"])
        except NotFound:
            return _page(issuer_page.render_nothing(), 404)
        return _challenge(payment)

    async def answer(request: Request) -> Response:
        challenge = request.path_params["challenge"]
        async with request.form(max_files=0, max_fields=8) as form:
            is_cancelled = form.get("act") == "cancel"
            code = str(form.get("code", "")).strip()[:CODE_MAX]
        try:
            if not code and not is_cancelled:
                payment = await bank.challenged(context.db, challenge)
                if payment.status is Status.REQUIRES_AUTHENTICATION:
                    return _challenge(payment, problem="Please type the code first.", status=400)
            else:
                payment = await bank.answer(context.db, challenge, None if is_cancelled else code)
        except NotFound:
            return _page(issuer_page.render_nothing(), 404)
        return RedirectResponse(payment.return_url, 303, headers=_headers(payment))

    return [
        Route(f"{PATH}/{{challenge}}", show, methods=["GET"]),
        Route(f"{PATH}/{{challenge}}", answer, methods=["POST"]),
    ]


def _challenge(payment: Payment, problem: str = "", status: int = 200) -> Response:
    html = issuer_page.render_challenge(payment, now=clock.now(), problem=problem)
    return HTMLResponse(html, status, headers=_headers(payment))


def _page(html: str, status: int) -> Response:
    return HTMLResponse(html, status, headers=security_headers())


def _headers(payment: Payment) -> dict[str, str]:
    """The payment page's headers, with leave to send the form's answer on to where the holder came
    from: browsers hold `form-action` against redirects too."""
    parts = urlsplit(payment.return_url)
    headers = dict(security_headers())
    policy = headers["Content-Security-Policy"]
    headers["Content-Security-Policy"] = policy.replace(
        "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
    )
    return headers
