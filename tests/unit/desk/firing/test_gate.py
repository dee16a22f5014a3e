"""The gate: what must still be true in the instant of the write."""

import asyncio

import msgspec
import pytest

from phalanx.brokers.port import Accepted, CancelRequest
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.state import Order
from tests.fakes.kills import of_account
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play
from tests.fakes.scripted_broker import keep


async def on_its_way(rig: Rig) -> tuple[Order, str]:
    """An order whose dispatch is durable and that the session has not written yet."""
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.buy())
    return rig.order(cl_ord_id), cl_ord_id


async def signal_on_its_way(rig: Rig) -> str:
    """The same of strategy ALPHA."""
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.signal(Side.BUY))
    return cl_ord_id


def refused(rig: Rig, cl_ord_id: str) -> ReasonCode | None:
    reason = rig.broker.tickets[cl_ord_id].admit()
    return None if reason is None else reason.code


@on_virtual_time
async def test_an_order_may_be_written_after_its_dispatch(rig: Rig) -> None:
    _, cl_ord_id = await on_its_way(rig)

    assert refused(rig, cl_ord_id) is None


@on_virtual_time
async def test_another_epoch_lets_nothing_through(rig: Rig) -> None:
    _, cl_ord_id = await on_its_way(rig)

    rig.state.epoch += 1

    assert refused(rig, cl_ord_id) is ReasonCode.STALE_EPOCH


@on_virtual_time
async def test_closed_lets_nothing_through(rig: Rig) -> None:
    _, cl_ord_id = await on_its_way(rig)

    rig.desk.firing.gate.closed = True

    assert refused(rig, cl_ord_id) is ReasonCode.DESK_STOPPING


@on_virtual_time
async def test_past_its_deadline_an_order_is_not_written(rig: Rig) -> None:
    order, cl_ord_id = await on_its_way(rig)

    rig.clock.skew += order.deadline - rig.clock.now()
    assert refused(rig, cl_ord_id) is None
    rig.clock.skew += 1

    assert refused(rig, cl_ord_id) is ReasonCode.SEND_DEADLINE


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (EVERYBODY, "KILL_ALL"),
        (KillScope(KillLevel.BROKER, "script"), "KILL_BROKER"),
        (KillScope(KillLevel.STRATEGY, "ALPHA"), "KILL_STRATEGY"),
        (KillScope(KillLevel.CLIENT, "1"), "KILL_CLIENT"),
        (of_account("A1"), "KILL_ACCOUNT"),
    ],
)
def test_a_kill_between_dispatch_and_write_stops_the_write(scope: KillScope, code: str) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await signal_on_its_way(rig)
        seq = rig.state.seq
        assert rig.desk.durable_seq == seq, "its dispatch is on the disk"

        rig.desk.handle(c.PutKill(ORIGIN, scope))

        # In memory at once, before it is journaled: nobody waits for the disk here.
        assert rig.desk.durable_seq == seq < rig.state.seq
        assert refused(rig, cl_ord_id) == code

    play(story)


@on_virtual_time
async def test_a_kill_stops_in_its_own_turn_of_the_loop_what_is_durable_by_then(rig: Rig) -> None:
    """The session writes its queue in the very turn in which somebody kills, and after that."""
    _, cl_ord_id = await on_its_way(rig)
    ticket = rig.broker.tickets[cl_ord_id]
    told: list[object] = []

    def written_by_the_session() -> None:
        told.append(ticket.admit())

    loop = asyncio.get_running_loop()
    killing = loop.create_task(rig.desk.execute(c.PutKill(ORIGIN)))
    loop.call_soon(written_by_the_session)
    await asyncio.sleep(0)

    assert told == [Reason(ReasonCode.KILL_ALL)]
    assert not killing.done(), "the kill itself is not durable yet"
    await killing


@on_virtual_time
async def test_a_kill_of_somebody_else_stops_nothing(rig: Rig) -> None:
    _, cl_ord_id = await on_its_way(rig)
    await rig.account("A2")

    rig.desk.handle(c.PutKill(ORIGIN, of_account("A2")))

    assert refused(rig, cl_ord_id) is None


