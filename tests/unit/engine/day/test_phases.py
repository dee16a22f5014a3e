"""Orders are held to the phases of the trading day, where the account keeps sessions."""

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.events import (
    CalendarPut,
    CancelRequested,
    ClosingAuctionPut,
    ReplaceRequested,
)
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.instruments import QuoteSource
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.sessions import CHANGES_MAX, Calendar, DayChange, DayKind
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.day.calendar import STOCKS_MAX
from phalanx.engine.day.phases import closes_at
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import State
from tests.engine_world import LOCAL, PAPER, STOCKS, World, fixed, stock
from tests.unit.domain.test_sessions import GURU_NANAK, at, number

FRIDAY = "2026-11-20"
KEYED = Origin("local", Door.IMPORT, idempotency_key="k", fingerprint=b"f")
FUTURE = msgspec.structs.replace(stock("9", "INFYFUT"), expiry="2026-11-26")
ELSEWHERE = msgspec.structs.replace(stock("10", "AAPL"), key="NASDAQ:10", exchange="NASDAQ")


@pytest.fixture
def world() -> World:
    """An account with a million that trades INFY, whose day ends in an auction, and ACC, whose does not."""
    world = World((*STOCKS, FUTURE, ELSEWHERE))
    world.calendar = Calendar((GURU_NANAK,), ("INFY",))
    world.capabilities["paper"] = msgspec.structs.replace(PAPER, ord_types=frozenset(OrdType))
    world.now = at(FRIDAY, "10:00:00")
    account = world.account(1)
    world.subscribe(account, "RED", "INFY", "ACC")
    world.settings(paper_keeps_sessions=True)
    return world


def go(world: World, time: str, day: str = FRIDAY) -> None:
    """Let it be that moment."""
    world.now = at(day, time)


def said(world: World, symbol: str = "ACC", **more: object) -> list[str]:
    """Why an order does not go."""
    return world.reasons(world.order(instrument=symbol, **more))  # type: ignore[arg-type]


def test_outside_the_session_nothing_goes_and_the_reason_names_the_phase(world: World) -> None:
    go(world, "08:30:00")
    planned = world.order(instrument="ACC")
    assert world.reasons(planned) == ["SESSION_CLOSED"]
    assert str(planned.skips[0].reason) == "NSE takes no orders now: CLOSED"
    for day in ("2026-11-21", "2026-11-24"):
        go(world, "10:00:00", day)
        assert said(world) == ["SESSION_CLOSED"]


def test_a_signal_outside_the_session_is_not_valid(world: World) -> None:
    go(world, "16:00:00")
    planned = world.signal("RED", "ACC", Side.BUY)
    assert planned.orders == ()
    assert world.reasons(planned) == ["SESSION_CLOSED"]


def test_within_the_session_orders_go(world: World) -> None:
    assert said(world) == []
    assert said(world, price="100", time_in_force=TimeInForce.IOC) == []


def test_a_stock_with_a_closing_auction_is_held_to_its_phases(world: World) -> None:
    go(world, "15:16:00")
    assert said(world, "ACC", price="100") == []
    assert said(world, "INFY", price="100") == ["SESSION_CLOSED"]
    go(world, "15:21:00")
    assert said(world, "INFY") == []
    assert said(world, "INFY", price="100", time_in_force=TimeInForce.IOC) == ["NOT_IN_PHASE"]
    go(world, "15:26:00")
    assert said(world, "INFY") == ["NOT_IN_PHASE"]
    assert said(world, "INFY", price="100") == []


def test_a_stop_does_not_go_in_an_auction(world: World) -> None:
    stop = OrderRequest(
        1, "", "ACC", Side.BUY, Product.DELIVERY, OrdType.STOP, fixed("10"), stop_price=fixed("101")
    )
    assert world.reasons(world.submit(stop)) == []
    go(world, "09:01:00")
    planned = world.submit(stop)
    assert [str(skip.reason) for skip in planned.skips] == ["NSE takes no STOP orders in PRE_OPEN"]


def test_the_post_close_takes_market_orders_for_delivery(world: World) -> None:
    go(world, "15:55:00")
    assert said(world, product=Product.INTRADAY) == ["NOT_IN_PHASE"]
    assert said(world, price="100") == ["NOT_IN_PHASE"]
    assert said(world) == []


