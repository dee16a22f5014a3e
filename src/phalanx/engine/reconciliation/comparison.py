"""Our books against one reading of a broker's: counted, and every difference named. Changes nothing.

``compare`` is asked after a reading was adopted (``steps``), for what is left is what nobody can
explain, and before it, for what counts as absent.
"""

from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerTrade
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import PRICED, TERMINAL, OrdStatus
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.differences import Comparison, Difference, Line
from phalanx.engine.reconciliation.doubt import (
    has_doubt,
    is_for_a_person,
    may_prove_absence,
    may_prove_end,
    may_prove_no_effect,
)
from phalanx.engine.reconciliation.effects import (
    Effect,
    doubtful_requests,
    effect_of,
    is_doubtfully_shown,
)
from phalanx.engine.reconciliation.holdings import Doubts, compare_cash, compare_positions
from phalanx.engine.reconciliation.matching import Matched, Matching, match
from phalanx.engine.state import Order, State

__all__ = [
    "Comparison",
    "Difference",
    "Line",
    "compare",
    "missing_order",
    "unbookable_fill",
]

_CANDIDATES_MAX = 5
"""So many orders that may be the one in doubt are named to the person who has to say."""


def compare(
    state: State,
    book: BrokerBook,
    capabilities: Capabilities,
    now: Nanoseconds,
    matching: Matching | None = None,
) -> Comparison:
    """Compare a complete reading (``sanity.why_incomplete``) of an account of ours with its books.

    ``matching``: what `match` makes of it in this very state, where that is known already.
    """
    found = matching or match(state, book, capabilities)
    return _Case(state, book, capabilities, now, found).comparison()


class _Case:
    """One comparison."""

    def __init__(
        self,
        state: State,
        book: BrokerBook,
        capabilities: Capabilities,
        now: Nanoseconds,
        matching: Matching,
    ) -> None:
        self.state, self.book, self.capabilities, self.now = state, book, capabilities, now
        self.own = matching.own
        self.doubtful = [order for order in self.own if has_doubt(order, capabilities, now)]
        self.matching = matching
        self.differing = {
            id: differs
            for id, one in matching.matched.items()
            if (differs := _difference_of(one)) is not None
        }

    def comparison(self) -> Comparison:
        """All of it."""
        ours = self.state.books[self.state.accounts[self.book.account].book]
        doubts = Doubts(self.own, self.matching.waiting)
        positions, off = compare_positions(ours, self.book, doubts)
        cash, short = compare_cash(ours, self.book, doubts)
        return Comparison(
            self.book.account,
            (self._orders(), self._trades(), positions, cash),
            (*self._differences(), *off, *short),
            tuple(order.draft.cl_ord_id for order in self.doubtful),
            tuple(order.draft.cl_ord_id for order in self.doubtful if self._is_absent(order)),
            tuple(self.matching.retired),
            tuple(order.draft.cl_ord_id for order in self.doubtful if self._is_sighted(order)),
            self._candidates(),
            tuple(o.draft.cl_ord_id for o in self.matching.missing if self._is_overdue(o)),
        )

    def _orders(self) -> Line:
        matched = self.matching.matched
        found = [id for id, one in matched.items() if one.theirs is not None]
        expected = len(found) + len(self.matching.missing)
        foreign = len(self.matching.foreign_orders)
        alike = sum(id not in self.differing for id in found)
        return Line("orders", expected, len(self.book.orders), alike, foreign)

    def _trades(self) -> Line:
        matching = self.matching
        booked = sum(trade.exec_id in one.ours.exec_ids for one, trade in matching.ours)
        ours = sum(len(one.ours.exec_ids) for one in matching.matched.values())
        foreign, waiting = len(matching.foreign), len(matching.waiting)
        return Line("trades", ours, len(self.book.trades), booked, foreign, doubtful=waiting)

    def _is_absent(self, order: Order) -> bool:
        found = self.matching.matched.get(order.draft.cl_ord_id)
        capabilities, now, book_time = self.capabilities, self.now, self.book.time
        if found is None:
            return may_prove_absence(self.state, order, capabilities, now, book_time)
        if found.theirs is None:
            return False
        return any(
            effect_of(order, request, found.theirs) is Effect.NOT_SHOWN
            and may_prove_no_effect(request, capabilities, now, book_time)
            for request in doubtful_requests(order, capabilities, now)
        )

    def _is_overdue(self, order: Order) -> bool:
        return may_prove_end(self.state, order, self.now, self.book.time)

    def _candidates(self) -> tuple[BrokerOrder, ...]:
        if not self.matching.foreign_orders:
            return ()
        unknown = {
            (order.draft.instrument, order.draft.side, order.draft.product)
            for order in self.own
            if order.status is OrdStatus.IN_DOUBT or order.judged
        }
        return tuple(
            row
            for row in self.matching.foreign_orders
            if (row.instrument, row.side, row.product) in unknown
        )

    def _is_sighted(self, order: Order) -> bool:
        found = self.matching.matched.get(order.draft.cl_ord_id)
        theirs = None if found is None else found.theirs
        return theirs is not None and any(
            is_doubtfully_shown(order, request, theirs, self.book.time)
            for request in doubtful_requests(order, self.capabilities, self.now)
        )

    def _differences(self) -> list[Difference]:
        matching = self.matching
        found = [_lost(tag, row) for tag, row in matching.lost.items()]
        found += [unbookable_fill(trade, why) for trade, why in matching.unbookable]
        found += self.differing.values()
        found += [missing_order(order) for order in matching.missing]
        found += [
            Difference(
                BreakKind.ORDER_DIFFERS,
                row.cl_ord_id or row.order_id,
                "ended",
                row.status.name,
                "it ended with us long ago and works at the broker",
            )
            for row in matching.retired_orders
            if row.status not in TERMINAL
        ]
        for order in self.doubtful:
            known = order.draft.cl_ord_id in matching.matched
            if not known and is_for_a_person(
                self.state, order, self.capabilities, self.now, self.book.time
            ):
                found.append(self._unprovable(order))
        return found

    def _unprovable(self, order: Order) -> Difference:
        draft = order.draft
        alike = [
            row.order_id
            for row in self.matching.foreign_orders
            if (row.instrument, row.side, row.product, row.quantity)
            == (draft.instrument, draft.side, draft.product, order.quantity)
        ]
        named = ", ".join(alike[:_CANDIDATES_MAX])
        reason = "nothing the broker shows can prove what became of it"
        reason += f"; it may be {named}" if alike else "; no order there is like it"
        if len(alike) > _CANDIDATES_MAX:
            reason += f" or one of {len(alike) - _CANDIDATES_MAX} more"
        return Difference(
            BreakKind.ORDER_IN_DOUBT, draft.cl_ord_id, order.status.name, named, reason
        )


