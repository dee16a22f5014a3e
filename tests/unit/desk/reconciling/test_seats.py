"""Seats at a broker: the most urgent first, then whoever waits longest; nobody's seat is lost."""

import asyncio

import pytest

from phalanx.desk.reconciling.seats import Seats, Urgency

D, S, T = Urgency.DOUBT, Urgency.SESSION, Urgency.TURN


class Hall:
    """Two seats; ``seated`` names who got one, in order."""

    def __init__(self) -> None:
        self.seats = Seats(2)
        self.seated: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, **urgencies: Urgency) -> None:
        for name, urgency in urgencies.items():
            self.tasks[name] = asyncio.create_task(self._sit(name, urgency))
        await asyncio.sleep(0)

    async def leave(self, count: int = 1) -> None:
        for _ in range(count):
            self.seats.leave()
            await asyncio.sleep(0)

    async def _sit(self, name: str, urgency: Urgency) -> None:
        await self.seats.take(name, urgency)
        self.seated.append(name)


async def test_so_many_sit_and_the_others_wait() -> None:
    hall = Hall()

    await hall.come(a=T, b=T, c=D)
    assert hall.seated == ["a", "b"]
    await hall.leave()

    assert hall.seated == ["a", "b", "c"]


async def test_the_most_urgent_is_next_then_whoever_waits_longest() -> None:
    hall = Hall()
    await hall.come(a=T, b=T, c=T, d=S, e=D, f=S)

    await hall.leave(4)

    assert hall.seated[2:] == ["e", "d", "f", "c"]


async def test_who_became_more_urgent_goes_ahead_and_sits_once() -> None:
    hall = Hall()
    await hall.come(a=T, b=T, c=T, d=T)

    hall.seats.hasten("d", D)
    hall.seats.hasten("d", T)
    hall.seats.hasten("nobody", D)
    await hall.leave(3)
    await hall.come(e=T)

    assert hall.seated == ["a", "b", "d", "c", "e"]


async def test_a_seat_of_before_does_not_count_for_who_comes_again() -> None:
    hall = Hall()
    await hall.come(a=T, b=T, c=T)
    hall.seats.hasten("c", D)
    await hall.leave()
    await hall.come(d=T)
    await hall.come(c=T)

    await hall.leave(2)

    assert hall.seated[2:] == ["c", "d", "c"]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_the_seat_of_who_goes_away_is_somebody_elses(handed_over: bool) -> None:
    hall = Hall()
    await hall.come(a=T, b=T, c=T, d=T)

    if handed_over:
        hall.seats.leave()
    hall.tasks["c"].cancel()
    await asyncio.sleep(0)
    if not handed_over:
        hall.seats.leave()
    await asyncio.sleep(0)
    await hall.leave(2)
    await hall.come(e=T, f=T, g=T)

    assert hall.seated == ["a", "b", "d", "e", "f"]
