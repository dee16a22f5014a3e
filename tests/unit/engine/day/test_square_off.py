"""What is held intraday is closed before the market is: when, what, and once a day."""

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import ExitRequest
from phalanx.domain.instruments import QuoteSource
from phalanx.domain.orders import Product, Side
from phalanx.domain.sessions import (
    Calendar,
    DayChange,
    DayKind,
    Phase,
    PhaseWindow,
    SessionClass,
    clock_s,
)
from phalanx.domain.settings import RiskSettings
from phalanx.engine import commands as c
from phalanx.engine.day.phases import session_day
from phalanx.engine.day.square_off import exits_due, is_due, square_off_s
from phalanx.engine.persons.commands import DisarmAccounts
from tests.engine_world import LOCAL, PAPER, World
from tests.unit.domain.test_sessions import at, number

FRIDAY, SUNDAY = "2026-11-20", "2026-11-22"
EQUITY, AUCTION = SessionClass.EQUITY, SessionClass.CLOSING_AUCTION
INTRADAY = Product.INTRADAY
CALENDAR = Calendar((), ("INFY",))


@pytest.fixture
def world() -> World:
    """At ten, two accounts that may trade; INFY's day ends in an auction, ACC's does not."""
    world = World()
    world.calendar = CALENDAR
    world.now = at(FRIDAY, "10:00:00")
    world.account(1)
    world.account(2)
    world.settings(square_off=True)
    return world


def bought(world: World, symbol: str, product: Product = INTRADAY, client: int = 1) -> None:
    (draft,) = world.order(instrument=symbol, product=product, client=client).orders
    world.filled(draft.cl_ord_id)


def exits(world: World, session_class: SessionClass = EQUITY) -> tuple[c.Submit, ...]:
    return exits_due(world.state, CALENDAR, world.index, world.closed, session_class).exits


def due(world: World, session_class: SessionClass) -> list[str]:
    """What the exits are of."""
    requests = [submit.request for submit in exits(world, session_class)]
    assert all(isinstance(one, ExitRequest) and one.product is INTRADAY for one in requests)
    return [one.instrument for one in requests if isinstance(one, ExitRequest)]


@pytest.mark.parametrize(
    ("time", "equity", "auction"),
    [
        ("14:59:59", False, False),
        ("15:00:00", False, True),
        ("15:15:00", True, False),
        ("15:20:00", True, True),
        ("15:25:00", True, False),
        ("15:30:00", False, False),
        ("15:55:00", False, False),
        ("16:00:00", False, False),
    ],
)
def test_it_is_due_from_its_time_on_while_the_phase_takes_its_orders(
    world: World, time: str, equity: bool, auction: bool
) -> None:
    now = at(FRIDAY, time)
    assert is_due(world.state, CALENDAR, EQUITY, now) is equity
    assert is_due(world.state, CALENDAR, AUCTION, now) is auction


def test_it_is_never_due_where_nobody_wants_it_and_on_days_without_trading(world: World) -> None:
    assert not is_due(world.state, CALENDAR, EQUITY, at(SUNDAY, "15:20:00"))
    world.settings(square_off=False)
    assert not is_due(world.state, CALENDAR, EQUITY, at(FRIDAY, "15:20:00"))


def test_the_times_are_settings(world: World) -> None:
    world.settings(square_off=True, square_off_at_s=clock_s(14, 0))
    assert is_due(world.state, CALENDAR, EQUITY, at(FRIDAY, "14:00:00"))


def test_on_a_special_day_it_is_as_long_before_the_end_of_continuous_trading(world: World) -> None:
    windows = (
        PhaseWindow(Phase.CONTINUOUS, clock_s(9, 15), clock_s(10, 0)),
        PhaseWindow(Phase.CONTINUOUS, clock_s(18, 15), clock_s(19, 15)),
    )
    special = DayChange(number(SUNDAY), DayKind.SPECIAL, windows)
    world.do(c.PutCalendar(LOCAL, (special,)))
    for session_class in SessionClass:
        assert not is_due(world.state, CALENDAR, session_class, at(SUNDAY, "18:59:59"))
        assert is_due(world.state, CALENDAR, session_class, at(SUNDAY, "19:00:00"))


def test_a_day_without_continuous_trading_has_none(world: World) -> None:
    windows = (PhaseWindow(Phase.POST_CLOSE, clock_s(9, 15), clock_s(10, 0)),)
    world.do(c.PutCalendar(LOCAL, (DayChange(number(FRIDAY), DayKind.SPECIAL, windows),)))
    today = session_day(world.state, CALENDAR, at(FRIDAY, "09:20:00"))
    assert square_off_s(RiskSettings(), today, EQUITY) is None
    assert not is_due(world.state, CALENDAR, EQUITY, at(FRIDAY, "09:20:00"))