def _difference_of(one: Matched) -> Difference | None:
    """What an order of ours and the broker's book say differently, the worst first."""
    ours, theirs = one.ours, one.theirs
    cl_ord_id = ours.draft.cl_ord_id
    known = max(ours.cum_quantity, ours.known_cum)
    if known > one.filled:
        our, their = format_fixed(known), format_fixed(one.filled)
        reason = f"{our} was reported as filled, {their} is in the broker's book"
        return Difference(BreakKind.FILLED_LESS, cl_ord_id, our, their, reason)
    if ours.cum_quantity < one.bookable:
        our, their = format_fixed(ours.cum_quantity), format_fixed(one.bookable)
        reason = f"{our} of it is booked as filled, {their} is in the broker's book"
        return Difference(BreakKind.ORDER_DIFFERS, cl_ord_id, our, their, reason)
    if theirs is None:
        return None
    ended, they_ended = ours.status in TERMINAL, theirs.status in TERMINAL
    if ended and not they_ended:
        reason = "it ended with us and works at the broker"
    elif they_ended and not ended:
        reason = "it works with us and ended at the broker"
    elif not ended and ours.replacing is None and _terms_differ(ours, theirs):
        reason = "its terms were changed outside"
    else:
        return None
    return Difference(
        BreakKind.ORDER_DIFFERS,
        cl_ord_id,
        _terms(ours.status, ours.quantity, ours.limit),
        _terms(theirs.status, theirs.quantity, theirs.limit),
        reason,
    )


def _terms_differ(ours: Order, theirs: BrokerOrder) -> bool:
    if ours.status is OrdStatus.IN_DOUBT:
        return False
    told = theirs.limit and ours.draft.ord_type in PRICED
    return theirs.quantity != ours.quantity or bool(told and theirs.limit != ours.limit)


def _terms(status: OrdStatus, quantity: int, limit: int) -> str:
    return f"{status.name} {format_fixed(quantity)} at {format_fixed(limit)}"


def missing_order(order: Order) -> Difference:
    """An order that works with us and that its broker does not show."""
    reason = "it works with us and is not in the broker's book"
    return Difference(BreakKind.ORDER_MISSING, order.draft.cl_ord_id, order.status.name, "", reason)


def _lost(tag: str, row: BrokerOrder | BrokerTrade) -> Difference:
    """The journal does not know what the broker has: somebody must find out before anything goes on."""
    shown = row.status.name if isinstance(row, BrokerOrder) else f"execution {row.exec_id}"
    reason = f"broker order {row.order_id} has a tag of ours that the journal does not know"
    return Difference(BreakKind.ORDER_UNKNOWN, tag, "", shown, reason)


def unbookable_fill(trade: BrokerTrade, why: str) -> Difference:
    """An execution that no book can take, or nobody knows the order of."""
    shown = f"{trade.side.name} {format_fixed(trade.quantity)} at {format_fixed(trade.price)}"
    reason = f"the execution cannot be booked: {why}"
    return Difference(BreakKind.FILL_UNBOOKABLE, trade.exec_id, "", shown, reason)
