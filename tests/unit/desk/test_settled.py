"""Waiting for brokers: as long as it takes or the time is over, and never ahead of the disk."""

import asyncio

import pytest

from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.desk import settled as settled_module
from phalanx.desk.settled import Settled
from phalanx.domain.accounts import RateLimit
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, OrdStatus, Side
from phalanx.domain.time import MILLISECOND, SECOND
from tests.fakes.rig import Rig, ids, on_virtual_time

TWO_SECONDS = 2 * SECOND


async def signalled(rig: Rig, *accounts: str) -> list[ClOrdId]:
    """A fan-out that is written and not answered yet."""
    await rig.start()
    for account in accounts:
        await rig.account(account)
    await rig.subscribe(*accounts)
    return await rig.submit(rig.signal(Side.BUY))


def is_idle(rig: Rig) -> bool:
    answers = rig.desk._settled
    return not (answers._waits or answers._waiters or answers._waited_for)


@on_virtual_time
async def test_it_waits_until_each_is_answered(rig: Rig) -> None:
    first, second, third = await signalled(rig, "A1", "A2", "A3")
    waiting = asyncio.create_task(rig.desk.settled((first, second, third), TWO_SECONDS))
    await rig.wait(0.1)
    rig.broker.tickets[first].done(Accepted("B1"))
    rig.broker.tickets[second].done(Refused("17", "no margin"))
    await rig.wait(0.1)
    assert not waiting.done()
    rig.broker.tickets[third].done(Unknown("time-out"))
    rig.broker.fill(first, whole(1))

    found = await waiting

    assert found[first] == Settled(OrdStatus.FILLED, "", f"B{first}", whole(1))
    assert found[second].status is OrdStatus.REJECTED
    assert found[second].reason == "BROKER_REJECTED"
    assert "no margin" in found[second].message
    assert found[third] == Settled(OrdStatus.IN_DOUBT, "", "", 0, "time-out")
    assert is_idle(rig)


@on_virtual_time
async def test_it_waits_no_longer_than_it_was_told(rig: Rig) -> None:
    first, second = await signalled(rig, "A1", "A2")
    rig.broker.tickets[first].done(Accepted("B1"))
    before = rig.clock.monotonic()

    found = await rig.desk.settled((first, second), TWO_SECONDS)

    waited = rig.clock.monotonic() - before
    assert TWO_SECONDS <= waited < TWO_SECONDS + MILLISECOND
    assert found[first].status is OrdStatus.NEW
    assert found[second] == Settled(OrdStatus.SENT, "", "", 0)
    assert is_idle(rig)


