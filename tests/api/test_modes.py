"""Going live at the door: a place, a login that works, a confirmation; then reconciled, armed, and real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from phalanx.bootstrap import SystemClock
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.stub_server import StubServer
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

ACCOUNT = "/api/v1/accounts/PAPER-1"
MODE = f"{ACCOUNT}/mode"
LIVE = {"mode": "live", "confirm": "PAPER-1"}
PLACE = {"broker": "stub", "login": "dealer-1", "client_code": "AA020"}


@pytest.fixture
async def exchange() -> StubExchange:
    return StubExchange("stub", BrokerKind.LOOK_UP, SystemClock())


@pytest.fixture
async def site(tmp_path: Path, exchange: StubExchange) -> AsyncIterator[Site]:
    """Accounts on paper, and a broker where one of them could be live."""
    server = StubServer(exchange)
    port = await server.start()
    try:
        there = {"stub_broker": f"http://127.0.0.1:{port}"}
        async with open_site(tmp_path / "data", **there) as site:
            await site.profiles(WORKED_EXAMPLE)
            yield site
    finally:
        await server.close()


async def test_it_goes_live_is_reconciled_armed_and_trades_there(
    site: Site, exchange: StubExchange
) -> None:
    exchange.open("PAPER-1", whole(5_000))
    changed = await site.send("PATCH", ACCOUNT, {"live": PLACE})
    assert changed.json()["live"] == PLACE
    switched = await site.send("PUT", MODE, LIVE, "k")
    assert switched.status_code == 200, switched.text
    expected = {"account": "PAPER-1", "mode": "LIVE", "broker": "stub", "login": "dealer-1"}
    assert switched.json() == expected
    assert (await site.send("PUT", MODE, LIVE, "k")).json() == expected

    async def opened() -> bool:
        return bool((await site.get(ACCOUNT))["open"])

    await site.until(opened)
    order = {"kind": "order", "account_id": "PAPER-1", "instrument": "INFY", "side": "BUY"}
    order |= {"product": "DELIVERY", "type": "LIMIT", "quantity": "1", "price": "1400"}
    answer = await site.send("POST", "/api/v1/instructions", order)
    assert answer.json()["outcomes"][0]["reason"].startswith("NOT_ARMED")

    back = await site.send("PUT", MODE, {"mode": "paper"})
    assert back.json() == {**expected, "mode": "PAPER", "broker": "paper", "login": "paper"}


async def test_without_a_login_that_works_it_stays_on_paper(site: Site) -> None:
    """The broker knows no such account."""
    await site.send("PATCH", ACCOUNT, {"live": PLACE})

    answer = await site.send("PUT", MODE, LIVE)

    assert (answer.status_code, answer.json()["code"]) == (409, "LIVE_NOT_READ")
    assert (await site.get(ACCOUNT))["mode"] == "PAPER"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"mode": "live"}, 422, "NOT_CONFIRMED"),
        ({"mode": "live", "confirm": "PAPER-2"}, 422, "NOT_CONFIRMED"),
        (LIVE, 409, "NO_LIVE_PLACE"),
        ({"mode": "paper"}, 422, "NOTHING_TO_CHANGE"),
        ({"mode": "both"}, 422, "INVALID_VALUE"),
        ({}, 422, "MISSING_FIELD"),
    ],
)
async def test_what_is_no_switch(site: Site, body: object, status: int, code: str) -> None:
    answer = await site.send("PUT", MODE, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await site.get(ACCOUNT))["mode"] == "PAPER"


async def test_no_account_of_that_name(site: Site) -> None:
    answer = await site.send("PUT", "/api/v1/accounts/NOBODY/mode", LIVE)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
