"""What becomes of orders in the views, driven by the engine itself."""

from phalanx.domain.events import InstructionPlanned, OrderReported
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    Hops,
    OrdStatus,
    OrdType,
    Product,
    Side,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import MILLISECOND
from phalanx.engine import commands as c
from phalanx.views.rows import LogEntry
from tests.engine_world import LOCAL, fixed
from tests.unit.views.watched import Watched

UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


def test_a_planned_order_is_there_with_all_its_terms(watched: Watched) -> None:
    world = watched.world
    world.wait(1)
    (draft,) = world.order(quantity="10", price="99.5", product=Product.INTRADAY).orders

    row = watched.order(draft.cl_ord_id)

    assert (row.account, row.mode.name, row.client_id) == ("A1", "PAPER", 1)
    assert (row.client_name, row.instrument, row.symbol) == ("Client 1", "NSE:6", "INFY")
    assert (row.side, row.product, row.ord_type) == (Side.BUY, Product.INTRADAY, OrdType.LIMIT)
    assert row.order_quantity == row.quantity == row.leaves_quantity == fixed("10")
    assert (row.limit, row.hold) == (fixed("99.5"), draft.hold)
    assert (row.status, row.cum_quantity, row.avg_price) == (OrdStatus.PENDING_NEW, 0, 0)
    assert (row.strategy, row.closes, row.reduce_only) == (None, (), False)
    assert (row.placed_at_ns, row.ended_at_ns) == (world.now, 0)
    assert row.seq == world.state.seq


def test_a_sell_names_the_lots_it_closes(watched: Watched) -> None:
    bought = watched.world.bought("RED", "INFY")
    sold = watched.world.sell("RED", "INFY")

    row = watched.order(sold)

    assert [(part.lot, part.quantity) for part in row.closes] == [(bought, fixed("1"))]
    assert row.reduce_only
    assert row.strategy == "RED"


