"""HTTP to addresses that strangers give us, and only to the public internet.

A merchant's callback URL must not become a way into our own network (server-side request forgery,
OWASP API7:2023). Names are resolved first and the resulting address is judged, once by the resolver
and once more where the socket is made: every connection passes there, so a name that answers
differently the second time (DNS rebinding) gains nothing. No redirect is followed, no proxy asked,
no cookie kept; certificates are verified; answers are read up to a bound and not decompressed.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from nonstopay.connectors.public_address import is_own, is_public, read_literal
from nonstopay.errors import InvalidInput, Unavailable
from nonstopay.store.db import forbid_transaction

URL_MAX = 2048
ANSWER_BYTES_MAX = 64 * 1024
ANSWER_BODY_SECONDS = 2
PORTS = frozenset({80, 443})
_DNS_SECONDS = 5
_DNS_THREADS = 32
_IDLE_SECONDS = 20
_DEFAULT_PORTS = {"http": 80, "https": 443}

Lookup = Callable[[str, int], list[str]]


class Problem(StrEnum):
    """Why there was no answer."""

    BLOCKED = "blocked"
    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TLS = "tls"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NOT_HTTP = "not_http"


class NoAnswer(Unavailable):
    """The other side did not answer in HTTP; `problem` says at which point, `detail` the words."""

    code = "no_answer"

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail


class _Blocked(OSError):
    """An address that is none of a stranger's business."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: `body` as it came, at most `ANSWER_BYTES_MAX`; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_url(url: str, *, allow_loopback: bool = False, parameter: str = "url") -> str:
    """Judge a URL when it is given to us; what its name resolves to is judged at each connection.

    Args:
        allow_loopback: the sandbox alone: `127.0.0.0/8`, `::1`, `localhost`, and any port.
        parameter: the name under which the caller gave it.

    Returns:
        The URL as it was given.

    Raises:
        InvalidInput: not an absolute http(s) URL of a public host on port 80 or 443.
    """
    try:
        _target(url, allow_loopback, PORTS)
    except ValueError as error:
        raise InvalidInput(parameter, f"invalid {parameter}: {error}") from None
    return url


@lru_cache(maxsize=4096)
def _target(url: str, allow_loopback: bool, ports: frozenset[int]) -> URL:
    """The parsed URL; check and connection have one parser, so they cannot differ."""
    if len(url) > URL_MAX:
        raise ValueError(f"longer than {URL_MAX} characters")
    if any(ord(sign) <= 0x20 or ord(sign) == 0x7F or sign == "\\" for sign in url):
        raise ValueError("spaces, control characters and backslashes are not allowed")
    target = URL(url)
    if target.scheme not in _DEFAULT_PORTS or not target.raw_host:
        raise ValueError("it must begin with https:// or http:// and a host")
    if target.raw_user is not None or target.raw_password is not None:
        raise ValueError("user names and passwords are not allowed in it")
    if target.port not in ports and not allow_loopback:
        raise ValueError("its port is not allowed; 80 and 443 are")
    _check_host(target.raw_host, allow_loopback)
    return target


def _check_host(host: str, allow_loopback: bool) -> None:
    address = read_literal(host)
    if address is not None:
        if not is_public(address) and not (allow_loopback and address.is_loopback):
            raise ValueError("the address is not on the public internet")
        return
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        if not allow_loopback:
            raise ValueError("the host is this machine")
        return
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise ValueError("the host must be a full name")
    # 2130706433, 0x7f.1, 127.1: the system's resolver takes such names for addresses.
    last = labels[-1]
    if last.isdigit() or last.startswith("0x"):
        raise ValueError("an address must be written in its usual form")


