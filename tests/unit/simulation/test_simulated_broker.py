"""The stub brokers' session over the network: every fault, and what the desk is told of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from phalanx.brokers.port import (
    Accepted,
    CancelRequest,
    NeverWritten,
    Refused,
    ReplaceRequest,
    Unknown,
)
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import BASIS_POINTS, whole
from phalanx.domain.orders import ExecType, OrdStatus, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.simulation.exchange import Code, StubExchange
from phalanx.simulation.network import LIMITED, STALE_MAX, UNAUTHORIZED, Fault, Network, Rates
from phalanx.simulation.simulated_broker import (
    ANSWER_NS_MAX,
    LATE_MS,
    READING_NS_MAX,
    SimulatedBroker,
)
from phalanx.simulation.virtual import Process, VirtualClock, VirtualLoop, VirtualTimer, simulate
from tests.fakes.desk import RecordingTicket, Reports
from tests.unit.simulation.test_exchange import INFY, TAG, L, N, order

ALWAYS = BASIS_POINTS
WELL = Rates()


class Line:
    """An exchange, a network and one process's session."""

    def __init__(self, loop: VirtualLoop, rates: Rates, kind: BrokerKind = L) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.exchange = StubExchange("X", kind, self.clock)
        self.exchange.open("A", whole(10_000))
        self.network = Network(loop, self.exchange, 0, rates)
        self.process = Process(loop, "p")
        self.reports = Reports()
        self.sessions: list[tuple[str, str]] = []
        self.broker = self.session(self.process)

    def session(self, process: Process) -> SimulatedBroker:
        broker = SimulatedBroker(self.network, process)
        broker.listen(
            self.reports.append, lambda account, why: self.sessions.append((account, why))
        )
        return broker

    async def connect(self) -> None:
        await self.process.ask(self.broker.connect)

    def place(self, ticket: RecordingTicket | None = None, tag: str = TAG) -> RecordingTicket:
        ticket = ticket or RecordingTicket()
        self.process.run(self.broker.place, order(tag), ticket)
        return ticket

    async def wait(self, seconds: float = 1.0) -> None:
        await VirtualTimer(self.loop).sleep(int(seconds * SECOND))

    @property
    def orders(self) -> list[str]:
        return [found.tag for found in self.exchange.orders()]


Story = Callable[[Line], Coroutine[Any, Any, None]]


def faulty(*faults: Fault, share: int = ALWAYS) -> Rates:
    """A network with only these faults."""
    return msgspec.convert({f"{fault}_bps": share for fault in faults}, Rates)


def play(
    story: Story,
    rates: Rates = WELL,
    kind: BrokerKind = L,
    *,
    connected: bool = True,
) -> Line:
    """Tell a story about a line whose faults begin once it is connected."""

    async def tell(loop: VirtualLoop) -> Line:
        line = Line(loop, Rates(), kind)
        if connected:
            await line.connect()
        line.network.rates = rates
        await story(line)
        return line

    return simulate(tell)


# --- when all is well ----------------------------------------------------------------------------


def test_an_order_is_written_taken_answered_and_reported() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        assert ticket.calls == ["admit", "written"]
        await line.wait()
        assert ticket.outcome == Accepted("X-1")
        assert [report.exec_type for report in line.reports.of(TAG)] == [ExecType.NEW]
        line.exchange.fill("X-1", whole(10), whole(100))
        await line.wait()
        assert line.reports[-1].exec_type is ExecType.TRADE
        (book,) = [await line.process.ask(lambda: line.broker.book("A"))]
        assert book == line.exchange.book("A") or book.orders == line.exchange.book("A").orders

    line = play(story)
    assert not line.network.faults
    assert line.sessions == []


def test_a_change_and_a_cancel_go_the_same_way() -> None:
    async def story(line: Line) -> None:
        line.place()
        await line.wait()
        change, cancel = RecordingTicket(), RecordingTicket()
        terms = ("R1", TAG, "X-1", "A", whole(5), whole(99))
        line.process.run(line.broker.replace, ReplaceRequest(*terms), change)
        await line.wait()
        line.process.run(line.broker.cancel, CancelRequest("R2", TAG, "X-1", "A"), cancel)
        await line.wait()
        assert change.outcome == cancel.outcome == Accepted("X-1")
        said = [report.exec_type for report in line.reports]
        assert said == [ExecType.NEW, ExecType.REPLACED, ExecType.CANCELED]

    play(story)


def test_what_the_gate_refuses_is_not_written() -> None:
    async def story(line: Line) -> None:
        no = Reason(ReasonCode.SEND_DEADLINE)
        ticket = line.place(RecordingTicket(refuse=no))
        await line.wait()
        assert ticket.calls == ["admit", "done"]
        assert ticket.outcome == NeverWritten(no)
        assert line.orders == []

    play(story)