@on_virtual_time
async def test_what_is_answered_already_is_told_at_once(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    rig.broker.tickets[order].done(Refused("17", "no margin"))
    await rig.wait()
    before = rig.clock.monotonic()

    found = await rig.desk.settled((order,), TWO_SECONDS)

    assert rig.clock.monotonic() == before
    assert found[order].reason == "BROKER_REJECTED"


@on_virtual_time
async def test_an_answer_that_is_decided_and_not_durable_is_waited_for(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    rig.commit_ns = 200 * MILLISECOND
    rig.broker.tickets[order].done(Accepted("B1"))
    assert rig.status(order) is OrdStatus.NEW

    waiting = asyncio.create_task(rig.desk.settled((order,), TWO_SECONDS))
    await rig.wait(0.05)
    assert not waiting.done()
    found = await waiting

    assert found[order].status is OrdStatus.NEW
    assert rig.desk.durable_seq == rig.state.seq


@on_virtual_time
async def test_it_says_only_what_is_durable(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    rig.commit_ns = 5 * SECOND
    rig.broker.tickets[order].done(Accepted("B1"))

    found = await rig.desk.settled((order,), TWO_SECONDS)

    assert found[order].status is OrdStatus.SENT


@on_virtual_time
async def test_an_order_that_waits_for_its_turn_is_not_answered(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 10_000))
    await rig.submit(rig.buy())
    (waiting,) = ids(await rig.desk.execute(rig.buy(expires_s=1)))

    short = await rig.desk.settled((waiting,), 100 * MILLISECOND)
    long = await rig.desk.settled((waiting,), TWO_SECONDS)

    assert short[waiting].status is OrdStatus.PENDING_NEW
    assert long[waiting].status is OrdStatus.EXPIRED
    assert long[waiting].reason == "INSTRUCTION_EXPIRED"


@on_virtual_time
async def test_two_may_wait_for_the_same_and_one_may_leave(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    leaving = asyncio.create_task(rig.desk.settled((order,), TWO_SECONDS))
    staying = asyncio.create_task(rig.desk.settled((order,), TWO_SECONDS))
    await rig.wait(0.1)
    leaving.cancel()
    await rig.wait(0.1)
    rig.broker.tickets[order].done(Accepted("B1"))

    assert (await staying)[order].status is OrdStatus.NEW
    assert is_idle(rig)


@on_virtual_time
async def test_one_that_nobody_knows_is_left_out(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    rig.broker.tickets[order].done(Accepted("B1"))

    found = await rig.desk.settled((order, "AA0ZZZZZZZ"), TWO_SECONDS)

    assert list(found) == [order]


@on_virtual_time
async def test_of_some_the_end_is_waited_for(rig: Rig) -> None:
    first, second, third = await signalled(rig, "A1", "A2", "A3")
    for order in (first, second):
        rig.broker.tickets[order].done(Accepted("B1"))
    asked = asyncio.create_task(
        rig.desk.settled((first,), TWO_SECONDS, ended=(second, third, "AA0ZZZZZZZ"))
    )
    await rig.wait(0.1)
    rig.broker.tickets[third].done(Unknown("time-out"))
    rig.broker.fill(second, whole(1))

    found = await asked

    assert [found[one].status for one in (first, second, third)] == [
        *(OrdStatus.NEW, OrdStatus.FILLED, OrdStatus.IN_DOUBT)
    ]
    assert is_idle(rig)


@on_virtual_time
async def test_an_end_that_does_not_come_is_waited_for_as_long_as_it_was_told(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    rig.broker.tickets[order].done(Accepted("B1"))
    before = rig.clock.monotonic()

    found = await rig.desk.settled((), TWO_SECONDS, ended=(order,))

    assert rig.clock.monotonic() - before >= TWO_SECONDS
    assert found[order].status is OrdStatus.NEW
    assert is_idle(rig)


@pytest.mark.parametrize(("bound", "most"), [("WAITERS_MAX", 1), ("WAITED_FOR_MAX", 2)])
def test_beyond_the_bounds_nobody_waits(bound: str, most: int) -> None:
    @on_virtual_time
    async def story(rig: Rig) -> None:
        patch = pytest.MonkeyPatch()
        patch.setattr(settled_module, bound, most)
        first, second, third = await signalled(rig, "A1", "A2", "A3")
        waiting = asyncio.create_task(rig.desk.settled((first, second), TWO_SECONDS))
        await rig.wait(0.1)
        before = rig.clock.monotonic()

        found = await rig.desk.settled((third,), TWO_SECONDS)

        assert rig.clock.monotonic() == before
        assert found[third].status is OrdStatus.SENT
        await waiting
        rig.broker.tickets[third].done(Accepted("B3"))
        assert (await rig.desk.settled((third,), TWO_SECONDS))[third].status is OrdStatus.NEW
        patch.undo()

    story()


@on_virtual_time
async def test_a_desk_that_stops_lets_everybody_go(rig: Rig) -> None:
    (order,) = await signalled(rig, "A1")
    waiting = asyncio.create_task(rig.desk.settled((order,), 3_600 * SECOND))
    await rig.wait(0.1)

    await rig.desk.stop()

    assert (await waiting)[order].status is OrdStatus.SENT
    assert (await rig.desk.settled((order,), TWO_SECONDS))[order].status is OrdStatus.SENT
