"""Who is asked next, where many wait to be: the most urgent first, then whoever waits longest."""

import asyncio
from enum import IntEnum
from heapq import heappop, heappush

from phalanx.domain.accounts import AccountId


class Urgency(IntEnum):
    """Why an account's book is to be read; the smaller, the sooner."""

    DOUBT = 0
    """What happened to an order is not known, or something of the account's could not be booked."""
    SESSION = 1
    """It can be asked again, and is closed until it was."""
    DEMAND = 2
    """Somebody waits for the answer, or a difference that is new."""
    TURN = 3


class _Waiting:
    """Whoever waits for a seat; the ``number`` of its entry in the queue that counts."""

    def __init__(self) -> None:
        self.seat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.urgency = Urgency.TURN
        self.number = 0


class Seats:
    """The places at one login of a broker. Each account waits once; ``hasten`` makes it more urgent while it
    does.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[AccountId, _Waiting] = {}
        self._queue: list[tuple[Urgency, int, AccountId]] = []
        self._entered = 0

    async def take(self, account: AccountId, urgency: Urgency) -> None:
        """Return once there is a seat; whoever has one leaves it with ``leave``."""
        if self._free:
            self._free -= 1
            return
        waiting = self._waiting[account] = _Waiting()
        self._enter(account, waiting, urgency)
        try:
            await waiting.seat
        except asyncio.CancelledError:
            if waiting.seat.cancelled():
                del self._waiting[account]
            else:
                # It was handed over just then.
                self.leave()
            raise

    def hasten(self, account: AccountId, urgency: Urgency) -> None:
        """Of one that may be waiting: it became at least so urgent."""
        waiting = self._waiting.get(account)
        if waiting is not None and urgency < waiting.urgency:
            self._enter(account, waiting, urgency)

    def leave(self) -> None:
        """A seat is free: the next one's, if somebody waits."""
        while self._queue:
            _, number, account = heappop(self._queue)
            waiting = self._waiting.get(account)
            if waiting is not None and waiting.number == number and not waiting.seat.done():
                del self._waiting[account]
                waiting.seat.set_result(None)
                return
        self._free += 1

    def _enter(self, account: AccountId, waiting: _Waiting, urgency: Urgency) -> None:
        """Into the queue; an entry of before, further behind, counts no more."""
        self._entered += 1
        waiting.urgency, waiting.number = urgency, self._entered
        heappush(self._queue, (urgency, self._entered, account))
