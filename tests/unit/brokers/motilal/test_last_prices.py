"""Last prices: paise into rupees, whatever else is in an answer; by the logins that can ask."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest

from phalanx.bootstrap.machine import LoopTimer, SystemClock
from phalanx.brokers.motilal import (
    Credentials,
    LoginSettings,
    MotilalBroker,
    Ports,
    Route,
    last_prices,
)
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.envelope import BrokerSaidNo, read_envelope
from phalanx.brokers.motilal.last_prices import quote_of
from phalanx.brokers.motilal.row import BadData
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed
from phalanx.domain.secrets import Secret
from phalanx.simulation.motilal import (
    Fault,
    FaultKind,
    Login,
    MotilalSimulator,
    SimulatorConfig,
)
from phalanx.simulation.motilal.config import DEALER, INVESTOR
from tests.unit.brokers.motilal.samples import SETTINGS

KEY = "NSE:1660"
ROUTES = {"A": Route("A", DEALER.userid), "B": Route("B", DEALER.userid, DEALER.clients[0])}
NOW = 1_700_000_000_000_000_000
DATA = {
    "exchange": "NSE",
    "scripcode": 1660,
    "open": 41_000,
    "high": 41_500,
    "low": 40_900,
    "close": 41_235,
    "ltp": 41_205,
    "volume": 7,
    "ask": 41_210,
    "bid": 41_200,
}
QUOTE = Quote(
    parse_fixed("412.05"),
    parse_fixed("412.35"),
    NOW,
    QuoteSource.REST,
    parse_fixed("412.00"),
    parse_fixed("412.10"),
)


def read(data: object, reference: str = "0") -> Quote:
    body = json.dumps({"status": "SUCCESS", "message": "", "errorcode": "", "data": data})
    return quote_of(read_envelope(body.encode()), KEY, NOW, parse_fixed(reference))


@pytest.mark.parametrize("data", [DATA, [DATA]], ids=["object", "list of one"])
def test_a_price_is_paise_and_becomes_rupees(data: object) -> None:
    assert read(data) == QUOTE
    assert read(data, "400") == QUOTE


def test_a_touch_that_is_not_told_is_not_known() -> None:
    quote = read({name: value for name, value in DATA.items() if name not in {"ask", "bid"}})

    assert (quote.bid, quote.ask) == (0, 0)
    assert quote.last == QUOTE.last


@pytest.mark.parametrize(
    "changes",
    [
        {"ltp": None},
        {"ltp": "NaN"},
        {"ltp": "inf"},
        {"ltp": 0},
        {"ltp": -41_205},
        {"ltp": 10**30},
        {"ltp": True},
        {"ltp": {}},
        {"close": None},
        {"close": "NaN"},
        {"close": 0},
        {"close": 412},
        {"bid": "NaN"},
        {"ask": -1},
        {"ask": 41_210 * 100},
        {"exchange": "BSE"},
        {"exchange": "MARS"},
        {"scripcode": 1661},
        {"scripcode": None},
    ],
    ids=str,
)
def test_a_field_that_cannot_be_right_makes_no_quote(changes: dict[str, object]) -> None:
    with pytest.raises(BadData):
        read(DATA | changes)


@pytest.mark.parametrize("data", [None, "null", [], [DATA, DATA], [7], 7], ids=repr)
def test_what_is_not_one_row_makes_no_quote(data: object) -> None:
    with pytest.raises(BadData):
        read(data)


@pytest.mark.parametrize("reference", ["41205", "4.12"])
def test_a_price_in_another_scale_makes_no_quote(reference: str) -> None:
    with pytest.raises(BadData, match="ODD_SCALE"):
        read(DATA, reference)


def test_a_refusal_is_no_quote() -> None:
    body = b'{"status":"FAILURE","message":"no such scrip","errorcode":"MO1034"}'

    with pytest.raises(BrokerSaidNo, match="MO1034"):
        quote_of(read_envelope(body), KEY, NOW, 0)


# --- at the simulated broker ---------------------------------------------------------------------


@asynccontextmanager
async def asked(
    *users: Login, routes: Mapping[str, Route] = ROUTES
) -> AsyncIterator[tuple[MotilalSimulator, MotilalBroker]]:
    """A broker that stands still, and these logged in to it."""
    logins = {user.userid: user for user in users}

    async def credentials(login: str) -> Credentials:
        user = logins[login]
        return Credentials(
            user=user.userid,
            password=Secret(user.password),
            api_key=Secret(user.api_key),
            api_secret=Secret(user.api_secret),
            second_factor=Secret(user.second_factor),
            totp_seed=Secret(user.totp_secret),
        )

    async with MotilalSimulator(SimulatorConfig(step_ms=0, walk=False)) as sim:
        settings: dict[str, LoginSettings] = {
            login: msgspec.structs.replace(
                SETTINGS, rest=sim.rest_url, socket=sim.orders_ws_url, dealer=user.is_dealer
            )
            for login, user in logins.items()
        }
        ports = Ports(
            credentials=credentials,
            instruments=lambda _key: None,
            clock=SystemClock(),
            timer=LoopTimer(),
        )
        broker = MotilalBroker(settings, routes, ports)
        await broker.connect()
        try:
            yield sim, broker
        finally:
            await broker.close()


async def test_every_login_asks_also_a_dealers_and_each_instrument_once() -> None:
    async with asked(INVESTOR, DEALER) as (sim, broker):
        sim.prices.set("NSE", 2885, parse_fixed("1400.05"))
        found = await broker.prices.read([KEY, "NSE:2885", "LOCAL:1", "NSE:X", "NSE:007"])

        assert found[KEY].last == parse_fixed("412.35")
        assert found["NSE:2885"].last == parse_fixed("1400.05")
        assert found["NSE:2885"].reference_close == parse_fixed("1364.5")
        assert {quote.source for quote in found.values()} == {QuoteSource.REST}
        assert broker.prices.counts.answered == len(found) == 2


async def test_what_is_no_answer_is_counted_and_the_others_are_told() -> None:
    async with asked(INVESTOR) as (sim, broker):
        sim.faults.add(Fault(kind=FaultKind.NAN, path=Path.LAST_PRICE))
        sim.faults.add(Fault(kind=FaultKind.ODD_ENVELOPE, path=Path.LAST_PRICE))
        sim.faults.add(Fault(kind=FaultKind.WRONG_TYPES, path=Path.LAST_PRICE))

        found = await broker.prices.read(["NSE:1476", "NSE:2885", KEY])

        assert found[KEY].last == parse_fixed("412.35")
        counts = broker.prices.counts
        assert (counts.answered, counts.flawed + counts.failed) == (len(found), 3 - len(found))
        assert "NSE:1476" not in found


async def test_a_login_that_does_not_answer_costs_one_instrument_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_prices, "READ_S_MAX", 4.0)
    async with asked(INVESTOR, DEALER) as (sim, broker):
        sim.faults.add(Fault(kind=FaultKind.SILENT, path=Path.LAST_PRICE))

        found = await broker.prices.read([KEY, "NSE:2885", "NSE:1476"])

        assert len(found) == 2
        assert broker.prices.counts.failed == 1


async def test_when_every_question_fails_or_nobody_can_ask_it_is_said() -> None:
    async with asked(INVESTOR) as (sim, broker):
        sim.faults.add(Fault(kind=FaultKind.STATUS, path=Path.LAST_PRICE))
        with pytest.raises(ConnectionError, match="no question"):
            await broker.prices.read([KEY])
        assert await broker.prices.read(["LOCAL:1"]) == {}
    with pytest.raises(ConnectionError, match="no login"):
        await broker.prices.read([KEY])


async def test_a_dealer_without_a_client_asks_nothing() -> None:
    dealer = msgspec.structs.replace(DEALER, clients=("AA021",))
    async with asked(dealer, routes={}) as (_, broker):
        with pytest.raises(ConnectionError, match="no login"):
            await broker.prices.read([KEY])
        assert broker.prices.counts.failed == 0