def test_fills_add_up(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10").orders
    world.filled(draft.cl_ord_id, "4", "100")
    at_first = watched.order(draft.cl_ord_id)
    world.filled(draft.cl_ord_id, "6", "101")

    row = watched.order(draft.cl_ord_id)
    fills = watched.views.fills(draft.cl_ord_id)

    assert (at_first.status, at_first.leaves_quantity) == (OrdStatus.PARTIALLY_FILLED, fixed("6"))
    assert (row.status, row.leaves_quantity) == (OrdStatus.FILLED, 0)
    assert (row.filled_value, row.avg_price) == (fixed("1006"), fixed("100.6"))
    assert [(fill.quantity, fill.price) for fill in fills] == [
        (fixed("4"), fixed("100")),
        (fixed("6"), fixed("101")),
    ]
    assert [fill.exec_id for fill in fills] == ["E1", "E2"]
    assert all(fill.time_ns == fill.booked_at_ns for fill in fills)
    assert (row.first_fill_at_ns, row.ended_at_ns) == (fills[0].booked_at_ns, world.now)


def test_charges_add_up_and_the_broker_s_time_is_kept(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10").orders
    world.accepted(draft.cl_ord_id)
    for number in (1, 2):
        report = ExecutionReport(
            draft.cl_ord_id,
            ExecType.TRADE,
            exec_id=f"X{number}",
            cum_quantity=fixed("2") * number,
            last_quantity=fixed("2"),
            last_price=fixed("100"),
            charges=fixed("0.2"),
            time=number,
        )
        world.do(c.BookReport(report))

    assert watched.order(draft.cl_ord_id).charges == fixed("0.4")
    assert [fill.time_ns for fill in watched.views.fills(draft.cl_ord_id)] == [1, 2]


def test_hops_come_with_later_events(watched: Watched) -> None:
    world = watched.world
    request = OrderRequest(1, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.MARKET, fixed("10"))
    planned = world.one(c.Submit(LOCAL, request, received=1_000), InstructionPlanned)
    cl_ord_id = planned.orders[0].cl_ord_id
    world.sent(cl_ord_id)
    report = ExecutionReport(cl_ord_id, ExecType.NEW, "B1")
    hops = Hops(1_000, 2_000, 100, 3_000, 300, 6_000, 7_000)
    world.do(c.BookReport(report, hops))
    world.filled(cl_ord_id)

    row = watched.order(cl_ord_id)

    assert (row.hops.received_ns, row.hops.planned_ns, row.hops.held_ns) == (1_000, 2_000, 100)
    assert (row.hops.committed_ns, row.hops.waited_ns) == (3_000, 300)
    assert (row.hops.sent_ns, row.hops.acknowledged_ns) == (6_000, 7_000)
    assert row.hops.tat_ns == 6_000 - 1_000 - 100 - 300
    assert row.hops.first_fill_ns == row.hops.done_ns == 7_000 + MILLISECOND
    assert watched.views.tat(planned.instruction_id) == row.hops.tat_ns
    assert watched.tree(planned.instruction_id).tat_ns == row.hops.tat_ns


def test_an_order_that_the_next_process_sent_has_no_tat_of_two_clocks(watched: Watched) -> None:
    world = watched.world
    request = OrderRequest(1, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.MARKET, fixed("10"))
    planned = world.one(c.Submit(LOCAL, request, received=9_000_000), InstructionPlanned)
    cl_ord_id = planned.orders[0].cl_ord_id
    world.sent(cl_ord_id)
    hops = Hops(committed=3_000, sent=6_000, acknowledged=7_000)
    world.do(c.BookReport(ExecutionReport(cl_ord_id, ExecType.NEW, "B1"), hops))

    row = watched.order(cl_ord_id)

    assert (row.hops.received_ns, row.hops.planned_ns, row.hops.tat_ns) == (0, 0, 0)
    assert watched.views.tat(planned.instruction_id) == 0
    (sent, acknowledged) = watched.tree(planned.instruction_id).latencies()
    assert (sent.hop, sent.max_ns) == ("sent", 3_000)
    assert (acknowledged.hop, acknowledged.max_ns) == ("acknowledged", 1_000)


def test_an_order_that_was_not_sent_has_no_tat(watched: Watched) -> None:
    planned = watched.world.order()

    assert watched.order(planned.orders[0].cl_ord_id).hops.tat_ns == 0
    assert watched.views.tat(planned.instruction_id) == 0


def test_dispatch_lapse_doubt_and_absence(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order().orders
    seen = []
    for step in (
        lambda: world.sent(draft.cl_ord_id),
        lambda: world.do(c.BookNeverWritten(draft.cl_ord_id, UNREACHABLE, again=True)),
        lambda: world.sent(draft.cl_ord_id),
        lambda: world.do(c.BookUnknown(draft.cl_ord_id, "time-out")),
        lambda: world.absent(draft.cl_ord_id),
    ):
        step()
        seen.append(watched.order(draft.cl_ord_id).status)

    row = watched.order(draft.cl_ord_id)

    assert seen == [
        OrdStatus.SENT,
        OrdStatus.PENDING_NEW,
        OrdStatus.SENT,
        OrdStatus.IN_DOUBT,
        OrdStatus.NOT_RECEIVED,
    ]
    assert row.text == "time-out"
    assert row.reason_code == "ABSENT_AT_BROKER"
    assert row.reason_text == "the broker does not know the order: it was not received"
    assert [line.entry for line in watched.log()] == [
        LogEntry.PLACED,
        LogEntry.DOUBT,
        LogEntry.END,
    ]


def test_a_late_arrival_opens_an_order_again(watched: Watched) -> None:
    world = watched.world
    planned = world.order()
    (draft,) = planned.orders
    world.unknown(draft.cl_ord_id)
    world.absent(draft.cl_ord_id)
    ended = watched.tree(planned.instruction_id)
    world.report(draft.cl_ord_id, ExecType.NEW)
    again = watched.tree(planned.instruction_id)

    row = watched.order(draft.cl_ord_id)

    assert (ended.instruction.status.name, again.instruction.status.name) == ("DONE", "WORKING")
    assert (ended.instruction.not_received, again.instruction.not_received) == (1, 0)
    assert ended.instruction.ended_at_ns > again.instruction.ended_at_ns == 0
    assert (row.status, row.flag, row.ended_at_ns) == (OrdStatus.NEW, "LATE", 0)
    assert watched.log()[-1].entry is LogEntry.REOPENED
    assert watched.views.orders(open_only=True).total == 1
    assert watched.views.orders(status=OrdStatus.NOT_RECEIVED).total == 0


def test_a_refusal_keeps_the_broker_s_words(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order().orders
    world.sent(draft.cl_ord_id)
    world.report(draft.cl_ord_id, ExecType.REJECTED, "RMS: margin")

    row = watched.order(draft.cl_ord_id)

    assert (row.status, row.order_id) == (OrdStatus.REJECTED, f"B{draft.cl_ord_id}")
    assert (row.reason_code, row.text) == ("BROKER_REJECTED", "RMS: margin")
    assert watched.log()[-1].text == row.reason_text == "the broker refused: RMS: margin"


def test_orders_expire_unsent(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order().orders
    world.do(c.ExpireUnsent((draft.cl_ord_id,)))

    row = watched.order(draft.cl_ord_id)

    assert (row.status, row.reason_code) == (OrdStatus.EXPIRED, "INSTRUCTION_EXPIRED")


def test_a_new_term_doubts_what_was_sent(watched: Watched) -> None:
    world = watched.world
    (sent,) = world.order(price="99").orders
    (waiting,) = world.order(price="98").orders
    world.sent(sent.cl_ord_id)
    world.do(c.BeginTerm(2, "0.1", "AA"))

    assert watched.order(sent.cl_ord_id).status is OrdStatus.IN_DOUBT
    assert watched.order(waiting.cl_ord_id).status is OrdStatus.PENDING_NEW
    assert watched.log()[-1].entry is LogEntry.DOUBT


def test_an_ended_order_is_found_again_when_something_still_happens(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10").orders
    world.accepted(draft.cl_ord_id)
    world.report(draft.cl_ord_id, ExecType.CANCELED)
    assert watched.order(draft.cl_ord_id).status is OrdStatus.CANCELED
    late = world.filled(draft.cl_ord_id, "10")
    assert isinstance(late[0], OrderReported)

    row = watched.order(draft.cl_ord_id)

    assert (row.status, row.flag, row.cum_quantity) == (OrdStatus.FILLED, "LATE", fixed("10"))
    assert watched.views.orders(status=OrdStatus.FILLED).total == 1
    assert watched.views.orders(status=OrdStatus.CANCELED).total == 0
    assert watched.log()[-1].text == "LATE"


def test_the_log_has_a_line_for_all_that_happened(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10", price="99").orders
    world.filled(draft.cl_ord_id, "4", "98.5")
    world.do(c.CancelOrder(LOCAL, draft.cl_ord_id))
    world.do(c.DispatchRequest(draft.cl_ord_id, 1))
    world.report(draft.cl_ord_id, ExecType.CANCELED)

    lines = watched.log()

    assert [(line.entry, line.quantity, line.price, line.status) for line in lines] == [
        (LogEntry.PLACED, fixed("10"), fixed("99"), OrdStatus.PENDING_NEW),
        (LogEntry.FILL, fixed("4"), fixed("98.5"), OrdStatus.PARTIALLY_FILLED),
        (LogEntry.CANCEL, fixed("6"), fixed("99"), OrdStatus.PENDING_CANCEL),
        (LogEntry.END, fixed("4"), fixed("98.5"), OrdStatus.CANCELED),
    ]
    assert {(line.account, line.client_name, line.symbol, line.side) for line in lines} == {
        ("A1", "Client 1", "INFY", Side.BUY)
    }
    assert [line.time_ns for line in lines] == sorted(line.time_ns for line in lines)


def test_the_fill_that_completes_an_order_is_its_end_in_the_log(watched: Watched) -> None:
    watched.world.bought("RED", "INFY")

    lines = watched.log()

    assert [(line.entry, line.status, line.strategy) for line in lines] == [
        (LogEntry.PLACED, OrdStatus.PENDING_NEW, "RED"),
        (LogEntry.FILL, OrdStatus.FILLED, "RED"),
    ]
