"""The boards: durable events alone make them, and at rest they show what the state holds."""

import json
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.desk.showing import boards as boards_module
from phalanx.desk.showing.messages import InstructionMessage
from phalanx.domain.accounts import RateLimit
from phalanx.domain.broker_books import BrokerPosition
from phalanx.domain.events import (
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrderEnded,
    OrderFlagged,
)
from phalanx.domain.instructions import (
    CancelRestRequest,
    FollowUp,
    InstructionStatus,
)
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from phalanx.simulation.invariants.boards import check_boards
from phalanx.simulation.invariants.replica import Replica
from tests.fakes.kills import of_account
from tests.fakes.rig import INFY, ORIGIN, Rig, on_virtual_time, play
from tests.fakes.scripted_broker import UNREACHABLE, keep

Story = Callable[[Rig], Awaitable[None]]


async def signalled(rig: Rig) -> str:
    """A buy of a signal that was accepted and works."""
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    return bought


async def an_order_fills(rig: Rig) -> None:
    order = await rig.bought()
    rig.broker.fill(order, whole(4))
    rig.broker.fill(order, whole(6), whole(10), whole(101))


async def an_order_is_refused(rig: Rig) -> None:
    (order,) = await rig.submit(rig.buy())
    rig.broker.tickets[order].done(Refused("1", "no"))


async def an_order_is_in_doubt(rig: Rig) -> None:
    (order,) = await rig.submit(rig.buy())
    rig.broker.tickets[order].done(Unknown("timeout"))


async def a_cancel_is_asked_for_before_the_answer(rig: Rig) -> None:
    (order,) = await rig.submit(rig.buy())
    await rig.cancel(order)


async def a_cancel_is_refused(rig: Rig) -> None:
    order = await rig.bought()
    rig.broker.fill(order, whole(4))
    await rig.cancel(order)
    rig.broker.tickets[rig.broker.cancels[0].request_id].done(Refused("1", "no"))


async def a_cancel_is_granted(rig: Rig) -> None:
    order = await rig.bought()
    await rig.cancel(order)
    rig.broker.end(order)


async def a_waiting_order_is_cancelled(rig: Rig) -> None:
    await rig.account("A3", RateLimit(1, 60_000))
    await rig.submit(rig.buy("A3"))
    (order,) = await rig.submit(rig.buy("A3"))
    await rig.cancel(order)


async def a_replace_is_asked_for(rig: Rig) -> None:
    order = await rig.bought()
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, order, whole(4), whole(99)))


async def a_replace_is_granted(rig: Rig) -> None:
    order = await rig.bought()
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, order, whole(4), whole(99)))
    await rig.wait()
    rig.broker.say(ExecutionReport(order, ExecType.REPLACED))


async def a_replace_is_refused(rig: Rig) -> None:
    order = await rig.bought()
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, order, whole(4), whole(99)))
    await rig.wait()
    rig.broker.tickets[rig.broker.replaces[0].request_id].done(Refused("1", "no"))


async def a_cancel_overtakes_a_replace(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, bought, whole(3)))
    await rig.wait()
    await rig.submit(rig.signal(Side.SELL))
    rig.broker.say(ExecutionReport(bought, ExecType.REPLACED))


async def a_cancel_over_a_replace_is_refused(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, bought, whole(3)))
    await rig.wait()
    await rig.submit(rig.signal(Side.SELL))
    for _ in range(CANCELS_REFUSED_MAX):
        rig.broker.tickets[rig.broker.cancels[-1].request_id].done(Refused("1", "no"))
        await rig.wait()
    assert rig.status(bought) is OrdStatus.PENDING_REPLACE


async def a_replace_under_a_cancel_is_refused(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, bought, whole(3)))
    await rig.wait()
    await rig.submit(rig.signal(Side.SELL))
    rig.broker.tickets[rig.broker.replaces[0].request_id].done(Refused("1", "no"))
    await rig.wait()
    assert rig.status(bought) is OrdStatus.PENDING_CANCEL


async def a_cancel_displaces_a_waiting_replace(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.account("A1", RateLimit(1, 20_000))
    await rig.submit(rig.buy())
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, bought, whole(3)))
    await rig.submit(rig.signal(Side.SELL))


async def a_sell_closes_what_works(rig: Rig) -> None:
    await signalled(rig)
    await rig.submit(rig.signal(Side.SELL))


async def a_sell_ends_what_was_never_sent(rig: Rig) -> None:
    await rig.account("A1", RateLimit(1, 60_000))
    await rig.bought()
    await rig.submit(rig.signal(Side.BUY))
    await rig.submit(rig.signal(Side.SELL))


