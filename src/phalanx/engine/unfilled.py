"""MARKET orders that rest unfilled: entries are canceled; exits get new prices, then stand for a person."""

from collections.abc import Iterator, Mapping
from itertools import islice

from phalanx.domain.events import CancelRequested, Event, OrderFlagged, ReplaceRequested
from phalanx.domain.instructions import DESK_ORIGIN
from phalanx.domain.instruments import known_instrument
from phalanx.domain.numbers import Price
from phalanx.domain.orders import ClOrdId, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.engine.context import Context
from phalanx.engine.day.phases import waits_for_phase
from phalanx.engine.ids import new_request_id
from phalanx.engine.pricing import hold_for, usable_facts
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from phalanx.engine.state import Order, State

LOOKED_AT_MAX = 2_000
"""Most resting entries, and as many exits, that one tick looks at."""

SEEN_TO_MAX = 500
"""Most of them that it does something about."""


def see_to_unfilled(state: State, context: Context) -> list[Event]:
    """What one tick does about those that rested for too long."""
    settings, policy = state.settings, _Policy(state, context)
    entries = _overdue(state, context, state.resting_entries, settings.entry_cancel_after_s)
    exits = _overdue(state, context, state.resting_exits, settings.exit_reprice_after_s)
    events = [policy.cancel(order, rested) for order, rested in islice(entries, SEEN_TO_MAX)]
    repriced = (policy.reprice(order, rested) for order, rested in exits)
    events += islice((event for event in repriced if event is not None), SEEN_TO_MAX)
    return events


def _overdue(
    state: State, context: Context, resting: Mapping[ClOrdId, Nanoseconds], after_s: int
) -> Iterator[tuple[Order, Nanoseconds]]:
    """The orders that rested for ``after_s`` (0: none ever does) or longer, with how long it is.

    Those of closed accounts are left alone, and those that an auction has yet to match. Of very many a
    tick looks at a part, at another one each second, so that those keep nobody else from his turn.
    """
    if not after_s:
        return
    parts = max(1, -(-len(resting) // LOOKED_AT_MAX))
    first = context.now // SECOND % parts * LOOKED_AT_MAX
    for cl_ord_id, since in islice(resting.items(), first, first + LOOKED_AT_MAX):
        rested = context.now - since
        if rested < after_s * SECOND:
            return
        order = state.orders[cl_ord_id]
        account = state.accounts[state.book_of(order).account]
        if account.id in context.closed:
            continue
        if not waits_for_phase(state, context, account, order.draft.instrument):
            yield order, rested


class _Policy:
    """Decides about one order after another; ids continue the journaled counter."""

    def __init__(self, state: State, context: Context) -> None:
        self._state = state
        self._context = context
        self._next_request = state.next_request
        self._protected: dict[str, tuple[Price, Price]] = {}

    def cancel(self, order: Order, rested: Nanoseconds) -> Event:
        """Ask for an entry's cancel, unless the broker has refused it often enough."""
        if order.cancels_refused >= CANCELS_REFUSED_MAX:
            return self._flag(order, rested // SECOND)
        return CancelRequested(
            self._context.now,
            DESK_ORIGIN,
            self._request_id(),
            order.draft.cl_ord_id,
            _unfilled(rested // SECOND),
        )

    def reprice(self, order: Order, rested: Nanoseconds) -> Event | None:
        """Ask for an exit's new price. A turn in which that is the old one, or there is none, counts as
        well.
        """
        settings = self._state.settings
        most, after_s = settings.exit_reprices_max, settings.exit_reprice_after_s
        number = order.repricings + rested // (after_s * SECOND)
        account = self._state.accounts[self._state.book_of(order).account]
        capabilities = self._context.capabilities.get(account.broker)
        may_replace = capabilities is not None and capabilities.replace
        price = self._price(order)
        if price in {0, order.limit} and number <= most and may_replace:
            return None
        if price in {0, order.limit} or order.repricings >= most or not may_replace:
            return self._flag(order, after_s * number)
        return ReplaceRequested(
            self._context.now,
            DESK_ORIGIN,
            self._request_id(),
            order.draft.cl_ord_id,
            order.quantity,
            price,
            hold_for(account, price, order.quantity) if order.hold_total else 0,
            min(number, most),
        )

    def _price(self, order: Order) -> Price:
        """The protected price of now; zero without a price."""
        key = order.draft.instrument
        found = self._protected.get(key)
        if found is None:
            state, context = self._state, self._context
            instrument = known_instrument(context.instruments, state.local_instruments, key)
            quote = context.quote(key)
            facts = None
            if instrument is not None:
                facts = usable_facts(state.settings, instrument, quote)
            found = (0, 0) if facts is None else (facts.protected_buy, facts.protected_sell)
            self._protected[key] = found
        return found[0] if order.draft.side is Side.BUY else found[1]

    def _flag(self, order: Order, seconds: int) -> Event:
        reason = _unfilled(seconds)
        return OrderFlagged(
            self._context.now, order.draft.cl_ord_id, reason.code.value, str(reason)
        )

    def _request_id(self) -> str:
        request_id = new_request_id(self._state.desk_id, self._state.shard, self._next_request)
        self._next_request += 1
        return request_id


def _unfilled(seconds: int) -> Reason:
    return Reason(ReasonCode.UNFILLED, (str(seconds),))
