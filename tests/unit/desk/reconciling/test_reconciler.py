"""When books are read, and what a reading does to its account: opened, kept closed, asked again."""

import asyncio
from collections.abc import Awaitable

import msgspec
import pytest

from phalanx.brokers.port import Accepted, BrokerBook, Unknown
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.reconciling.account_reports import ReadStatus
from phalanx.desk.reconciling.adoption import EVENTS_AT_ONCE_MAX
from phalanx.desk.reconciling.reconciler import CALLERS_MAX, READS_MAX, RECONCILE_NS_MAX
from phalanx.domain.accounts import Account, AccountId, Client
from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import BreakClosed, BreakFiled, ForeignFillBooked, OrderEnded
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import DAY, MINUTE, SECOND
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from tests.fakes.rig import INFY, ORIGIN, PRICE, Rig, on_virtual_time
from tests.fakes.scripted_broker import ScriptedBroker

READS_AT_ONCE = ScriptedBroker().capabilities.book_reads_at_once
READ_S = ScriptedBroker().capabilities.book_read_s


async def doubtful(rig: Rig) -> str:
    """An order whose answer was lost."""
    (cl_ord_id,) = await rig.submit(rig.buy())
    rig.broker.tickets[cl_ord_id].done(Unknown("lost"))
    await rig.wait()
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
    return cl_ord_id


async def opened(rig: Rig, *accounts: AccountId) -> None:
    await rig.start()
    for account in accounts or ("A1",):
        await rig.account(account)
    rig.broker.read.clear()


def failing(_: AccountId) -> Awaitable[BrokerBook]:
    raise ConnectionError("HTTP 500")


async def hanging(_: AccountId) -> BrokerBook:
    future: asyncio.Future[BrokerBook] = asyncio.get_running_loop().create_future()
    return await future


async def deaf(_: AccountId) -> BrokerBook:
    """Hangs, whatever anybody tells it."""
    while True:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            continue


