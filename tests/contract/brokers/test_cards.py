"""The cards every broker module must pass. A number is never used for anything else."""

import asyncio
import re
from itertools import pairwise, product
from pathlib import Path

import pytest

from phalanx.brokers.port import (
    Accepted,
    FillsByHand,
    NeverWritten,
    PlaceRequest,
    Refused,
    Unknown,
)
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import (
    BOOK_READ_S_MAX,
    BOOK_READS_AT_ONCE_MAX,
    BrokerKind,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import Reason, ReasonCode
from tests.contract.brokers.harness import Behaviour, Harness, Play, Trouble, TurnTicket

KILLED = Reason(ReasonCode.KILL_ALL)


async def _accepted(play: Play, behaviour: Behaviour) -> tuple[PlaceRequest, str]:
    """An order that the broker took, and the broker's id of it."""
    request = play.harness.order(behaviour)
    ticket = play.place(request)
    await (play.harness.part if behaviour is Behaviour.FILLS_IN_PARTS else play.harness.settle)()
    assert isinstance(ticket.outcome, Accepted)
    return request, ticket.outcome.order_id


async def _found(play: Play, request: PlaceRequest) -> BrokerOrder:
    """The order in the book: by the broker's id, because not every broker keeps the tag."""
    accepted = play.placed[request.cl_ord_id].outcome
    assert isinstance(accepted, Accepted)
    book = await play.broker.book(request.account)
    (found,) = [order for order in book.orders if order.order_id == accepted.order_id]
    assert found.cl_ord_id == _tag(play, request)
    return found


def _tag(play: Play, request: PlaceRequest) -> str:
    """What the broker calls the order besides its own id."""
    no_tag = play.broker.capabilities.kind is BrokerKind.NO_TAG
    return "" if no_tag else request.cl_ord_id


def _assert_refused(play: Play, ticket: TurnTicket) -> None:
    assert isinstance(ticket.outcome, Refused)
    assert ticket.outcome.code in play.broker.capabilities.definite_codes
    assert ticket.outcome.text


def test_b01_the_capability_table_makes_sense(harness: Harness) -> None:
    table = harness.broker.capabilities

    assert re.fullmatch("[a-z]+", table.name)
    assert table.modes
    assert table.ord_types
    assert table.products
    assert table.times_in_force
    assert table.market_orders == (OrdType.MARKET in table.ord_types)
    assert table.kind is BrokerKind.NO_TAG or table.tag_length_max >= 10
    assert 1 <= table.book_reads_at_once <= BOOK_READS_AT_ONCE_MAX
    assert 1 <= table.book_read_s <= BOOK_READ_S_MAX


async def test_b02_before_connect_nothing_is_written(harness: Harness) -> None:
    ticket = Play(harness).place(harness.order(Behaviour.FILLS))
    await harness.settle()

    assert isinstance(ticket.outcome, NeverWritten)
    assert ticket.outcome.again
    assert "written" not in ticket.calls


async def test_b03_what_the_gate_refuses_is_not_written(play: Play) -> None:
    request = play.harness.order(Behaviour.FILLS)

    ticket = play.place(request, refuse=KILLED)
    await play.harness.settle()

    assert ticket.outcome == NeverWritten(KILLED)
    assert "written" not in ticket.calls
    assert play.reports == []
    book = await play.broker.book(request.account)
    assert (book.orders, book.trades) == ((), ())


async def test_b04_the_gate_looks_in_the_turn_of_the_write(play: Play) -> None:
    ticket = play.place(play.harness.order(Behaviour.FILLS))
    await play.harness.settle()
    await asyncio.sleep(0)

    assert "turn" in ticket.calls
    admitted = ticket.calls.index("admit")
    assert ticket.calls[admitted + 1] == "written"
    assert (ticket.calls.count("admit"), ticket.calls.count("written")) == (1, 1)


async def test_b05_an_answer_never_comes_from_inside_the_request(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.RESTS)
    heard = len(play.reports)

    tickets = [
        play.place(play.harness.order(Behaviour.FILLS)),
        play.place(play.harness.order(Behaviour.REJECTS)),
        play.cancel(request, order_id),
    ]

    assert [ticket.outcomes for ticket in tickets] == [[], [], []]
    assert len(play.reports) == heard


async def test_b06_an_accepted_order_has_the_brokers_id(play: Play) -> None:
    ticket = play.place(play.harness.order(Behaviour.RESTS))
    await play.harness.settle()

    assert isinstance(ticket.outcome, Accepted)
    assert ticket.outcome.order_id


@pytest.mark.parametrize("side", Side)
async def test_b07_a_fill_is_reported_within_the_limit(play: Play, side: Side) -> None:
    request = play.harness.order(Behaviour.FILLS, side=side)
    play.place(request)
    await play.harness.settle()

    trades = [report for report in play.reports if report.exec_type is ExecType.TRADE]
    assert trades[-1].cum_quantity == request.quantity
    for trade in trades:
        assert trade.cl_ord_id == _tag(play, request)
        assert trade.cl_ord_id or trade.account == request.account
        assert trade.last_price > 0
        if side is Side.BUY:
            assert trade.last_price <= request.limit
        else:
            assert trade.last_price >= request.limit


async def test_b08_a_rejection_is_definite_and_trades_nothing(play: Play) -> None:
    ticket = play.place(play.harness.order(Behaviour.REJECTS))
    await play.harness.settle()

    _assert_refused(play, ticket)
    assert [report for report in play.reports if report.exec_type is ExecType.TRADE] == []


async def test_b09_fills_add_up_and_have_ids_of_their_own(play: Play) -> None:
    request = play.harness.order(Behaviour.FILLS_IN_PARTS)
    play.place(request)
    await play.harness.settle()

    trades = [report for report in play.reports if report.exec_type is ExecType.TRADE]
    totals = [trade.cum_quantity for trade in trades]
    assert len(trades) >= 3
    assert all(before < after for before, after in pairwise(totals))
    assert totals[-1] == sum(trade.last_quantity for trade in trades) == request.quantity
    assert len({trade.exec_id for trade in trades}) == len(trades)
    assert all(trade.last_quantity > 0 for trade in trades)


async def test_b10_a_working_order_is_canceled(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)

    ticket = play.cancel(request, order_id)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Accepted)
    last = play.reports[-1]
    assert last.exec_type is ExecType.CANCELED
    assert 0 < last.cum_quantity < request.quantity
    assert (await _found(play, request)).status is OrdStatus.CANCELED


