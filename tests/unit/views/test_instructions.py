"""What becomes of instructions, skips, cancels and replaces, driven by the engine itself."""

from phalanx.domain.events import CancelRequested, InstructionPlanned
from phalanx.domain.instructions import Door, InstructionStatus, OrderRequest, Origin, SignalRequest
from phalanx.domain.latency import HopLatency
from phalanx.domain.orders import ExecType, ExecutionReport, Hops, OrdStatus, RequestKind, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine import commands as c
from phalanx.views.rows import LogEntry, RequestStatus
from tests.engine_world import LOCAL, fixed
from tests.unit.views.watched import Watched


def test_an_instruction_is_there_with_its_origin(watched: Watched) -> None:
    world = watched.world
    origin = Origin("olga", Door.CREATE_ORDER, "request-7")
    request = SignalRequest("RED", "INFY", Side.BUY)
    world.do(c.Submit(origin, request, note="as agreed"))

    (row,) = watched.views.instructions().items

    assert (row.kind, row.status, row.request) == ("signal", InstructionStatus.WORKING, request)
    assert (row.actor, row.door, row.request_id) == ("olga", Door.CREATE_ORDER, "request-7")
    assert (row.note, row.refusal_code) == ("as agreed", "")
    assert (row.planned_at_ns, row.ended_at_ns) == (world.now, 0)
    assert row.expires_at_ns > row.planned_at_ns
    assert (row.orders, row.open_orders, row.skips, row.cancels) == (1, 1, 0, 0)
    assert row.seq == world.state.seq


def test_the_request_of_an_order_is_kept_exactly(watched: Watched) -> None:
    planned = watched.world.order(quantity="12", price="99.95")

    row = watched.tree(planned.instruction_id).instruction

    assert row.kind == "order"
    assert row.request == planned.request
    assert isinstance(row.request, OrderRequest)
    assert row.request.price == fixed("99.95")


def test_a_refused_instruction_says_why(watched: Watched) -> None:
    planned = watched.world.signal("NOBODY", "INFY", Side.BUY)

    row = watched.tree(planned.instruction_id).instruction

    assert row.status is InstructionStatus.REJECTED
    assert (row.refusal_code, row.refusal_text) == (
        "UNKNOWN_STRATEGY",
        "no strategy is named NOBODY",
    )
    assert row.ended_at_ns == row.planned_at_ns
    assert watched.views.instructions(status=InstructionStatus.REJECTED).total == 1


def test_skips_name_account_client_and_reason(watched: Watched) -> None:
    world = watched.world
    world.subscribe(world.account(2), "RED", "ACC")
    planned = world.signal("RED", "INFY", Side.BUY)

    tree = watched.tree(planned.instruction_id)

    (skip,) = tree.skips
    assert (skip.account, skip.client_id, skip.client_name) == ("A2", 2, "Client 2")
    assert skip.reason_code == "NOT_IN_SUBSCRIPTION"
    assert skip.reason_text == "the subscription to RED does not trade INFY"
    assert (tree.instruction.orders, tree.instruction.skips) == (1, 1)


def test_skips_of_neighbours_are_not_mixed(watched: Watched) -> None:
    planned = [watched.world.signal("RED", "ACC", Side.BUY) for _ in range(3)]

    trees = [watched.tree(one.instruction_id) for one in planned]

    assert [len(tree.skips) for tree in trees] == [1, 1, 1]
    assert [tree.instruction.status.name for tree in trees] == ["REJECTED"] * 3


def test_an_instruction_is_done_when_its_last_order_ends(watched: Watched) -> None:
    world = watched.world
    world.subscribe(world.account(2), "RED", "INFY")
    planned = world.signal("RED", "INFY", Side.BUY)
    first, second = (draft.cl_ord_id for draft in planned.orders)
    world.filled(first)
    at_first = watched.tree(planned.instruction_id).instruction
    world.sent(second)
    world.report(second, ExecType.REJECTED, "no")

    row = watched.tree(planned.instruction_id).instruction

    assert (at_first.status, at_first.open_orders) == (InstructionStatus.WORKING, 1)
    assert (row.status, row.open_orders) == (InstructionStatus.DONE, 0)
    assert (row.filled, row.rejected, row.canceled) == (1, 1, 0)
    assert row.ended_at_ns == world.now
    assert watched.views.instructions(status=InstructionStatus.WORKING).total == 0


