"""What a fill profile lets go wrong on paper: answers lost, reports twice, sessions dropped."""

import pytest

from phalanx.brokers.paper.answers import ANSWER_TIMEOUT_NS
from phalanx.brokers.paper.fills import drops_session, loses_answer, reports_twice
from phalanx.brokers.paper.sessions import DROPPED, DROPPED_NS
from phalanx.brokers.port import Accepted, NeverWritten, Unknown
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import MILLISECOND
from tests.fakes.paper import ACCOUNT, PaperWorld, order

ID = "AA00000001"
OTHER = "AA00000002"


async def _world(profile: FillProfile) -> PaperWorld:
    world = PaperWorld(profile)
    await world.broker.connect()
    return world


@pytest.mark.parametrize(
    ("happens", "field"),
    [
        (loses_answer, "lost_ack_bps"),
        (reports_twice, "duplicate_report_bps"),
        (drops_session, "dropped_socket_bps"),
    ],
)
def test_so_many_of_them_happen_by_seed_and_id_alone(happens, field) -> None:  # type: ignore[no-untyped-def]
    ids = [f"AA{number:08}" for number in range(4_000)]
    never, always = FillProfile(**{field: 0}), FillProfile(**{field: 10_000})
    some, others = FillProfile(**{field: 2_500}), FillProfile(**{field: 2_500}, seed=1)

    drawn = [happens(some, id) for id in ids]

    assert not any(happens(never, id) for id in ids)
    assert all(happens(always, id) for id in ids)
    assert 900 < sum(drawn) < 1_100
    assert drawn == [happens(some, id) for id in ids]
    assert drawn != [happens(others, id) for id in ids]


# --- lost answers ------------------------------------------------------------------------------


async def test_a_lost_answer_is_unknown_and_the_order_lives() -> None:
    world = await _world(FillProfile(lost_ack_bps=10_000, ack_delay_ms=20))
    ticket = world.place(order())

    world.clock.advance(20 * MILLISECOND)
    assert world.quantities(ID) == [10]
    world.clock.advance(ANSWER_TIMEOUT_NS - 20 * MILLISECOND - 1)
    assert ticket.outcomes == []
    world.clock.advance(1)

    assert ticket.outcome == Unknown("no answer within 5 s")
    (shown,) = (await world.broker.book(ACCOUNT)).orders
    assert shown.status is OrdStatus.FILLED


async def test_a_lost_refusal_is_unknown_too() -> None:
    world = await _world(FillProfile(lost_ack_bps=10_000, reject_bps=10_000))
    ticket = world.place(order())

    world.clock.advance(ANSWER_TIMEOUT_NS)

    assert isinstance(ticket.outcome, Unknown)
    (shown,) = (await world.broker.book(ACCOUNT)).orders
    assert shown.status is OrdStatus.REJECTED


async def test_the_answers_to_requests_are_lost_as_well() -> None:
    world = await _world(FillProfile(filled_bps=0))
    lost = await _world(FillProfile(filled_bps=0, lost_ack_bps=10_000))
    tickets = []
    for one in (world, lost):
        one.place(order())
        one.place(order(OTHER))
        one.clock.settle()
        tickets.append((one.replace(ID, 20, "101"), one.cancel(OTHER)))
        one.clock.advance(ANSWER_TIMEOUT_NS)

    assert [ticket.outcome for ticket in tickets[0]] == [Accepted(f"P{ID}"), Accepted(f"P{OTHER}")]
    assert all(isinstance(ticket.outcome, Unknown) for ticket in tickets[1])
    for one in (world, lost):
        assert one.exec_types(ID) == [ExecType.REPLACED]
        assert one.exec_types(OTHER) == [ExecType.CANCELED]


async def test_a_close_answers_a_lost_one_once() -> None:
    world = await _world(FillProfile(lost_ack_bps=10_000))
    ticket = world.place(order())
    world.clock.settle()

    await world.broker.close()
    world.clock.advance(2 * ANSWER_TIMEOUT_NS)

    assert ticket.outcome == Unknown("closed before the answer")