def test_a_broker_without_tags_says_whose_order_it_is_and_its_own_id() -> None:
    async def story(line: Line) -> None:
        line.place()
        await line.wait()
        (report,) = line.reports
        assert (report.cl_ord_id, report.account, report.order_id) == ("", "A", "X-1")

    play(story, kind=N)


def test_a_declared_refusal_is_definite_and_a_used_tag_is_not() -> None:
    async def story(line: Line) -> None:
        line.exchange.refuse_next = 1
        refused = line.place()
        await line.wait()
        line.place()
        await line.wait()
        again = line.place()
        await line.wait()
        assert isinstance(refused.outcome, Refused)
        assert refused.outcome.code == Code.REJECTED
        assert isinstance(again.outcome, Unknown)

    play(story, kind=BrokerKind.REFUSES_DUPLICATES)


# --- every fault of a request --------------------------------------------------------------------


def test_no_connection_means_not_a_byte_and_again() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        assert ticket.calls == ["done"]
        assert isinstance(ticket.outcome, NeverWritten)
        assert ticket.outcome.again
        await line.wait()
        assert line.orders == []

    assert play(story, faulty(Fault.UNREACHABLE)).network.faults == {Fault.UNREACHABLE: 1}


@pytest.mark.parametrize(
    ("fault", "taken", "code"),
    [
        (Fault.REQUEST_LOST, False, None),
        (Fault.ANSWER_LOST, True, None),
        (Fault.GARBAGE_AFTER, True, None),
        (Fault.ERROR_INSTEAD, False, None),
        (Fault.ERROR_AFTER, True, None),
        (Fault.LIMITED, False, LIMITED),
        (Fault.TOKEN_DEATH, False, UNAUTHORIZED),
    ],
)
def test_only_a_declared_code_is_a_refusal_and_everything_else_is_unknown(
    fault: Fault, taken: bool, code: str | None
) -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        await line.wait(ANSWER_NS_MAX / SECOND + 1)
        if code is None:
            assert isinstance(ticket.outcome, Unknown)
        else:
            assert isinstance(ticket.outcome, Refused)
            assert ticket.outcome.code == code
        assert line.orders == ([TAG] if taken else [])

    faults = play(story, faulty(fault)).network.faults
    assert set(faults) == {fault}


def test_a_late_request_arrives_within_what_is_declared_whoever_has_died() -> None:
    async def story(line: Line) -> None:
        tickets = [line.place(tag=f"AA{number:08}") for number in range(20)]
        line.process.kill()
        await line.wait(LATE_MS / 1_000)
        assert len(line.orders) == 20
        last = max(found.time for found in line.exchange.orders())
        assert 10 * SECOND < last - line.clock.now() + LATE_MS * 10**6 <= LATE_MS * 10**6
        assert all(ticket.calls == ["admit", "written"] for ticket in tickets)

    assert play(story, faulty(Fault.REQUEST_LATE)).network.faults == {Fault.REQUEST_LATE: 20}


def test_an_answer_after_the_session_stopped_waiting_is_not_heard() -> None:
    async def story(line: Line) -> None:
        tickets = [line.place(tag=f"AA{number:08}") for number in range(20)]
        await line.wait(30)
        outcomes = {type(ticket.outcome) for ticket in tickets}
        assert outcomes == {Unknown, Accepted}

    play(story, faulty(Fault.ANSWER_LATE))


# --- sessions ------------------------------------------------------------------------------------


def test_a_reset_leaves_doubt_and_the_session_comes_back_by_itself() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        line.network.reset()
        await line.wait(0.1)
        assert isinstance(ticket.outcome, Unknown)
        assert isinstance(line.place().outcome, NeverWritten)
        with pytest.raises(ConnectionError):
            await line.process.ask(lambda: line.broker.book("A"))
        await line.wait(5)
        assert [why == "" for _, why in line.sessions] == [False, True]
        assert {account for account, _ in line.sessions} == {"A"}
        again = line.place(tag="AA00000002")
        await line.wait()
        assert isinstance(again.outcome, Accepted)

    play(story)


def test_while_a_broker_is_away_nobody_gets_through() -> None:
    async def story(line: Line) -> None:
        line.network.restart(3_000)
        await line.wait(2)
        assert isinstance(line.place().outcome, NeverWritten)
        assert [why == "" for _, why in line.sessions] == [False]
        await line.wait(2)
        assert line.sessions[-1] == ("A", "")
        ticket = line.place()
        await line.wait()
        assert isinstance(ticket.outcome, Accepted)

    assert play(story).network.faults == {Fault.RESTART: 1}


