"""Start-up: take over, ask, open one by one, fire what was never sent and has not expired."""

import asyncio
from functools import partial

import pytest

from phalanx.brokers.port import Accepted, Unknown
from phalanx.desk.errors import Stopped
from phalanx.desk.startup import NOT_ASKED, open_accounts, take_over
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import Event, InstructionPlanned, OrderEnded, TermBegan
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play


async def sent(rig: Rig) -> str:
    """An order that was written, and the process dies before the answer."""
    await rig.start()
    await rig.account()
    (cl_ord_id,) = await rig.submit(rig.buy())
    rig.crash()
    return cl_ord_id


@on_virtual_time
async def test_a_new_folder_is_founded_and_a_term_begins(rig: Rig) -> None:
    desk = await rig.start()

    assert (rig.state.desk_id, rig.state.epoch, desk.epoch) == ("AA", 1, 1)
    assert desk.readiness().ready
    await rig.restart()
    assert [event.epoch for event in rig.events(TermBegan)] == [1, 2]
    assert rig.state.desk_id == "AA"


@on_virtual_time
async def test_what_was_sent_and_not_answered_is_asked_about_and_adopted(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    rig.broker.show(cl_ord_id)
    rig.broker.read.clear()

    await rig.start()

    assert rig.events(TermBegan)[-1].doubted == (cl_ord_id,)
    assert rig.broker.read == ["A1"]
    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert rig.order(cl_ord_id).order_id == f"B{cl_ord_id}"
    assert rig.broker.placed == [cl_ord_id]


@on_virtual_time
async def test_the_fills_it_had_are_booked_with_it(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    rig.broker.show(cl_ord_id, OrdStatus.PARTIALLY_FILLED, 4)

    await rig.start()

    assert rig.status(cl_ord_id) is OrdStatus.PARTIALLY_FILLED
    assert rig.order(cl_ord_id).cum_quantity == whole(4)


@on_virtual_time
async def test_what_the_broker_does_not_know_was_not_received(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    rig.broker.prove_at_once()

    await rig.start()
    await rig.wait(60)

    assert rig.status(cl_ord_id) is OrdStatus.NOT_RECEIVED
    (ended,) = rig.events(OrderEnded)
    assert ended.reason.code is ReasonCode.ABSENT_AT_BROKER
    assert rig.broker.placed == [cl_ord_id]
    assert rig.state.books["A1/P"].holds == 0


@pytest.mark.parametrize(
    "status", [OrdStatus.REJECTED, OrdStatus.CANCELED, OrdStatus.EXPIRED], ids=lambda s: s.name
)
def test_an_end_that_the_book_shows_without_a_report_is_an_end(status: OrdStatus) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await sent(rig)
        rig.broker.show(cl_ord_id, status)

        await rig.start()

        assert rig.status(cl_ord_id) is status

    play(story)


@on_virtual_time
async def test_a_book_that_shows_fills_and_not_which_is_not_a_complete_one(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    order_id = rig.broker.show(cl_ord_id, OrdStatus.FILLED, 10)
    trades, rig.broker.trades = rig.broker.trades, []

    desk = await rig.start()

    assert f"executions of order {order_id} are missing" in desk.closed["A1"]
    assert await rig.submit(rig.buy()) == []
    rig.broker.trades = trades
    assert (await rig.restart()).closed == {}
    assert rig.status(cl_ord_id) is OrdStatus.FILLED


@on_virtual_time
async def test_what_worked_before_the_crash_may_have_filled_since(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    rig.crash()
    rig.broker.show(cl_ord_id, OrdStatus.FILLED, 10)

    await rig.start()

    assert rig.status(cl_ord_id) is OrdStatus.FILLED


@on_virtual_time
async def test_a_doubtful_cancel_that_had_no_effect_is_over(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    await rig.cancel(cl_ord_id)
    rig.broker.tickets[rig.broker.cancels[0].request_id].done(Unknown(""))
    rig.broker.show(cl_ord_id)
    rig.broker.prove_at_once()

    await rig.restart()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert rig.order(cl_ord_id).request is None
    await rig.cancel(cl_ord_id)
    assert len(rig.broker.cancels) == 2


@on_virtual_time
async def test_a_doubtful_replace_is_what_the_book_says(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, cl_ord_id, whole(4)))
    await rig.wait()
    rig.broker.show(cl_ord_id, quantity=4)

    await rig.restart()

    assert rig.order(cl_ord_id).quantity == whole(4)
    assert rig.status(cl_ord_id) is OrdStatus.NEW


@on_virtual_time
async def test_a_book_that_cannot_be_read_keeps_its_account_closed_and_no_other(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2", broker="other")
    (cl_ord_id,) = await rig.submit(rig.buy("A1"))
    rig.broker.unreadable.add("A1")

    desk = await rig.restart()

    assert desk.readiness().ready
    assert desk.readiness().accounts == {"A1": "its book could not be read: no session"}
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
    executed = await desk.execute(rig.buy("A1"))
    planned = executed.events[0]
    assert isinstance(planned, InstructionPlanned)
    assert planned.skips[0].reason.code is ReasonCode.ACCOUNT_NOT_RECONCILED
    await rig.submit(rig.buy("A2"))
    assert len(rig.other.placed) == 1


@on_virtual_time
async def test_an_account_that_is_opened_later_moves_at_once(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    (doubtful,) = await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())
    rig.broker.unreadable.add("A1")
    desk = await rig.restart()
    await rig.wait(2)
    assert rig.status(waiting) is OrdStatus.PENDING_NEW

    rig.broker.unreadable.clear()
    await desk.reconciler.reconcile(["A1"])
    await rig.wait()

    assert rig.broker.placed == [doubtful, waiting]


@on_virtual_time
async def test_a_change_of_an_account_does_not_open_it(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())
    rig.broker.unreadable.add("A1")
    await rig.restart()

    await rig.account()
    await rig.wait(2)

    assert rig.status(waiting) is OrdStatus.PENDING_NEW
    assert list(rig.desk.closed) == ["A1"]


@on_virtual_time
async def test_an_account_without_a_broker_stays_closed(rig: Rig) -> None:
    await rig.start()
    await rig.account(broker="other")
    del rig.brokers["other"]

    desk = await rig.restart()

    assert desk.closed == {"A1": "no broker other"}


@on_virtual_time
async def test_what_was_never_sent_is_fired_when_it_has_not_expired(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    (first,) = await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy(expires_s=30))
    rig.broker.show(first)

    await rig.restart()
    assert rig.broker.placed == [first]
    await rig.wait(1.1)

    assert rig.broker.placed == [first, waiting]


@on_virtual_time
async def test_what_was_never_sent_and_has_expired_ends(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 60_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy(expires_s=30))
    rig.crash()
    await rig.wait(31)

    await rig.start()
    await rig.wait(1)

    assert rig.status(waiting) is OrdStatus.EXPIRED
    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_a_cancel_that_was_never_sent_goes_after_the_start(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    cl_ord_id = await rig.bought()
    await rig.cancel(cl_ord_id)
    rig.broker.show(cl_ord_id)
    assert rig.broker.cancels == []

    await rig.restart()
    await rig.wait(1.1)

    assert len(rig.broker.cancels) == 1


@on_virtual_time
async def test_a_child_that_the_look_up_makes_is_fired_once(rig: Rig) -> None:
    """The fill of a buy that is being closed comes with the look-up, before the lanes are open."""
    await rig.start()
    await rig.account(limit=RateLimit(3, 1_000))
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted(f"B{bought}"))
    await rig.submit(rig.signal(Side.SELL))
    rig.broker.show(bought, OrdStatus.FILLED, 1, quantity=1)

    await rig.restart()
    await rig.wait(3)

    (child,) = rig.broker.placed[1:]
    assert rig.order(child).draft.side is Side.SELL
    assert rig.status(child) is OrdStatus.SENT


@on_virtual_time
async def test_a_crash_during_the_start_changes_nothing(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    rig.broker.show(cl_ord_id)
    for _ in range(3):
        desk = rig.build()
        await take_over(desk, "test", "BB")
        await open_accounts(desk, rig.brokers)
        rig.crash()

    await rig.start()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert rig.broker.placed == [cl_ord_id]
    assert rig.state.desk_id == "AA"


@on_virtual_time
async def test_a_desk_that_died_during_the_start_does_not_open_its_doors(rig: Rig) -> None:
    desk = rig.build()
    await take_over(desk, "test", "AA")
    await open_accounts(desk, rig.brokers)
    await desk.stop()

    with pytest.raises(Stopped):
        desk.admit()
    assert not desk.readiness().ready


@on_virtual_time
async def test_a_broken_broker_module_keeps_its_accounts_closed_and_no_other(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2", broker="other")
    await rig.submit(rig.buy("A1"))
    rig.broker.book = None  # type: ignore[assignment,method-assign]

    desk = await rig.restart()

    assert list(desk.closed) == ["A1"]


@on_virtual_time
async def test_a_term_that_cannot_begin_is_no_start(rig: Rig) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    desk = rig.build()
    patch = pytest.MonkeyPatch()
    patch.setitem(decide_module._DECIDERS, c.BeginTerm, _fail)

    with pytest.raises(Stopped, match="no term"):
        await take_over(desk, "test", "AA")

    patch.undo()
    assert rig.records() == []


def _fail(*_: object) -> list[Event]:
    raise AssertionError("no term")


@on_virtual_time
async def test_a_slow_broker_delays_nobody_elses_accounts_and_not_the_doors(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2", broker="other")
    rig.crash()
    rig.broker.connections.append(partial(rig.wait, 25))
    began = rig.clock.monotonic()

    starting = asyncio.ensure_future(rig.start())
    await rig.wait(1)
    assert rig.desk.closed == {"A1": NOT_ASKED}
    await starting

    assert (rig.clock.monotonic() - began) // SECOND == 10
    assert rig.desk.readiness().ready
    assert rig.desk.readiness().accounts == {"A1": NOT_ASKED}
    assert await rig.submit(rig.buy("A2")) == rig.other.placed
    await rig.wait(16)
    assert rig.desk.closed == {}


@on_virtual_time
async def test_a_broker_that_cannot_be_reached_is_tried_ever_more_rarely(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.connections.extend([unreachable] * 4)

    await rig.restart()

    assert rig.desk.closed == {"A1": "no connection to script: HTTP 503"}
    await rig.wait(14)
    assert list(rig.desk.closed) == ["A1"]
    await rig.wait(2)
    assert rig.desk.closed == {}
    assert not rig.broker.connections


@on_virtual_time
async def test_a_connection_that_hangs_is_given_up_and_tried_again(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.connections.append(partial(rig.wait, 1_000_000))

    await rig.restart()
    await rig.wait(21)
    assert rig.desk.closed == {"A1": "no connection to script: no answer within 30 s"}
    await rig.wait(2)

    assert rig.desk.closed == {}


@on_virtual_time
async def test_what_was_never_sent_goes_as_soon_as_its_own_account_is_open(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1", RateLimit(1, 1_000))
    await rig.account("A2", broker="other")
    (first,) = await rig.submit(rig.buy("A1"))
    (waiting,) = await rig.submit(rig.buy("A1", expires_s=30))
    rig.broker.show(first)
    rig.crash()
    rig.other.connections.append(partial(rig.wait, 25))

    starting = asyncio.ensure_future(rig.start())
    await rig.wait(2)

    assert rig.broker.placed == [first, waiting]
    await starting


async def unreachable() -> None:
    raise ConnectionError("HTTP 503")