async def test_b11_a_cancel_that_comes_too_late_is_refused(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.FILLS)

    ticket = play.cancel(request, order_id)
    await play.harness.settle()

    _assert_refused(play, ticket)
    assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b12_a_cancel_of_an_unknown_order_is_refused(play: Play) -> None:
    ticket = play.cancel(play.harness.order(Behaviour.RESTS), "")
    await play.harness.settle()

    _assert_refused(play, ticket)


async def test_b13_a_cancel_the_gate_refuses_changes_nothing(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.RESTS)

    ticket = play.cancel(request, order_id, refuse=KILLED)
    await play.harness.settle()

    assert ticket.outcome == NeverWritten(KILLED)
    assert "written" not in ticket.calls
    assert (await _found(play, request)).status is OrdStatus.NEW


async def test_b14_a_working_order_is_replaced(play: Play) -> None:
    if not play.broker.capabilities.replace:
        pytest.skip("not declared")
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)
    quantity = 2 * request.quantity

    ticket = play.replace(request, order_id, quantity, request.limit)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Accepted)
    (replaced,) = [report for report in play.reports if report.exec_type is ExecType.REPLACED]
    assert (replaced.quantity, replaced.price) == (quantity, request.limit)
    found = await _found(play, request)
    assert (found.status, found.cum_quantity) == (OrdStatus.FILLED, quantity)


