"""Calling a provider: every way of not answering is one kind of result, and nothing is followed."""

import asyncio
import socket
from decimal import Decimal

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.errors import TransactionOpen
from nonstopay.store.db import Database
from tests.connectors.serving import answering, serving


async def test_an_answer_comes_with_its_status_and_json(http: ProviderHttp) -> None:
    async with serving([answering(b'{"paid":true}', 402)]) as address:
        answer = await http.call("GET", f"{address}/orders/7")

    assert isinstance(answer, Answer)
    assert (answer.status, answer.json()) == (402, {"paid": True})


async def test_what_is_sent_arrives(http: ProviderHttp) -> None:
    async def echo(request: Request) -> Response:
        return JSONResponse(
            {
                "body": await request.json(),
                "type": request.headers["content-type"],
                "key": request.headers["x-key"],
            }
        )

    async with serving([Route("/orders", echo, methods=["POST"])]) as address:
        answer = await http.call(
            "POST", f"{address}/orders", headers={"x-key": "k"}, json={"amount": "409.71"}
        )

    assert isinstance(answer, Answer)
    assert answer.json() == {"body": {"amount": "409.71"}, "type": "application/json", "key": "k"}


async def test_numbers_with_a_point_stay_exact(http: ProviderHttp) -> None:
    async with serving([answering(b'{"amount": 0.1, "count": 3}')]) as address:
        answer = await http.call("GET", address)

    assert isinstance(answer, Answer)
    assert answer.json() == {"amount": Decimal("0.1"), "count": 3}


async def test_what_is_not_json_is_none(http: ProviderHttp) -> None:
    async with serving([answering(b"<html>")]) as address:
        answer = await http.call("GET", address)

    assert isinstance(answer, Answer)
    assert answer.json() is None


async def test_a_redirect_is_not_followed(http: ProviderHttp) -> None:
    async with (
        serving([answering(b"stolen")]) as elsewhere,
        serving([answering(b"", 302, {"location": elsewhere})]) as address,
    ):
        answer = await http.call("GET", address)

    assert isinstance(answer, Answer)
    assert answer.status == 302


async def test_a_cookie_is_not_kept(http: ProviderHttp) -> None:
    async def count(request: Request) -> Response:
        answer = JSONResponse(list(request.cookies))
        answer.set_cookie("session", "1")
        return answer

    async with serving([Route("/", count)]) as address:
        by_name = address.replace("127.0.0.1", "localhost")  # bare addresses never get cookies
        await http.call("GET", by_name)
        second = await http.call("GET", by_name)

    assert isinstance(second, Answer)
    assert second.json() == []


async def test_a_proxy_of_the_environment_is_not_used(
    http: ProviderHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving([answering(b"direct")]) as address:
        answer = await http.call("GET", address)

    assert isinstance(answer, Answer)
    assert answer.body == b"direct"


async def test_hanging_is_no_answer(hasty_http: ProviderHttp) -> None:
    async def hang(request: Request) -> Response:
        await asyncio.sleep(1)
        return Response("late")

    async with serving([Route("/", hang)]) as address:
        answer = await hasty_http.call("GET", address)

    assert answer == NoAnswer("no answer within 0.5 s")


async def test_nobody_there_is_no_answer(http: ProviderHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]

    assert isinstance(await http.call("GET", f"http://127.0.0.1:{port}/"), NoAnswer)


async def test_hanging_up_halfway_is_no_answer(http: ProviderHttp) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        answer = await http.call("GET", f"http://{host}:{port}/")

    assert isinstance(answer, NoAnswer)


async def test_an_endless_answer_is_no_answer() -> None:
    async def pour(request: Request) -> Response:
        return StreamingResponse(b"x" * 400 for _ in range(10))

    async with serving([Route("/", pour)]) as address, ProviderHttp(answer_max=1000) as http:
        answer = await http.call("GET", address)

    assert answer == NoAnswer("the answer is longer than 1000 bytes")


async def test_nobody_is_called_while_a_transaction_is_open(
    http: ProviderHttp, database: Database
) -> None:
    """Law 2: a lock must not wait for a stranger."""
    async with serving([answering(b"{}")]) as address, database.transaction():
        with pytest.raises(TransactionOpen):
            await http.call("GET", address)


async def test_a_body_is_never_shown() -> None:
    assert "4242" not in repr(Answer(200, b'{"card":"4242"}'))
