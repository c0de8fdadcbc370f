"""The pretend UPI app on any phone's browser: open a link, choose what happens, pay."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from nonstopay.connectors.upi import link
from nonstopay.errors import Conflict, InvalidInput, NotFound
from nonstopay.sandbox import upi
from nonstopay.web.checkout.assets import serve
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.sandbox import upi_app
from nonstopay.web.sandbox.bodies import status_of
from nonstopay.web.sandbox.context import SandboxContext
from nonstopay.web.sandbox.upi_app import UpiAppPage, UpiOutcome, UpiResultPage

PATH = "/sandbox/upi/app"


def routes(context: SandboxContext) -> list[Route]:
    """The app's page, its form, its stylesheet."""

    async def show(request: Request) -> Response:
        page = UpiAppPage(uri=request.query_params.get("uri", ""))
        return HTMLResponse(upi_app.render_upi_app(page), headers=security_headers())

    async def approve(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=8) as form:
            uri, outcome = str(form.get("uri", "")), str(form.get("outcome", ""))
        try:
            asked = link.read(uri)
            await upi.pay(context.db, asked.reference, asked.payee_address, asked.amount, outcome)
        except (InvalidInput, NotFound, Conflict) as refusal:
            return PlainTextResponse(
                f"{refusal.message}\n", status_of(refusal), headers=security_headers()
            )
        again = f"{PATH}?{urlencode({'uri': uri})}"
        page = UpiResultPage(uri=uri, outcome=UpiOutcome(outcome), app_url=again)
        return HTMLResponse(upi_app.render_upi_result(page), headers=security_headers())

    async def static(request: Request) -> Response:
        return serve(upi_app.assets(), request)

    return [
        Route(PATH, show, methods=["GET"]),
        Route(PATH, approve, methods=["POST"]),
        Route("/static/sandbox/{name}", static, methods=["GET"]),
    ]