class Later:
    """A reading that answers when the test says so."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __call__(self, account: AccountId) -> BrokerBook:
        book = self._rig.broker.shown(account)
        await self._answer
        return book

    async def answer(self) -> None:
        self._answer.set_result(None)
        await self._rig.wait()


# --- when ----------------------------------------------------------------------------------------


@on_virtual_time
async def test_a_doubt_is_asked_about_soon_then_ever_more_rarely(rig: Rig) -> None:
    await opened(rig)
    began = rig.clock.monotonic()
    await doubtful(rig)
    at = []
    for _ in range(7):
        count = len(rig.broker.read)
        while len(rig.broker.read) == count:
            await rig.wait(0.1)
        at.append((rig.clock.monotonic() - began) // SECOND)

    assert at == [0, 1, 3, 7, 15, 31, 63]


@on_virtual_time
async def test_a_doubt_that_the_book_resolves_is_not_asked_about_any_more(rig: Rig) -> None:
    await opened(rig)
    cl_ord_id = await doubtful(rig)
    rig.broker.show(cl_ord_id, OrdStatus.FILLED, 10)

    await rig.wait(600)

    assert rig.status(cl_ord_id) is OrdStatus.FILLED
    assert len(rig.broker.read) == 1
    assert rig.events(BreakFiled) == []


@on_virtual_time
async def test_an_execution_that_was_counted_and_not_told_is_read(rig: Rig) -> None:
    await opened(rig)
    (cl_ord_id,) = await rig.submit(rig.buy())
    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    rig.broker.show(cl_ord_id, OrdStatus.CANCELED, 7)
    end = ExecutionReport(cl_ord_id, ExecType.CANCELED, "B1", cum_quantity=whole(7))
    rig.broker.say(end)
    await rig.wait()
    assert rig.order(cl_ord_id).missing == whole(7)
    assert rig.state.books["A1/P"].holds > 0

    await rig.wait(1)

    assert len(rig.broker.read) == 1
    assert rig.status(cl_ord_id) is OrdStatus.CANCELED
    assert rig.order(cl_ord_id).cum_quantity == whole(7)
    assert rig.state.books["A1/P"].holds == 0


@on_virtual_time
async def test_absence_is_proved_by_looks_in_a_row_after_the_quiet_time(rig: Rig) -> None:
    rig.broker.declare(late_ms=20_000)
    await opened(rig)
    cl_ord_id = await doubtful(rig)

    await rig.wait(70)
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
    await rig.wait(65)

    assert rig.status(cl_ord_id) is OrdStatus.NOT_RECEIVED
    (ended,) = rig.events(OrderEnded)
    assert ended.reason.code is ReasonCode.ABSENT_AT_BROKER
    assert rig.broker.placed == [cl_ord_id]


@on_virtual_time
async def test_a_wall_clock_that_steps_forward_shortens_no_quiet_time(rig: Rig) -> None:
    rig.broker.declare(late_ms=20_000)
    await opened(rig)
    cl_ord_id = await doubtful(rig)

    rig.clock.skew += 3_600 * SECOND
    await rig.wait(19)
    for _ in range(5):
        await rig.desk.reconciler.reconcile()
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
    await rig.wait(2)
    for _ in range(3):
        await rig.desk.reconciler.reconcile()

    assert rig.status(cl_ord_id) is OrdStatus.NOT_RECEIVED


@on_virtual_time
async def test_a_wall_clock_that_steps_forward_makes_no_doubt_a_persons_early(rig: Rig) -> None:
    """Until its quiet time is over it may arrive yet, whatever a person sees at the broker now."""
    rig.broker.declare(late_ms=20_000, kind=BrokerKind.NO_TAG)
    await opened(rig)
    cl_ord_id = await doubtful(rig)

    rig.clock.skew += 3_600 * SECOND
    await rig.wait(19)
    assert rig.events(BreakFiled) == []
    await rig.wait(20)

    (filed,) = rig.events(BreakFiled)
    assert (filed.found.kind, filed.found.subject) == (BreakKind.ORDER_IN_DOUBT, cl_ord_id)


@on_virtual_time
async def test_the_end_of_an_order_of_yesterday_is_proved_within_seconds_and_is_nobodys_break(
    rig: Rig,
) -> None:
    rig.broker.now = rig.clock.now
    await opened(rig)
    (cl_ord_id,) = await rig.submit(rig.buy())
    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    await rig.wait()

    rig.clock.skew += DAY
    await rig.desk.reconciler.reconcile()
    await rig.desk.reconciler.reconcile()
    assert rig.status(cl_ord_id) is OrdStatus.NEW
    await rig.wait(3)

    assert rig.status(cl_ord_id) is OrdStatus.EXPIRED
    assert rig.events(BreakFiled) == []


@on_virtual_time
async def test_a_look_that_fails_begins_the_row_anew(rig: Rig) -> None:
    rig.broker.declare(late_ms=20_000)
    await opened(rig)
    cl_ord_id = await doubtful(rig)
    await rig.wait(70)

    rig.broker.unreadable.add("A1")
    await rig.wait(60)
    rig.broker.unreadable.clear()
    await rig.wait(50)

    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT


@on_virtual_time
async def test_a_doubt_that_nothing_proves_becomes_a_persons(rig: Rig) -> None:
    """Its broker's clock stands still: no reading proves anything."""
    rig.broker.declare(late_ms=20_000)
    await opened(rig)
    rig.broker.now = lambda: 1
    cl_ord_id = await doubtful(rig)

    await rig.wait(3_600)
    (filed,) = rig.events(BreakFiled)
    assert (filed.found.kind, filed.found.subject) == (BreakKind.ORDER_IN_DOUBT, cl_ord_id)
    count = len(rig.broker.read)
    await rig.wait(3_600)

    assert len(rig.broker.read) == count, "only in its turn"
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT


@on_virtual_time
async def test_every_account_has_its_turn_once_in_an_interval(rig: Rig) -> None:
    rig.interval_ns = MINUTE
    await opened(rig, "A1", "A2", "A3")
    await rig.wait(60)
    rig.broker.read.clear()

    await rig.wait(180)

    assert sorted(rig.broker.read) == 3 * ["A1"] + 3 * ["A2"] + 3 * ["A3"]


@on_virtual_time
async def test_whoever_was_read_lately_waits_for_its_next_turn(rig: Rig) -> None:
    rig.interval_ns = MINUTE
    await opened(rig)
    await rig.wait(50)
    rig.broker.read.clear()

    await rig.desk.reconciler.reconcile(["A1"])
    await rig.wait(20)

    assert rig.broker.read == ["A1"]


@on_virtual_time
async def test_a_difference_is_a_break_when_it_stands_twice(rig: Rig) -> None:
    await opened(rig)
    cl_ord_id = await rig.bought()

    await rig.desk.reconciler.reconcile(["A1"])
    assert rig.events(BreakFiled) == []
    await rig.wait(3)
    (filed,) = rig.events(BreakFiled)
    assert filed.found.kind is BreakKind.ORDER_MISSING
    rig.broker.show(cl_ord_id)
    (report,) = await rig.desk.reconciler.reconcile(["A1"])

    assert report.status is ReadStatus.MATCHED
    assert len(rig.events(BreakClosed)) == 1


