"""Motilal's module against its simulator, in what no other broker has: lots, paise, client codes."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from phalanx.brokers.port import Accepted, NeverWritten
from phalanx.domain.numbers import SCALE, whole
from phalanx.domain.orders import ExecType, OrdStatus
from tests.contract.brokers.harness import Behaviour, Play, Trouble
from tests.contract.brokers.motilal import CONTRACT, MotilalHarness


@pytest.fixture(params=[False, True], ids=["investors", "dealer"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[MotilalHarness]:
    made = MotilalHarness(dealer=request.param)
    await made.start()
    await made.broker.connect()
    yield made
    await made.stop()


async def test_lots_go_out_and_shares_come_back(harness: MotilalHarness) -> None:
    play, request = Play(harness), harness.contract(lots=3)
    ticket = play.place(request)
    await harness.settle()
    book = await harness.broker.book(request.account)

    assert isinstance(ticket.outcome, Accepted)
    assert harness.sim.orders.get(ticket.outcome.order_id).terms.quantity == 75
    assert harness.reports[-1].cum_quantity == request.quantity == whole(75)
    (found,) = book.orders
    assert (found.quantity, found.cum_quantity) == (whole(75), whole(75))
    assert sum(trade.quantity for trade in book.trades) == whole(75)
    held = [one for one in book.positions or () if one.instrument == request.instrument]
    assert [one.quantity for one in held] == [whole(75)]


async def test_part_of_a_lot_is_not_written(harness: MotilalHarness) -> None:
    request = msgspec.structs.replace(harness.contract(lots=1), quantity=whole(CONTRACT.lot + 1))

    ticket = Play(harness).place(request)
    await harness.settle()

    assert isinstance(ticket.outcome, NeverWritten)
    assert len(harness.sim.orders) == 0


async def test_rupees_and_paise_are_one_price(harness: MotilalHarness) -> None:
    """Frames and the order book are in rupees, the trade book in paise."""
    play, request = Play(harness), harness.order(Behaviour.FILLS)
    play.place(request)
    await harness.settle()
    book = await harness.broker.book(request.account)

    paid = 100 * SCALE + SCALE // 20
    reported = [one.last_price for one in harness.reports if one.exec_type is ExecType.TRADE]
    assert reported == [paid]
    assert [trade.price for trade in book.trades] == [paid]
    assert [order.limit for order in book.orders] == [request.limit]


async def test_a_modify_that_raced_a_fill_is_refused_and_goes_through_once_more(
    harness: MotilalHarness,
) -> None:
    """What was traded meanwhile and was not heard of: the broker compares, and we ask before the next."""
    play, request = Play(harness), harness.order(Behaviour.FILLS_IN_PARTS)
    ticket = play.place(request)
    await harness.part()
    assert isinstance(ticket.outcome, Accepted)
    order_id = ticket.outcome.order_id
    await harness.upset(Trouble.MISSES_REPORTS)
    await harness.part()

    raced = play.replace(request, order_id, whole(20), request.limit)
    await harness.quiet()
    again = play.replace(request, order_id, whole(20), request.limit)
    await harness.settle()

    assert not isinstance(raced.outcome, Accepted)
    assert isinstance(again.outcome, Accepted)
    (found,) = (await harness.broker.book(request.account)).orders
    assert (found.status, found.cum_quantity) == (OrdStatus.FILLED, whole(20))


async def test_nobody_hears_of_another_clients_orders(harness: MotilalHarness) -> None:
    play, request = Play(harness), harness.order(Behaviour.FILLS)
    play.place(request)
    await harness.settle()

    assert {report.account for report in harness.reports} == {request.account}
    other = harness.order(Behaviour.RESTS)
    assert (await harness.broker.book(other.account)).orders == ()