@pytest.mark.parametrize(("keep", "heard"), [(True, 1), (False, 0)])
def test_reports_of_the_time_without_a_session_are_kept_or_lost(keep: bool, heard: int) -> None:
    async def story(line: Line) -> None:
        line.place()
        await line.wait()
        line.network.restart(1_000, keep_reports=keep)
        await line.wait(0.5)
        line.exchange.fill("X-1", whole(10), whole(100))
        await line.wait(5)
        assert [r.exec_type for r in line.reports].count(ExecType.TRADE) == heard

    play(story)


def test_a_dead_token_is_noticed_once_and_renewed_once() -> None:
    async def story(line: Line) -> None:
        line.network.kill_token()
        tickets = [line.place(tag=f"AA{number:08}") for number in range(3)]
        await line.wait(3)
        assert [why == "" for _, why in line.sessions] == [False, True]
        outcomes = [type(ticket.outcome) for ticket in tickets]
        assert Refused in outcomes
        assert Accepted not in outcomes
        assert line.orders == []
        again = line.place()
        await line.wait()
        assert isinstance(again.outcome, Accepted)

    play(story)


def test_a_reading_finds_a_dead_token_too_and_renews_it() -> None:
    async def story(line: Line) -> None:
        line.network.kill_token()
        with pytest.raises(OSError, match="log in again"):
            await line.process.ask(lambda: line.broker.book("A"))
        await line.wait(1)
        assert [why == "" for _, why in line.sessions] == [False, True]
        assert (await line.process.ask(lambda: line.broker.book("A"))).account == "A"

    play(story)


def test_a_connection_that_breaks_before_the_login_is_answered_is_none() -> None:
    async def story(line: Line) -> None:
        line.network.rates = Rates(latency_ms=(100, 100))
        connecting = asyncio.ensure_future(line.connect())
        await line.wait(0.15)
        line.network.reset()
        with pytest.raises(ConnectionError):
            await connecting
        assert isinstance(line.place().outcome, NeverWritten)
        await line.connect()
        ticket = line.place()
        await line.wait()
        assert isinstance(ticket.outcome, Accepted)

    play(story, connected=False)


def test_connecting_fails_while_nobody_answers_and_can_be_tried_again() -> None:
    async def story(line: Line) -> None:
        line.network.is_up = False
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await line.connect()
        line.network.is_up = True
        await line.connect()
        ticket = line.place()
        await line.wait()
        assert isinstance(ticket.outcome, Accepted)
        assert line.sessions == []

    play(story, connected=False)


def test_a_session_that_was_cut_tries_until_somebody_answers() -> None:
    async def story(line: Line) -> None:
        line.network.is_up = False
        line.network.reset()
        await line.wait(5)
        assert [why == "" for _, why in line.sessions] == [False]
        line.network.is_up = True
        await line.wait(1)
        assert [why == "" for _, why in line.sessions] == [False, True]

    play(story)


def test_a_closed_session_answers_what_is_open_and_hears_nothing_more() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        await line.process.ask(line.broker.close)
        assert isinstance(ticket.outcome, Unknown)
        await line.wait(30)
        assert line.reports == []
        assert line.sessions == []
        assert isinstance(line.place().outcome, NeverWritten)

    play(story)


# --- processes -----------------------------------------------------------------------------------


def test_a_dead_process_hears_nothing_and_what_it_wrote_arrives() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        line.process.kill()
        await line.wait(30)
        assert ticket.calls == ["admit", "written"]
        assert line.orders == [TAG]
        assert line.reports == []
        assert line.exchange.taken[TAG][0].sender == "p"

    play(story)


def test_a_process_that_dies_while_it_writes_writes_nothing_more() -> None:
    async def story(line: Line) -> None:
        line.network.on_write = lambda _request, session: session.process.kill()
        first, second = line.place(), line.place(tag="AA00000002")
        await line.wait(30)
        assert first.calls == second.calls == ["admit"]
        assert line.orders == [TAG]

    play(story)


def test_a_paused_process_hears_everything_later() -> None:
    async def story(line: Line) -> None:
        ticket = line.place()
        line.process.pause()
        await line.wait(60)
        assert ticket.calls == ["admit", "written"]
        line.process.resume()
        await line.wait()
        assert isinstance(ticket.outcome, Accepted)
        assert [report.exec_type for report in line.reports] == [ExecType.NEW]

    play(story)