def test_a_sell_is_held_to_the_phases_as_well(world: World) -> None:
    world.bought("RED", "ACC")
    go(world, "16:30:00")
    assert world.reasons(world.exit("ACC")) == ["SESSION_CLOSED"]
    assert world.reasons(world.signal("RED", "ACC", Side.SELL)) == ["SESSION_CLOSED"]


def test_cancels_and_kills_are_not(world: World) -> None:
    (draft,) = world.order(instrument="ACC", price="99").orders
    world.sent(draft.cl_ord_id)
    world.accepted(draft.cl_ord_id)
    go(world, "16:30:00")
    assert world.cancel(draft.cl_ord_id)
    assert world.do(c.PutKill(LOCAL))


def test_a_replace_is(world: World) -> None:
    (draft,) = world.order(instrument="ACC", price="99").orders
    world.sent(draft.cl_ord_id)
    world.accepted(draft.cl_ord_id)
    go(world, "15:35:00")
    with pytest.raises(Refused) as caught:
        world.replace(draft.cl_ord_id, price="98")
    assert caught.value.code == "SESSION_CLOSED"


def test_paper_trades_at_any_hour_unless_it_is_told_to_keep_sessions(world: World) -> None:
    world.settings(paper_keeps_sessions=False)
    go(world, "03:00:00")
    assert said(world) == []


@pytest.mark.parametrize(("keeps", "expected"), [(True, ["SESSION_CLOSED"]), (False, [])])
def test_live_accounts_keep_the_sessions_of_their_broker(
    world: World, keeps: bool, expected: list[str]
) -> None:
    world.settings(paper_keeps_sessions=False)
    live = msgspec.structs.replace(PAPER, modes=frozenset(Mode), keeps_sessions=keeps)
    world.capabilities["paper"] = live
    go(world, "16:30:00")
    world.account(2, mode=Mode.LIVE)
    world.price("ACC", "100", QuoteSource.FEED)
    assert said(world, client=2) == expected


@pytest.mark.parametrize("name", ["INFYFUT", "AAPL"])
def test_of_derivatives_and_other_exchanges_no_phases_are_known(world: World, name: str) -> None:
    go(world, "16:30:00")
    assert said(world, name) == []


def test_without_a_calendar_nothing_is_held_to_phases(world: World) -> None:
    world.calendar = None
    go(world, "03:00:00")
    assert said(world) == []


def test_an_overlay_is_in_force_at_once_and_replaces_the_one_before(world: World) -> None:
    today, tomorrow = number(FRIDAY), number("2026-11-21")
    closed, opened = DayChange(today, DayKind.HOLIDAY), DayChange(tomorrow, DayKind.NORMAL)
    put = world.one(c.PutCalendar(LOCAL, (opened, closed)), CalendarPut)
    assert put.days == (closed, opened)
    assert said(world) == ["SESSION_CLOSED"]
    assert world.do(c.PutCalendar(LOCAL, (closed, opened))) == []
    assert world.do(c.PutCalendar(KEYED, (closed, opened))) != []
    go(world, "10:00:00", "2026-11-21")
    assert said(world) == []

    world.do(c.PutCalendar(LOCAL, ()))
    assert world.state.calendar == {}
    assert said(world) == ["SESSION_CLOSED"]


def test_the_stocks_with_a_closing_auction_are_replaced_and_come_back(world: World) -> None:
    go(world, "15:26:00")
    put = world.one(c.PutClosingAuction(LOCAL, ("ACC", "ACC")), ClosingAuctionPut)
    assert put.symbols == ("ACC",)
    assert said(world, "ACC") == ["NOT_IN_PHASE"]
    assert said(world, "INFY") == []
    assert world.do(c.PutClosingAuction(LOCAL, ("ACC",))) == []

    world.do(c.PutClosingAuction(LOCAL, ()))
    assert said(world, "INFY") == ["NOT_IN_PHASE"]


def test_calendar_and_stocks_are_in_a_snapshot_and_in_a_replay(world: World) -> None:
    events = world.do(c.PutCalendar(LOCAL, (DayChange(1, DayKind.HOLIDAY, note="n"),)))
    events += world.do(c.PutClosingAuction(LOCAL, ("ACC",)))

    kept = decode_state(encode_state(world.state))
    assert kept.calendar == world.state.calendar
    assert state_hash(kept) == state_hash(world.state)
    fresh = State()
    for event in events:
        apply(fresh, event)
    assert fresh.calendar == world.state.calendar
    assert fresh.closing_auction == {"ACC": None}


