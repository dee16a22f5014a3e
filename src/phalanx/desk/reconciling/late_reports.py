"""What brokers say about orders that are not in memory: looked up and booked, or their account is read."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from phalanx.desk.errors import Stopped
from phalanx.desk.ports import Archive
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.orders import ClOrdId, ExecType, ExecutionReport
from phalanx.domain.time import SECOND, Nanoseconds, Timer
from phalanx.engine.commands import ArchivedOrder, BookLateFill, Command
from phalanx.engine.ids import counter_of
from phalanx.engine.state import State

LATE_MAX = 10_000
"""So many wait to be looked up; what comes beyond it is dropped, and its account is read instead."""

LOOK_UPS_MAX = 5
"""How often one is looked up in an archive that cannot say; then it is dropped likewise."""

LOOK_AGAIN_NS: Nanoseconds = SECOND

Saying: TypeAlias = Callable[[str, Exception], None]


class _Late(msgspec.Struct, frozen=True):
    """An execution of an order that left memory, or anything else said about one."""

    cl_ord_id: ClOrdId
    account: AccountId
    said: ExecutionReport | BrokerTrade


class LateReports:
    """A bounded queue in front of the archive, worked off one by one.

    ``decide`` takes a BookLateFill and raises what is wrong with it. ``read_soon`` has an account's
    book read, which shows whatever could not be booked from here. ``say`` makes a fault visible.
    """

    def __init__(
        self,
        state: State,
        archive: Archive | None,
        timer: Timer,
        decide: Callable[[Command], None],
        read_soon: Callable[[AccountId], None],
        say: Saying,
    ) -> None:
        self._state = state
        self._archive = archive
        self._timer = timer
        self._decide = decide
        self._read_soon = read_soon
        self._say = say
        self._queue: deque[_Late] = deque()
        self._booked: dict[AccountId, dict[str, None]] = {}
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    def report(self, report: ExecutionReport) -> None:
        """A report that no order in memory fits."""
        if self._was_ours(report.cl_ord_id):
            self._enqueue(_Late(report.cl_ord_id, report.account, report))
        elif report.account in self._state.accounts:
            self._read_soon(report.account)
        else:
            self._drop("nobody knows whose it is", report, report.account)

    def trades(self, account: AccountId, trades: Sequence[BrokerTrade]) -> None:
        """What a complete reading shows of orders that left memory; each is looked up once. What finds no
        room is in the next reading too.
        """
        known = self._booked.get(account, {})
        self._booked[account] = {t.exec_id: None for t in trades if t.exec_id in known}
        for trade in trades:
            if trade.exec_id not in known:
                self._enqueue(_Late(trade.cl_ord_id, account, trade))

    def close(self) -> None:
        """Nothing is looked up any more; the next start's readings show it again."""
        self._closed = True
        self._queue.clear()
        if self._worker is not None:
            self._worker.cancel()

    def _was_ours(self, cl_ord_id: ClOrdId) -> bool:
        state = self._state
        counter = counter_of(cl_ord_id, state.desk_id, state.shard)
        return counter is not None and counter < state.next_order

    def _enqueue(self, late: _Late) -> None:
        if self._closed:
            return
        if len(self._queue) >= LATE_MAX:
            self._drop(f"{LATE_MAX} wait already", late.said, late.account)
            return
        self._queue.append(late)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="late reports")

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._look_up(self._queue.popleft())
        finally:
            self._worker = None

    async def _look_up(self, late: _Late) -> None:
        for _ in range(LOOK_UPS_MAX):
            try:
                found = await self._archive.order(late.cl_ord_id) if self._archive else None
                self._book(late, found)
            except OSError:
                await self._timer.sleep(LOOK_AGAIN_NS)
            except Stopped:
                return
            except Exception as failure:  # noqa: BLE001  one of them is not the others' business
                self._drop(repr(failure), late.said, late.account)
                return
            else:
                return
        self._drop("the archive cannot say", late.said, late.account)

    def _book(self, late: _Late, found: ArchivedOrder | None) -> None:
        """Book an execution; of anything else, and of one that nobody can name, the book tells more."""
        account = late.account or (split_book(found.book)[0] if found is not None else "")
        trade = late.said if isinstance(late.said, BrokerTrade) else None
        if trade is None and found is not None:
            trade = _trade(late.said, account, found)
        if trade is not None:
            self._decide(BookLateFill(account, trade, found))
            self._booked.setdefault(account, {})[trade.exec_id] = None
        elif account:
            self._read_soon(account)
        else:
            self._drop("the archive does not know it", late.said, account)

    def _drop(self, what: str, said: ExecutionReport | BrokerTrade, account: AccountId) -> None:
        """What is not booked from here is visible, and a report shows in its account's book; what came
        from a book is in the next reading anyway.
        """
        self._say("report", LookupError(f"{what}: {said}"))
        if isinstance(said, ExecutionReport) and account in self._state.accounts:
            self._read_soon(account)


def _trade(
    said: ExecutionReport | BrokerTrade, account: AccountId, found: ArchivedOrder
) -> BrokerTrade | None:
    """The execution in a report; None when it tells none that could be told from another."""
    assert isinstance(said, ExecutionReport)
    if said.exec_type is not ExecType.TRADE or not said.exec_id:
        return None
    if said.last_quantity <= 0 or said.last_price <= 0:
        return None
    return BrokerTrade(
        said.exec_id,
        said.order_id,
        account,
        found.instrument,
        found.side,
        found.product,
        said.last_quantity,
        said.last_price,
        said.charges,
        said.time,
        said.cl_ord_id,
    )