@on_virtual_time
async def test_what_reduces_passes_a_kill(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    bought = await rig.bought()
    rig.broker.fill(bought, whole(10))
    rig.broker.script.append(keep)
    (sell,) = await rig.submit(rig.buy(side=Side.SELL))

    rig.desk.handle(c.PutKill(ORIGIN))

    assert refused(rig, sell) is None


@on_virtual_time
async def test_an_order_that_is_not_sent_is_not_written(rig: Rig) -> None:
    order, _ = await on_its_way(rig)
    gate = rig.desk.firing.gate

    for status in set(OrdStatus) - {OrdStatus.SENT}:
        order.status = status
        reason = gate.admit_order(order)
        assert reason is not None
        assert reason.code is ReasonCode.NEVER_SENT


@on_virtual_time
async def test_hard_caps_are_looked_at_again(rig: Rig) -> None:
    order, cl_ord_id = await on_its_way(rig)
    settings = rig.state.settings

    rig.state.settings = msgspec.structs.replace(settings, quantity_max=order.quantity - 1)
    assert refused(rig, cl_ord_id) is ReasonCode.QUANTITY_CAP
    rig.state.settings = msgspec.structs.replace(settings, value_max=whole(999))
    assert refused(rig, cl_ord_id) is ReasonCode.VALUE_CAP
    rig.state.settings = msgspec.structs.replace(settings, value_max=whole(1_000))
    assert refused(rig, cl_ord_id) is None


async def cancel_on_its_way(rig: Rig) -> CancelRequest:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    rig.broker.script.append(keep)
    await rig.cancel(cl_ord_id)
    (request,) = rig.broker.cancels
    return request


@on_virtual_time
async def test_a_cancel_passes_a_kill_and_keeps_to_its_deadline(rig: Rig) -> None:
    request = await cancel_on_its_way(rig)
    rig.desk.handle(c.PutKill(ORIGIN))

    assert refused(rig, request.request_id) is None
    rig.clock.skew += 6 * SECOND
    assert refused(rig, request.request_id) is ReasonCode.SEND_DEADLINE


@on_virtual_time
async def test_a_cancel_of_what_has_ended_is_not_written(rig: Rig) -> None:
    request = await cancel_on_its_way(rig)
    rig.broker.end(request.cl_ord_id)

    assert refused(rig, request.request_id) is ReasonCode.NEVER_SENT


@on_virtual_time
async def test_a_ticket_admits_one_write(rig: Rig) -> None:
    _, cl_ord_id = await on_its_way(rig)
    ticket = rig.broker.tickets[cl_ord_id]
    ticket.written()
    assert refused(rig, cl_ord_id) is ReasonCode.NEVER_SENT
    ticket.done(Accepted("B1"))

    assert refused(rig, cl_ord_id) is ReasonCode.NEVER_SENT


@on_virtual_time
async def test_a_replace_of_a_buy_does_not_go_out_under_a_kill(rig: Rig) -> None:
    order, cl_ord_id = await on_its_way(rig)
    rig.broker.tickets[cl_ord_id].written()
    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    more = order.quantity + whole(1)
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, cl_ord_id, more))
    rig.desk.handle(c.PutKill(ORIGIN))

    reason = rig.desk.firing.gate.admit_request(order)

    assert reason is not None
    assert reason.code is ReasonCode.KILL_ALL


@on_virtual_time
async def test_an_order_does_not_go_out_for_an_account_switched_off_since(rig: Rig) -> None:
    order, cl_ord_id = await on_its_way(rig)
    account = rig.state.accounts[rig.state.book_of(order).account]
    rig.desk.handle(
        c.PutReference(ORIGIN, accounts=(msgspec.structs.replace(account, enabled=False),))
    )

    assert refused(rig, cl_ord_id) is ReasonCode.ACCOUNT_DISABLED
