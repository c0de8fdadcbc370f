"""The sandbox's letter box: what people would have got by mail, as JSON or as a page."""

import html
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.business.mail import records
from nonstopay.business.mail.mail import Mail
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.sandbox.context import SandboxContext

PATH = "/sandbox/mail"
SHOWN = 100

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Mail, sandbox</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><main><h1>Mail</h1><p>Sandbox: the newest letters first. Programs get them as JSON.</p>
{letters}</main></body></html>
"""
_LETTER = """<article><hr><h2>{subject}</h2>
<p>to {recipient}, {at} UTC, {state}</p><pre>{text}</pre></article>
"""


def routes(context: SandboxContext) -> list[Route]:
    """The letter box's one address."""

    async def show(request: Request) -> Response:
        async with context.db.reading() as conn:
            letters = await records.latest(conn, SHOWN)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(letters), headers=security_headers())
        return JSONResponse([_facts(letter) for letter in letters])

    return [Route(PATH, show, methods=["GET"])]


def _facts(letter: Mail) -> dict[str, Any]:
    return {
        "id": str(letter.id),
        "merchant_id": str(letter.merchant_id),
        "to": letter.recipient,
        "subject": letter.subject,
        "text": letter.text,
        "state": letter.state,
        "attempts": letter.attempts,
        "created_at": clock.text(letter.created_at),
        "sent_at": clock.text(letter.sent_at) if letter.sent_at else None,
    }


def _page(letters: list[Mail]) -> str:
    articles = (
        _LETTER.format(
            subject=html.escape(letter.subject),
            recipient=html.escape(letter.recipient),
            at=clock.text(letter.created_at),
            state=letter.state,
            text=html.escape(letter.text),
        )
        for letter in letters
    )
    return _PAGE.format(letters="".join(articles) or "<p>None yet.</p>")
