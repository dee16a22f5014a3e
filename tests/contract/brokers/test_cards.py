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
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from tests.contract.brokers.harness import Behaviour, Harness, Play, TurnTicket

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


def test_the_cards_are_numbered_without_a_gap() -> None:
    numbers = re.findall(r"^(?:async )?def test_b(\d\d)_", Path(__file__).read_text(), re.MULTILINE)

    assert numbers == [f"{number:02}" for number in range(1, 33)]