def test_each_instrument_that_somebody_holds_intraday_gets_one_exit(world: World) -> None:
    for client in (1, 2):
        bought(world, "ACC", client=client)
    bought(world, "GRASIM")
    bought(world, "INFY")
    bought(world, "BSOFT", Product.DELIVERY)

    assert due(world, EQUITY) == [world.key("ACC"), world.key("GRASIM")]
    assert due(world, AUCTION) == [world.key("INFY")]


def test_what_is_only_being_bought_intraday_is_called_back(world: World) -> None:
    (draft,) = world.order(instrument="ACC", product=INTRADAY).orders
    world.sent(draft.cl_ord_id)
    world.accepted(draft.cl_ord_id)
    world.now = at(FRIDAY, "15:15:00")
    (submit,) = exits(world)

    planned = world.submit(submit.request)

    assert [cancel.cl_ord_id for cancel in planned.cancels] == [draft.cl_ord_id]


def test_an_exit_sells_what_is_held_intraday_and_nothing_else(world: World) -> None:
    bought(world, "ACC")
    bought(world, "ACC", Product.DELIVERY)
    world.now = at(FRIDAY, "15:15:00")
    (submit,) = exits(world)

    (event,) = world.do(submit)

    (order,) = event.orders  # type: ignore[union-attr]
    assert (order.product, order.side, order.reduce_only) == (INTRADAY, Side.SELL, True)
    assert event.note == "intraday square-off"  # type: ignore[union-attr]
    assert event.origin.actor == "desk"  # type: ignore[union-attr]


def test_an_instrument_that_had_its_exit_today_gets_no_other_until_tomorrow(world: World) -> None:
    bought(world, "ACC")
    (submit,) = exits(world)
    world.do(submit)
    assert due(world, EQUITY) == []
    world.now = at("2026-11-23", "15:15:00")
    world.do(c.Tick())
    assert due(world, EQUITY) == [world.key("ACC")]


def test_neither_arming_nor_a_kill_is_in_its_way(world: World) -> None:
    live = msgspec.structs.replace(PAPER, modes=frozenset(Mode))
    world.capabilities["paper"] = live
    world.account(3, mode=Mode.LIVE)
    world.price("ACC", "100", QuoteSource.FEED)
    bought(world, "ACC", client=3)
    world.do(DisarmAccounts(LOCAL, ("A3",)))
    world.do(c.PutKill(LOCAL))
    world.now = at(FRIDAY, "15:15:00")
    world.price("ACC", "100", QuoteSource.FEED)
    (submit,) = exits(world)

    (event,) = world.do(submit)

    assert len(event.orders) == 1  # type: ignore[union-attr]


def test_no_new_intraday_risk_is_taken_once_it_has_come(world: World) -> None:
    world.now = at(FRIDAY, "15:00:00")
    planned = world.order(instrument="INFY", product=INTRADAY)
    assert world.reasons(planned) == ["PAST_SQUARE_OFF"]
    assert (
        str(planned.skips[0].reason) == "today's intraday positions in INFY are squared off already"
    )
    assert world.reasons(world.order(instrument="ACC", product=INTRADAY)) == []
    assert world.reasons(world.order(instrument="INFY")) == []
    world.now = at(FRIDAY, "16:00:00")
    assert world.reasons(world.order(instrument="INFY", product=INTRADAY)) == []


def test_there_is_no_cutoff_where_nothing_is_squared_off(world: World) -> None:
    world.settings(square_off=False)
    world.now = at(FRIDAY, "15:20:00")
    assert world.reasons(world.order(instrument="ACC", product=INTRADAY)) == []


def test_an_account_that_is_not_open_waits_and_gets_an_exit_of_its_own_later(world: World) -> None:
    for client in (1, 2):
        bought(world, "ACC", client=client)
    world.closed["A2"] = "not read yet"
    world.now = at(FRIDAY, "15:15:00")
    found = exits_due(world.state, CALENDAR, world.index, world.closed, EQUITY)
    assert found.waiting == {"A2"}
    (first,) = found.exits
    (planned,) = world.do(first)
    assert [draft.book for draft in planned.orders] == ["A1/P"]  # type: ignore[union-attr]
    assert exits(world) == ()

    world.closed.clear()
    (second,) = exits(world)
    (planned,) = world.do(second)

    assert [draft.book for draft in planned.orders] == ["A2/P"]  # type: ignore[union-attr]
    assert exits_due(world.state, CALENDAR, world.index, world.closed, EQUITY).exits == ()


def test_nothing_is_fired_while_nobody_who_holds_it_is_open(world: World) -> None:
    bought(world, "ACC")
    world.closed["A1"] = "not read yet"
    assert exits(world) == ()
    world.closed.clear()
    assert len(exits(world)) == 1
