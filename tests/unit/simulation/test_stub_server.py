"""The stub broker's server says no to what it does not know, and keeps its word about reports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Product, Side
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.stub_server import REPORTS_KEPT, StubServer
from tests.fakes.clock import ManualClock


class Client:
    def __init__(self, exchange: StubExchange, server: StubServer, http: httpx.AsyncClient) -> None:
        self.exchange = exchange
        self.server = server
        self.http = http

    async def log_in(self) -> int:
        """Returns the position of the reports."""
        session = (await self.http.post("/login")).json()
        self.http.headers["Authorization"] = f"Bearer {session['token']}"
        return int(session["position"])

    async def reports(self, position: int) -> dict[str, Any]:
        answer = await self.http.get("/reports", params={"position": position})
        page: dict[str, Any] = answer.json()
        return page

    def trade(self) -> None:
        self.exchange.trade("A", "NSE:1", Side.BUY, Product.DELIVERY, whole(1), whole(100))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    exchange = StubExchange("stub", BrokerKind.LOOK_UP, ManualClock())
    exchange.open("A", whole(1_000))
    server = StubServer(exchange)
    url = f"http://127.0.0.1:{await server.start()}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield Client(exchange, server, http)
    await server.close()


async def test_without_a_session_nothing_is_looked_at(client: Client) -> None:
    for method, path in [("POST", "/orders"), ("GET", "/book?account=A"), ("GET", "/nowhere")]:
        answer = await client.http.request(method, path)

        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("GET", "/orders", b"", 404),
        ("POST", "/orders", b"{", 400),
        ("POST", "/orders", b"{}", 400),
        ("GET", "/book?account=nobody", b"", 400),
        ("GET", "/book", b"", 400),
        ("GET", "/reports?position=x", b"", 400),
    ],
)
async def test_what_it_does_not_know_it_refuses_and_takes_nothing(
    client: Client, method: str, path: str, body: bytes, status: int
) -> None:
    await client.log_in()

    answer = await client.http.request(method, path, content=body)

    assert answer.status_code == status
    assert "accepted" not in answer.json()
    assert list(client.exchange.orders()) == []


async def test_reports_are_told_from_a_position_on(client: Client) -> None:
    client.trade()
    position = await client.log_in()
    waiting = asyncio.create_task(client.reports(position))
    await asyncio.sleep(0.01)
    client.trade()

    page = await waiting
    assert len(page["reports"]) >= 1
    rest = await client.reports(page["position"] - 1)
    assert rest["reports"][0] == page["reports"][-1]
    assert not rest["missed"]


async def test_reports_that_are_not_kept_any_more_are_said_to_be_missed(client: Client) -> None:
    position = await client.log_in()
    for _ in range(REPORTS_KEPT // 2 + 1):
        client.trade()

    page = await client.reports(position)

    assert page["missed"]
    assert page["reports"]


async def test_whoever_waits_for_reports_hears_that_its_session_is_over(client: Client) -> None:
    position = await client.log_in()
    waiting = asyncio.create_task(client.http.get("/reports", params={"position": position}))
    await asyncio.sleep(0.05)

    client.server.expire_tokens()

    assert (await waiting).status_code == 401


async def test_garbage_ends_the_connection_and_nothing_else(client: Client) -> None:
    port = client.http.base_url.port
    for garbage in (b"\r\n\r\n", b"x" * 100_000, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    assert await client.log_in() == 0
