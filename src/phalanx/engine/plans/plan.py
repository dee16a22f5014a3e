"""A plan under construction: drafts, cancels and skips, with the ids they will have."""

from collections.abc import Iterator
from typing import TypeAlias

from phalanx.domain.accounts import Account, AccountId, BookId
from phalanx.domain.instructions import CancelDraft, CancelOpenRequest, Skip
from phalanx.domain.instruments import Instrument, InstrumentFacts, InstrumentKey
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import UNSENT, ClOrdId, Closing, OrderDraft, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.exposure import slices
from phalanx.engine.ids import cl_ord_ids, request_ids
from phalanx.engine.limits import limit_for
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import usable_facts
from phalanx.engine.refused import Refused
from phalanx.engine.state import Book, Order, State, position_key
from phalanx.engine.tally import NOTHING, Tally

# By their own names: on Python 3.11 finding an enum's member costs a third of making the draft.
_BUY, _SELL = Side.BUY, Side.SELL

ORDERS_MAX = 20_000
"""Most orders of one instruction."""


class Plan:
    """Collects what an instruction will do. Ids continue the journaled counters of ``state``.

    ``part``: the request as this plan does it, where one record does not hold all of it.
    """

    __slots__ = (
        "_cl_ord_ids",
        "_priced",
        "_request_ids",
        "_state",
        "_tallies",
        "cancels",
        "instruments",
        "orders",
        "part",
        "refusal",
        "skips",
    )

    def __init__(self, state: State, refusal: Reason | None = None) -> None:
        self.orders: list[OrderDraft] = []
        self.cancels: list[CancelDraft] = []
        self.skips: list[Skip] = []
        self.instruments: list[InstrumentFacts] = []
        self.part: CancelOpenRequest | None = None
        self.refusal = refusal
        # Begun with the first order, and with the first cancel, which few plans have.
        self._cl_ord_ids: Iterator[ClOrdId] | None = None
        self._request_ids: Iterator[str] | None = None
        self._state = state
        self._tallies: dict[BookId, Tally] = {}
        self._priced: dict[InstrumentKey, PricedInstrument] = {}

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
            found = self._tallies[book.id] = Tally(limit_for(state, account, strategy))
        return found

    def tally_of_one(
        self, state: State, account: Account, book: Book, strategy: str | None = None
    ) -> Tally:
        """The same for a plan with at most one order for each book: nothing, where there are no limits."""
        return self.tally(state, account, book, strategy) if state.limits else NOTHING

    def tally_of_exits(self, book: Book) -> Tally:
        """The same for a plan that only reduces: no limit of the desk's holds for that."""
        found = self._tallies.get(book.id)
        if found is None:
            found = self._tallies[book.id] = Tally()
        return found

    def add(  # noqa: PLR0913, PLR0917  everything one order needs, by place where many are planned
        self,
        book: Book,
        instrument: Instrument,
        terms: Terms,
        hold: Money,
        strategy: str | None = None,
        closes: tuple[Closing, ...] = (),
        tally: Tally = NOTHING,
        row: int = 0,
    ) -> ClOrdId:
        """Plan one order, or above the freeze quantity its slices; the id is the (first) order's.

        ``hold`` and ``closes`` are for all of it, and the slices of a buy fill one lot. A ``tally``
        takes it in.
        """
        orders, side = self.orders, terms.side
        freeze = instrument.freeze_quantity
        is_one = not freeze or terms.quantity <= freeze
        whole = ((terms.quantity, hold, closes),)
        parts = whole if is_one else _slices(instrument, terms, hold, closes)
        first = ""
        for quantity, part_hold, part_closes in parts:
            if len(orders) >= ORDERS_MAX:
                raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} orders")
            cl_ord_id = next(self._cl_ord_ids or self._begin_ids())
            draft = OrderDraft(
                cl_ord_id,
                book.id,
                instrument.key,
                side,
                terms.product,
                terms.ord_type,
                terms.time_in_force,
                quantity,
                terms.limit,
                part_hold,
                strategy,
                part_closes,
                side is _SELL or terms.covers,
                terms.stop_price,
                False,  # noqa: FBT003  follows_fill
                row,
                first if side is _BUY else "",
            )
            first = first or cl_ord_id
            orders.append(draft)
            if tally is not NOTHING:
                tally.take(draft, position_key(instrument.key, terms.product))
        return first

    def _begin_ids(self) -> Iterator[ClOrdId]:
        state = self._state
        self._cl_ord_ids = cl_ord_ids(state.desk_id, state.shard, state.next_order)
        return self._cl_ord_ids

    def cancel(self, order: Order, resell: Quantity = 0) -> None:
        """Plan the cancel of a working order; one never dispatched simply ends.

        ``resell``: how much of what a cancelled sell frees is to be sold again.
        """
        draft = order.draft
        if self._request_ids is None:
            state = self._state
            self._request_ids = request_ids(state.desk_id, state.shard, state.next_request)
        request_id = next(self._request_ids)
        unsent = order.status in UNSENT
        self.cancels.append(
            CancelDraft(
                request_id,
                draft.cl_ord_id,
                draft.book,
                unsent,
                resell,
                draft.side,
                order.lot,
            )
        )

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
        other = called if called != instrument.symbol else ""
        facts = usable_facts(state.settings, instrument, quote, other)
        if facts is not None:
            self.instruments.append(facts)
        priced = PricedInstrument(
            instrument,
            quote if facts is not None else None,
            facts,
            context.instruments.listings(instrument),
        )
        self._priced[instrument.key] = priced
        return priced


_Slice: TypeAlias = tuple[Quantity, Money, tuple[Closing, ...]]


def _slices(
    instrument: Instrument, terms: Terms, hold: Money, closes: tuple[Closing, ...]
) -> Iterator[_Slice]:
    """The slices of what is above the freeze quantity, with their holds, which add up to the whole one."""
    quantity, end, held = terms.quantity, 0, 0
    parts = slices(quantity, closes, instrument.freeze_quantity, instrument.lot_size)
    for part, part_closes in parts:
        end += part
        upto = hold * end // quantity
        yield part, upto - held, part_closes
        held = upto