async def test_b15_a_replace_below_what_is_filled_is_refused(play: Play) -> None:
    if not play.broker.capabilities.replace:
        pytest.skip("not declared")
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)

    ticket = play.replace(request, order_id, whole(1), request.limit)
    await play.harness.settle()

    _assert_refused(play, ticket)
    assert (await _found(play, request)).cum_quantity == request.quantity


async def test_b16_a_replace_that_comes_too_late_is_refused(play: Play) -> None:
    if not play.broker.capabilities.replace:
        pytest.skip("not declared")
    request, order_id = await _accepted(play, Behaviour.FILLS)

    ticket = play.replace(request, order_id, 2 * request.quantity, request.limit)
    await play.harness.settle()

    _assert_refused(play, ticket)


async def test_b17_a_book_is_one_accounts_and_has_what_was_accepted(play: Play) -> None:
    before = await play.broker.book(play.harness.order(Behaviour.RESTS).account)
    request, order_id = await _accepted(play, Behaviour.RESTS)
    other, _ = await _accepted(play, Behaviour.FILLS)

    book = await play.broker.book(request.account)

    assert other.account != request.account
    assert (book.account, before.account) == (request.account, request.account)
    assert before.time <= book.time
    assert order_id not in {order.order_id for order in before.orders}
    (found,) = [order for order in book.orders if order.order_id == order_id]
    if play.broker.capabilities.kind is not BrokerKind.NO_TAG:
        assert found.cl_ord_id == request.cl_ord_id
    assert (found.account, found.instrument) == (request.account, request.instrument)
    assert (found.side, found.product) == (request.side, request.product)
    assert (found.quantity, found.cum_quantity) == (request.quantity, 0)
    assert found.status is OrdStatus.NEW
    assert found.limit in {0, request.limit}


async def test_b18_a_book_has_every_trade_under_the_id_of_its_report(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)
    part = await play.broker.book(request.account)
    await play.harness.settle()
    book = await play.broker.book(request.account)

    reported = {
        report.exec_id: (report.last_quantity, report.last_price)
        for report in play.reports
        if report.exec_type is ExecType.TRADE and report.order_id == order_id
    }
    for reading in (part, book):
        (order,) = [order for order in reading.orders if order.order_id == order_id]
        trades = [trade for trade in reading.trades if trade.order_id == order_id]
        assert sum(trade.quantity for trade in trades) == order.cum_quantity
        assert len({trade.exec_id for trade in trades}) == len(trades)
        for trade in trades:
            assert reported[trade.exec_id] == (trade.quantity, trade.price)
            assert (trade.account, trade.instrument) == (request.account, request.instrument)
            assert (trade.side, trade.product) == (request.side, request.product)
    assert {trade.exec_id for trade in book.trades} >= reported.keys()


async def test_b19_a_book_without_a_session_proves_nothing(play: Play) -> None:
    request, _ = await _accepted(play, Behaviour.RESTS)
    await play.broker.close()

    with pytest.raises(OSError, match=r"."):
        await play.broker.book(request.account)


async def test_b20_a_used_tag_is_not_taken_again(play: Play) -> None:
    if play.broker.capabilities.kind is BrokerKind.NO_TAG:
        pytest.skip("no tag to refuse")
    request, _ = await _accepted(play, Behaviour.FILLS)
    heard = len(play.reports)

    ticket = play.place(play.harness.order(Behaviour.FILLS, tag=request.cl_ord_id))
    await play.harness.settle()

    kind = play.broker.capabilities.kind
    if kind is BrokerKind.LOOK_UP and isinstance(ticket.outcome, Accepted):
        pytest.skip("only kind D promises it")
    # A refusal need not be definite: the tag was taken, with the order before it.
    assert isinstance(ticket.outcome, Refused | Unknown)
    assert len(play.reports) == heard