# --- what a reading does -------------------------------------------------------------------------


@on_virtual_time
async def test_a_report_says_how_the_book_compares(rig: Rig) -> None:
    await opened(rig)
    order_id = rig.broker.show(await rig.bought(), OrdStatus.PARTIALLY_FILLED, 4)

    (report,) = await rig.desk.reconciler.reconcile()

    assert (report.account, report.broker, report.why) == ("A1", "script", "")
    assert report.status is ReadStatus.MATCHED
    assert report.comparison is not None
    orders = report.comparison.lines[0]
    assert (orders.what, orders.ours, orders.theirs, orders.matched) == ("orders", 1, 1, 1)
    assert rig.desk.reconciler.reports() == {"A1": report}
    assert rig.broker.orders[order_id].cum_quantity == whole(4)


@on_virtual_time
async def test_what_somebody_did_outside_is_booked_once(rig: Rig) -> None:
    await opened(rig)
    what = ("A1", INFY, Side.BUY, Product.DELIVERY, whole(5), PRICE)
    rig.broker.trades.append(BrokerTrade("X1", "outside", *what))

    for _ in range(3):
        await rig.desk.reconciler.reconcile()

    assert len(rig.events(ForeignFillBooked)) == 1


@on_virtual_time
async def test_a_book_that_cannot_be_read_is_tried_for_ever_and_closes_its_account(
    rig: Rig,
) -> None:
    await opened(rig, "A1", "A2")
    rig.broker.readings.extend([failing] * READS_MAX)

    await rig.desk.reconciler.reconcile(["A1"])
    assert rig.desk.closed == {}, "once is nothing"
    await rig.wait(14)
    assert rig.desk.closed == {}
    await rig.wait(2)
    assert rig.desk.closed == {"A1": "its book could not be read: HTTP 500"}
    report = rig.desk.reconciler.reports()["A1"]
    assert (report.status, report.tries, report.why) == (ReadStatus.UNREAD, READS_MAX, "HTTP 500")
    (filed,) = rig.events(BreakFiled)
    assert filed.found.kind is BreakKind.BOOK_UNREADABLE
    await rig.wait(30)

    assert rig.desk.closed == {}
    assert len(rig.events(BreakClosed)) == 1


@on_virtual_time
async def test_a_reading_that_hangs_is_given_up(rig: Rig) -> None:
    await opened(rig)
    rig.broker.readings.append(hanging)

    (report,) = await rig.desk.reconciler.reconcile()

    assert (report.status, report.why) == (ReadStatus.UNREAD, "no answer within 30 s")
    await rig.wait(2)
    assert rig.desk.reconciler.reports()["A1"].status is ReadStatus.MATCHED


@on_virtual_time
async def test_a_reading_that_cannot_be_given_up_is_not_begun_twice(rig: Rig) -> None:
    await opened(rig)
    rig.broker.readings.append(deaf)

    await rig.wait(READ_S)
    await rig.desk.reconciler.reconcile()
    await rig.wait(100)

    assert rig.broker.read == ["A1"]
    report = rig.desk.reconciler.reports()["A1"]
    assert report.why == "the reading before this one has not ended yet"


@on_virtual_time
async def test_a_book_that_comes_twice_changes_nothing_the_second_time(rig: Rig) -> None:
    await opened(rig)
    rig.broker.show(await rig.bought(), OrdStatus.FILLED, 10)
    await rig.desk.reconciler.reconcile()
    seq = rig.state.seq

    await rig.desk.reconciler.reconcile()

    assert rig.state.seq == seq


@on_virtual_time
async def test_the_book_of_somebody_else_is_nobodys(rig: Rig) -> None:
    await opened(rig, "A1", "A2")

    async def mixed_up(_: AccountId) -> BrokerBook:
        return rig.broker.shown("A2")

    rig.broker.readings.append(mixed_up)
    (report,) = await rig.desk.reconciler.reconcile(["A1"])

    assert (report.status, report.why) == (ReadStatus.UNREAD, "it is the book of A2")


