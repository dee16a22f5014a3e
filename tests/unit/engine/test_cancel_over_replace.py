"""A SELL signal does not wait for a replace of the buy that it closes."""

import pytest

from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from tests.engine_world import World

S = OrdStatus
UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


@pytest.fixture
def world() -> World:
    world = World()
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    world.subscribe(world.account(1, "10000"), "RED", "INFY", sizing=ten)
    return world


def closing(world: World, *, sent: bool, quantity: str = "15") -> tuple[str, str]:
    """(the buy, the replace's request id); the cancel waits."""
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    request_id = world.replace(buy, quantity)
    if sent:
        world.request_sent(buy)
    world.signal("RED", "INFY", Side.SELL)
    assert world.status(buy) is S.PENDING_CANCEL
    return buy, request_id


def test_a_replace_not_sent_is_forgotten(world: World) -> None:
    buy, request_id = closing(world, sent=False)

    assert world.an_order(buy).replacing is None
    assert world.book().holds == whole(1_010)
    assert world.do(c.BookUnknown(buy, "time-out", request_id)) == []


def test_one_in_flight_may_still_be_granted(world: World) -> None:
    buy, _ = closing(world, sent=True)

    world.replaced(buy, "15")

    order = world.an_order(buy)
    assert (order.quantity, order.status) == (whole(15), S.PENDING_CANCEL)
    assert world.book().holds == whole(1_515)
    world.filled(buy, "12")
    assert world.status(buy) is S.PENDING_CANCEL
    world.report(buy, ExecType.CANCELED)
    assert world.held("INFY") == whole(12)
    assert world.open_buys() == []


def test_or_refused(world: World) -> None:
    buy, _ = closing(world, sent=True)

    world.report(buy, ExecType.REPLACE_REJECTED)

    assert world.an_order(buy).replacing is None
    assert world.status(buy) is S.PENDING_CANCEL
    assert world.book().holds == whole(1_010)


def test_or_doubted_and_looked_up(world: World) -> None:
    buy, request_id = closing(world, sent=True)
    world.do(c.BookUnknown(buy, "time-out", request_id))

    world.found(buy, quantity="15")

    assert world.an_order(buy).quantity == whole(15)
    assert world.status(buy) is S.PENDING_CANCEL


def test_a_cancel_that_comes_to_nothing_leaves_the_replace_under_way(world: World) -> None:
    buy, request_id = closing(world, sent=True)
    for _ in range(CANCELS_REFUSED_MAX):
        world.request_sent(buy)
        world.report(buy, ExecType.CANCEL_REJECTED)

    request = world.an_order(buy).request
    assert request is not None
    assert request.id == request_id
    assert world.status(buy) is S.PENDING_REPLACE
    world.replaced(buy, "15")
    assert world.status(buy) is S.NEW


def test_a_filled_order_ends_when_the_replace_comes_to_nothing(world: World) -> None:
    buy, request_id = closing(world, sent=True)
    world.filled(buy, "10")
    assert world.status(buy) is S.PENDING_CANCEL

    world.do(c.BookNeverWritten(buy, UNREACHABLE, request_id=request_id))

    assert world.status(buy) is S.FILLED


def test_a_smaller_replace_that_is_granted_late_fills_the_order(world: World) -> None:
    buy, _ = closing(world, sent=True, quantity="5")
    world.filled(buy, "5")

    world.replaced(buy, "5")

    assert world.status(buy) is S.FILLED
    assert world.open_buys() == []
