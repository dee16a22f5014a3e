"""A plan under construction: drafts, cancels and skips, with the ids they will have."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from phalanx.domain.accounts import Account, AccountId, BookId
from phalanx.domain.instructions import CancelDraft, Skip
from phalanx.domain.instruments import Instrument, InstrumentFacts, InstrumentKey
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import Money, Quantity, round_down
from phalanx.domain.orders import ClOrdId, Closing, OrderDraft, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.ids import base36, prefix
from phalanx.engine.limits import group_limits, limit_for
from phalanx.engine.pricing import instrument_facts
from phalanx.engine.refused import Refused
from phalanx.engine.risk import PricedInstrument, Terms
from phalanx.engine.state import Book, Order, State, position_key
from phalanx.engine.tally import NOTHING, Tally

ORDERS_MAX = 20_000
"""Most orders of one instruction."""


class Plan:
    """Collects what an instruction will do. Ids continue the journaled counters of ``state``."""

    __slots__ = (
        "_group_limits",
        "_next_order",
        "_next_request",
        "_prefix",
        "_priced",
        "_tallies",
        "cancels",
        "instruments",
        "orders",
        "refusal",
        "skips",
    )

    def __init__(self, state: State, refusal: Reason | None = None) -> None:
        self.orders: list[OrderDraft] = []
        self.cancels: list[CancelDraft] = []
        self.skips: list[Skip] = []
        self.instruments: list[InstrumentFacts] = []
        self.refusal = refusal
        self._prefix = prefix(state.desk_id, state.shard)
        self._next_order = state.next_order
        self._next_request = state.next_request
        self._tallies: dict[BookId, Tally] = {}
        self._priced: dict[InstrumentKey, PricedInstrument] = {}
        self._group_limits: dict[AccountId, list[Limit]] | None = None

    def skip(self, account: AccountId, code: ReasonCode, *facts: int | str) -> None:
        """Leave an account out, and say why."""
        self.skips.append(Skip(account, Reason(code, facts)))

    def skip_for(
        self, account: AccountId, reason: Reason, instrument: InstrumentKey = "", row: int = 0
    ) -> None:
        """Leave an account, or one row of its share, out for a reason that a check gave."""
        self.skips.append(Skip(account, reason, instrument, row))

    def tally(
        self, state: State, account: Account, book: Book, strategy: str | None = None
    ) -> Tally:
        """What this plan has given the book already, with the limits that hold for its account."""
        found = self._tallies.get(book.id)
        if found is None:
            limit = None
            if state.limits:
                if self._group_limits is None:
                    self._group_limits = group_limits(state)
                limit = limit_for(state, account, strategy, self._group_limits)
            found = self._tallies[book.id] = Tally(limit)
        return found

    def add(  # noqa: PLR0913  everything one order needs
        self,
        book: Book,
        instrument: Instrument,
        terms: Terms,
        hold: Money,
        *,
        strategy: str | None = None,
        closes: tuple[Closing, ...] = (),
        tally: Tally = NOTHING,
        row: int = 0,
    ) -> ClOrdId:
        """Plan one order, or above the freeze quantity its slices; the id is the (first) order's.

        ``hold`` and ``closes`` are for all of it. A ``tally`` takes it in.
        """
        first = ""
        for quantity, part_hold, part_closes in _slices(instrument, terms, hold, closes):
            if len(self.orders) >= ORDERS_MAX:
                raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} orders")
            cl_ord_id = self._prefix + base36(self._next_order)
            first = first or cl_ord_id
            draft = OrderDraft(
                cl_ord_id,
                book.id,
                instrument.key,
                terms.side,
                terms.product,
                terms.ord_type,
                terms.time_in_force,
                quantity,
                terms.limit,
                part_hold,
                strategy,
                part_closes,
                terms.reduces,
                terms.stop_price,
                row=row,
            )
            self._next_order += 1
            self.orders.append(draft)
            if tally is not NOTHING:
                tally.take(draft, position_key(instrument.key, terms.product))
        return first

    def cancel(self, order: Order, resell: Quantity = 0) -> None:
        """Plan the cancel of a working order; one never dispatched simply ends.

        ``resell``: how much of what a cancelled sell frees is to be sold again.
        """
        draft = order.draft
        request_id = request_code(self._prefix, self._next_request)
        self._next_request += 1
        unsent = order.status is OrdStatus.PENDING_NEW
        self.cancels.append(CancelDraft(request_id, draft.cl_ord_id, draft.book, unsent, resell))

    def price(
        self, state: State, context: Context, instrument: Instrument, called: str = ""
    ) -> PricedInstrument:
        """The instrument with its quote and facts, once; the facts are journaled with the plan.

        ``called``: the name that the caller used.
        """
        found = self._priced.get(instrument.key)
        if found is not None:
            return found
        quote = context.quote(instrument.key)
        facts = None
        if quote is not None and quote.last > 0 and quote.reference_close > 0:
            other = called if called != instrument.symbol else ""
            facts = instrument_facts(state.settings, instrument, quote, other)
            self.instruments.append(facts)
        priced = PricedInstrument(instrument, quote if facts is not None else None, facts)
        self._priced[instrument.key] = priced
        return priced


def request_code(code_prefix: str, counter: int) -> str:
    """The id of a cancel or replace: ``R`` and ten characters like a ClOrdID's."""
    return "R" + code_prefix + base36(counter)


_Slice: TypeAlias = tuple[Quantity, Money, tuple[Closing, ...]]


def _slices(
    instrument: Instrument, terms: Terms, hold: Money, closes: tuple[Closing, ...]
) -> Iterable[_Slice]:
    freeze = instrument.freeze_quantity
    if not freeze or terms.quantity <= freeze:
        return ((terms.quantity, hold, closes),)
    slice_max = max(round_down(freeze, instrument.lot_size), instrument.lot_size)
    return _sliced(terms.quantity, hold, closes, slice_max)


def _sliced(
    quantity: Quantity, hold: Money, closes: tuple[Closing, ...], slice_max: Quantity
) -> Iterator[_Slice]:
    """Slices of at most ``slice_max``; their holds and closings add up to the whole ones."""
    start, held = 0, 0
    while start < quantity:
        end = min(start + slice_max, quantity)
        upto = hold * end // quantity
        yield end - start, upto - held, _stretch(closes, start, end)
        start, held = end, upto


def _stretch(closes: tuple[Closing, ...], start: Quantity, end: Quantity) -> tuple[Closing, ...]:
    parts, edge = [], 0
    for closing in closes:
        part = min(end, edge + closing.quantity) - max(start, edge)
        if part > 0:
            parts.append(Closing(closing.lot, part))
        edge += closing.quantity
    return tuple(parts)
