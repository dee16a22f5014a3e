"""What reconciliation decides: what a reading of a broker's book shows, and what people say about breaks."""

from collections.abc import Mapping

import msgspec

from phalanx.domain.accounts import AccountId, BookId
from phalanx.domain.breaks import BreakId
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerTrade
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import ClOrdId, Product, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.differences import Comparison


class BookFound(msgspec.Struct, frozen=True, gc=False):
    """The broker's book has this order of ours. ``looks``: so many complete readings in a row, all after
    the quiet time, did not show what a doubtful request of it asked for; ``sights``: so many in a row
    showed it where that alone proves nothing (``Comparison.sighted``); ``book_time`` is the broker's clock
    at the latest.

    Its executions and its end are booked as reports, one BookReport each, after this.
    """

    cl_ord_id: ClOrdId
    found: BrokerOrder
    looks: int = 0
    book_time: Nanoseconds = 0
    sights: int = 0


class BookAbsent(msgspec.Struct, frozen=True, gc=False):
    """An order in doubt is in none of the latest ``looks`` complete readings of the broker's book, all made
    after the quiet time; ``book_time`` as there.
    """

    cl_ord_id: ClOrdId
    looks: int
    book_time: Nanoseconds


class BookForeignFill(msgspec.Struct, frozen=True, gc=False):
    """The broker's book has an execution that no order of ours made."""

    account: AccountId
    trade: BrokerTrade


class FileDifferences(msgspec.Struct, frozen=True, gc=False):
    """File what differs between a complete reading of one account's book at its broker and ours, and close
    what does not any more.

    Never handled alone: ``engine.reconciliation.steps.steps`` says what is to be handled, one after the
    other, this last, with what was ``left`` of differences then (before: as it compares without all that,
    or None). ``absences``: how many complete readings in a row, this one included, had an order among
    ``Comparison.absent`` or ``overdue``; ``sights``: the same of ``Comparison.sighted``. ``asked``: how often
    was asked about a doubt in all. ``standing``: the differences that the reading before this one left
    with the same values (``Difference.fingerprint``): only such become breaks. ``early``: the doubts whose
    quiet time is not over by the clock that nobody sets: they are no person's yet.
    """

    book: BrokerBook
    absences: Mapping[ClOrdId, int] = {}
    asked: Mapping[ClOrdId, int] = {}
    standing: frozenset[str] = frozenset()
    sights: Mapping[ClOrdId, int] = {}
    left: Comparison | None = None
    early: frozenset[ClOrdId] = frozenset()


class BookUnread(msgspec.Struct, frozen=True, gc=False):
    """An account's book could not be read, as often as was tried: a person must see that."""

    account: AccountId
    why: str


class ArchivedOrder(msgspec.Struct, frozen=True, gc=False):
    """What is on record of an order that left memory. ``exec_ids``: the executions that were booked."""

    cl_ord_id: ClOrdId
    book: BookId
    instrument: InstrumentKey
    side: Side
    product: Product
    cum_quantity: Quantity
    exec_ids: frozenset[str]


class BookLateFill(msgspec.Struct, frozen=True, gc=False):
    """An execution of an order that left memory. ``order`` None: nobody knows that order."""

    account: AccountId
    trade: BrokerTrade
    order: ArchivedOrder | None


class TakeBreak(msgspec.Struct, frozen=True, gc=False):
    """Change a break's owner, note or deadline; None keeps what it has."""

    origin: Origin
    break_id: BreakId
    owner: str | None = None
    note: str | None = None
    deadline: Nanoseconds | None = None


class CloseBreak(msgspec.Struct, frozen=True, gc=False):
    """A person has settled a break."""

    origin: Origin
    break_id: BreakId
    note: str


class JudgeDoubt(msgspec.Struct, frozen=True, gc=False):
    """A person says what became of an order in doubt: ``order_id`` at the broker, or (empty) nothing; or,
    with ``granted``, what became of its cancel or replace that is in doubt. ``found``: what the last
    reading shows under that id (None: nothing that the order could be).
    """

    origin: Origin
    cl_ord_id: ClOrdId
    order_id: str
    note: str
    found: BrokerOrder | None = None
    granted: bool | None = None
