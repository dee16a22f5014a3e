"""From paper to live at Motilal's simulator and back: read, switched, reconciled, armed, traded."""

import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from phalanx.brokers.motilal import session
from phalanx.brokers.motilal.pace import Pace
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import PutReference
from phalanx.simulation.motilal import MotilalSimulator, SimulatorConfig
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.fakes.motilal import DEALER
from tests.unit.domain.test_sessions import at

INFY = 1594
CODE = "AA020"
ACCOUNT = "/api/v1/accounts/PAPER-1"
MODE = f"{ACCOUNT}/mode"
LIVE = {"mode": "live", "confirm": "PAPER-1"}
PLACE = {"broker": "motilal", "login": "house", "client_code": CODE}
FIELDS = {
    "user": DEALER.userid,
    "password": DEALER.password,
    "api_key": DEALER.api_key,
    "api_secret": DEALER.api_secret,
    "second_factor": DEALER.second_factor,
    "totp_seed": DEALER.totp_secret,
}
BUY = {
    "kind": "order",
    "account_id": "PAPER-1",
    "instrument": "INFY",
    "side": "BUY",
    "product": "DELIVERY",
    "type": "LIMIT",
    "quantity": "2",
    "price": "1400",
}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Nanoseconds]:
    """The wall clock of both sides: it goes on from ten on a Friday, when the market is open."""
    behind = time.time_ns() - at("2026-11-20", "10:00:00")

    def now() -> Nanoseconds:
        return time.time_ns() - behind

    monkeypatch.setattr("phalanx.bootstrap.machine.SystemClock.now", lambda _clock: now())
    return now


@pytest.fixture
async def sim(now: Callable[[], Nanoseconds]) -> AsyncIterator[MotilalSimulator]:
    config = SimulatorConfig(now=now, step_ms=10, walk=False, partial_percent=0)
    async with MotilalSimulator(config) as sim:
        sim.prices.set("NSE", INFY, whole(1_390))
        yield sim


@pytest.fixture
async def site(
    tmp_path: Path, sim: MotilalSimulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """Accounts on paper, and a dealer's login that is up; questions go out without a pause."""
    monkeypatch.setattr(session, "Pace", partial(Pace, apart=0))
    file = tmp_path / "logins.toml"
    file.write_text(
        f'[house]\nrest = "{sim.rest_url}"\nsocket = "{sim.orders_ws_url}"\ndealer = true\n'
        'public_ip = "127.0.0.1"\nregistered = ["127.0.0.1"]\nalgo_id = "77"\n'
    )
    sealed = {"broker": "motilal", "fields": FIELDS, "expected": 0}
    async with open_site(tmp_path / "data", motilal_logins=file) as site:
        await site.profiles(WORKED_EXAMPLE)
        assert (await site.send("PUT", "/api/v1/credentials/house", sealed)).status_code == 200
    async with open_site(tmp_path / "data", motilal_logins=file) as site:
        yield site


async def test_it_goes_live_trades_there_and_comes_back(
    site: Site, sim: MotilalSimulator, now: Callable[[], Nanoseconds]
) -> None:
    assert (await site.send("PATCH", ACCOUNT, {"live": PLACE})).json()["live"] == PLACE
    cash = ("PAPER-1/L", whole(1_000_000), "what the broker has")
    await site.system.desk.execute(PutReference(Origin("local", Door.ACCOUNTS), cash=(cash,)))
    await _go_live(site)
    quote = Quote(whole(1_390), whole(1_390), now(), QuoteSource.FEED)
    site.system.quotes.put(f"NSE:{INFY}", quote)

    order = await site.send("POST", "/api/v1/instructions", BUY)
    assert order.json()["outcomes"][0]["reason"].startswith("NOT_ARMED")
    assert (await site.send("PUT", f"{ACCOUNT}/armed", {"note": "now"})).status_code == 200
    order = await site.send("POST", "/api/v1/instructions", BUY)
    assert order.json()["counts"]["orders"] == 1, order.text

    async def filled() -> bool:
        return site.system.desk.state.books["PAPER-1/L"].open_orders == 0

    await site.until(filled)
    (there,) = sim.orders.of_client(CODE)
    assert (there.traded, there.ticket.initiator) == (2, DEALER.userid)
    assert there.terms.price == whole(1_400)
    bought = site.system.desk.state.books["PAPER-1/L"].positions.values()
    assert [position.quantity for position in bought] == [whole(2)]

    back = await site.send("PUT", MODE, {"mode": "paper"})
    assert (back.status_code, back.json()["broker"]) == (200, "paper"), back.text
    assert (await site.get(ACCOUNT))["live"] == PLACE


async def test_what_happens_at_the_broker_is_nothing_to_an_account_on_paper(
    site: Site, sim: MotilalSimulator
) -> None:
    await site.send("PATCH", ACCOUNT, {"live": PLACE})
    closed: set[str] = set()

    async def is_up() -> bool:
        closed.update(site.system.desk.closed)
        return len(sim.stream) == 1

    async def is_down() -> bool:
        return not await is_up()

    await site.until(is_up)
    closed.clear()
    sim.sessions.end_all()
    sim.stream.drop()
    await site.until(is_down)
    await site.until(is_up)

    assert "PAPER-1" not in closed
    assert (await site.get(ACCOUNT))["open"]


async def test_with_a_code_that_is_not_the_logins_it_stays_on_paper(site: Site) -> None:
    nowhere = {"broker": "motilal", "login": "house"}
    for place in (nowhere, nowhere | {"client_code": "AA017"}, nowhere | {"client_code": "AA-20"}):
        await site.send("PATCH", ACCOUNT, {"live": place})
        answer = await site.send("PUT", MODE, LIVE)
        assert (answer.status_code, answer.json()["code"]) == (409, "LIVE_NOT_READ")


async def test_an_account_that_begins_live_has_its_code(site: Site) -> None:
    new = {"client": 1, "broker": "motilal", "login": "house", "mode": "live", "client_code": CODE}
    made = await site.send("POST", "/api/v1/accounts", new)

    assert (made.status_code, made.json()["live"]) == (201, PLACE), made.text

    async def opened() -> bool:
        return bool((await site.get("/api/v1/accounts/MOTILAL-1"))["open"])

    await site.until(opened)


async def test_an_account_on_paper_begins_without_a_code(site: Site) -> None:
    new = {"client": 1, "broker": "paper", "client_code": CODE}
    answer = await site.send("POST", "/api/v1/accounts", new)

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_VALUE")
    assert answer.json()["field"] == "client_code"


async def _go_live(site: Site) -> None:
    """Once the login is up: its book is read first."""

    async def switched() -> bool:
        answer = await site.send("PUT", MODE, LIVE)
        return answer.status_code == 200

    async def opened() -> bool:
        return bool((await site.get(ACCOUNT))["open"])

    await site.until(switched)
    await site.until(opened)
