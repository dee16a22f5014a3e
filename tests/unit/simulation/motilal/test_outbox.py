"""What waits for a client is bounded, goes out in its order, and is sent before the connection ends."""

import asyncio

import pytest

from phalanx.simulation.motilal.outbox import WAITING_MAX, Outbox

WAIT_S = 20


async def never() -> None:
    await asyncio.Event().wait()


async def test_what_waits_is_sent_before_the_end() -> None:
    sent: list[int] = []

    async def send(number: int) -> None:
        sent.append(number)

    outbox = Outbox(send)
    for number in range(3):
        outbox.put(number)
    outbox.finish()
    async with asyncio.timeout(WAIT_S):
        await outbox.serve(never())

    assert sent == [0, 1, 2]


async def test_who_takes_nothing_is_let_go() -> None:
    async def send(_: int) -> None:
        await asyncio.Event().wait()

    outbox = Outbox(send)
    for number in range(WAITING_MAX + 2):
        outbox.put(number)

    async with asyncio.timeout(WAIT_S):
        await outbox.serve(never())


async def test_who_has_gone_ends_it() -> None:
    async def send(_: int) -> None:
        raise EOFError

    outbox = Outbox(send)
    outbox.put(1)

    async with asyncio.timeout(WAIT_S):
        await outbox.serve(never())


async def test_a_fault_of_ours_is_not_swallowed() -> None:
    async def send(_: int) -> None:
        pass

    async def read() -> None:
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await Outbox(send).serve(read())