async def test_b21_everything_declared_is_taken(play: Play) -> None:
    table = play.broker.capabilities
    for ord_type, carried, time_in_force in product(
        sorted(table.ord_types), sorted(table.products), sorted(table.times_in_force)
    ):
        request = play.harness.order(
            Behaviour.FILLS, ord_type=ord_type, product=carried, time_in_force=time_in_force
        )
        ticket = play.place(request)
        await play.harness.settle()

        assert isinstance(ticket.outcome, Accepted), (ord_type, carried, time_in_force)
        assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b22_nothing_undeclared_is_written(play: Play) -> None:
    table, order = play.broker.capabilities, play.harness.order
    requests = [
        *(order(Behaviour.FILLS, ord_type=it) for it in OrdType if it not in table.ord_types),
        *(order(Behaviour.FILLS, product=it) for it in Product if it not in table.products),
        *(
            order(Behaviour.FILLS, time_in_force=it)
            for it in TimeInForce
            if it not in table.times_in_force
        ),
    ]
    for request in requests:
        ticket = play.place(request)
        await play.harness.settle()

        assert isinstance(ticket.outcome, NeverWritten)
        assert not ticket.outcome.again
        assert ticket.outcome.reason.code is ReasonCode.ORDER_TYPE_NOT_SUPPORTED
        assert "written" not in ticket.calls


async def test_b23_the_longest_tag_comes_back_whole(play: Play) -> None:
    length = play.broker.capabilities.tag_length_max
    if not length:
        pytest.skip("no tag")
    request = play.harness.order(Behaviour.FILLS, tag=("ABCDEFGHIJ" * length)[:length])

    play.place(request)
    await play.harness.settle()

    assert play.reports[-1].cl_ord_id == request.cl_ord_id


async def test_b24_close_answers_what_is_open_and_nothing_comes_after_it(play: Play) -> None:
    await _accepted(play, Behaviour.FILLS_IN_PARTS)
    ticket = play.place(play.harness.order(Behaviour.IS_SLOW))

    await play.broker.close()
    heard = len(play.reports)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Unknown)
    assert len(play.reports) == heard


async def test_b25_after_close_nothing_is_written(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.RESTS)
    await play.broker.close()

    tickets = [
        play.place(play.harness.order(Behaviour.FILLS)),
        play.cancel(request, order_id),
        play.replace(request, order_id, request.quantity, request.limit),
    ]
    await play.harness.settle()

    for ticket in tickets:
        assert isinstance(ticket.outcome, NeverWritten)
        assert "written" not in ticket.calls


async def test_b26_every_request_has_exactly_one_outcome(play: Play) -> None:
    tickets = [
        play.place(play.harness.order(behaviour), refuse=refuse)
        for behaviour in Behaviour
        for refuse in (None, KILLED)
    ]
    await play.harness.settle()
    await play.broker.close()
    await play.harness.settle()

    assert [len(ticket.outcomes) for ticket in tickets] == [1] * len(tickets)


def _stop(play: Play, side: Side, ord_type: OrdType) -> PlaceRequest:
    """A stop whose price is not there, placed; skips where the module declares no such type."""
    if ord_type not in play.broker.capabilities.ord_types:
        pytest.skip("not declared")
    request = play.harness.order(Behaviour.WAITS, side=side, ord_type=ord_type)
    play.place(request)
    return request


@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.STOP_LIMIT])
@pytest.mark.parametrize("side", Side)
async def test_b27_a_stop_waits_for_its_price_and_then_fills_within_its_limit(
    play: Play, side: Side, ord_type: OrdType
) -> None:
    request = _stop(play, side, ord_type)
    await play.harness.settle()

    assert [report for report in play.reports if report.last_quantity] == []
    assert (await _found(play, request)).status is OrdStatus.NEW

    await play.harness.reach(request)
    await play.harness.settle()

    trades = [report for report in play.reports if report.exec_type is ExecType.TRADE]
    assert trades[-1].cum_quantity == request.quantity
    for trade in trades:
        if side is Side.BUY:
            assert trade.last_price <= request.limit
        else:
            assert trade.last_price >= request.limit


