"""Waiting rooms: bounded, and open again when those inside are through."""

import asyncio
import threading

import pytest

from phalanx.access.errors import AccessCode, AccessError
from phalanx.api.identity.waiting_room import WaitingRoom

AWAY = "203.0.113.9"


async def test_a_waiting_room_gives_what_its_calls_give() -> None:
    room = WaitingRoom(1, 0)

    assert await room.run(AWAY, divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await room.run(AWAY, divmod, 7, 0)
    assert room.crowd == 0


async def test_a_waiting_room_that_is_full_says_so_and_has_room_again_afterwards() -> None:
    room = WaitingRoom(1, 1)
    go_on = threading.Event()
    running = [asyncio.create_task(room.run(AWAY, go_on.wait, 30)) for _ in range(2)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(AccessError) as caught:
            await room.run(AWAY, divmod, 7, 2)
        assert caught.value.code is AccessCode.THROTTLED
    finally:
        go_on.set()
    assert await asyncio.gather(*running) == [True, True]
    assert await room.run(AWAY, divmod, 7, 2) == (3, 1)


async def test_a_caller_who_goes_away_leaves_the_waiting_room() -> None:
    room = WaitingRoom(1, 1)
    go_on = threading.Event()
    first = asyncio.create_task(room.run(AWAY, go_on.wait, 30))
    second = asyncio.create_task(room.run(AWAY, divmod, 7, 2))
    await asyncio.sleep(0)
    assert room.crowd == 2
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert room.crowd == 1
    go_on.set()

    assert await first is True
    assert room.crowd == 0


async def test_a_flood_from_elsewhere_leaves_places_for_this_machine() -> None:
    room = WaitingRoom(1, 1, kept=1)
    go_on = threading.Event()
    running = [asyncio.create_task(room.run(AWAY, go_on.wait, 30)) for _ in range(2)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(AccessError):
            await room.run(AWAY, divmod, 7, 2)
        for address in ("127.0.0.1", "::1"):
            # The kept place is free again as soon as whoever took it goes away.
            own = asyncio.create_task(room.run(address, divmod, 7, 2))
            await asyncio.sleep(0)
            assert room.crowd == 3
            with pytest.raises(AccessError) as caught:
                await room.run("127.0.0.1", divmod, 7, 2)
            assert caught.value.code is AccessCode.THROTTLED
            own.cancel()
            with pytest.raises(asyncio.CancelledError):
                await own
    finally:
        go_on.set()
    assert await asyncio.gather(*running) == [True, True]
    assert await room.run("127.0.0.1", divmod, 7, 2) == (3, 1)


async def test_this_machine_takes_no_place_from_strangers_that_it_does_not_need() -> None:
    room = WaitingRoom(1, 0, kept=1)
    go_on = threading.Event()
    own = asyncio.create_task(room.run("127.0.0.1", go_on.wait, 30))
    await asyncio.sleep(0)
    other = asyncio.create_task(room.run(AWAY, divmod, 7, 2))
    await asyncio.sleep(0)
    assert room.crowd == 2
    go_on.set()

    assert (await own, await other) == (True, (3, 1))
