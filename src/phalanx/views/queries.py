"""Reading the views: lists with totals, single orders, whole instructions.

Every answer is one SQL statement, so it is consistent in itself and true as of the ``as_of`` it says.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import BreakId
from phalanx.domain.changes import ChangeId, ChangeStatus
from phalanx.domain.instructions import InstructionId, InstructionStatus, WaitsFor
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import ClOrdId, OrdStatus
from phalanx.domain.time import Nanoseconds
from phalanx.views import selects
from phalanx.views.audit_list import AuditFilters, AuditRow, audit_page
from phalanx.views.break_list import BreakFilters, break_page, one_break
from phalanx.views.change_list import ChangeRow, change_page, one_change
from phalanx.views.filters import (
    INSTRUCTIONS,
    OPEN,
    ORDER_LOG,
    ORDERS,
    Filter,
    Listing,
    Slice,
    equals,
    of_instruction,
    of_orders,
    of_status,
    page,
    reached,
    sizes,
    waiting_for,
)
from phalanx.views.instruction_parts import PartRow, part_of, part_page, part_tree
from phalanx.views.readers import Readers, ViewsUnavailable
from phalanx.views.rows import (
    BreakRow,
    ClientSumRow,
    FillRow,
    InstructionRow,
    InstructionTree,
    KillRow,
    LogRow,
    OrderRow,
    OrderTree,
    Page,
    RequestRow,
    SkipRow,
    TradeRow,
    TradeStatus,
)
from phalanx.views.schema import KEY_BITS, Subject
from phalanx.views.trade_list import TRADES, TradeFilters, unfilled_page, whole_page
from phalanx.views.within import Value, Within

LIMIT_MAX: Final = 1_000
SKIP_MAX: Final = 1_000_000_000
SEQ_MAX: Final = (1 << 63 - KEY_BITS) - 2
THREADS: Final = 2
ASKED_MAX: Final = 256
"""So many queries may be under way or wait for a thread; more are turned away."""

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")
Seen = TypeVar("Seen", OrderRow, TradeRow)

_orders: Final = msgspec.json.Decoder(tuple[OrderRow, ...])
_instructions: Final = msgspec.json.Decoder(tuple[InstructionRow, ...])
_log: Final = msgspec.json.Decoder(tuple[LogRow, ...])
_fills: Final = msgspec.json.Decoder(tuple[FillRow, ...])
_kills: Final = msgspec.json.Decoder(tuple[KillRow, ...])
_trades: Final = msgspec.json.Decoder(tuple[TradeRow, ...])
_trade: Final = msgspec.json.Decoder(TradeRow)
_sums: Final = msgspec.json.Decoder(tuple[ClientSumRow, ...])
_order: Final = msgspec.json.Decoder(OrderRow)
_instruction: Final = msgspec.json.Decoder(InstructionRow)
_trees: Final = msgspec.json.Decoder(tuple[OrderTree, ...])
_parts: Final = msgspec.json.Decoder(tuple[PartRow, ...])
_skips: Final = msgspec.json.Decoder(tuple[SkipRow, ...])
_requests: Final = msgspec.json.Decoder(tuple[RequestRow, ...])
_acts: Final = msgspec.json.Decoder(tuple[AuditRow, ...])
_breaks: Final = msgspec.json.Decoder(tuple[BreakRow, ...])
_break: Final = msgspec.json.Decoder(BreakRow)
_changes: Final = msgspec.json.Decoder(tuple[ChangeRow, ...])
_change: Final = msgspec.json.Decoder(ChangeRow)
_KILLS: Final = (
    "SELECT (SELECT seq FROM cursor), (SELECT count(*) FROM kills),"  # noqa: S608  names of ours
    f" (SELECT json_group_array({selects.KILL} ORDER BY o.key DESC)"
    " FROM (SELECT * FROM kills ORDER BY key DESC LIMIT ? OFFSET ?) AS o)"
)


class Views:
    """A reader of ``views.db``, for any thread. Filters are combined with "and".

    ``within``: what is seen of them, None is all.

    Every method raises ViewsUnavailable and QueryTooLong; ValueError for a ``limit`` that is not in
    1–1,000, a ``skip`` below zero, or a value that no row could have.
    """

    def __init__(self, path: Path, distrust: Callable[[], None] = lambda: None) -> None:
        self._readers = Readers(path, distrust)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="views-reader")
        self._asked = threading.BoundedSemaphore(ASKED_MAX)

    async def ask(self, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query, such as ``views.orders``, in a thread of the readers' own."""
        if not self._asked.acquire(blocking=False):
            raise ViewsUnavailable(f"{ASKED_MAX} queries are under way")
        try:
            asked = self._pool.submit(partial(query, *args, **kwargs))
        except RuntimeError:
            self._asked.release()
            raise ViewsUnavailable("closed") from None
        asked.add_done_callback(lambda _: self._asked.release())
        return await asyncio.wrap_future(asked)

    def close(self) -> None:
        """Let queries under way end, and the file go."""
        self._pool.shutdown(cancel_futures=True)
        self._readers.close()

    def as_of(self) -> int:
        """The last event that the views have taken in."""
        (seq,) = self._fetch("SELECT seq FROM cursor", ())
        return int(seq)

    def orders(  # noqa: PLR0913  one argument for each filter
        self,
        *,
        account: AccountId | None = None,
        client_id: int | None = None,
        instrument: InstrumentKey | None = None,
        strategy: str | None = None,
        status: OrdStatus | None = None,
        instruction: InstructionId | None = None,
        open_only: bool = False,
        skip: int = 0,
        limit: int = 100,
        within: Within | None = None,
    ) -> Page[OrderRow]:
        """Orders, the latest first."""
        filters = of_orders(ORDERS, account, client_id, instrument, strategy)
        filters += reached(within, "orders")
        if instruction is not None:
            filters.append(of_instruction(instruction))
        if status is not None:
            filters.append(of_status(status))
        if open_only:
            filters.append(OPEN)
        return self._page(ORDERS, filters, Slice(skip, limit), _orders)

    def order(self, cl_ord_id: ClOrdId, within: Within | None = None) -> OrderRow | None:
        """One order."""
        row = self._fetch(selects.ONE_ORDER, (cl_ord_id,))
        return _seen(_order.decode(row[0]), within) if row else None

    def fills(self, cl_ord_id: ClOrdId) -> tuple[FillRow, ...]:
        """The fills of one order, oldest first."""
        return _fills.decode(self._fetch(selects.FILLS, (cl_ord_id,))[0])

    def instruction(
        self, instruction: InstructionId, within: Within | None = None
    ) -> InstructionTree | None:
        """One instruction with all that came of it; as large as it is, at most 20,000 orders."""
        if within is None:
            row = self._fetch(selects.INSTRUCTION_TREE, (instruction,))
        else:
            row = self._fetch(*part_tree(within, instruction))
        if not row:
            return None
        as_of, tat_ns, found, orders, skips, cancels = row
        tree = InstructionTree(
            int(as_of),
            int(tat_ns),
            _instruction.decode(found),
            _trees.decode(orders),
            _skips.decode(skips),
            _requests.decode(cancels),
        )
        return tree if within is None else part_of(tree, within.actor)

    def tat(self, instruction: InstructionId) -> Nanoseconds:
        """The greatest turnaround of its orders; zero while none is known."""
        row = self._fetch(selects.TAT, (instruction,))
        return int(row[0]) if row else 0

    def instructions(
        self,
        *,
        status: InstructionStatus | None = None,
        kind: str | None = None,
        waits_for: WaitsFor | None = None,
        skip: int = 0,
        limit: int = 100,
        within: Within | None = None,
    ) -> Page[InstructionRow]:
        """Instructions, the latest first."""
        filters: list[Filter] = []
        if waits_for is not None:
            filters.append(waiting_for(waits_for))
        if status is not None:
            subject = Subject.INSTRUCTION_STATUS
            filters.append(equals("status", int(status), "instructions_status", subject))
        if kind is not None:
            filters.append(equals("kind", kind, "instructions_kind", Subject.KIND))
        if within is not None:
            _check(skip, limit)
            as_of, total, items = self._fetch(*part_page(within, filters, Slice(skip, limit)))
            rows = tuple(one.row() for one in _parts.decode(items))
            return Page(rows, int(total), int(as_of))
        return self._page(INSTRUCTIONS, filters, Slice(skip, limit), _instructions)

    def order_log(  # noqa: PLR0913  one argument for each filter
        self,
        *,
        account: AccountId | None = None,
        client_id: int | None = None,
        instrument: InstrumentKey | None = None,
        strategy: str | None = None,
        since_seq: int | None = None,
        skip: int = 0,
        limit: int = 100,
        within: Within | None = None,
    ) -> Page[LogRow]:
        """The order log, the latest line first; with ``since_seq`` what came after that event,
        oldest first. ``total`` counts the filters' lines from the beginning in both cases.
        """
        filters = of_orders(ORDER_LOG, account, client_id, instrument, strategy)
        filters += reached(within, "order_log")
        if since_seq is not None:
            since_seq = min(max(since_seq, 0), SEQ_MAX)
        return self._page(ORDER_LOG, filters, Slice(skip, limit, since_seq), _log)

    def trades(
        self,
        *,
        account: AccountId | None = None,
        client_id: int | None = None,
        instrument: InstrumentKey | None = None,
        status: TradeStatus | None = None,
        skip: int = 0,
        limit: int = 100,
        within: Within | None = None,
    ) -> Page[TradeRow]:
        """Trades, the latest first."""
        _check(skip, limit)
        wanted = TradeFilters(account, client_id, instrument, status, within)
        part = Slice(skip, limit)
        filters = wanted.of_trades()
        if status is TradeStatus.PENDING:
            statement, values = unfilled_page(wanted, part)
        else:
            by_account = wanted.names_owners and status is TradeStatus.ACTIVE
            chosen = filters[0] if by_account else self._rarest(TRADES, filters)
            if status is not None:
                statement, values = page(TRADES, filters, chosen, part)
            else:
                statement, values = whole_page(wanted, filters, chosen, part)
        as_of, total, items = self._fetch(statement, values)
        return Page(_trades.decode(items), int(total), int(as_of))

    def trade(self, lot: ClOrdId, within: Within | None = None) -> TradeRow | None:
        """One trade, also one whose buy ended without a fill."""
        (row,) = self._fetch(selects.ONE_TRADE, (lot,))
        return None if row is None else _seen(_trade.decode(row), within)

    def client_sums(self, first: int, last: int) -> tuple[ClientSumRow, ...]:
        """What the trades of the clients with these numbers, and those between, realised."""
        return _sums.decode(self._fetch(selects.CLIENT_SUMS, (first, last))[0])

    def kills(self, *, skip: int = 0, limit: int = 100) -> Page[KillRow]:
        """Kills that were put and lifted, the latest first."""
        _check(skip, limit)
        as_of, total, items = self._fetch(_KILLS, (limit, skip))
        return Page(_kills.decode(items), int(total), int(as_of))

    def breaks(self, filters: BreakFilters, *, skip: int = 0, limit: int = 100) -> Page[BreakRow]:
        """Breaks, the latest first."""
        _check(skip, limit)
        as_of, total, items = self._fetch(*break_page(filters, Slice(skip, limit)))
        return Page(_breaks.decode(items), int(total), int(as_of))

    def one_break(self, break_id: BreakId) -> BreakRow | None:
        """A break as it was filed last."""
        row = self._fetch(*one_break(break_id))
        return _break.decode(row[0]) if row else None

    def changes(
        self, status: ChangeStatus | None, *, skip: int = 0, limit: int = 100
    ) -> Page[ChangeRow]:
        """Changes that wait, or waited, for another person, the latest first; None: all of them."""
        _check(skip, limit)
        as_of, total, items = self._fetch(*change_page(status, Slice(skip, limit)))
        return Page(_changes.decode(items), int(total), int(as_of))

    def one_change(self, change_id: ChangeId) -> ChangeRow | None:
        """A change by its id."""
        row = self._fetch(*one_change(change_id))
        return _change.decode(row[0]) if row else None

    def audit(
        self, filters: AuditFilters, *, limit: int = 100, before: int | None = None
    ) -> Page[AuditRow]:
        """Acts, the latest first: those of events below ``before``, of which ``total`` says how many."""
        _check(0, limit)
        as_of, total, items = self._fetch(*audit_page(filters, limit, before))
        return Page(_acts.decode(items), int(total), int(as_of))

    def _page(
        self,
        listing: Listing,
        filters: Sequence[Filter],
        part: Slice,
        decoder: msgspec.json.Decoder[tuple[Row, ...]],
    ) -> Page[Row]:
        _check(part.skip, part.limit)
        statement, values = page(listing, filters, self._rarest(listing, filters), part)
        as_of, total, items = self._fetch(statement, values)
        return Page(decoder.decode(items), int(total), int(as_of))

    def _rarest(self, listing: Listing, filters: Sequence[Filter]) -> Filter | None:
        if len(filters) < 2:  # noqa: PLR2004  nothing to choose
            return filters[0] if filters else None
        found = self._fetch(*sizes(listing, filters))
        return min(zip(found, filters, strict=True), key=lambda pair: int(pair[0]))[1]

    def _fetch(self, statement: str, values: tuple[Value, ...]) -> tuple[Any, ...]:
        """The one row of a statement; empty when there is none."""
        with self._readers.lend() as connection:
            try:
                row = connection.execute(statement, values).fetchone()
            except OverflowError as error:
                raise ValueError("a number that does not fit 64 bits") from error
        return row or ()


def _seen(row: Seen, within: Within | None) -> Seen | None:
    """The row, for those who see it."""
    if within is None or within.has(row.account, row.strategy, row.instrument):
        return row
    return None


def _check(skip: int, limit: int) -> None:
    if not 1 <= limit <= LIMIT_MAX:
        raise ValueError(f"limit is 1 to {LIMIT_MAX}, not {limit}")
    if not 0 <= skip <= SKIP_MAX:
        raise ValueError(f"skip is 0 to {SKIP_MAX}, not {skip}")
