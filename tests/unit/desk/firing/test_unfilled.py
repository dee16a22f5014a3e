"""The policy on unfilled MARKET orders, as far as the broker: cancels and new prices go out by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from phalanx.brokers.port import Accepted
from phalanx.domain.events import CancelRequested, OrderFlagged
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.numbers import Price, whole
from phalanx.domain.orders import ClOrdId, ExecType, ExecutionReport, OrdStatus, OrdType, Side
from phalanx.engine import commands as c
from tests.fakes import rig as fakes
from tests.fakes.rig import Rig, on_virtual_time


@contextmanager
def last_price(price: Price) -> Iterator[None]:
    """Every instrument costs that for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fakes, "PRICE", price)
        yield


async def market(rig: Rig, side: Side) -> ClOrdId:
    """A market order that the broker took and does not fill."""
    command = rig.buy(quantity=10, side=side)
    assert isinstance(command.request, OrderRequest)
    request = msgspec.structs.replace(command.request, ord_type=OrdType.MARKET, price=0)
    (cl_ord_id,) = await rig.submit(msgspec.structs.replace(command, request=request))
    rig.broker.tickets[cl_ord_id].done(Accepted(f"B{cl_ord_id}"))
    await rig.wait()
    return cl_ord_id


@on_virtual_time
async def test_an_entry_is_canceled_at_the_broker_and_only_once(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await market(rig, Side.BUY)

    await rig.wait(29.5)
    assert rig.broker.cancels == []
    await rig.wait(60)
    assert [request.cl_ord_id for request in rig.broker.cancels] == [cl_ord_id]
    assert rig.desk._boards.orders[cl_ord_id].text == "not filled within 30 s"
    rig.broker.end(cl_ord_id)
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.CANCELED
    assert len(rig.events(CancelRequested)) == 1


@on_virtual_time
async def test_an_exit_gets_its_new_prices_at_the_broker_and_then_stands(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.fill(await rig.bought(), whole(10))
    cl_ord_id = await market(rig, Side.SELL)
    for number in range(1, 4):
        with last_price(fakes.PRICE - whole(number)):
            await rig.wait(5.5)
        asked = rig.broker.replaces[-1]
        granted = ExecutionReport(
            cl_ord_id, ExecType.REPLACED, quantity=asked.quantity, price=asked.limit
        )
        rig.broker.say(granted)
        assert len(rig.broker.replaces) == number
    await rig.wait(4)
    with last_price(fakes.PRICE - whole(4)):
        await rig.wait(60)

    assert len(rig.broker.replaces) == 3
    (flagged,) = rig.events(OrderFlagged)
    assert (flagged.cl_ord_id, flagged.flag) == (cl_ord_id, "UNFILLED")
    assert rig.status(cl_ord_id) is OrdStatus.NEW


@on_virtual_time
async def test_a_kill_does_not_stop_the_new_price_of_an_exit(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.fill(await rig.bought(), whole(10))
    cl_ord_id = await market(rig, Side.SELL)
    await rig.desk.execute(c.PutKill(fakes.ORIGIN))

    with last_price(fakes.PRICE - whole(1)):
        await rig.wait(5.5)

    assert [request.cl_ord_id for request in rig.broker.replaces] == [cl_ord_id]
