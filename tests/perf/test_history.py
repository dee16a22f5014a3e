"""The quick past of the engine's benchmark leaves what a decided one leaves."""

from benchmarks.allocation import CASH, STOCKS, WAYS, Market
from benchmarks.floors.allocation import allocate
from benchmarks.history import ORDERS, Day, live_through, relive, trade
from benchmarks.scene import Scene
from phalanx.domain.events import (
    Event,
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    join_events,
)
from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.numbers import SCALE
from phalanx.engine.ids import prefix
from phalanx.engine.plans.priority_buy import plan_priority_buy
from phalanx.engine.state import State


def counted(state: State) -> tuple[int, int, int, int]:
    """How far its counters are, and how much of orders is in memory."""
    books = state.books.values()
    held = sum(len(book.lots) + len(book.orders) for book in books)
    return state.next_order, state.next_instruction, held, len(state.orders)


def test_a_past_that_was_applied_again_and_again_leaves_what_a_decided_one_does() -> None:
    decided, applied = Scene(), Scene()

    live_through(decided, 3 * ORDERS)
    relive(applied, 3 * ORDERS)

    assert counted(applied.state) == counted(decided.state)
    assert {id: book.cash for id, book in applied.state.books.items()} == {
        id: book.cash for id, book in decided.state.books.items()
    }


def test_it_can_be_traded_on() -> None:
    scene = Scene()
    relive(scene, 2 * ORDERS)

    live_through(scene, ORDERS)

    assert counted(scene.state) == (3 * ORDERS, 3 * 2, 0, 0)


def test_what_is_applied_again_has_the_ids_that_would_come_next() -> None:
    scene = Scene()
    encoded = [encoded for _, encoded in trade(scene)]
    day = Day(join_events(encoded, len(encoded)), prefix(scene.state.desk_id, scene.state.shard))

    again = [ids_of(event) for event in day.again(ORDERS, 2)]

    assert again == [ids_of(event) for event, _ in trade(scene)]


def ids_of(event: Event) -> tuple[str, ...]:
    """What of an event names an order or an instruction."""
    match event:
        case InstructionPlanned():
            return event.instruction_id, *(draft.cl_ord_id for draft in event.orders)
        case OrdersDispatched():
            return event.cl_ord_ids
        case OrderReported():
            return event.cl_ord_id, event.report.cl_ord_id, event.report.exec_id
        case _:
            return ()


def test_the_floor_of_the_allocation_buys_what_the_engine_buys() -> None:
    accounts = 3
    market = Market(accounts)
    request = PriorityBuyRequest(instruments=market.stocks, allocation=WAYS["equal_split"])
    plan = plan_priority_buy(market.state, market.context(), request)
    bought = {(order.book, order.instrument): order.quantity // SCALE for order in plan.orders}
    costs = {order.instrument: order.hold // (order.quantity // SCALE) for order in plan.orders}

    too_dear = [2 * CASH] * (STOCKS - len(costs))
    lots = allocate(market.cashes, list(costs.values()) + too_dear)

    for account, book in enumerate(sorted({book for book, _ in bought})):
        found = [bought.get((book, instrument), 0) for instrument in costs]
        assert found == lots[account][: len(costs)]
