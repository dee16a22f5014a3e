"""An instruction that closes does not end with its first orders: what comes later is its to close too.

Each later fill of a buy it cancelled becomes a further reduce-only child, also when the broker told
of the cancel first and of the fill afterwards; so does each quantity that a cancelled sell gives
free, as far as it was wanted. Sells that were filled beyond what was held are bought back.
"""

from itertools import islice

import msgspec

from phalanx.domain.events import CancelRequested, Event, OrderEnded
from phalanx.domain.instructions import DESK_ORIGIN
from phalanx.domain.instruments import Instrument, InstrumentKey, known_instrument, split_key
from phalanx.domain.numbers import BASIS_POINTS, Price, Quantity, round_down, round_up
from phalanx.domain.orders import (
    TERMINAL,
    Closing,
    OrderDraft,
    OrdStatus,
    OrdType,
    Side,
)
from phalanx.domain.reasons import Reason
from phalanx.engine.apply import lots
from phalanx.engine.apply.orders import closer_of
from phalanx.engine.context import Context
from phalanx.engine.exposure import (
    Share,
    closings,
    coming,
    free_of,
    lots_of,
    reach,
    slices,
)
from phalanx.engine.ids import new_request_id
from phalanx.engine.plans.plan import Plan
from phalanx.engine.priced import Terms
from phalanx.engine.pricing import hold_for, usable_facts
from phalanx.engine.state import Instruction, Order, State, position_key

CHILDREN_MAX = 100
"""Most further orders because of one report. Only a fill of what nobody ordered could cause more: what
goes beyond stays held, for a person."""


def children(
    state: State,
    order: Order,
    status: OrdStatus,
    context: Context,
    *,
    filled: Quantity = 0,
    price: Price = 0,
) -> tuple[OrderDraft, ...]:
    """What its closer sends because this order was ``filled`` so much (at ``price``), or ends so."""
    if not filled and order.closed_by is None:
        return ()
    ends = status in TERMINAL and order.status not in TERMINAL
    if not filled and not ends:
        return ()
    closer = closer_of(state, order)
    if closer is None or not closer.percent_bps:
        return ()
    case = _Case(state, context, order, closer, price or order.limit)
    if filled and order.draft.side is Side.BUY:
        reopens = order.status in TERMINAL and status not in TERMINAL
        case.sell_what_was_bought(filled, reopens=reopens)
    elif filled:
        case.cover_what_was_sold(filled)
    if ends:
        case.do_again(filled)
    return tuple(msgspec.structs.replace(draft, follows_fill=True) for draft in case.plan.orders)


def order_ended(
    state: State, order: Order, status: OrdStatus, reason: Reason, context: Context
) -> OrderEnded:
    """An end that no report told, with what its closer sends because of it."""
    further = children(state, order, status, context)
    return OrderEnded(context.now, order.draft.cl_ord_id, status, reason, further)


def cancel_again(state: State, order: Order, context: Context) -> list[Event]:
    """A closing instruction's cancel that had no effect is asked for again, under a new id; so is
    that of an order that was proved absent meanwhile, and lives after all. Of one that ended, or is filled,
    and only waits for its executions, there is nothing left to cancel.
    """
    is_over = order.known_cum >= order.quantity and order.replacing is None
    if order.closed_by not in state.instructions or order.ends_as is not None or is_over:
        return []
    request_id = new_request_id(state.desk_id, state.shard, state.next_request)
    return [CancelRequested(context.now, DESK_ORIGIN, request_id, order.draft.cl_ord_id)]


