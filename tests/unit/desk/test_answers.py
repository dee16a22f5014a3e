"""What brokers answer, one order at a time: three outcomes, silence, and nonsense."""

import asyncio
from typing import Any

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.domain.events import OrderDoubted, OrderEnded, OrderReported
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from tests.fakes.rig import Rig, on_virtual_time, play
from tests.fakes.scripted_broker import UNREACHABLE, answer, keep, write


async def sent(rig: Rig) -> str:
    """An order that was written and waits for its answer."""
    await rig.start()
    await rig.account()
    (cl_ord_id,) = await rig.submit(rig.buy())
    return cl_ord_id


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Accepted("B1"), OrdStatus.NEW),
        (Refused("17", "no"), OrdStatus.REJECTED),
        (Unknown("400"), OrdStatus.IN_DOUBT),
    ],
    ids=["accepted", "refused", "unknown"],
)
def test_an_answer_becomes_a_status(outcome: Outcome, status: OrdStatus) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await sent(rig)

        rig.broker.tickets[cl_ord_id].done(outcome)
        await rig.wait()

        assert rig.status(cl_ord_id) is status
        assert rig.broker.placed == [cl_ord_id]

    play(story)


@on_virtual_time
async def test_the_brokers_own_words_are_kept(rig: Rig) -> None:
    cl_ord_id = await sent(rig)

    rig.broker.tickets[cl_ord_id].done(Refused("17", "margin"))
    await rig.wait()

    (reported,) = rig.events(OrderReported)
    assert str(reported.reason) == "the broker refused: 17 margin"


@on_virtual_time
async def test_a_doubt_is_never_sent_again_and_fills_end_it(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    rig.broker.tickets[cl_ord_id].done(Unknown("timeout"))
    await rig.wait(60)
    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT

    rig.broker.fill(cl_ord_id, whole(4))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.PARTIALLY_FILLED
    assert rig.broker.placed == [cl_ord_id]


@on_virtual_time
async def test_only_the_first_answer_counts(rig: Rig) -> None:
    cl_ord_id = await sent(rig)
    ticket = rig.broker.tickets[cl_ord_id]

    ticket.done(Accepted("B1"))
    ticket.done(Refused("17", "no"))
    ticket.done(NeverWritten(UNREACHABLE, again=True))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert rig.broker.placed == [cl_ord_id]


@pytest.mark.parametrize("again", [False, True])
def test_written_and_then_never_written_is_not_believed(again: bool) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await sent(rig)

        rig.broker.tickets[cl_ord_id].done(NeverWritten(UNREACHABLE, again=again))
        await rig.wait(2)

        assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
        assert rig.broker.placed == [cl_ord_id]

    play(story)


@on_virtual_time
async def test_an_answer_without_a_write_counts_as_written(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.buy())

    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    (lane,) = rig.desk.firing.turns
    assert lane.window._pending == 0


@on_virtual_time
async def test_silence_is_a_doubt_after_a_minute(rig: Rig) -> None:
    cl_ord_id = await sent(rig)

    await rig.wait(59)
    assert rig.status(cl_ord_id) is OrdStatus.SENT
    await rig.wait(2)

    assert rig.status(cl_ord_id) is OrdStatus.IN_DOUBT
    (doubted,) = rig.events(OrderDoubted)
    assert doubted.text == "no answer in time"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Accepted("B1"), OrdStatus.NEW), (Refused("17", "no"), OrdStatus.REJECTED)],
    ids=["accepted", "refused"],
)
def test_an_answer_after_that_is_booked_all_the_same(outcome: Outcome, status: OrdStatus) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await sent(rig)
        await rig.wait(61)

        rig.broker.tickets[cl_ord_id].done(outcome)
        await rig.wait()

        assert rig.status(cl_ord_id) is status

    play(story)


@on_virtual_time
async def test_a_session_that_never_writes_is_not_waited_for(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.buy())

    await rig.wait(61)
    assert rig.status(cl_ord_id) is OrdStatus.REJECTED
    write(rig.broker.asked[0], rig.broker.tickets[cl_ord_id])

    (ended,) = rig.events(OrderEnded)
    assert ended.reason.code is ReasonCode.SEND_DEADLINE
    assert not rig.desk.firing.is_busy()


@on_virtual_time
async def test_reports_of_orders_nobody_knows_are_passed_over(rig: Rig) -> None:
    await sent(rig)
    seq = rig.state.seq

    rig.broker.fill("ZZ00000000", whole(1))
    rig.broker.end("ZZ00000000")

    assert rig.state.seq == seq


@pytest.mark.parametrize("exec_type", ExecType)
@pytest.mark.parametrize("number", [-1, FIXED_MAX + 1, 2**70], ids=["negative", "large", "huge"])
def test_absurd_numbers_in_a_report_harm_nobody(exec_type: ExecType, number: int) -> None:
    async def story(rig: Rig) -> None:
        cl_ord_id = await sent(rig)

        report = ExecutionReport(
            cl_ord_id, exec_type, "B1", "E1", number, number, number, number, "", number, number
        )
        rig.broker.say(report)
        await rig.wait()

        assert rig.desk.stopped is None
        cash = rig.state.books["A1/P"].cash
        assert cash == whole(1_000_000)
        assert (await rig.restart()).stopped is None

    play(story)


@on_virtual_time
async def test_a_report_that_cannot_be_decided_closes_its_account_only(rig: Rig) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    (cl_ord_id,) = await rig.submit(rig.buy("A1"))
    decider = decide_module._DECIDERS[c.BookReport]
    decide_module._DECIDERS[c.BookReport] = _refuse_to_think
    seq = rig.state.seq
    try:
        rig.broker.fill(cl_ord_id, whole(1))
    finally:
        decide_module._DECIDERS[c.BookReport] = decider

    assert rig.state.seq == seq
    assert list(rig.desk.closed) == ["A1"]
    assert "BookReport" in rig.desk.closed["A1"]
    assert len(faults) == 1
    assert b'phalanx_faults_total{where="command"} 1.0' in rig.desk.metrics()
    assert await rig.submit(rig.buy("A1")) == []
    assert await rig.submit(rig.buy("A2")) != []
    assert rig.desk.readiness().ready


def _refuse_to_think(*_: object) -> list[Any]:
    raise AssertionError("odd")


@on_virtual_time
async def test_answers_do_not_wait_for_each_other(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.usual = answer(Refused("1", "no"))
    rig.broker.script.append(write)

    (first,) = await rig.submit(rig.buy())
    (second,) = await rig.submit(rig.buy())

    assert rig.status(first) is OrdStatus.SENT
    assert rig.status(second) is OrdStatus.REJECTED