# --- reports twice -----------------------------------------------------------------------------


async def test_every_report_comes_again_on_a_later_turn() -> None:
    world = await _world(FillProfile(duplicate_report_bps=10_000, filled_bps=5_000))
    world.place(order())
    world.clock.turn()
    assert world.quantities(ID) == [5]
    world.clock.settle()
    world.cancel(ID)
    world.clock.settle()

    assert world.exec_types(ID) == [ExecType.TRADE] * 2 + [ExecType.CANCELED] * 2
    assert world.reports[0] == world.reports[1]
    assert world.reports[2] == world.reports[3]
    assert len((await world.broker.book(ACCOUNT)).trades) == 1


# --- dropped sessions --------------------------------------------------------------------------


async def test_what_happens_while_a_session_is_down_is_only_in_the_book() -> None:
    world = await _world(FillProfile(dropped_socket_bps=10_000))
    ticket = world.place(order())
    world.clock.settle()

    assert ticket.outcome == Accepted(f"P{ID}")
    assert world.sessions == [(ACCOUNT, DROPPED)]
    assert world.reports == []
    with pytest.raises(OSError, match="session of A is down"):
        await world.broker.book(ACCOUNT)
    world.clock.advance(DROPPED_NS)

    assert world.sessions == [(ACCOUNT, DROPPED), (ACCOUNT, "")]
    assert world.reports == []
    book = await world.broker.book(ACCOUNT)
    assert [trade.quantity for trade in book.trades] == [whole(10)]


async def test_nothing_is_written_while_it_is_down() -> None:
    world = await _world(FillProfile(dropped_socket_bps=10_000, filled_bps=0))
    world.place(order())
    world.clock.settle()

    tickets = [world.place(order(OTHER)), world.cancel(ID), world.replace(ID, 20, "101")]
    for ticket in tickets:
        assert isinstance(ticket.outcome, NeverWritten)
        assert ticket.outcome.again
        assert ticket.outcome.reason.code is ReasonCode.BROKER_UNREACHABLE
        assert ticket.calls == ["done"]
    world.clock.advance(DROPPED_NS)
    again = world.cancel(ID)
    world.clock.settle()

    assert again.outcome == Accepted(f"P{ID}")
    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_answers_that_were_under_way_are_lost_with_it() -> None:
    world = await _world(FillProfile(dropped_socket_bps=10_000, ack_delay_ms=20, filled_bps=0))
    world.place(order())
    world.clock.advance(10 * MILLISECOND)
    waiting = world.place(order(OTHER))
    elsewhere = world.place(order("BB00000001", account="B"))
    assert elsewhere.outcomes == []

    world.clock.advance(15 * MILLISECOND)

    assert waiting.outcome == Unknown(f"{DROPPED} before the answer")
    world.clock.advance(DROPPED_NS)
    assert [shown.status for shown in (await world.broker.book(ACCOUNT)).orders] == [
        OrdStatus.NEW,
        OrdStatus.NEW,
    ]
    assert len(world.sessions) == 2


async def test_other_accounts_go_on() -> None:
    world = await _world(FillProfile(dropped_socket_bps=10_000))
    world.open_account("B", FillProfile())
    world.place(order())
    world.clock.settle()

    ticket = world.place(order(OTHER, account="B"))
    world.clock.settle()

    assert ticket.outcome == Accepted(f"P{OTHER}")
    assert world.quantities(OTHER) == [10]


async def test_after_close_no_session_comes_back() -> None:
    world = await _world(FillProfile(dropped_socket_bps=10_000))
    world.place(order())
    world.clock.settle()

    await world.broker.close()
    world.clock.advance(2 * DROPPED_NS)

    assert world.sessions == [(ACCOUNT, DROPPED)]