@on_virtual_time
async def test_a_broken_module_is_said_and_closes_nobody_at_once(rig: Rig) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    await opened(rig)

    async def broken(_: AccountId) -> BrokerBook:
        raise TypeError("a bug in a broker module")

    rig.broker.readings.append(broken)
    (report,) = await rig.desk.reconciler.reconcile()

    assert report.why == "a bug in a broker module"
    assert len(said) == 1
    assert rig.desk.closed == {}


@on_virtual_time
async def test_an_order_that_the_journal_lost_keeps_every_account_closed(rig: Rig) -> None:
    await opened(rig, "A1", "A2")
    rig.broker.show("AA0ZZZZZZZ")

    await rig.desk.reconciler.reconcile()
    await rig.wait(3)

    assert "the journal does not know" in rig.desk.closed["A1"]
    assert "of account A1" in rig.desk.closed["A2"]
    (filed,) = rig.events(BreakFiled)
    assert filed.found.kind is BreakKind.ORDER_UNKNOWN


# --- sessions ------------------------------------------------------------------------------------


@on_virtual_time
async def test_a_session_that_is_down_closes_its_account_until_it_was_read_again(rig: Rig) -> None:
    await opened(rig, "A1", "A2")
    cl_ord_id = await rig.bought()

    rig.broker.session("A1", "logged out")
    assert rig.desk.closed == {"A1": "its session is down: logged out"}
    await rig.wait(300)
    assert rig.broker.read == []
    (report,) = await rig.desk.reconciler.reconcile(["A1"])
    assert (report.status, report.why) == (
        ReadStatus.UNREAD,
        "its session is down: logged out",
    )
    rig.broker.show(cl_ord_id, OrdStatus.FILLED, 10)
    rig.broker.session("A1")
    assert rig.desk.closed == {"A1": "its session is up again, and its book is not read yet"}
    await rig.wait()

    assert rig.desk.closed == {}
    assert rig.status(cl_ord_id) is OrdStatus.FILLED


@on_virtual_time
async def test_nothing_leaves_while_the_session_is_down(rig: Rig) -> None:
    await opened(rig)
    bought = await rig.bought()
    rig.broker.session("A1", "logged out")
    await rig.cancel(bought)
    assert rig.broker.cancels == []

    rig.broker.show(bought)
    rig.broker.session("A1")
    await rig.wait()

    assert len(rig.broker.cancels) == 1


@on_virtual_time
async def test_a_book_that_was_read_before_its_account_was_closed_opens_nothing(rig: Rig) -> None:
    await opened(rig)
    later = Later(rig)
    rig.broker.readings.append(later)
    reading = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()

    rig.broker.session("A1", "logged out")
    await later.answer()

    assert list(rig.desk.closed) == ["A1"]
    (report,) = await reading
    assert report.status is ReadStatus.UNREAD


@on_virtual_time
async def test_a_session_that_flaps_during_a_reading_is_read_again_after_it(rig: Rig) -> None:
    await opened(rig)
    later = Later(rig)
    rig.broker.readings.append(later)
    reading = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()

    for _ in range(20):
        rig.broker.session("A1", "reset")
        rig.broker.session("A1")
    assert rig.broker.read == ["A1"]
    await later.answer()
    await reading

    assert rig.broker.read == ["A1", "A1"], "once for all of them"
    assert rig.desk.closed == {}


@on_virtual_time
async def test_a_session_that_comes_up_without_having_been_down_is_read(rig: Rig) -> None:
    await opened(rig)

    rig.broker.session("A1")
    assert rig.desk.closed == {}
    await rig.wait()

    assert rig.broker.read == ["A1"]


@on_virtual_time
async def test_sessions_of_strangers_are_nobodys_business(rig: Rig) -> None:
    await opened(rig)

    rig.broker.session("ZZ", "logged out")
    await rig.wait()

    assert rig.desk.closed == {}


# --- faults --------------------------------------------------------------------------------------


@on_virtual_time
async def test_a_fault_closes_its_account_until_its_book_was_read(rig: Rig) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    await opened(rig)
    cl_ord_id = await rig.bought()
    rig.broker.show(cl_ord_id, OrdStatus.PARTIALLY_FILLED, 4)
    patch = pytest.MonkeyPatch()
    patch.setitem(decide_module._DECIDERS, c.BookReport, _break)

    rig.broker.fill(cl_ord_id, whole(4))
    patch.undo()
    why = "BookReport of AA00000000 could not be booked: AssertionError('broken')"
    assert rig.desk.closed == {"A1": why}
    await rig.wait(1)

    assert rig.desk.closed == {}
    assert rig.order(cl_ord_id).cum_quantity == whole(4)