def test_the_next_process_has_a_session_of_its_own() -> None:
    async def story(line: Line) -> None:
        line.place()
        line.process.kill()
        await line.wait()
        other = Process(line.loop, "other")
        session = line.session(other)
        await other.ask(session.connect)
        line.exchange.fill("X-1", whole(10), whole(100))
        await line.wait()
        assert [report.exec_type for report in line.reports] == [ExecType.TRADE]

    play(story)


# --- reports and readings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "heard"), [(Fault.REPORT_LOST, 0), (Fault.REPORT_TWICE, 6), (Fault.REPORT_LATE, 3)]
)
def test_reports_get_lost_come_twice_and_overtake_each_other(fault: Fault, heard: int) -> None:
    async def story(line: Line) -> None:
        line.exchange.place(order(), "somebody")
        for _ in range(2):
            line.exchange.fill("X-1", whole(1), whole(100))
        await line.wait(10)
        assert len(line.reports) == heard

    play(story, faulty(fault))


def test_reports_come_in_order_unless_a_fault_says_otherwise() -> None:
    async def story(line: Line) -> None:
        line.exchange.place(order(quantity=100), "somebody")
        for _ in range(50):
            line.exchange.fill("X-1", whole(1), whole(100))
        await line.wait(10)

    def totals(rates: Rates = WELL) -> list[int]:
        return [report.cum_quantity for report in play(story, rates).reports]

    assert totals() == sorted(totals())
    assert len(totals()) == 51
    assert totals(faulty(Fault.REPORT_LATE, share=5_000)) != sorted(
        totals(faulty(Fault.REPORT_LATE, share=5_000))
    )


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.BOOK_FAILED, ConnectionError), (Fault.BOOK_LOST, TimeoutError)]
)
def test_a_reading_can_fail_and_says_so_in_time(fault: Fault, error: type[OSError]) -> None:
    async def story(line: Line) -> None:
        before = line.loop.elapsed_ns
        with pytest.raises(error):
            await line.process.ask(lambda: line.broker.book("A"))
        assert line.loop.elapsed_ns - before <= READING_NS_MAX

    play(story, faulty(fault))


def test_a_slow_reading_shows_more_filled_and_never_less() -> None:
    async def story(line: Line) -> None:
        line.place()
        await line.wait()
        reading = line.process.ask(lambda: line.broker.book("A"))
        await line.wait(0.02)
        line.exchange.fill("X-1", whole(10), whole(100))
        book = await reading
        assert [shown.status for shown in book.orders] == [OrdStatus.NEW]
        assert [trade.quantity for trade in book.trades] == [whole(10)]
        assert book.time < line.exchange.accounts["A"].trades[0].time

    play(story, faulty(Fault.BOOK_SLOW))


def test_a_stale_reading_shows_what_was_and_not_for_ever() -> None:
    async def story(line: Line) -> None:
        async def shown() -> int:
            book = await line.process.ask(lambda: line.broker.book("A"))
            assert line.clock.now() - book.time < SECOND
            return len(book.orders)

        assert await shown() == 0
        line.place()
        await line.wait()
        assert [await shown() for _ in range(STALE_MAX + 1)] == [*[0] * STALE_MAX, 1]
        assert line.broker.capabilities.looks_to_prove > STALE_MAX

    play(story, faulty(Fault.BOOK_STALE))


def test_an_incomplete_reading_lacks_a_trade_that_its_order_counts() -> None:
    async def story(line: Line) -> None:
        line.exchange.trade("A", INFY, Side.BUY, Product.DELIVERY, whole(1), whole(100))
        book = await line.process.ask(lambda: line.broker.book("A"))
        assert [shown.cum_quantity for shown in book.orders] == [whole(1)]
        assert book.trades == ()

    play(story, faulty(Fault.BOOK_INCOMPLETE))


def test_a_reading_ends_with_its_connection() -> None:
    async def story(line: Line) -> None:
        reading = line.process.ask(lambda: line.broker.book("A"))
        await line.wait(0)
        line.network.reset()
        with pytest.raises(ConnectionError):
            await reading

    play(story, faulty(Fault.BOOK_LOST))


def test_the_same_seed_has_the_same_faults() -> None:
    async def story(line: Line) -> None:
        for number in range(40):
            line.place(tag=f"AA{number:08}")
            await line.wait(0.3)

    kinds = (Fault.REQUEST_LOST, Fault.ERROR_AFTER, Fault.RESET, Fault.RESTART)

    def faults() -> tuple[Counter[str], list[str], int]:
        line = play(story, faulty(*kinds, share=1_000))
        return line.network.faults, line.orders, line.loop.steps

    assert faults() == faults()
    assert faults()[0].keys() == set(kinds)
