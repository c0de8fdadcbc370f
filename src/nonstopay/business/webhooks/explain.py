"""Why an attempt failed and what to do about it, in words for a merchant's developer."""

from http import HTTPStatus

from nonstopay.business.webhooks.delivery import Attempt
from nonstopay.connectors.public_http import Problem

SWITCHED_OFF = "switched_off"
NOT_BUILT = "not_built"

_PROBLEMS = {
    Problem.BLOCKED: "The callback URL leads to an address that is not on the public internet, "
    "so nothing was sent. Use a public host on port 443 or 80.",
    Problem.DNS: "The host's name could not be resolved. Check the spelling of the callback URL "
    "and the DNS records of its domain.",
    Problem.REFUSED: "The connection was refused: nothing listens on that port. Is the server up, "
    "and does its firewall let us in?",
    Problem.RESET: "The server closed the connection without an answer. Its own log, or that of "
    "the proxy before it, should say why.",
    Problem.TLS: "No secure connection could be made. Check that the certificate is valid for "
    "this host, has not expired, and is sent with its intermediate certificates.",
    Problem.TIMEOUT: "There was no answer within 15 seconds. Answer 200 first and do the work "
    "after.",
    Problem.UNREACHABLE: "There is no route to the server. Is its network up?",
    Problem.NOT_HTTP: "What answered does not speak HTTP. Check the URL's port and scheme.",
    SWITCHED_OFF: "The endpoint was switched off before this could be sent. Set the callback URL "
    "again, then send it again.",
    NOT_BUILT: "The message could not be built. This is our fault, not yours; it will be tried "
    "again.",
}
_STATUSES = {
    401: "Webhooks carry no login; let the path through and check the signature instead.",
    403: "A firewall or bot filter may be in the way; let POST through on this path.",
    404: "There is nothing at this path. Check the callback URL.",
    405: "The path does not take POST.",
    408: "The server gave up waiting for itself. Answer 200 first and do the work after.",
    410: "The server said that this is gone for good, so the endpoint was switched off.",
    413: "The server takes no body of this size; ours are a few kilobytes.",
    415: "The body is application/json; the path must take that.",
    429: "The server wants fewer requests; we wait as long as it asks, up to a day.",
}


def explain(attempt: Attempt) -> str:
    """A sentence or two for people: what happened, and what would help."""
    if attempt.received:
        return f"Received, with status {attempt.status}."
    if attempt.status is None:
        words = _PROBLEMS.get(attempt.problem or "", "There was no answer.")
        return f"{words} ({attempt.detail})" if attempt.detail else words
    return f"The server answered {_name(attempt.status)}. {_advice(attempt.status)}"


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _advice(status: int) -> str:
    if status in _STATUSES:
        return _STATUSES[status]
    if 300 <= status < 400:
        return "Redirects are not followed. Set the callback URL to where it leads."
    if 400 <= status < 500:
        return "It refused the request: only 2xx counts as received. Its log should say why."
    if status >= 500:
        return "It failed while it worked on the request. Its log should say why."
    return "Only 2xx counts as received."