@on_virtual_time
async def test_a_reading_that_cannot_be_adopted_is_one_that_failed(rig: Rig) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    await opened(rig)
    patch = pytest.MonkeyPatch()
    patch.setattr("phalanx.desk.reconciling.adoption.compare", _break)

    (report,) = await rig.desk.reconciler.reconcile()

    patch.undo()
    assert (report.status, report.why) == (ReadStatus.UNREAD, "broken")
    assert len(said) == 1


def _break(*_: object) -> None:
    raise AssertionError("broken")


# --- on demand -----------------------------------------------------------------------------------


@on_virtual_time
async def test_who_asks_joins_a_reading_under_way(rig: Rig) -> None:
    await opened(rig)
    later = Later(rig)
    rig.broker.readings.append(later)
    asked = [asyncio.ensure_future(rig.desk.reconciler.reconcile(["A1"])) for _ in range(5)]
    await rig.wait()

    await later.answer()
    reports = [await one for one in asked]

    assert rig.broker.read == ["A1"]
    assert [report.status for (report,) in reports] == 5 * [ReadStatus.MATCHED]


@on_virtual_time
async def test_so_many_books_are_read_at_a_time_and_no_more(rig: Rig) -> None:
    accounts = [f"A{n:02}" for n in range(READS_AT_ONCE + 3)]
    await opened(rig, *accounts)
    await rig.account("B1", broker="other")
    later = [Later(rig) for _ in accounts]
    rig.broker.readings.extend(later)

    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()
    assert len(rig.broker.read) == READS_AT_ONCE
    assert rig.desk.reconciler.reports()["B1"].status is ReadStatus.MATCHED, "it waits for nobody"
    for one in later:
        await one.answer()

    assert len(await asked) == len(accounts) + 1
    assert rig.broker.read == accounts


@on_virtual_time
async def test_a_reading_that_waits_for_its_turn_is_not_begun_again(rig: Rig) -> None:
    """Sessions that flap twice while hundreds wait: one more reading of who was being asked, no more."""
    accounts = [f"A{n:02}" for n in range(3 * READS_AT_ONCE)]
    await opened(rig, *accounts)
    later = [Later(rig) for _ in range(READS_AT_ONCE)]
    rig.broker.readings.extend(later)

    for _ in range(3):
        for account in accounts:
            rig.broker.session(account, "cut")
            rig.broker.session(account)
        await rig.wait()
    for one in later:
        await one.answer()
    await rig.wait(1)

    assert len(rig.broker.read) == len(accounts) + READS_AT_ONCE
    assert rig.desk.closed == {}


@on_virtual_time
async def test_doubt_is_asked_about_before_whoever_only_has_its_turn(rig: Rig) -> None:
    accounts = [f"A{n:02}" for n in range(2 * READS_AT_ONCE)]
    await opened(rig, *accounts)
    later = [Later(rig) for _ in accounts]
    rig.broker.readings.extend(later)
    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()

    rig.desk.reconciler.read_soon(accounts[-1])
    await rig.wait(1)
    await later[0].answer()

    assert rig.broker.read[READS_AT_ONCE:] == [accounts[-1]]
    for one in later[1:]:
        await one.answer()
    await asked
    assert len(rig.broker.read) == len(accounts)


@on_virtual_time
async def test_a_reading_with_very_much_in_it_is_taken_in_by_several(rig: Rig) -> None:
    await opened(rig)
    what = ("A1", INFY, Side.BUY, Product.DELIVERY, whole(1), PRICE)
    count = 2 * EVENTS_AT_ONCE_MAX + 1
    rig.broker.trades += [BrokerTrade(f"X{n}", "outside", *what) for n in range(count)]
    before = rig.state.seq
    turns: list[int] = []
    rig.desk.observe(lambda _, seq: turns.append(seq - before - sum(turns)))

    (report,) = await rig.desk.reconciler.reconcile()

    assert report.status is not ReadStatus.UNREAD
    assert len(rig.events(ForeignFillBooked)) == count
    assert max(turns) <= EVENTS_AT_ONCE_MAX
    assert len(rig.broker.read) == 3
    assert rig.desk.closed == {}


