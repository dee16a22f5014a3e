"""A journal of a realistic mix: signals to one, a hundred and a thousand accounts, single orders,
fills in one piece and in three, cancels, and what ended leaving memory.
"""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from benchmarks.scene import (
    ACCOUNTS,
    FAN_OUTS,
    ORIGIN,
    Scene,
    acknowledged,
    canceled,
    filled,
    signals,
    single_orders,
)
from phalanx.domain.events import (
    CancelRequested,
    Event,
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    OrdersRetired,
    RequestDispatched,
    join_events,
)
from phalanx.domain.orders import OrderDraft, OrdType, Side
from phalanx.domain.time import MINUTE
from phalanx.engine import commands as c
from phalanx.journal.sqlite import SqliteJournal

GROUP_BYTES = 64 * 1024
"""About what a busy desk commits at once."""
BATCH_ID = bytes(16)


class Made(msgspec.Struct, frozen=True):
    """What was written: ``changes`` of single orders, in ``events``, in ``records``."""

    changes: int
    events: int
    records: int
    size_bytes: int


def changes_of(event: Event) -> int:
    """How many changes of one order an event stands for, however packed."""
    match event:
        case InstructionPlanned():
            return len(event.orders) + len(event.cancels)
        case OrdersDispatched() | OrdersRetired():
            return len(event.cl_ord_ids)
        case OrderReported() | CancelRequested() | RequestDispatched():
            return 1
        case _:
            return 0


def make_journal(folder: Path, changes: int) -> Made:
    """Write a journal with at least ``changes`` order changes into ``folder``."""
    return asyncio.run(_make(folder, changes))


def make_busy_journal(folder: Path, orders: int) -> Made:
    """Write the journal of a busy hour: a tenth of the orders rest, the others were filled, and all
    are still in memory.
    """
    return asyncio.run(_make_busy(folder, orders))


async def _make_busy(folder: Path, orders: int) -> Made:
    writer = Writer(folder)
    scene = Scene(time.time_ns() - MINUTE)
    await writer.write(scene.founding)
    for rounds in range(orders // ACCOUNTS):
        for request in single_orders(rounds):
            decided, drafts = scene.submit(request)
            await writer.write(decided)
            await writer.write(scene.report(acknowledged(drafts)))
            if rounds % 10:
                await writer.write(scene.report(filled(drafts)))
    return await writer.close()


async def _make(folder: Path, changes: int) -> Made:
    writer = Writer(folder)
    scene = Scene()
    await writer.write(scene.founding)
    rounds = 0
    while writer.changes < changes:
        rounds += 1
        for fan_out in FAN_OUTS:
            for side in (Side.BUY, Side.SELL):
                for request in signals(fan_out, side):
                    decided, drafts = scene.submit(request)
                    await writer.write(decided)
                    await _work(writer, scene, drafts, slices=3 if rounds % 3 == 0 else 1)
        await _single(writer, scene, rounds)
        await writer.write(scene.retire())
    return await writer.close()


async def _work(
    writer: "Writer", scene: Scene, drafts: tuple[OrderDraft, ...], slices: int
) -> None:
    await writer.write(scene.report(acknowledged(drafts)))
    await writer.write(scene.report(filled(drafts, slices)))


async def _single(writer: "Writer", scene: Scene, rounds: int) -> None:
    """A limit order that is canceled for every account, and a market order for every tenth."""
    for request in single_orders(rounds):
        decided, drafts = scene.submit(request)
        await writer.write(decided)
        await writer.write(scene.report(acknowledged(drafts)))
        cl_ord_id = drafts[0].cl_ord_id
        await writer.write(scene.do(c.CancelOrder(ORIGIN, cl_ord_id)))
        await writer.write(scene.do(c.DispatchRequest(cl_ord_id, scene.state.epoch)))
        await writer.write(scene.report(canceled(drafts)))
    for request in single_orders(rounds, OrdType.MARKET)[:: ACCOUNTS // 100]:
        decided, drafts = scene.submit(request)
        await writer.write(decided)
        await _work(writer, scene, drafts, slices=1)


class Writer:
    """Groups encoded events into records, as a desk's group commit does."""

    def __init__(self, folder: Path) -> None:
        self._journal = SqliteJournal(folder)
        self._journal.acquire()
        self._group: list[bytes] = []
        self._group_bytes = 0
        self._events = 0
        self._bytes = 0
        self.changes = 0

    async def write(self, decided: Iterable[tuple[Event, bytes]]) -> None:
        """Add events; a full group is committed."""
        for event, encoded in decided:
            self._group.append(encoded)
            self._group_bytes += len(encoded)
            self.changes += changes_of(event)
        if self._group_bytes >= GROUP_BYTES:
            await self._commit()

    async def close(self) -> Made:
        """Commit the rest; what was written."""
        await self._commit()
        tail = self._journal.tail()
        self._journal.close()
        return Made(self.changes, tail.seq, tail.record, self._bytes)

    async def _commit(self) -> None:
        if not self._group:
            return
        body = join_events(self._group, len(self._group))
        await self._journal.append(body, len(self._group), BATCH_ID)
        self._bytes += len(body)
        self._group.clear()
        self._group_bytes = 0