@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.STOP_LIMIT])
async def test_b28_a_stop_that_was_canceled_is_not_triggered(play: Play, ord_type: OrdType) -> None:
    request = _stop(play, Side.BUY, ord_type)
    await play.harness.settle()
    found = await _found(play, request)

    ticket = play.cancel(request, found.order_id)
    await play.harness.settle()
    await play.harness.reach(request)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Accepted)
    assert [report.exec_type for report in play.reports if report.last_quantity] == []
    assert (await _found(play, request)).status is OrdStatus.CANCELED


async def test_b29_a_fill_by_hand_is_reported_once_and_never_more_than_is_left(play: Play) -> None:
    if not isinstance(play.broker, FillsByHand):
        pytest.skip("not by hand")
    request, _ = await _accepted(play, Behaviour.RESTS)

    play.broker.fill_by_hand(request.cl_ord_id, whole(1), request.limit, "H1")
    assert play.reports.of(request.cl_ord_id) == []
    await play.harness.settle()
    for exec_id in ("H1", "H2"):
        play.broker.fill_by_hand(request.cl_ord_id, request.quantity, request.limit, exec_id)
    await play.harness.settle()

    trades = [r for r in play.reports if r.exec_type is ExecType.TRADE]
    assert [(trade.exec_id, trade.last_quantity) for trade in trades] == [
        ("H1", whole(1)),
        ("H2", request.quantity - whole(1)),
    ]
    assert {trade.last_price for trade in trades} == {request.limit}
    assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b30_what_cannot_be_filled_by_hand_is_not(play: Play) -> None:
    if not isinstance(play.broker, FillsByHand):
        pytest.skip("not by hand")
    resting, _ = await _accepted(play, Behaviour.RESTS)
    canceled, order_id = await _accepted(play, Behaviour.RESTS)
    play.cancel(canceled, order_id)
    unknown = play.harness.order(Behaviour.RESTS)

    play.broker.fill_by_hand(resting.cl_ord_id, whole(1), resting.limit + 1, "H1")
    play.broker.fill_by_hand(canceled.cl_ord_id, whole(1), canceled.limit, "H2")
    play.broker.fill_by_hand(unknown.cl_ord_id, whole(1), unknown.limit, "H3")
    await play.harness.settle()

    assert [report for report in play.reports if report.last_quantity] == []


async def test_b31_a_book_shows_how_orders_ended(play: Play) -> None:
    filled, _ = await _accepted(play, Behaviour.FILLS)
    canceled, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)
    play.cancel(canceled, order_id)
    await play.harness.settle()

    assert (await _found(play, filled)).status is OrdStatus.FILLED
    ended = await _found(play, canceled)
    assert ended.status is OrdStatus.CANCELED
    assert 0 < ended.cum_quantity < canceled.quantity
    trades = (await play.broker.book(canceled.account)).trades
    assert sum(t.quantity for t in trades if t.order_id == order_id) == ended.cum_quantity


async def test_b32_before_connect_no_book_is_told(harness: Harness) -> None:
    with pytest.raises(OSError, match=r"."):
        await harness.broker.book(harness.order(Behaviour.RESTS).account)


async def test_b33_an_order_that_is_rejected_after_it_was_accepted_says_so(play: Play) -> None:
    await play.upset(Trouble.REJECTS_LATER)
    request, order_id = await _accepted(play, Behaviour.FILLS)
    await play.harness.settle()

    last = play.reports[-1]
    assert (last.exec_type, last.order_id) == (ExecType.REJECTED, order_id)
    assert last.text
    assert _trades(play) == []
    assert (await _found(play, request)).status is OrdStatus.REJECTED