@on_virtual_time
async def test_an_answer_on_demand_comes_in_time_with_what_there_is(rig: Rig) -> None:
    accounts = [f"A{n:02}" for n in range(4 * READS_AT_ONCE)]
    await opened(rig, *accounts)
    rig.broker.readings.extend([hanging] * 200)
    began = rig.clock.monotonic()

    reports = await rig.desk.reconciler.reconcile()

    took = rig.clock.monotonic() - began
    assert RECONCILE_NS_MAX <= took < RECONCILE_NS_MAX + SECOND
    assert {report.status for report in reports} == {ReadStatus.UNREAD, ReadStatus.MATCHED}


@on_virtual_time
async def test_no_more_may_wait_than_there_is_room_for(rig: Rig) -> None:
    await opened(rig)
    rig.broker.readings.append(hanging)
    asked = [asyncio.ensure_future(rig.desk.reconciler.reconcile()) for _ in range(CALLERS_MAX)]
    await rig.wait()

    with pytest.raises(Overloaded):
        await rig.desk.reconciler.reconcile()

    assert len(await asyncio.gather(*asked)) == CALLERS_MAX
    assert await rig.desk.reconciler.reconcile()


@on_virtual_time
async def test_nobody_is_read_at_a_broker_that_is_not_there(rig: Rig) -> None:
    await rig.start()
    await rig.account(broker="nowhere")

    (report,) = await rig.desk.reconciler.reconcile()

    assert (report.status, report.why) == (
        ReadStatus.UNREAD,
        "its book at nowhere is not read yet",
    )


@on_virtual_time
async def test_after_the_end_nothing_is_read(rig: Rig) -> None:
    await opened(rig)
    rig.broker.readings.append(hanging)
    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()

    await rig.desk.stop()

    (report,) = await asked
    assert rig.broker.read == ["A1"]
    assert report.at < rig.clock.now() - SECOND // 4, "the one of before"
    with pytest.raises(Stopped):
        await rig.desk.reconciler.reconcile()


@on_virtual_time
async def test_a_new_account_is_closed_until_its_book_was_read(rig: Rig) -> None:
    desk = await rig.start()
    client = Client(1, "somebody")
    put = c.PutReference(ORIGIN, clients=(client,), accounts=(Account("A1", 1, "script"),))

    await desk.execute(put)

    assert desk.closed == {"A1": "its book at script is not read yet"}
    await rig.wait(1)
    assert (desk.closed, rig.broker.read) == ({}, ["A1"])


@on_virtual_time
async def test_so_is_one_that_another_command_put(rig: Rig) -> None:
    desk = await rig.start()
    template = Account("", 1, "script")

    await desk.execute(c.ImportClients(ORIGIN, (c.ImportedClient("Ann", whole(1)),), template))

    assert list(desk.closed.values()) == ["its book at script is not read yet"]


@on_virtual_time
async def test_a_reading_at_the_old_broker_opens_nothing_at_the_new_one(rig: Rig) -> None:
    await opened(rig)
    later = Later(rig)
    rig.broker.readings.append(later)
    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()
    moved = msgspec.structs.replace(rig.state.accounts["A1"], broker="other", login="other")
    await rig.desk.execute(c.PutReference(ORIGIN, accounts=(moved,)))

    await later.answer()
    await asked
    await rig.wait(1)

    assert (rig.desk.closed, rig.other.read) == ({}, ["A1"])


@on_virtual_time
async def test_an_account_that_goes_elsewhere_is_closed_until_its_book_there_was_read(
    rig: Rig,
) -> None:
    desk = await rig.start()
    await rig.account()
    await desk.reconciler.reconcile()
    before = desk.state.accounts["A1"]

    await desk.execute(
        c.PutReference(ORIGIN, accounts=(msgspec.structs.replace(before, enabled=False),))
    )
    assert desk.closed == {}
    moved = msgspec.structs.replace(before, broker="other", login="other")
    await desk.execute(c.PutReference(ORIGIN, accounts=(moved,)))

    assert desk.closed == {"A1": "its book at other is not read yet"}
    assert desk.reconciler.report("A1").broker == "other"
    await rig.wait(1)
    assert (desk.closed, rig.other.read) == ({}, ["A1"])
    assert desk.reconciler.report("A1").status is ReadStatus.MATCHED


@on_virtual_time
async def test_a_reading_that_is_under_way_is_told_from_one_that_is_not(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    assert not desk.reconciler.is_reading("A1")

    later = Later(rig)
    rig.broker.readings.append(later)
    desk.reconciler.read_soon("A1")
    await rig.wait(1)

    assert desk.reconciler.is_reading("A1")
    await later.answer()
    assert not desk.reconciler.is_reading("A1")