async def late_fills_have_children(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.submit(rig.signal(Side.SELL))
    rig.broker.fill(bought, whole(1))
    await rig.wait()
    child = rig.broker.placed[-1]
    rig.broker.tickets[child].done(Accepted("B2"))
    rig.broker.fill(child, whole(1))


async def an_order_lives_again(rig: Rig) -> None:
    rig.broker.prove_at_once()
    (order,) = await rig.submit(rig.buy())
    await rig.restart()
    assert rig.status(order) is OrdStatus.NOT_RECEIVED
    replica = Replica(rig.desk.stream)
    rig.broker.fill(order, whole(4))
    await rig.wait()
    assert rig.status(order) is OrdStatus.PARTIALLY_FILLED
    replica.check()


async def a_fill_comes_after_the_end(rig: Rig) -> None:
    order = await rig.bought()
    rig.broker.end(order)
    rig.broker.fill(order, whole(10))


async def an_order_lapses(rig: Rig) -> None:
    rig.broker.script.append(keep)
    (order,) = await rig.submit(rig.buy())
    rig.desk.handle(c.BookNeverWritten(order, UNREACHABLE, again=True))


def in_five_seconds(rig: Rig, side: Side = Side.BUY) -> c.Submit:
    fire_at = rig.clock.now() + 5 * SECOND
    return msgspec.structs.replace(rig.signal(side), fire_at=fire_at)


async def held(rig: Rig) -> str:
    """The id of an instruction that waits for five seconds."""
    (event,) = (await rig.desk.execute(in_five_seconds(rig))).events
    assert isinstance(event, InstructionHeld)
    return event.instruction_id


async def an_instruction_is_held(rig: Rig) -> None:
    await held(rig)


async def a_held_instruction_fires(rig: Rig) -> None:
    await held(rig)
    await rig.wait(6)
    rig.broker.tickets[rig.broker.placed[-1]].done(Accepted("B1"))


async def a_held_instruction_is_cancelled(rig: Rig) -> None:
    await rig.desk.execute(c.Submit(ORIGIN, CancelRestRequest(await held(rig))))


async def a_held_instruction_expires(rig: Rig) -> None:
    await held(rig)
    rig.crash()
    await rig.wait(60)
    await rig.start()


async def the_rest_is_cancelled(rig: Rig) -> None:
    bought = await signalled(rig)
    rest = CancelRestRequest(rig.order(bought).instruction_id)
    await rig.submit(c.Submit(ORIGIN, rest))
    rig.broker.end(bought)


async def an_entry_rests_unfilled(rig: Rig) -> None:
    bought = await signalled(rig)
    await rig.wait(35)
    rig.broker.end(bought)


async def an_exit_is_repriced_and_flagged(rig: Rig) -> None:
    rig.broker.fill(await signalled(rig), whole(1))
    (sold,) = await rig.submit(rig.signal(Side.SELL))
    rig.broker.tickets[sold].done(Accepted("B2"))
    for _ in range(5):
        await rig.wait(6)
        if rig.order(sold).request is not None:
            rig.broker.say(ExecutionReport(sold, ExecType.REPLACED))
    assert rig.desk.stream.topics["orders"].rows[sold].flag == "UNFILLED"


async def a_kill_stands(rig: Rig) -> None:
    await rig.desk.execute(c.PutKill(ORIGIN, note="stop"))
    await rig.desk.execute(c.PutKill(ORIGIN, of_account("A1")))
    await rig.desk.execute(c.PutKill(ORIGIN, KillScope(KillLevel.CLIENT, "1")))
    await rig.desk.execute(c.LiftKill(ORIGIN))
    await rig.desk.execute(c.PutKill(ORIGIN))


async def orders_retire(rig: Rig) -> None:
    await an_order_fills(rig)
    await rig.wait(3_700)
    assert rig.state.orders == {}


async def a_break_is_filed(rig: Rig) -> None:
    """Nobody's position at the broker, in two readings."""
    rig.broker.positions = (BrokerPosition(INFY, Product.DELIVERY, whole(7)),)
    await rig.desk.reconciler.reconcile()
    await rig.desk.reconciler.reconcile()
    assert rig.state.breaks


async def a_break_is_taken(rig: Rig) -> None:
    await a_break_is_filed(rig)
    (break_id,) = rig.state.breaks
    await rig.desk.execute(c.TakeBreak(ORIGIN, break_id, "asha", "called them"))


async def a_break_is_closed(rig: Rig) -> None:
    await a_break_is_taken(rig)
    (break_id,) = rig.state.breaks
    await rig.desk.execute(c.CloseBreak(ORIGIN, break_id, "a fee"))
    assert rig.state.breaks == {}


async def changes_wait_and_end(rig: Rig) -> None:
    """One expires, one is declined, one is approved, one waits."""
    settings = msgspec.structs.replace(rig.state.settings, two_persons=True, change_expires_s=2)
    other = msgspec.structs.replace(ORIGIN, actor="bob")
    await rig.desk.execute(c.PutKill(ORIGIN))
    await rig.desk.execute(c.PutReference(ORIGIN, settings=settings))
    await rig.desk.execute(c.LiftKill(ORIGIN))
    await rig.wait(3)
    assert not rig.state.changes
    for decide in (c.DeclineChange, c.ApproveChange):
        await rig.desk.execute(c.LiftKill(ORIGIN))
        (change_id,) = rig.state.changes
        await rig.desk.execute(decide(other, change_id))
    await rig.desk.execute(c.PutKill(ORIGIN))
    await rig.desk.execute(c.LiftKill(ORIGIN))
    assert len(rig.state.changes) == 1


STORIES: list[Story] = [
    an_order_fills,
    an_order_is_refused,
    an_order_is_in_doubt,
    a_cancel_is_asked_for_before_the_answer,
    a_cancel_is_refused,
    a_cancel_is_granted,
    a_waiting_order_is_cancelled,
    a_replace_is_asked_for,
    a_replace_is_granted,
    a_replace_is_refused,
    a_cancel_overtakes_a_replace,
    a_cancel_over_a_replace_is_refused,
    a_replace_under_a_cancel_is_refused,
    a_cancel_displaces_a_waiting_replace,
    a_sell_closes_what_works,
    a_sell_ends_what_was_never_sent,
    late_fills_have_children,
    an_order_lives_again,
    a_fill_comes_after_the_end,
    an_order_lapses,
    an_instruction_is_held,
    a_held_instruction_fires,
    a_held_instruction_is_cancelled,
    a_held_instruction_expires,
    the_rest_is_cancelled,
    an_entry_rests_unfilled,
    an_exit_is_repriced_and_flagged,
    a_kill_stands,
    orders_retire,
    a_break_is_filed,
    a_break_is_taken,
    a_break_is_closed,
    changes_wait_and_end,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_boards_show_the_state(story: Story) -> None:
    async def tell(rig: Rig) -> None:
        await rig.start()
        replica = Replica(rig.desk.stream)
        await rig.account()
        await rig.subscribe("A1")
        await story(rig)
        await rig.wait()
        assert rig.desk.durable_seq == rig.state.seq
        check_boards(rig.desk._boards, rig.state)
        if not replica.reader.closed_reason:
            replica.check()
        await rig.desk.stop()
        rig.journal.close()
        rig.build()
        check_boards(rig.desk._boards, rig.state)

    play(tell)


@on_virtual_time
async def test_nothing_is_shown_before_it_is_durable(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000
    reader = rig.desk.stream.join(("orders", "instructions", "accounts"))
    await anext(reader)
    await anext(reader)
    await anext(reader)

    rig.desk.handle(rig.buy())
    await rig.wait(0.04)
    assert not reader._messages
    assert rig.desk.stream.topics["orders"].rows == {}
    await rig.wait(0.07)

    message = json.loads(await anext(reader))
    assert message["seq"] == rig.desk.durable_seq
    assert message["topic"] == "instructions"


@on_virtual_time
async def test_a_snapshot_after_deltas_is_what_the_deltas_made(rig: Rig) -> None:
    await rig.start()
    early = Replica(rig.desk.stream)
    await rig.account()
    await an_order_fills(rig)
    await rig.wait()

    late = Replica(rig.desk.stream)
    late.catch_up()
    early.check()

    assert late.tables == early.tables
    assert late.n == early.n


@on_virtual_time
async def test_the_instruction_board_is_bounded(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(boards_module, "INSTRUCTIONS_SHOWN_MAX", 3)
    await rig.start()
    replica = Replica(rig.desk.stream)
    await rig.account()
    orders = [await rig.bought() for _ in range(5)]
    patch.undo()

    assert len(rig.desk.stream.topics["instructions"].rows) == 3
    replica.check()
    rig.broker.fill(orders[0], whole(10))
    await rig.wait()
    replica.check()


@on_virtual_time
async def test_an_instruction_is_shown_with_its_outcomes_and_its_turnaround(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    await rig.subscribe("A1", "A2")
    first, second = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[first].done(Accepted("B1"))
    rig.broker.fill(first, whole(1))
    rig.broker.tickets[second].done(Refused("1", "no"))
    await rig.wait()

    (row,) = rig.desk.stream.topics["instructions"].rows.values()
    message = row.message()
    assert (message.kind, message.text) == ("signal", "ALPHA BUY INFY")
    assert (message.status, message.open) == ("DONE", 0)
    assert message.outcomes == {"FILLED": 1, "REJECTED": 1}
    tats = [order.tat for order in rig.desk.stream.topics["orders"].rows.values()]
    assert message.tat_ns == max(tats) > 0


@on_virtual_time
async def test_a_rejected_instruction_says_why(rig: Rig) -> None:
    await rig.start()
    await rig.desk.execute(rig.signal(Side.BUY))

    (row,) = rig.desk.stream.topics["instructions"].rows.values()
    assert (row.message().status, row.message().reason) == ("REJECTED", "UNKNOWN_STRATEGY")


@on_virtual_time
async def test_a_book_that_nothing_goes_to_and_that_holds_nothing_is_not_shown(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    replica = Replica(rig.desk.stream)
    current = rig.state.accounts["A1"].book
    assert list(rig.desk.stream.topics["accounts"].rows) == [current]
    await rig.desk.execute(c.PutReference(ORIGIN, cash=(("A1/L", whole(5), "came"),)))
    replica.check()
    assert set(replica.tables["accounts"]) == {"A1/P", "A1/L"}
    await rig.desk.execute(c.PutReference(ORIGIN, cash=(("A1/L", -whole(5), "went"),)))
    replica.check()
    assert set(replica.tables["accounts"]) == {current}


def instruction_row(rig: Rig, instruction_id: str) -> InstructionMessage:
    message: InstructionMessage = (
        rig.desk.stream.topics["instructions"].rows[instruction_id].message()
    )
    return message


@on_virtual_time
async def test_an_instruction_is_shown_as_it_waits_and_fires(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    submit = in_five_seconds(rig)
    follow_up = msgspec.structs.replace(submit, parent="I1", follow_up=FollowUp.REPEAT)
    instruction_id = "IAA00000000"

    await rig.desk.execute(follow_up)
    waiting = instruction_row(rig, instruction_id)
    await rig.wait(6)
    fired = instruction_row(rig, instruction_id)

    assert (waiting.status, waiting.text) == ("HELD", "ALPHA BUY INFY")
    assert (waiting.parent, waiting.follow_up) == ("I1", "repeat")
    assert (fired.status, fired.orders) == ("WORKING", 1)
    assert (fired.parent, fired.follow_up) == ("I1", "repeat")
    assert waiting.fire_at_ns == fired.fire_at_ns == submit.fire_at


@pytest.mark.parametrize("status", [s for s in InstructionStatus if s.value >= 4])
def test_one_that_was_never_planned_says_how_it_ended(status: InstructionStatus) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        await rig.subscribe("A1")
        instruction_id = await held(rig)
        reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
        ended = InstructionEnded(rig.clock.now(), instruction_id, status, reason)
        rig.desk._boards.publish([ended], rig.state.seq + 1)

        row = instruction_row(rig, instruction_id)
        assert (row.status, row.reason) == (status.name, "INSTRUCTION_EXPIRED")
        assert (row.orders, row.open) == (0, 0)

    play(story)


@on_virtual_time
async def test_a_flag_is_shown_with_its_text(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    order = await rig.bought()

    flagged = OrderFlagged(rig.clock.now(), order, "UNFILLED", "not filled within 5 s")
    rig.desk._boards.publish([flagged], rig.state.seq + 1)

    row = rig.desk.stream.topics["orders"].rows[order].message()
    assert (row.flag, row.message, row.status) == ("UNFILLED", "not filled within 5 s", "NEW")


@on_virtual_time
async def test_the_children_of_an_end_belong_to_whoever_cancelled(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    bought = await signalled(rig)
    await rig.submit(rig.signal(Side.SELL))
    (draft,) = rig.events(InstructionPlanned)[0].orders
    child = msgspec.structs.replace(draft, cl_ord_id="AA0000009Z", side=Side.SELL)
    reason = Reason(ReasonCode.NEVER_SENT, ("",))
    end = OrderEnded(rig.clock.now(), bought, OrdStatus.CANCELED, reason, (child,))
    rig.desk._boards.publish([end], rig.state.seq + 1)

    row = instruction_row(rig, "IAA00000001")
    assert (row.orders, row.open, row.status) == (1, 1, "WORKING")
    assert rig.desk.stream.topics["orders"].rows["AA0000009Z"].instruction_id == "IAA00000001"


@on_virtual_time
async def test_one_that_left_the_board_while_it_was_held_comes_back_when_it_fires(
    rig: Rig,
) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(boards_module, "INSTRUCTIONS_SHOWN_MAX", 1)
    await rig.start()
    patch.undo()
    await rig.account()
    await rig.subscribe("A1")
    replica = Replica(rig.desk.stream)
    instruction_id = await held(rig)
    await rig.bought()
    assert instruction_id not in rig.desk.stream.topics["instructions"].rows
    rig.commit_ns = SECOND
    rig.desk.handle(rig.buy())
    rig.desk.handle(rig.buy())
    await rig.wait(12)

    assert instruction_id in rig.desk.stream.topics["instructions"].rows
    replica.check()