async def test_b34_two_cancels_at_once_end_an_order_once(play: Play) -> None:
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)

    tickets = [play.cancel(request, order_id) for _ in range(2)]
    await play.harness.settle()

    assert [len(ticket.outcomes) for ticket in tickets] == [1, 1]
    assert any(isinstance(ticket.outcome, Accepted) for ticket in tickets)
    ends = [report for report in play.reports if report.exec_type is ExecType.CANCELED]
    assert len(ends) == 1
    assert (await _found(play, request)).status is OrdStatus.CANCELED


async def test_b35_a_cancel_and_a_replace_at_once_come_to_one_order(play: Play) -> None:
    if not play.broker.capabilities.replace:
        pytest.skip("not declared")
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)

    tickets = [
        play.replace(request, order_id, 2 * request.quantity, request.limit),
        play.cancel(request, order_id),
    ]
    await play.harness.settle()

    assert [len(ticket.outcomes) for ticket in tickets] == [1, 1]
    found = await _found(play, request)
    assert found.status is OrdStatus.CANCELED
    assert found.cum_quantity == sum(trade.last_quantity for trade in _trades(play))


async def test_b36_what_fills_after_its_cancel_was_asked_for_is_reported(play: Play) -> None:
    """Whoever was first: the reports and the book come to the same."""
    request, order_id = await _accepted(play, Behaviour.FILLS_IN_PARTS)

    play.cancel(request, order_id)
    await play.harness.part()
    await play.harness.settle()

    found = await _found(play, request)
    assert found.status in {OrdStatus.CANCELED, OrdStatus.FILLED}
    assert found.cum_quantity == sum(trade.last_quantity for trade in _trades(play))


async def test_b37_an_order_whose_answer_was_lost_is_in_the_book(play: Play) -> None:
    await play.upset(Trouble.LOSES_AN_ANSWER)
    request = play.harness.order(Behaviour.RESTS)
    ticket = play.place(request)
    await play.harness.settle()

    assert not ticket.outcomes or isinstance(ticket.outcome, Unknown)
    book = await play.broker.book(request.account)
    (found,) = [order for order in book.orders if order.cl_ord_id == _tag(play, request)]
    assert (found.status, found.quantity) == (OrdStatus.NEW, request.quantity)


async def test_b38_an_order_that_was_lost_is_unknown_and_in_no_book(play: Play) -> None:
    await play.upset(Trouble.LOSES_AN_ORDER)
    request = play.harness.order(Behaviour.RESTS)
    ticket = play.place(request)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Unknown)
    assert (await play.broker.book(request.account)).orders == ()


async def test_b39_an_answer_that_nobody_understands_proves_nothing(play: Play) -> None:
    await play.upset(Trouble.MUMBLES)
    request = play.harness.order(Behaviour.RESTS)
    ticket = play.place(request)
    await play.harness.settle()

    assert isinstance(ticket.outcome, Unknown)
    assert len((await play.broker.book(request.account)).orders) == 1


async def test_b40_an_order_too_many_is_not_accepted_and_the_next_one_is(play: Play) -> None:
    await play.upset(Trouble.IS_LIMITED)
    request = play.harness.order(Behaviour.RESTS)
    limited = play.place(request)
    await play.harness.settle()
    next_one = play.place(play.harness.order(Behaviour.RESTS))
    await play.harness.settle()

    assert isinstance(limited.outcome, Refused | Unknown)
    assert isinstance(next_one.outcome, Accepted)
    assert len((await play.broker.book(request.account)).orders) == 1


async def test_b41_a_report_that_comes_twice_says_the_same_twice(play: Play) -> None:
    await play.upset(Trouble.REPEATS_REPORTS)
    request = play.harness.order(Behaviour.FILLS_IN_PARTS)
    play.place(request)
    await play.harness.settle()

    trades = _trades(play)
    by_id = {trade.exec_id: trade for trade in trades}
    assert len(trades) > len(by_id) >= 3
    assert sum(trade.last_quantity for trade in by_id.values()) == request.quantity
    assert max(trade.cum_quantity for trade in trades) == request.quantity


