"""WS /ws/{client}: what the platform's clients are told of one client while it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from phalanx.api.platform import client_streams
from phalanx.api.platform.client_streams import Interest
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed
from tests.api.conftest import WORKED_EXAMPLE
from tests.api.test_stream import Served, serve

PLACE = "/api/v1/orders/place"
RELIANCE = "NSE:2885"
BUY = {
    "client_id": 1,
    "token_id": "2885",
    "execution_type": "BUY",
    "order_type": "MARKET",
    "trade_type": "DELIVERY",
    "quantity": 10,
}


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(client_streams, "PACE_S", 0.01)
    monkeypatch.setattr(client_streams, "PORTFOLIO_S", 0.02)
    async with serve(tmp_path / "data") as found:
        await found.profiles(WORKED_EXAMPLE)
        yield found


def follow(served: Served, client: object, **options: Any) -> connect:  # noqa: ANN401
    url = f"ws://127.0.0.1:{served.port}/ws/{client}"
    return connect(url, compression=None, proxy=None, max_size=None, **options)


async def told(socket: ClientConnection, kind: str) -> Any:  # noqa: ANN401  JSON
    """The data of the next message of that kind."""
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.recv())
            assert message.keys() == {"type", "data"}
            if message["type"] == kind:
                return message["data"]


async def told_until(socket: ClientConnection, kind: str, **wanted: object) -> Any:  # noqa: ANN401
    while True:
        data = await told(socket, kind)
        if all(data[name] == value for name, value in wanted.items()):
            return data


async def both(socket: ClientConnection) -> tuple[Any, Any]:
    """The trade once it is active and the portfolio once it holds something, whichever comes first."""
    bought = with_it = None
    async with asyncio.timeout(10):
        while bought is None or with_it is None:
            message = json.loads(await socket.recv())
            kind, data = message["type"], message["data"]
            if kind == "trade_update" and data["status"] == "ACTIVE":
                bought = data
            elif kind == "portfolio_update" and data["positions"]:
                with_it = data
    return bought, with_it


async def place(served: Served, **changes: object) -> str:
    answer = await served.send("POST", PLACE, BUY | changes)
    assert answer.json()["status"] == "SUCCESS", answer.text
    return str(answer.json()["order_id"])


def reprice(served: Served, last: str, key: str = RELIANCE) -> None:
    known = served.system.quotes.get(key)
    assert known is not None
    now = served.system.desk.clock.now()
    quote = Quote(parse_fixed(last), known.reference_close, now, QuoteSource.FEED)
    served.system.quotes.put(key, quote)


async def test_a_portfolio_comes_first(served: Served) -> None:
    await place(served)
    async with follow(served, 1) as socket:
        first = json.loads(await socket.recv())

    assert first["type"] == "portfolio_update"
    expected = await served.get("/api/v1/clients/1/portfolio")
    assert first["data"] | {"updated_at": ""} == expected | {"updated_at": ""}


async def test_a_trade_is_told_as_it_changes(served: Served) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        lot = await place(served)
        bought, with_it = await both(socket)
        await served.send("POST", f"/api/v1/trades/{lot}/exit")
        closed = await told_until(socket, "trade_update", status="CLOSED")

    assert (bought["id"], bought["quantity"], bought["client_id"]) == (lot, 10, 1)
    assert [one["quantity"] for one in with_it["positions"]] == [10]
    assert closed == await served.get(f"/api/v1/trades/{lot}")


async def test_a_waiting_buy_that_ends_is_told(served: Served) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        lot = await place(served, order_type="LIMIT", price=1300)
        pending = await told(socket, "trade_update")
        await served.send("POST", f"/api/v1/orders/{lot}/cancel")
        gone = await told_until(socket, "trade_update", status="CLOSED")

    assert (pending["id"], pending["status"]) == (lot, "PENDING")
    assert (gone["id"], gone["quantity"]) == (lot, 0)


async def test_prices_of_what_is_held_are_told(served: Served) -> None:
    await place(served)
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        reprice(served, "2000", "NSE:24378")
        reprice(served, "1370")
        reprice(served, "1371.5")
        price = await told(socket, "price_update")
        after = await told(socket, "portfolio_update")

    assert price == {
        "id": RELIANCE,
        "token_id": "2885",
        "symbol": "RELIANCE",
        "exchange": "NSE",
        "ltp": 1371.5,
        "close_price": 1364,
    }
    assert after["totals"]["unrealized_pnl"] == 75
    assert after["client"]["total_pnl"] == 75


async def test_others_are_told_of_nothing(served: Served) -> None:
    async with follow(served, 2) as socket:
        await told(socket, "portfolio_update")
        await place(served)
        reprice(served, "1370")
        await place(served, client_id=2, token_id="MINDA")
        theirs = await told(socket, "trade_update")

    assert (theirs["client_id"], theirs["token"]["symbol"]) == (2, "UNOMINDA")


async def test_all_who_follow_a_client_are_told(served: Served) -> None:
    async with follow(served, 1) as one, follow(served, 1) as other:
        for socket in (one, other):
            await told(socket, "portfolio_update")
        lot = await place(served)
        trades = [await told_until(s, "trade_update", status="ACTIVE") for s in (one, other)]

    assert [trade["id"] for trade in trades] == [lot, lot]
    streams = served.app.sockets._clients

    async def is_over() -> bool:
        return not streams._feeds and not streams._books and not streams._interest._feeds

    await served.until(is_over)
    assert served.system.desk.stream.reader_count == 0


@pytest.mark.parametrize("client", ["99", "x", "0", "-1", "1.0", "9" * 40])
async def test_an_unknown_client_is_closed_with_4404(served: Served, client: str) -> None:
    async with follow(served, client) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    assert (socket.close_code, socket.close_reason) == (4404, "UNKNOWN_CLIENT")


async def test_it_ends_with_the_server(served: Served) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        await served.system.stop()
        with pytest.raises(ConnectionClosed):
            await told(socket, "nothing any more")

    assert (socket.close_code, socket.close_reason) == (1001, "STREAM_CLOSED")


async def test_a_reader_that_is_too_slow_is_cut_off(served: Served) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        (feed, _) = served.app.sockets._clients._feeds[1]
        for _ in range(2_000):
            feed._send("price_update", "x" * 1_000)
        with pytest.raises(ConnectionClosed):
            await told(socket, "nothing any more")

    assert (socket.close_code, socket.close_reason) == (1013, "SLOW_READER")


async def test_a_feed_that_breaks_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        monkeypatch.setattr(client_streams, "trade_answer", None)
        await place(served)
        with pytest.raises(ConnectionClosed):
            await told(socket, "nothing any more")

    assert socket.close_reason == "FEED_FAILED"
    assert "the feed of client 1 failed" in caplog.text


async def test_views_that_cannot_be_read_are_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with follow(served, 1) as socket:
        await told(socket, "portfolio_update")
        wait_for = served.system.feed.wait_for
        asked = 0

        async def not_yet(seq: int, timeout_s: float) -> bool:
            nonlocal asked
            asked += 1
            return asked > 2 and await wait_for(seq, timeout_s)

        monkeypatch.setattr(served.system.feed, "wait_for", not_yet)
        lot = await place(served)
        trade = await told_until(socket, "trade_update", status="ACTIVE")

    assert (trade["id"], asked > 2) == (lot, True)


def test_interest_follows_what_is_held() -> None:
    prices: list[tuple[str, str]] = []

    class Feed:
        def __init__(self, name: str) -> None:
            self.name = name

        def price(self, key: str, _: object) -> None:
            prices.append((self.name, key))

    interest = Interest()
    one, other = Feed("one"), Feed("other")
    interest.change(one, frozenset(), frozenset("AB"))  # type: ignore[arg-type]
    interest.change(other, frozenset(), frozenset("B"))  # type: ignore[arg-type]
    interest.change(one, frozenset("AB"), frozenset("BC"))  # type: ignore[arg-type]
    for key in "ABC":
        interest.priced(key, None)  # type: ignore[arg-type]

    assert sorted(prices) == [("one", "B"), ("one", "C"), ("other", "B")]
