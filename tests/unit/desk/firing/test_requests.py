"""Cancels and replaces on their way: they wait for the order's own answer, and have their own doubt."""

from phalanx.brokers.port import Accepted, NeverWritten, Refused, Unknown
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import (
    CancelRequested,
    RequestDispatched,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.kills import EVERYBODY, KillCancel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.engine import commands as c
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time
from tests.fakes.scripted_broker import UNREACHABLE, fail, keep, unreachable


async def working(rig: Rig) -> str:
    await rig.start()
    await rig.account()
    return await rig.bought()


@on_virtual_time
async def test_a_cancel_is_dispatched_in_its_own_record_and_ended_by_the_report(rig: Rig) -> None:
    cl_ord_id = await working(rig)

    await rig.cancel(cl_ord_id)

    assert [type(event) for event in rig.records()[-1]] == [CancelRequested, RequestDispatched]
    (request,) = rig.broker.cancels
    assert (request.cl_ord_id, request.order_id) == (cl_ord_id, f"B{cl_ord_id}")
    rig.broker.tickets[request.request_id].done(Accepted(""))
    assert rig.status(cl_ord_id) is OrdStatus.PENDING_CANCEL
    rig.broker.end(cl_ord_id)
    assert rig.status(cl_ord_id) is OrdStatus.CANCELED


@on_virtual_time
async def test_a_cancel_waits_for_the_acknowledgement_and_then_goes(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    (cl_ord_id,) = await rig.submit(rig.buy())

    await rig.cancel(cl_ord_id)
    await rig.wait(1)
    assert rig.broker.cancels == []
    assert rig.status(cl_ord_id) is OrdStatus.SENT
    rig.broker.tickets[cl_ord_id].done(Accepted("B7"))
    await rig.wait()

    (request,) = rig.broker.cancels
    assert request.order_id == "B7"


@on_virtual_time
async def test_a_cancel_of_a_doubtful_order_goes_when_the_doubt_ends(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    (cl_ord_id,) = await rig.submit(rig.buy())
    rig.broker.tickets[cl_ord_id].done(Unknown(""))
    await rig.cancel(cl_ord_id)
    assert rig.broker.cancels == []

    rig.broker.fill(cl_ord_id, whole(1))
    await rig.wait()

    assert len(rig.broker.cancels) == 1


@on_virtual_time
async def test_a_cancel_of_an_order_that_cannot_be_written_ends_it(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.buy())
    await rig.cancel(cl_ord_id)

    rig.broker.tickets[cl_ord_id].done(NeverWritten(UNREACHABLE, again=True))
    await rig.wait(2)

    assert rig.status(cl_ord_id) is OrdStatus.CANCELED
    assert rig.broker.placed == [cl_ord_id]


@on_virtual_time
async def test_a_cancel_of_a_waiting_order_sends_nothing(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 60_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())

    await rig.cancel(waiting)

    assert rig.status(waiting) is OrdStatus.CANCELED
    assert rig.broker.cancels == []


@on_virtual_time
async def test_a_cancel_waits_for_its_place_and_goes_before_new_orders(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    cl_ord_id = await rig.bought()
    (waiting,) = await rig.submit(rig.buy())
    await rig.cancel(cl_ord_id)
    assert rig.broker.cancels == []

    await rig.wait(1)
    assert len(rig.broker.cancels) == 1
    assert rig.status(waiting) is OrdStatus.PENDING_NEW
    await rig.wait(1)

    assert rig.status(waiting) is OrdStatus.SENT


@on_virtual_time
async def test_a_cancel_whose_order_ended_gives_its_place_to_the_next(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    cl_ord_id = await rig.bought()
    await rig.cancel(cl_ord_id)
    rig.broker.fill(cl_ord_id, whole(10))
    (waiting,) = await rig.submit(rig.buy())

    await rig.wait(1)

    assert rig.broker.cancels == []
    assert rig.status(waiting) is OrdStatus.SENT


@on_virtual_time
async def test_a_cancel_that_was_dispatched_too_late_is_not_written(rig: Rig) -> None:
    cl_ord_id = await working(rig)

    rig.desk.handle(c.CancelOrder(ORIGIN, cl_ord_id))
    rig.broker.end(cl_ord_id)
    await rig.wait()

    assert rig.events(RequestDispatched)
    assert rig.broker.cancels == []
    (lane,) = rig.desk.firing.turns
    assert lane.window._pending == 0


@on_virtual_time
async def test_a_refused_cancel_leaves_the_order_working(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    await rig.cancel(cl_ord_id)

    rig.broker.tickets[rig.broker.cancels[0].request_id].done(Refused("9", "too late"))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    (ended,) = rig.events(RequestEnded)
    assert "too late" in str(ended.reason)
    await rig.cancel(cl_ord_id)
    assert len(rig.broker.cancels) == 2


@on_virtual_time
async def test_an_unanswered_cancel_is_its_own_doubt(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    await rig.cancel(cl_ord_id)

    rig.broker.tickets[rig.broker.cancels[0].request_id].done(Unknown("lost"))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.PENDING_CANCEL
    assert rig.state.books["A1/P"].doubts == {}
    assert len(rig.events(RequestDoubted)) == 1
    rig.broker.end(cl_ord_id)
    assert rig.status(cl_ord_id) is OrdStatus.CANCELED


@on_virtual_time
async def test_silence_about_a_cancel_is_a_doubt_after_a_minute(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    await rig.cancel(cl_ord_id)

    await rig.wait(61)

    (doubted,) = rig.events(RequestDoubted)
    assert doubted.cl_ord_id == cl_ord_id


@on_virtual_time
async def test_a_cancel_that_is_never_written_can_be_asked_for_again(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    rig.broker.script.append(keep)
    await rig.cancel(cl_ord_id)

    await rig.wait(61)

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    await rig.cancel(cl_ord_id)
    assert len(rig.broker.cancels) == 2


@on_virtual_time
async def test_the_cancel_of_a_closing_sell_is_tried_again_but_not_without_end(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    rig.broker.usual = unreachable

    await rig.submit(rig.signal(Side.SELL))
    await rig.wait(10)

    assert 5 < len(rig.broker.cancels) < 20
    ids = [request.request_id for request in rig.broker.cancels]
    assert len(set(ids)) == len(ids)


@on_virtual_time
async def test_a_replace_waits_behind_and_a_cancel_over_it_goes_first(rig: Rig) -> None:
    """The replace of an order waits among the others; the cancel that displaces it is urgent."""
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    others = [order for _ in range(3) for order in await rig.submit(rig.buy(expires_s=60))]
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, bought, whole(2)))
    assert rig.broker.replaces == []

    await rig.desk.execute(rig.signal(Side.SELL))
    await rig.wait(1.1)

    assert [request.cl_ord_id for request in rig.broker.cancels] == [bought]
    rig.broker.end(bought)
    await rig.wait(5)
    assert rig.broker.replaces == []
    assert rig.broker.placed == [bought, *others]


async def displaced(rig: Rig, *, written: bool) -> tuple[str, str]:
    """A replace that a closing sell's cancel came over, before or after it was written."""
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    rig.desk.handle(c.ReplaceOrder(ORIGIN, bought, whole(2)))
    if written:
        await rig.wait()
    await rig.submit(rig.signal(Side.SELL))
    (cancel,) = rig.broker.cancels
    assert rig.status(bought) is OrdStatus.PENDING_CANCEL
    return bought, cancel.request_id


@on_virtual_time
async def test_the_late_refusal_of_a_displaced_replace_does_not_end_the_cancel(rig: Rig) -> None:
    bought, cancel = await displaced(rig, written=True)
    (replace,) = rig.broker.replaces

    rig.broker.tickets[replace.request_id].done(Refused("3", "no"))

    order = rig.order(bought)
    assert order.request is not None
    assert order.request.id == cancel
    assert order.replacing is None
    rig.broker.end(bought)
    assert rig.status(bought) is OrdStatus.CANCELED


@on_virtual_time
async def test_a_displaced_replace_that_was_not_written_is_not_written(rig: Rig) -> None:
    bought, cancel = await displaced(rig, written=False)

    assert rig.broker.replaces == []
    assert rig.order(bought).replacing is None
    rig.broker.tickets[cancel].done(Refused("9", "too late"))
    for _ in range(CANCELS_REFUSED_MAX - 1):
        # A closing SELL asks again, a bounded number of times.
        assert rig.status(bought) is OrdStatus.PENDING_CANCEL
        await rig.wait()
        rig.broker.tickets[rig.broker.cancels[-1].request_id].done(Refused("9", "too late"))
    await rig.wait()
    assert len(rig.broker.cancels) == CANCELS_REFUSED_MAX
    assert rig.status(bought) is OrdStatus.NEW


@on_virtual_time
async def test_after_a_restart_a_doubtful_replace_and_the_cancel_over_it_are_settled(
    rig: Rig,
) -> None:
    bought, _ = await displaced(rig, written=True)
    rig.broker.show(bought, quantity=1)
    rig.broker.prove_at_once()

    await rig.restart()
    await rig.wait()

    request = rig.order(bought).request
    assert request is not None
    assert not request.in_doubt
    assert request.over is None
    assert len(rig.broker.cancels) == 2


@on_virtual_time
async def test_a_replace_is_booked_when_the_broker_says_so(rig: Rig) -> None:
    cl_ord_id = await working(rig)

    await rig.desk.execute(c.ReplaceOrder(ORIGIN, cl_ord_id, whole(4)))
    await rig.wait()
    (request,) = rig.broker.replaces
    rig.broker.tickets[request.request_id].done(Accepted(""))
    assert rig.status(cl_ord_id) is OrdStatus.PENDING_REPLACE
    rig.broker.say(ExecutionReport(cl_ord_id, ExecType.REPLACED, quantity=whole(4)))

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert rig.order(cl_ord_id).quantity == whole(4)


@on_virtual_time
async def test_late_fills_of_a_cancelled_buy_are_sold_at_once(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    await rig.submit(rig.signal(Side.SELL))

    rig.broker.fill(bought, whole(1))
    await rig.wait()

    child = rig.broker.placed[-1]
    assert child != bought
    draft = rig.order(child).draft
    assert (draft.side, draft.quantity, draft.reduce_only) == (Side.SELL, whole(1), True)


@on_virtual_time
async def test_a_broken_broker_module_is_a_doubt_about_the_request(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    rig.broker.script.append(fail)

    await rig.cancel(cl_ord_id)

    (doubted,) = rig.events(RequestDoubted)
    assert "a bug in a broker module" in doubted.text
    assert rig.status(cl_ord_id) is OrdStatus.PENDING_CANCEL


@on_virtual_time
async def test_a_cancel_whose_broker_went_away_is_over(rig: Rig) -> None:
    cl_ord_id = await working(rig)

    rig.desk.handle(c.CancelOrder(ORIGIN, cl_ord_id))
    del rig.brokers["script"]
    await rig.wait()

    assert len(rig.events(RequestEnded)) == 1
    assert rig.status(cl_ord_id) is OrdStatus.NEW


async def closed_for_its_book(rig: Rig) -> tuple[str, str]:
    """Two orders that work in an account whose book cannot be read any more."""
    first = await working(rig)
    second = await rig.bought()
    rig.broker.unreadable.add("A1")
    await rig.desk.reconciler.reconcile(["A1"])
    await rig.wait(20)
    assert "its book could not be read" in rig.desk.closed["A1"]
    return first, second


@on_virtual_time
async def test_a_cancel_passes_an_account_that_is_closed_for_its_book(rig: Rig) -> None:
    first, second = await closed_for_its_book(rig)

    await rig.desk.execute(c.CancelOrder(ORIGIN, first))
    await rig.desk.execute(c.PutKill(ORIGIN, EVERYBODY, cancel=KillCancel.ALL))
    await rig.wait()

    assert [request.cl_ord_id for request in rig.broker.cancels] == [first, second]


@on_virtual_time
async def test_a_cancel_waits_while_the_session_is_down_and_goes_when_it_is_up(rig: Rig) -> None:
    first, second = await closed_for_its_book(rig)
    await rig.cancel(first)

    rig.broker.session("A1", "logged out")
    await rig.cancel(second)
    await rig.wait(5)
    assert [request.cl_ord_id for request in rig.broker.cancels] == [first]
    rig.broker.session("A1")
    await rig.wait(1)

    assert [request.cl_ord_id for request in rig.broker.cancels] == [first, second]
    assert rig.desk.closed


@on_virtual_time
async def test_after_a_restart_a_cancel_goes_before_the_book_was_read(rig: Rig) -> None:
    cl_ord_id = await working(rig)
    rig.broker.session("A1", "logged out")
    await rig.cancel(cl_ord_id)
    rig.broker.unreadable.add("A1")

    desk = await rig.restart()
    await rig.wait(1)

    assert [request.cl_ord_id for request in rig.broker.cancels] == [cl_ord_id]
    assert desk.closed


@on_virtual_time
async def test_a_replace_and_an_entry_wait_in_a_closed_account(rig: Rig) -> None:
    first, second = await closed_for_its_book(rig)
    rig.desk.reconciler.distrust("A1", "something")

    await rig.desk.execute(c.CancelOrder(ORIGIN, second))
    rig.desk.firing.shut("A1")
    rig.desk.closed.clear()  # what is decided before it closes waits all the same
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, first, whole(5)))
    await rig.submit(rig.buy())
    await rig.wait()

    assert [request.cl_ord_id for request in rig.broker.cancels] == [second]
    assert rig.broker.replaces == []
    assert rig.broker.placed == [first, second]