async def test_b42_reports_out_of_order_come_to_the_same(play: Play) -> None:
    request, _ = await _accepted(play, Behaviour.FILLS_IN_PARTS)
    await play.upset(Trouble.SWAPS_REPORTS)
    await play.harness.settle()

    trades = _trades(play)
    assert sum(trade.last_quantity for trade in trades) == request.quantity
    assert max(trade.cum_quantity for trade in trades) == request.quantity
    assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b43_what_was_not_reported_is_in_the_book(play: Play) -> None:
    await play.upset(Trouble.MISSES_REPORTS)
    request = play.harness.order(Behaviour.FILLS)
    play.place(request)
    await play.harness.settle()

    book = await play.broker.book(request.account)
    assert _trades(play) == []
    assert sum(trade.quantity for trade in book.trades) == request.quantity


async def test_b44_a_stream_that_ends_comes_back_and_asks_for_the_book(play: Play) -> None:
    request, _ = await _accepted(play, Behaviour.FILLS_IN_PARTS)
    told = len(play.harness.told)
    await play.upset(Trouble.DROPS_REPORTS)
    await play.harness.settle()
    later = play.harness.order(Behaviour.FILLS)
    play.place(later)
    await play.harness.settle()

    assert (request.account, "") in play.harness.told[told:]
    assert play.reports.of(later.cl_ord_id)[-1].cum_quantity == later.quantity
    assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b45_what_is_no_report_asks_for_the_book_and_stops_nothing(play: Play) -> None:
    await play.upset(Trouble.REPORTS_GARBAGE)
    told = len(play.harness.told)
    request = play.harness.order(Behaviour.FILLS)
    play.place(request)
    await play.harness.settle()

    assert (request.account, "") in play.harness.told[told:]
    assert _trades(play)[-1].cum_quantity == request.quantity


async def test_b46_a_session_that_ended_is_made_again(play: Play) -> None:
    await play.upset(Trouble.ENDS_SESSIONS)
    request = play.harness.order(Behaviour.RESTS)
    ticket = play.place(request)
    await play.harness.settle()
    again = play.place(play.harness.order(Behaviour.RESTS))
    await play.harness.settle()

    assert isinstance(ticket.outcome, Refused | NeverWritten)
    assert isinstance(again.outcome, Accepted)
    assert len((await play.broker.book(request.account)).orders) == 1


@pytest.mark.parametrize(
    "lie", [Trouble.BOOK_IS_EMPTY, Trouble.BOOK_IS_NO_JSON, Trouble.BOOK_HAS_NAN]
)
async def test_b47_a_book_that_cannot_be_is_no_book(play: Play, lie: Trouble) -> None:
    request, _ = await _accepted(play, Behaviour.FILLS)
    await play.upset(lie)

    with pytest.raises(OSError, match=r"."):
        await play.broker.book(request.account)
    assert (await _found(play, request)).status is OrdStatus.FILLED


async def test_b48_a_book_in_other_types_is_the_same_or_none(play: Play) -> None:
    request, _ = await _accepted(play, Behaviour.FILLS)
    truth = await play.broker.book(request.account)
    await play.upset(Trouble.BOOK_HAS_OTHER_TYPES)

    try:
        told = await play.broker.book(request.account)
    except OSError:
        return
    assert (told.orders, told.trades) == (truth.orders, truth.trades)


def _trades(play: Play) -> list[ExecutionReport]:
    return [report for report in play.reports if report.exec_type is ExecType.TRADE]


def test_the_cards_are_numbered_without_a_gap() -> None:
    numbers = re.findall(r"^(?:async )?def test_b(\d\d)_", Path(__file__).read_text(), re.MULTILINE)

    assert numbers == [f"{number:02}" for number in range(1, 49)]
