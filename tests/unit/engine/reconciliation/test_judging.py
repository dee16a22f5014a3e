"""What a person says about an order in doubt holds."""

import pytest

from phalanx.domain.events import (
    BreakClosed,
    DoubtJudged,
    Event,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_broker import TAGLESS, Shown
from tests.engine_world import LOCAL, World

S = OrdStatus


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_that_it_is_this_one_accepts_it_and_the_next_reading_brings_the_rest(
    world: World, doubted: str
) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    order_id = broker.has(doubted, tagged=False)
    broker.fills(order_id, 10, "E1")

    events = world.do(c.JudgeDoubt(LOCAL, doubted, order_id, "told by telephone"))

    assert kinds(events) == [DoubtJudged, OrderReported]
    assert world.status(doubted) is S.NEW
    broker.read()
    assert world.status(doubted) is S.FILLED


def test_that_it_never_arrived_ends_it_and_names_who_said_so(world: World, doubted: str) -> None:
    events = world.do(c.JudgeDoubt(LOCAL, doubted, "", "told by telephone"))

    ended = events[1]
    assert kinds(events) == [DoubtJudged, OrderEnded]
    assert isinstance(ended, OrderEnded)
    assert ended.reason.code is ReasonCode.JUDGED_ABSENT
    assert str(ended.reason) == "local says that the broker never received it"
    assert world.status(doubted) is S.NOT_RECEIVED
    assert world.book().holds == 0


def test_settles_the_break_that_it_had(world: World, doubted: str) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    world.wait(26)
    broker.read()
    assert len(world.state.breaks) == 1

    events = world.do(c.JudgeDoubt(LOCAL, doubted, "", "no"))

    assert kinds(events) == [DoubtJudged, OrderEnded, BreakClosed]
    assert world.state.breaks == {}


def test_lets_what_was_to_be_closed_with_it_go_on(world: World) -> None:
    world.bought("RED", "INFY")
    (sell,) = world.order(Side.SELL, quantity="1", price="105").orders
    world.unknown(sell.cl_ord_id)
    planned = world.exit("INFY")
    assert isinstance(planned, InstructionPlanned)

    events = world.do(c.JudgeDoubt(LOCAL, sell.cl_ord_id, "", "no"))

    ended = events[1]
    assert isinstance(ended, OrderEnded)
    assert [draft.side for draft in ended.children] == [Side.SELL]


def test_is_only_asked_for_about_an_order_in_doubt(world: World, buy: str) -> None:
    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, buy, "", "no"))
    assert refused.value.code == "NOT_IN_DOUBT"
    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, "AA0ZZZZZZZ", "", "no"))
    assert refused.value.code == "UNKNOWN_ORDER"


def test_gives_no_order_the_id_of_another(world: World, buy: str) -> None:
    (draft,) = world.order(quantity="11", price="100").orders
    world.unknown(draft.cl_ord_id)
    world.account(2)
    (others,) = world.order(client=2).orders
    world.accepted(others.cl_ord_id)

    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, f"B{buy}", "this one"))
    assert refused.value.code == "ORDER_ID_TAKEN"
    world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, f"B{others.cl_ord_id}", "another's id is free"))
    assert world.status(draft.cl_ord_id) is S.NEW


def test_of_an_order_whose_executions_are_booked_as_foreign_books_none_of_them_twice(
    world: World, buy: str
) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    order_id = broker.has(buy, tagged=False)
    broker.change(order_id, order_id="X1")
    broker.orders = {"X1": broker.orders[order_id]}
    broker.fills("X1", 10, "E1")
    broker.read()
    assert world.held("INFY") == whole(10)
    (draft,) = world.order(quantity="10", price="99").orders
    world.unknown(draft.cl_ord_id)

    world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, "X1", "a mistake"))
    broker.read()

    assert world.held("INFY") == whole(10)
    assert world.status(draft.cl_ord_id) is S.CANCELED
    assert world.an_order(draft.cl_ord_id).cum_quantity == 0