def test_orders_in_doubt_are_counted_while_they_are(watched: Watched) -> None:
    world = watched.world
    planned = world.order()
    world.unknown(planned.orders[0].cl_ord_id)
    doubtful = watched.tree(planned.instruction_id).instruction.in_doubt
    world.found(planned.orders[0].cl_ord_id)

    assert (doubtful, watched.tree(planned.instruction_id).instruction.in_doubt) == (1, 0)


def test_a_sell_waits_for_the_cancel_of_the_buy_it_closes(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    sell = world.signal("RED", "INFY", Side.SELL)
    (cancel,) = sell.cancels
    working = watched.tree(sell.instruction_id)
    world.do(c.DispatchRequest(buy, 1))
    world.report(buy, ExecType.CANCELED)
    done = watched.tree(sell.instruction_id)

    assert (working.instruction.status.name, done.instruction.status.name) == ("WORKING", "DONE")
    (asked,) = working.cancels
    assert (asked.request_id, asked.cl_ord_id) == (cancel.request_id, buy)
    assert (asked.instruction_id, asked.kind) == (sell.instruction_id, RequestKind.CANCEL)
    assert [one.status for one in (*working.cancels, *done.cancels)] == [
        RequestStatus.WAITING,
        RequestStatus.DONE,
    ]
    assert working.orders == ()


def test_the_cancel_of_an_order_never_sent_ends_it_at_once(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    sell = world.signal("RED", "INFY", Side.SELL)

    tree = watched.tree(sell.instruction_id)

    assert tree.instruction.status is InstructionStatus.DONE
    assert [one.status for one in tree.cancels] == [RequestStatus.DONE]
    assert watched.order(buy).status is OrdStatus.CANCELED
    assert [line.entry for line in watched.log()] == [
        LogEntry.PLACED,
        LogEntry.CANCEL,
        LogEntry.END,
    ]


def test_a_fill_while_closing_becomes_a_child_of_the_sell(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    sell = world.signal("RED", "INFY", Side.SELL)
    world.filled(buy)
    tree = watched.tree(sell.instruction_id)
    (child,) = tree.orders

    assert tree.instruction.status is InstructionStatus.WORKING
    assert tree.instruction.orders == 1
    assert (child.order.side, child.order.reduce_only) == (Side.SELL, True)
    assert [one.status for one in tree.cancels] == [RequestStatus.OVERTAKEN]
    world.filled(child.order.cl_ord_id)
    assert watched.tree(sell.instruction_id).instruction.status is InstructionStatus.DONE


def test_a_replace_is_a_request_until_the_broker_grants_it(watched: Watched) -> None:
    world = watched.world
    planned = world.order(quantity="10", price="99")
    cl_ord_id = planned.orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    world.do(c.ReplaceOrder(LOCAL, cl_ord_id, fixed("20"), fixed("99.5")))
    asked = watched.tree(planned.instruction_id).orders[0]
    world.do(c.DispatchRequest(cl_ord_id, 1))
    report = ExecutionReport(
        cl_ord_id, ExecType.REPLACED, quantity=fixed("20"), price=fixed("99.5")
    )
    world.do(c.BookReport(report))
    granted = watched.tree(planned.instruction_id).orders[0]

    assert (asked.order.status, asked.order.quantity) == (OrdStatus.PENDING_REPLACE, fixed("10"))
    assert asked.order.request_id == asked.requests[0].request_id
    assert asked.requests[0].kind is RequestKind.REPLACE
    assert (asked.requests[0].quantity, asked.requests[0].limit) == (fixed("20"), fixed("99.5"))
    assert (granted.order.status, granted.order.request_id) == (OrdStatus.NEW, "")
    assert (granted.order.quantity, granted.order.limit) == (fixed("20"), fixed("99.5"))
    assert granted.order.order_quantity == fixed("10")
    assert granted.requests[0].status is RequestStatus.DONE
    assert granted.requests[0].dispatched_at_ns > 0
    assert [line.entry.name for line in watched.log()] == ["PLACED", "REPLACE", "REPLACED"]


def test_a_refused_cancel_leaves_the_order_as_its_fills_say(watched: Watched) -> None:
    world = watched.world
    planned = world.order(quantity="10")
    cl_ord_id = planned.orders[0].cl_ord_id
    world.filled(cl_ord_id, "4")
    world.do(c.CancelOrder(LOCAL, cl_ord_id))
    pending = watched.order(cl_ord_id).status
    world.do(c.DispatchRequest(cl_ord_id, 1))
    world.report(cl_ord_id, ExecType.CANCEL_REJECTED, "too late")

    tree = watched.tree(planned.instruction_id).orders[0]

    assert pending is OrdStatus.PENDING_CANCEL
    assert tree.order.status is OrdStatus.PARTIALLY_FILLED
    assert tree.requests[0].status is RequestStatus.FAILED
    assert tree.requests[0].reason_text == "the broker refused: too late"


def test_a_request_has_a_doubt_of_its_own(watched: Watched) -> None:
    world = watched.world
    planned = world.order(quantity="10")
    cl_ord_id = planned.orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    world.do(c.CancelOrder(LOCAL, cl_ord_id))
    world.do(c.DispatchRequest(cl_ord_id, 1))
    sent = watched.tree(planned.instruction_id).orders[0].requests[0].status
    world.do(c.BeginTerm(2, "0.1", "AA"))

    tree = watched.tree(planned.instruction_id).orders[0]

    assert sent is RequestStatus.SENT
    assert tree.requests[0].status is RequestStatus.IN_DOUBT
    assert tree.order.status is OrdStatus.PENDING_CANCEL


def test_a_request_without_an_answer_is_in_doubt_itself(watched: Watched) -> None:
    world = watched.world
    planned = world.order(quantity="10")
    cl_ord_id = planned.orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    (asked,) = world.do(c.CancelOrder(LOCAL, cl_ord_id))
    assert isinstance(asked, CancelRequested)
    world.do(c.DispatchRequest(cl_ord_id, 1))
    world.do(c.BookUnknown(cl_ord_id, "time-out", asked.request_id))

    tree = watched.tree(planned.instruction_id).orders[0]

    (request,) = tree.requests
    assert (request.status, request.reason_text) == (RequestStatus.IN_DOUBT, "time-out")
    assert tree.order.status is OrdStatus.PENDING_CANCEL


def test_a_cancel_of_the_desk_s_own_says_why(watched: Watched) -> None:
    world = watched.world
    planned = world.order(quantity="10")
    cl_ord_id = planned.orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    world.wait(30)
    world.do(c.Tick())

    (request,) = watched.tree(planned.instruction_id).orders[0].requests

    assert (request.actor, request.reason_code) == ("desk", "UNFILLED")
    assert request.reason_text == "not filled within 30 s"


def test_a_replace_beneath_a_cancel_may_fail_alone(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.do(c.ReplaceOrder(LOCAL, buy, fixed("2")))
    world.do(c.DispatchRequest(buy, 1))
    world.signal("RED", "INFY", Side.SELL)
    world.do(c.DispatchRequest(buy, 1))
    world.report(buy, ExecType.REPLACE_REJECTED, "too late")

    tree = watched.tree(watched.order(buy).instruction_id).orders[0]

    assert [one.status for one in tree.requests] == [RequestStatus.FAILED, RequestStatus.SENT]
    assert tree.order.status is world.status(buy) is OrdStatus.PENDING_CANCEL


def test_a_cancel_may_fail_over_a_replace_that_goes_on(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.do(c.ReplaceOrder(LOCAL, buy, fixed("2")))
    world.do(c.DispatchRequest(buy, 1))
    world.signal("RED", "INFY", Side.SELL)
    request = world.an_order(buy).request
    assert request is not None
    reason = Reason(ReasonCode.BROKER_UNREACHABLE)
    world.do(c.DispatchRequest(buy, 1))
    world.do(c.BookNeverWritten(buy, reason, request_id=request.id))

    tree = watched.tree(watched.order(buy).instruction_id).orders[0]

    replace, failed, again = tree.requests
    assert (replace.status, failed.status) == (RequestStatus.SENT, RequestStatus.FAILED)
    assert (again.status, again.kind) == (RequestStatus.WAITING, RequestKind.CANCEL)
    assert tree.order.status is world.status(buy)
    assert tree.order.request_id == again.request_id


def test_a_cancel_over_a_replace_in_flight_leaves_both_under_way(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.do(c.ReplaceOrder(LOCAL, buy, fixed("2")))
    world.do(c.DispatchRequest(buy, 1))
    world.signal("RED", "INFY", Side.SELL)
    instruction = watched.order(buy).instruction_id
    both = watched.tree(instruction).orders[0]
    world.do(c.DispatchRequest(buy, 1))
    report = ExecutionReport(buy, ExecType.REPLACED, quantity=fixed("2"), price=both.order.limit)
    world.do(c.BookReport(report))
    granted = watched.tree(instruction).orders[0]

    assert [one.kind for one in both.requests] == [RequestKind.REPLACE, RequestKind.CANCEL]
    assert [one.status for one in both.requests] == [RequestStatus.SENT, RequestStatus.WAITING]
    assert both.order.request_id == both.requests[1].request_id
    assert [one.status for one in granted.requests] == [RequestStatus.DONE, RequestStatus.SENT]
    assert granted.order.status is OrdStatus.PENDING_CANCEL
    assert granted.order.quantity == fixed("2")
    assert watched.world.status(buy) is OrdStatus.PENDING_CANCEL


def test_a_sell_waits_again_for_a_buy_that_comes_back(watched: Watched) -> None:
    world = watched.world
    buy = world.buy("RED", "INFY")
    world.sent(buy)
    sell = world.signal("RED", "INFY", Side.SELL).instruction_id
    world.do(c.BookUnknown(buy, "time-out"))
    statuses = [watched.tree(sell).instruction.status.name]
    for step in (
        lambda: world.absent(buy),
        lambda: world.report(buy, ExecType.NEW),
        lambda: world.report(buy, ExecType.CANCELED),
    ):
        step()
        statuses.append(watched.tree(sell).instruction.status.name)

    assert statuses == ["WORKING", "DONE", "WORKING", "DONE"]


def test_the_latencies_of_an_instruction_are_those_of_its_orders(watched: Watched) -> None:
    world = watched.world
    world.subscribe(world.account(2), "RED", "INFY")
    request = SignalRequest("RED", "INFY", Side.BUY)
    planned = world.one(c.Submit(LOCAL, request, received=1_000), InstructionPlanned)
    first, second = (draft.cl_ord_id for draft in planned.orders)
    world.sent(first, second)
    ways = {
        first: Hops(1_000, 3_000, 0, 7_000, 500, 9_000, 12_000),
        second: Hops(1_000, 3_000, 0, 7_500, 0, 9_900, 19_000),
    }
    for cl_ord_id, way in ways.items():
        report = ExecutionReport(cl_ord_id, ExecType.NEW, f"B{cl_ord_id}")
        world.do(c.BookReport(report, way))
    acknowledged = world.now
    world.filled(second)

    found = watched.tree(planned.instruction_id).latencies()

    first_fill = world.now - acknowledged + 19_000 - 9_900
    assert found == [
        HopLatency("planned", 2, 2_000, 2_000, 2_000),
        HopLatency("waited", 1, 500, 500, 500),
        HopLatency("committed", 2, 3_500, 4_500, 4_500),
        HopLatency("sent", 2, 2_000, 2_400, 2_400),
        HopLatency("acknowledged", 2, 3_000, 9_100, 9_100),
        HopLatency("first_fill", 1, first_fill, first_fill, first_fill),
        HopLatency("tat", 2, 7_500, 8_900, 8_900),
    ]


def test_a_fill_that_came_before_the_answer_is_as_old_as_it_is(watched: Watched) -> None:
    world = watched.world
    planned = world.order()
    cl_ord_id = planned.orders[0].cl_ord_id
    world.sent(cl_ord_id)
    fill = ExecutionReport(
        cl_ord_id,
        ExecType.TRADE,
        exec_id="E1",
        cum_quantity=fixed("1"),
        last_quantity=fixed("1"),
        last_price=fixed("100"),
    )
    world.do(c.BookReport(fill))
    filled = world.now
    report = ExecutionReport(cl_ord_id, ExecType.NEW, "B1")
    hops = Hops(sent=5 * SECOND, acknowledged=5 * SECOND + 7 * MILLISECOND)
    world.do(c.BookReport(report, hops))

    row = watched.order(cl_ord_id)

    assert row.hops.first_fill_ns == hops.acknowledged - (world.now - filled)
    (latency,) = [
        one for one in watched.tree(planned.instruction_id).latencies() if one.hop == "first_fill"
    ]
    assert latency.max_ns == row.hops.first_fill_ns - hops.sent > 0


def test_an_instruction_without_answers_has_no_latencies(watched: Watched) -> None:
    planned = watched.world.order()

    assert watched.tree(planned.instruction_id).latencies() == []