class PublicHttp:
    """A client for many requests at once; the caller bounds how many. Use as `async with`.

    Args:
        allow_loopback: the sandbox alone: this machine's loopback addresses, on any port.
        ports: the only ones, but for the sandbox's loopback.
        forbidden: further networks that are ours, e.g. the public addresses before our NAT.
        lookup: resolves a name to addresses, blocking; the system's resolver by default.
        tls: a context that verifies certificates; by the system's authorities by default.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        ports: frozenset[int] = PORTS,
        forbidden: Sequence[str] = (),
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._ports = ports
        self._forbidden = [ipaddress.ip_network(network) for network in forbidden]
        self._lookup = lookup or _system_lookup
        self._tls = tls or _system_authorities()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "PublicHttp":
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._lookup, self._judge),
            socket_factory=self._make_socket,
            ssl=self._tls,
            use_dns_cache=False,
            limit=0,
            keepalive_timeout=_IDLE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: int
    ) -> Answer:
        """Send `body` and return whatever status comes, redirects included.

        Args:
            timeout_seconds: for everything up to the answer's status line and headers; its body has
                `ANSWER_BODY_SECONDS` more and is cut there.

        Raises:
            NoAnswer: nothing came that is an HTTP answer; `problem` says why.
            TransactionOpen: the caller holds a database transaction.
        """
        forbid_transaction("a call to a stranger's URL")
        assert self._session is not None, "PublicHttp is used as `async with`"
        try:
            target = _target(url, self._allow_loopback, self._ports)
            async with asyncio.timeout(timeout_seconds):
                answer = await self._session.post(
                    target, data=body, headers=headers, allow_redirects=False
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _no_answer(error) from None
        return Answer(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=await _read(answer),
        )

    def _make_socket(self, info: Any) -> socket.socket:
        """The last gate: it sees the real address of every connection, literals included."""
        family, kind, protocol, _, sockaddr = info
        self._judge(sockaddr[0], sockaddr[1])
        return socket.socket(family, kind, protocol)

    def _judge(self, host: str, port: int) -> None:
        address = read_literal(host.partition("%")[0])
        if address is None:
            raise _Blocked(f"{host} is not an address")
        if self._allow_loopback and address.is_loopback:
            return
        if port not in self._ports:
            raise _Blocked(f"port {port} is not allowed")
        ours = any(address in network for network in self._forbidden)
        if ours or not is_public(address) or is_own(address):
            raise _Blocked("the address is not on the public internet")


@cache
def _system_authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Resolver(AbstractResolver):
    """Resolves on threads of its own: one merchant's slow name server holds up nobody else's work.

    A name with one forbidden address among its addresses is refused as a whole.
    """

    def __init__(self, lookup: Lookup, judge: Callable[[str, int], None]) -> None:
        self._lookup = lookup
        self._judge = judge
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, self._lookup, host, port
        )
        try:
            async with asyncio.timeout(_DNS_SECONDS):
                addresses = await running
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "the name servers did not answer") from None
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for address in addresses:
            self._judge(address, port)
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _system_lookup(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body up to its bounds. What is left unread ends with its connection."""
    if answer.content.at_eof():
        return b""
    kept = bytearray()
    try:
        async with asyncio.timeout(ANSWER_BODY_SECONDS):
            while len(kept) < ANSWER_BYTES_MAX:
                part = await answer.content.read(ANSWER_BYTES_MAX - len(kept))
                if not part:
                    break
                kept += part
    except (aiohttp.ClientError, OSError):
        pass
    finally:
        answer.release() if answer.content.at_eof() else answer.close()
    return bytes(kept)


def _no_answer(error: Exception) -> NoAnswer:
    """Put aiohttp's many errors into our few words."""
    for cause in _causes(error):
        match cause:
            case _Blocked():
                return NoAnswer(Problem.BLOCKED, str(cause))
            case TimeoutError():
                return NoAnswer(Problem.TIMEOUT, "no answer in time")
            case socket.gaierror():
                return NoAnswer(Problem.DNS, cause.strerror or "the name does not resolve")
            case ssl.SSLCertVerificationError():
                return NoAnswer(Problem.TLS, cause.verify_message)
            case ssl.SSLError():
                return NoAnswer(Problem.TLS, cause.reason or "the handshake failed")
            case ConnectionRefusedError():
                return NoAnswer(Problem.REFUSED, "nobody listens there")
            case ConnectionResetError() | BrokenPipeError() | aiohttp.ServerDisconnectedError():
                return NoAnswer(Problem.RESET, "the connection was closed without an answer")
            case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
                return NoAnswer(Problem.NOT_HTTP, "what came was not HTTP")
            case ValueError() if not isinstance(cause, OSError):
                return NoAnswer(Problem.BLOCKED, str(cause))
    return NoAnswer(Problem.UNREACHABLE, getattr(error, "strerror", None) or "no route to it")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it wraps, innermost first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return reversed(chain)
