"""The boards: durable events alone make them, and at rest they show what the state holds."""

import json
from collections.abc import Awaitable, Callable

import pytest

from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.desk import boards as boards_module
from phalanx.domain.accounts import RateLimit
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.engine import commands as c
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from tests.fakes.boards import check_boards
from tests.fakes.replica import Replica
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play
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
    await rig.account("A1", RateLimit(1, 60_000))
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


async def a_kill_stands(rig: Rig) -> None:
    await rig.desk.execute(c.PutKill(ORIGIN, "", "stop"))
    await rig.desk.execute(c.PutKill(ORIGIN, "A1"))
    await rig.desk.execute(c.LiftKill(ORIGIN, ""))


async def orders_retire(rig: Rig) -> None:
    await an_order_fills(rig)
    await rig.wait(3_700)
    assert rig.state.orders == {}


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
    a_kill_stands,
    orders_retire,
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
