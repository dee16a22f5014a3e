"""Waiting for brokers: who wants to know what became of some orders, and what the disk has of that."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from phalanx.desk.showing.messages import OrderRow
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import TERMINAL, UNANSWERED, ClOrdId, OrdStatus
from phalanx.domain.time import Nanoseconds, Timer

WAITERS_MAX = 1_000

# How a doubt ends takes longer than anybody waits.
_ENDED = TERMINAL | {OrdStatus.IN_DOUBT}

WAITED_FOR_MAX = 200_000
"""Orders that all waiters together wait for."""


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An order as durable events have made it. ``reason`` is a code, ``message`` its sentence (of a
    doubt: what happened); both are empty where there is nothing to say.
    """

    status: OrdStatus
    reason: str
    broker_order_id: str
    cum_quantity: Quantity
    message: str = ""


class _Wait(msgspec.Struct, eq=False):
    """Somebody who waits for these, until ``over``; the value is what is waited for of each: its end, or
    else any answer.
    """

    open: dict[ClOrdId, bool]
    over: "asyncio.Future[None]"

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class SettledOrders:
    """Who waits for which orders to be settled."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._waits: dict[ClOrdId, list[_Wait]] = {}
        self._waiters = 0
        self._waited_for = 0
        self._closed = False

    def answered(self, row: OrderRow) -> None:
        """The broker (or the desk for it) has said something about this order."""
        key = row.cl_ord_id
        for wait in self._waits.get(key, ()):
            if key in wait.open and not _is_waited_for(row, to_the_end=wait.open[key]):
                del wait.open[key]
            if not wait.open:
                wait.end()

    async def wait(
        self,
        board: Mapping[ClOrdId, OrderRow],
        cl_ord_ids: Sequence[ClOrdId],
        within_ns: Nanoseconds,
        *,
        ended: Sequence[ClOrdId] = (),
    ) -> dict[ClOrdId, Settled]:
        """How these orders stand once each is answered, those of ``ended`` at their end (or in doubt), or
        the time is over.

        ``board`` has the orders as the last durable group left them; those that are not on it (not
        durable yet, or retired) are left out. Beyond the bounds nobody waits.
        """
        asked = dict.fromkeys(cl_ord_ids, False) | dict.fromkeys(ended, True)
        rows = {key: row for key in asked if (row := board.get(key)) is not None}
        waiting = {
            key: asked[key]
            for key, row in rows.items()
            if _is_waited_for(row, to_the_end=asked[key])
        }
        if waiting and within_ns > 0 and self._may_wait(len(waiting)):
            await self._wait(waiting, within_ns)
        return {key: _settled(row) for key, row in rows.items()}

    def close(self) -> None:
        """Nobody will be told any more: everybody goes with what there is."""
        self._closed = True
        for waits in list(self._waits.values()):
            for wait in waits:
                wait.end()

    def _may_wait(self, count: int) -> bool:
        has_room = self._waited_for + count <= WAITED_FOR_MAX and self._waiters < WAITERS_MAX
        return has_room and not self._closed

    async def _wait(self, waiting: dict[ClOrdId, bool], within_ns: Nanoseconds) -> None:
        asked_for = tuple(waiting)
        wait = _Wait(waiting, asyncio.get_running_loop().create_future())
        self._waiters += 1
        self._waited_for += len(asked_for)
        for key in asked_for:
            self._waits.setdefault(key, []).append(wait)
        appointment = self._timer.call_later(within_ns, wait.end)
        try:
            await wait.over
        finally:
            appointment.cancel()
            self._waiters -= 1
            self._waited_for -= len(asked_for)
            for key in asked_for:
                self._waits[key].remove(wait)
                if not self._waits[key]:
                    del self._waits[key]


def _is_waited_for(row: OrderRow, *, to_the_end: bool) -> bool:
    if to_the_end:
        return row.status not in _ENDED
    return row.status in UNANSWERED


def _settled(row: OrderRow) -> Settled:
    return Settled(row.status, row.reason or "", row.broker_order_id, row.filled, row.text or "")