class _Case:
    """One order that was filled or ended, and the instruction that closes on because of it."""

    def __init__(
        self, state: State, context: Context, order: Order, closer: Instruction, price: Price
    ) -> None:
        draft = order.draft
        self.state, self.context, self.plan = state, context, Plan(state)
        self.order, self.draft, self.closer, self.price = order, draft, closer, price
        self.book = state.book_of(order)
        self.account = state.accounts[self.book.account]
        self.instrument = known_instrument(
            context.instruments, state.local_instruments, draft.instrument
        ) or _stand_in(draft.instrument)
        self.lot_size = self.instrument.lot_size
        self.key = position_key(draft.instrument, draft.product)
        self.tally = self.plan.tally_of_exits(self.book)
        held = self.book.positions.get(self.key)
        self.held, self.selling = (0, 0) if held is None else (held.quantity, held.selling)

    def sell_what_was_bought(self, filled: Quantity, *, reopens: bool) -> None:
        """Of a buy: the part that covers a short is gone, the rest is sold in whole lots; what was
        too little for one before may fill one up now.
        """
        order, tally = self.order, self.tally
        long = max(0, min(filled, self.held + filled))
        home = lots.home(self.book, order, reopens=reopens)
        own = long + (0 if home is None else free_of(home, tally))
        shares: list[Share] = [(order.draft.own_lot if home is None else home.id, own)]
        if self.closer.kind == "exit":
            shares += [share for share in self._shares() if share[0] != shares[0][0]]
        tally.freed[self.key] = tally.freed.get(self.key, 0) + filled
        if self.closer.percent_bps < BASIS_POINTS and order.closed_by is not None:
            wanted = min(long, self._share_of(order.cum_quantity + filled) - self._share_of())
        elif self.closer.kind == "exit":
            wanted = long + max(0, self._free(shares) - long) % self.lot_size
        else:
            is_closed = home is not None and home.closing == order.closed_by
            wanted = long + (own - long) % self.lot_size if is_closed else long
        self._sell(wanted, shares)

    def cover_what_was_sold(self, filled: Quantity) -> None:
        """Of a sell: what it sold beyond what was held is bought back, unless it sold more than it
        was told to; that is for a person.
        """
        order = self.order
        told = min(filled, max(0, order.quantity - order.cum_quantity))
        self._cover(told, told - self.held)

    def do_again(self, filled: Quantity) -> None:
        """What its end leaves, as far as that was wanted, is sold, or bought back, anew."""
        order, draft = self.order, self.draft
        wanted = max(0, order.resell - filled)
        if draft.side is Side.BUY:
            if self.closer.kind == "exit" and self.closer.percent_bps == BASIS_POINTS:
                # While it worked it counted as buying back whatever became short meanwhile.
                wanted = max(wanted, order.leaves_quantity - filled)
            self._cover(wanted, -self.held - filled + order.leaves_quantity)
            return
        left = max(0, order.quantity - order.cum_quantity - filled)
        self.tally.free(draft, order.quantity, left, self.key)
        named = [closing.lot for closing in draft.closes]
        shares = sorted(self._shares(), key=lambda share: share[0] not in named)
        wanted += max(0, self._free(shares) - left) % self.lot_size
        self._sell(wanted, shares)

    def _share_of(self, cum_quantity: Quantity | None = None) -> Quantity:
        """What a partial exit sells of an order that filled so much, by now."""
        total = self.order.cum_quantity if cum_quantity is None else cum_quantity
        return round_down(total * self.closer.percent_bps // BASIS_POINTS, self.lot_size)

    def _shares(self) -> list[Share]:
        """The lots within the exit's reach, oldest first, with what is free of each."""
        within = reach(self.state, self.closer.time, self.closer.scope, self.closer.trade)
        return [
            (lot.id, free_of(lot, self.tally))
            for lot in lots_of(self.book, self.draft.instrument, self.draft.product)
            if within.holds(lot)
        ]

    def _free(self, shares: list[Share]) -> Quantity:
        """What may be sold of these lots, once what happened is booked."""
        taken = self.tally.selling.get(self.key, 0) - self.tally.freed.get(self.key, 0)
        free = max(0, self.held - self.selling - taken)
        return min(free, sum(share for _, share in shares))

    def _sell(self, wanted: Quantity, shares: list[Share]) -> None:
        cap = self.closer.caps.get(self.account.id, wanted)
        quantity = round_down(min(wanted, cap, self._free(shares)), self.lot_size)
        if quantity > 0:
            closes = closings(shares, quantity)
            self._send(Side.SELL, quantity, closes, self.draft.strategy)

    def _cover(self, wanted: Quantity, short: Quantity) -> None:
        bought = coming(self.state, self.book, self.draft.instrument, self.draft.product)
        short -= bought + self.tally.covering.get(self.key, 0)
        quantity = round_down(min(wanted, short), self.lot_size)
        if quantity > 0:
            self._send(Side.BUY, quantity, (), None)

    def _send(
        self, side: Side, quantity: Quantity, closes: tuple[Closing, ...], strategy: str | None
    ) -> None:
        buys = side is Side.BUY
        limit = self.closer.price or self._protected(side)
        ord_type = OrdType.LIMIT if self.closer.price else OrdType.MARKET
        most = self.state.settings.quantity_max
        most = min(most, self.instrument.freeze_quantity or most)
        parts = slices(quantity, closes, most, self.lot_size)
        for part, closed in islice(parts, CHILDREN_MAX):
            self.plan.add(
                self.book,
                self.instrument,
                Terms(side, self.draft.product, ord_type, part, limit, covers=buys),
                hold_for(self.account, limit, part) if buys else 0,
                strategy=strategy,
                closes=closed,
                tally=self.tally,
            )

    def _protected(self, side: Side) -> Price:
        """The worst price: from the quote, or without one from what just happened."""
        quote = self.context.quote(self.instrument.key)
        settings = self.state.settings
        facts = usable_facts(settings, self.instrument, quote)
        if facts is not None:
            return facts.protected_buy if side is Side.BUY else facts.protected_sell
        tick = self.instrument.tick_size
        if side is Side.BUY:
            worst = self.price * (BASIS_POINTS + settings.protection_bps) // BASIS_POINTS
            return round_up(worst, tick)
        worst = self.price * (BASIS_POINTS - settings.protection_bps) // BASIS_POINTS
        return max(round_down(worst, tick), tick)


def _stand_in(key: InstrumentKey) -> Instrument:
    """For an instrument that no master knows any more: what is held of it may be sold all the same."""
    exchange, token = split_key(key)
    return Instrument(key, exchange, token, key, "", 1, 1)
