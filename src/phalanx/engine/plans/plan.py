"""A plan under construction: drafts, cancels and skips, with the ids they will have."""

from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import CancelDraft, Skip
from phalanx.domain.instruments import Instrument, InstrumentFacts
from phalanx.domain.numbers import Money
from phalanx.domain.orders import ClOrdId, Closing, OrderDraft, OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.ids import base36, prefix
from phalanx.engine.pricing import instrument_facts
from phalanx.engine.refused import Refused
from phalanx.engine.risk import PricedInstrument, Terms
from phalanx.engine.state import Book, Order, State

ORDERS_MAX = 20_000
"""Most orders of one instruction."""

_SELL = Side.SELL


class Plan:
    """Collects what an instruction will do. Ids continue the journaled counters of ``state``."""

    __slots__ = (
        "_next_order",
        "_next_request",
        "_prefix",
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

    def skip(self, account: AccountId, code: ReasonCode, *facts: int | str) -> None:
        """Leave an account out, and say why."""
        self.skips.append(Skip(account, Reason(code, facts)))

    def skip_for(self, account: AccountId, reason: Reason) -> None:
        """Leave an account out for a reason that a check gave."""
        self.skips.append(Skip(account, reason))

    def add(
        self,
        book: Book,
        instrument: Instrument,
        terms: Terms,
        hold: Money,
        *,
        strategy: str | None = None,
        closes: tuple[Closing, ...] = (),
    ) -> ClOrdId:
        """Plan one order; sells are reduce-only."""
        if len(self.orders) >= ORDERS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} orders")
        cl_ord_id = self._prefix + base36(self._next_order)
        self._next_order += 1
        draft = OrderDraft(
            cl_ord_id,
            book.id,
            instrument.key,
            terms.side,
            terms.product,
            terms.ord_type,
            terms.time_in_force,
            terms.quantity,
            terms.limit,
            hold,
            strategy,
            closes,
            terms.side is _SELL,
        )
        self.orders.append(draft)
        return cl_ord_id

    def cancel(self, order: Order) -> None:
        """Plan the cancel of a working order; one never dispatched simply ends."""
        draft = order.draft
        request_id = request_code(self._prefix, self._next_request)
        self._next_request += 1
        unsent = order.status is OrdStatus.PENDING_NEW
        self.cancels.append(CancelDraft(request_id, draft.cl_ord_id, draft.book, unsent))

    def price(self, state: State, context: Context, instrument: Instrument) -> PricedInstrument:
        """The instrument with its quote and facts; the facts are journaled with the plan."""
        quote = context.quote(instrument.key)
        if quote is None or quote.last <= 0 or quote.reference_close <= 0:
            return PricedInstrument(instrument, None, None)
        facts = instrument_facts(state.settings, instrument, quote)
        self.instruments.append(facts)
        return PricedInstrument(instrument, quote, facts)


def request_code(code_prefix: str, counter: int) -> str:
    """The id of a cancel or replace: ``R`` and ten characters like a ClOrdID's."""
    return "R" + code_prefix + base36(counter)
