"""Fills that a person orders: what may be filled, at which price, and what is not reported yet."""

import msgspec
import pytest

from phalanx.domain.events import FillOrdered, OrderFlagged
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, ExecType, ExecutionReport, OrdStatus, Side
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.engine.state import HandFill
from tests.engine_world import LOCAL, World, fixed


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    return world


@pytest.fixture
def buy(world: World) -> ClOrdId:
    """Ten INFY at most 100.50, working at the broker."""
    (draft,) = world.order(price="100.5").orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def ordered(world: World, cl_ord_id: ClOrdId, quantity: str = "4", price: str = "0") -> FillOrdered:
    command = c.FillByHand(LOCAL, cl_ord_id, fixed(quantity), fixed(price))
    return world.one(command, FillOrdered)


def refusal(world: World, cl_ord_id: ClOrdId, quantity: str = "4", price: str = "0") -> str:
    with pytest.raises(Refused) as refused:
        ordered(world, cl_ord_id, quantity, price)
    assert refused.value.detail
    return refused.value.code


def booked(world: World, fill: FillOrdered, quantity: str = "") -> None:
    """The broker reports the fill, of this quantity where it is another."""
    filled = fixed(quantity) if quantity else fill.quantity
    total = world.an_order(fill.cl_ord_id).cum_quantity + filled
    report = ExecutionReport(
        fill.cl_ord_id, ExecType.TRADE, "B", fill.exec_id, total, filled, fill.price
    )
    world.do(c.BookReport(report))


def test_what_the_broker_does_not_do_is_told_and_may_be_asked_for_again(
    world: World, buy: ClOrdId
) -> None:
    event = ordered(world, buy, "10")

    flagged = world.one(c.RefuseHandFill(event.exec_id, "beyond its limit"), OrderFlagged)

    assert (flagged.cl_ord_id, flagged.flag) == (buy, "NOT_FILLED_BY_HAND")
    assert flagged.text == "the fill by hand was not done: beyond its limit"
    assert world.state.hand_fills == {}
    assert world.do(c.RefuseHandFill(event.exec_id, "again")) == []
    assert ordered(world, buy, "10").exec_id != event.exec_id


def test_without_a_price_it_is_the_last_one(world: World, buy: ClOrdId) -> None:
    event = ordered(world, buy)

    assert (event.cl_ord_id, event.quantity, event.price) == (buy, whole(4), whole(100))
    assert world.state.hand_fills == {event.exec_id: HandFill(buy, whole(4), whole(100))}
    assert world.an_order(buy).cum_quantity == 0


@pytest.mark.parametrize(
    ("side", "expected"), [(Side.BUY, "100.05"), (Side.SELL, "100")], ids=["buy", "sell"]
)
def test_a_last_price_between_ticks_is_taken_on_the_worse_side(
    world: World, side: Side, expected: str
) -> None:
    world.filled(world.order().orders[0].cl_ord_id)
    (draft,) = world.order(side, quantity="5").orders
    world.accepted(draft.cl_ord_id)
    world.price("INFY", "100.02", close="100")

    assert ordered(world, draft.cl_ord_id).price == fixed(expected)


def test_its_report_is_a_fill_like_any_other_and_ends_the_waiting(
    world: World, buy: ClOrdId
) -> None:
    event = ordered(world, buy, "4", "99.5")

    booked(world, event)
    booked(world, event)

    assert world.state.hand_fills == {}
    assert world.status(buy) is OrdStatus.PARTIALLY_FILLED
    assert world.an_order(buy).cum_quantity == whole(4)
    assert world.book().cash == whole(1_000_000 - 4 * 100) + fixed("2")


def test_every_one_has_an_exec_id_that_no_request_shares(world: World, buy: ClOrdId) -> None:
    first, second = ordered(world, buy), ordered(world, buy)
    request_id = world.cancel(buy)

    assert (first.exec_id, second.exec_id) == ("HAA00000000", "HAA00000001")
    assert request_id == "RAA00000002"