def test_both_are_bounded(world: World) -> None:
    days = tuple(DayChange(day, DayKind.HOLIDAY) for day in range(CHANGES_MAX + 1))
    with pytest.raises(Refused) as caught:
        world.do(c.PutCalendar(LOCAL, days))
    assert caught.value.code == "TOO_MANY_DAYS"
    with pytest.raises(Refused) as caught:
        world.do(c.PutClosingAuction(LOCAL, tuple(map(str, range(STOCKS_MAX + 1)))))
    assert caught.value.code == "TOO_MANY_STOCKS"


def test_the_phase_is_asked_after_what_the_broker_takes_and_before_the_lot(world: World) -> None:
    go(world, "16:30:00")
    assert said(world, "LOTS25", quantity="7") == ["SESSION_CLOSED"]
    narrow = msgspec.structs.replace(PAPER, ord_types=frozenset())
    world.capabilities["paper"] = narrow
    assert said(world, "LOTS25", quantity="7") == ["ORDER_TYPE_NOT_SUPPORTED"]


def test_the_market_closes_with_its_last_window(world: World) -> None:
    calendar = world.calendar
    assert calendar is not None
    state, over = world.state, at(FRIDAY, "16:00:00")
    assert closes_at(state, calendar, at(FRIDAY, "00:00:00")) == over
    assert closes_at(state, calendar, over - 1) == over
    assert closes_at(state, calendar, over) is None
    assert closes_at(state, calendar, at("2026-11-21", "10:00:00")) is None


@pytest.mark.parametrize(
    ("quoted", "asked", "expected"),
    [
        ("15:14:50", "15:22:00", []),
        ("15:14:40", "15:22:00", ["STALE_PRICE"]),
        ("15:14:50", "15:14:58", []),
        ("15:13:00", "15:14:58", ["STALE_PRICE"]),
    ],
)
def test_an_auction_makes_no_prices_and_the_feed_is_not_dead_for_it(
    world: World, quoted: str, asked: str, expected: list[str]
) -> None:
    world.capabilities["paper"] = msgspec.structs.replace(PAPER, modes=frozenset(Mode))
    world.account(2, mode=Mode.LIVE)
    go(world, quoted)
    world.price("INFY", "100", QuoteSource.FEED)
    go(world, asked)
    assert said(world, "INFY", client=2) == expected


def test_a_price_of_continuous_trading_that_still_goes_on_gets_old(world: World) -> None:
    world.capabilities["paper"] = msgspec.structs.replace(PAPER, modes=frozenset(Mode))
    world.account(2, mode=Mode.LIVE)
    go(world, "15:14:50")
    world.price("ACC", "100", QuoteSource.FEED)
    go(world, "15:22:00")
    assert said(world, "ACC", client=2) == ["STALE_PRICE"]


def resting(world: World, symbol: str, **more: object) -> str:
    """A MARKET order that rests at the broker, on a day that has begun."""
    world.do(c.Tick())
    (draft,) = world.order(instrument=symbol, quantity="1", **more).orders  # type: ignore[arg-type]
    world.sent(draft.cl_ord_id)
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def test_an_entry_is_not_canceled_while_an_auction_has_yet_to_match_it(world: World) -> None:
    go(world, "09:01:00")
    cl_ord_id = resting(world, "ACC")
    for time in ("09:03:00", "09:12:00"):
        go(world, time)
        assert world.do(c.Tick()) == []
    go(world, "09:15:01")
    (canceled,) = world.do(c.Tick())
    assert isinstance(canceled, CancelRequested)
    assert canceled.cl_ord_id == cl_ord_id


def test_an_exit_gets_no_new_price_in_an_auction_and_one_where_trading_goes_on(
    world: World,
) -> None:
    for symbol in ("ACC", "INFY"):
        world.bought("RED", symbol)
    go(world, "15:14:59")
    for symbol in ("ACC", "INFY"):
        resting(world, symbol, side=Side.SELL)
        world.price(symbol, "99")
    go(world, "15:16:00")

    (repriced,) = world.do(c.Tick())

    assert isinstance(repriced, ReplaceRequested)
    assert world.an_order(repriced.cl_ord_id).draft.instrument == world.key("ACC")


def test_where_no_sessions_are_kept_an_entry_is_canceled_at_any_hour(world: World) -> None:
    world.settings(paper_keeps_sessions=False)
    go(world, "03:00:00")
    resting(world, "ACC")
    go(world, "03:01:00")
    assert [type(event) for event in world.do(c.Tick())] == [CancelRequested]