def test_what_is_ordered_and_not_reported_counts_as_filled(world: World, buy: ClOrdId) -> None:
    first = ordered(world, buy, "8")
    assert refusal(world, buy, "3") == "ABOVE_LEAVES"

    booked(world, first, "1")

    assert refusal(world, buy, "10") == "ABOVE_LEAVES"
    assert ordered(world, buy, "9").quantity == whole(9)


def test_the_end_of_the_order_ends_the_waiting(world: World, buy: ClOrdId) -> None:
    other = world.order(quantity="5", price="100").orders[0].cl_ord_id
    world.accepted(other)
    ordered(world, buy)
    kept = ordered(world, other)

    world.report(buy, ExecType.CANCELED)

    assert list(world.state.hand_fills) == [kept.exec_id]


@pytest.mark.parametrize("request_under_way", ["cancel", "replace"])
def test_an_order_with_a_request_under_way_can_be_filled(
    world: World, buy: ClOrdId, request_under_way: str
) -> None:
    if request_under_way == "cancel":
        world.cancel(buy)
    else:
        world.replace(buy, price="100")

    assert ordered(world, buy).quantity == whole(4)


def test_it_passes_a_kill(world: World, buy: ClOrdId) -> None:
    world.do(c.PutKill(LOCAL))

    assert ordered(world, buy).quantity == whole(4)


def test_the_order_must_be_known_and_at_the_broker(world: World, buy: ClOrdId) -> None:
    waiting = world.order(quantity="1", price="100").orders[0].cl_ord_id
    sent = world.order(quantity="2", price="100").orders[0].cl_ord_id
    world.sent(sent)
    doubtful = world.order(quantity="3", instrument="ACC", price="100").orders[0].cl_ord_id
    world.unknown(doubtful)
    world.filled(buy)

    assert refusal(world, "AA09999999") == "UNKNOWN_ORDER"
    for cl_ord_id in (waiting, sent, doubtful, buy):
        assert refusal(world, cl_ord_id, "1") == "ORDER_NOT_WORKING"


def test_only_paper_orders_are_filled_by_hand(world: World, buy: ClOrdId) -> None:
    order = world.an_order(buy)
    live = msgspec.structs.replace(order.draft, book="A1/L")
    for state in (world.state, world.replica):
        state.orders[buy].draft = live
    with pytest.raises(Refused) as refused:
        world.decided(c.FillByHand(LOCAL, buy, whole(4)))

    assert refused.value.code == "NOT_PAPER"


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("0", "0", "LOT_MULTIPLE"),
        ("0.5", "0", "LOT_MULTIPLE"),
        ("11", "0", "ABOVE_LEAVES"),
        ("4", "100.02", "OFF_TICK"),
        ("4", "100.55", "BEYOND_LIMIT"),
        ("4", "79.95", "OUTSIDE_BAND"),
    ],
)
def test_what_may_not_be_filled(
    world: World, buy: ClOrdId, quantity: str, price: str, code: str
) -> None:
    assert refusal(world, buy, quantity, price) == code


def test_a_last_price_beyond_the_limit_fills_nothing(world: World, buy: ClOrdId) -> None:
    world.price("INFY", "101", close="100")
    assert refusal(world, buy) == "BEYOND_LIMIT"
    assert ordered(world, buy, "4", "100.5").price == fixed("100.5")


def test_a_sell_is_not_filled_below_its_limit(world: World) -> None:
    world.filled(world.order().orders[0].cl_ord_id)
    (draft,) = world.order(Side.SELL, price="100").orders
    world.accepted(draft.cl_ord_id)

    assert refusal(world, draft.cl_ord_id, "4", "99.95") == "BEYOND_LIMIT"
    assert ordered(world, draft.cl_ord_id, "4", "100").quantity == whole(4)


def test_without_a_quote_nothing_is_filled(world: World, buy: ClOrdId) -> None:
    world.quotes.clear()

    assert refusal(world, buy, "4", "100") == "NO_PRICE"


def test_a_key_is_used_up_by_it(world: World, buy: ClOrdId) -> None:
    origin = Origin("local", Door.ORDERS, "r", "key", b"x")

    world.do(c.FillByHand(origin, buy, whole(1)))

    assert list(world.state.keys) == ["local\nkey"]
