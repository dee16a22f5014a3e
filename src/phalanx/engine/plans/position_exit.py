"""An exit from one position of one book.

What works on the other side is called back. What is held and nobody sells goes at once; only where
that is less than asked are working sells called back, and sold again as they give their quantity
free. A short is bought back. An exit of what is held only cancels nothing: it closes what nobody
closes yet.
"""

from typing import NamedTuple

from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.instructions import ExitRequest, ExitScope
from phalanx.domain.instruments import InstrumentKey, known_instrument
from phalanx.domain.numbers import BASIS_POINTS, Quantity, round_down
from phalanx.domain.orders import (
    UNSENT,
    Closing,
    OrdType,
    Product,
    Side,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.exposure import (
    Reach,
    WorkingSells,
    closings,
    coming,
    free_of,
    lots_of,
    slices,
    sold_of,
)
from phalanx.engine.plans.plan import Plan
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import hold_for
from phalanx.engine.risk import account_refusal, refusal
from phalanx.engine.state import Book, Instruction, Lot, Order, State, position_key

_R = ReasonCode
# By their own names: on Python 3.11 finding an enum's member costs more than comparing with it.
_BUY, _SELL, _MARKET, _LIMIT = Side.BUY, Side.SELL, OrdType.MARKET, OrdType.LIMIT
_HOLDINGS = ExitScope.HOLDINGS


class ExitInProgress(NamedTuple):
    """One exit while it is planned. ``caps``: how much more of single accounts it may close."""

    state: State
    context: Context
    request: ExitRequest
    plan: Plan
    reach: Reach
    sells: WorkingSells
    caps: dict[AccountId, Quantity]


class _Standing(NamedTuple):
    """A working sell that may be called back: ``free`` of it can be sold again, beside the ``claimed``
    part that an earlier exit waits for.
    """

    order: Order
    free: Quantity
    claimed: Quantity


def exit_position(
    leaving: ExitInProgress, account: Account, book: Book, key: InstrumentKey, product: Product
) -> None:
    """Plan it, or skip it with a reason; of a position with nothing in reach nothing is said."""
    position = _Position(leaving, account, book, key, product)
    is_empty = not position.held and not position.selling
    if position.held > 0 or is_empty or leaving.reach.trade:
        position.close_long()
    elif leaving.reach.has_positions and (position.held or not leaving.request.held_only):
        position.close_short()


class _Position:
    """One position of one book within an exit."""

    def __init__(
        self,
        leaving: ExitInProgress,
        account: Account,
        book: Book,
        key: InstrumentKey,
        product: Product,
    ) -> None:
        self.state, self.context, self.request, self.plan = leaving[:4]
        self.leaving, self.account, self.book = leaving, account, book
        self.key, self.product = key, product
        self.place = position_key(key, product)
        found = book.positions.get(self.place)
        self.held, self.selling = (0, 0) if found is None else (found.quantity, found.selling)
        self.is_oversold = leaving.reach.is_whole and self.selling > self.held
        self.tally = self.plan.tally_of_exits(book)
        self.instrument = known_instrument(
            self.context.instruments, self.state.local_instruments, key
        )
        self.priced: PricedInstrument | None = None
        self.terms: Terms | None = None

    # --- long ----------------------------------------------------------------------------------

    def close_long(self) -> None:
        """Cancel the buys, sell what is held: at once what is free, the rest as it is given free."""
        reach = self.leaving.reach
        all_lots = lots_of(self.book, self.key, self.product)
        lots = [lot for lot in all_lots if reach.holds(lot)]
        before = self._done()
        buying = lots if reach.trade else all_lots
        if reach.scope is _HOLDINGS or self.request.held_only:
            buying = []  # what buys today is no holding yet, and what works is not held
        for lot in buying:
            self._cancel_buys(lot)
        self._sell(lots)
        has_some = any(lot.remaining for lot in lots) or any(lot.buys for lot in buying)
        if has_some and self._done() == before:
            self._skip(_R.ALREADY_EXITING, self._symbol())

    def _cancel_buys(self, lot: Lot) -> None:
        """All of a lot's buys, or none: whoever closes a lot closes all of it."""
        buys = [self.state.orders[cl_ord_id] for cl_ord_id in lot.buys]
        if not all(self._is_seen_to(order) for order in buys):
            for order in buys:
                self.plan.cancel(order)

    def _is_seen_to(self, order: Order) -> bool:
        """Somebody is canceling this buy already who will sell as much of what it still fills."""
        closer = self._closer(order)
        if closer is None or self.account.id in closer.caps:
            return False
        return closer.percent_bps >= self.request.percent_bps and self._is_as_good(closer)

    def _sell(self, lots: list[Lot]) -> None:
        free = self._free(lots)
        standing = self._standing(lots)
        total = free + sum(sell.free for sell in standing)
        if self.leaving.reach.is_whole:
            total = min(total, self.held)
        if total <= 0:
            return
        wanted = self._wanted(total)
        if not wanted or not self._may_send(_SELL, wanted):
            return
        self._count(wanted)
        if standing:
            self._call_back(standing, wanted - min(wanted, free))
            free = self._free(lots)
        shares = [(lot.id, free_of(lot, self.tally)) for lot in lots]
        now = round_down(min(wanted, free), self._lot_size())
        self._send(_SELL, now, closings(shares, now))

    def _free(self, lots: list[Lot]) -> Quantity:
        """What of these lots nobody sells, unsent sells that the plan ends not counted."""
        freed = self.tally.freed.get(self.place, 0)
        free = max(0, self.held - self.selling + freed)
        return min(free, sum(free_of(lot, self.tally) for lot in lots))

    def _standing(self, lots: list[Lot]) -> list[_Standing]:
        """The sells that may be called back, the newest first. One that is on its way may not, unless
        more is being sold than is held.
        """
        if self.request.held_only:
            return []
        found = []
        ids = {lot.id for lot in lots}
        for order in reversed(self.leaving.sells.of(self.book, self.key, self.product)):
            if _is_on_its_way(order) and not self.is_oversold:
                continue
            leaves, claimed = order.leaves_quantity, 0
            closer = self._closer(order)
            if closer is not None and order.resell:
                if not self.leaving.reach.covers(closer.scope, closer.trade):
                    continue
                claimed = min(leaves, order.resell) if self._is_as_good(closer) else 0
            within = leaves if self.leaving.reach.is_whole else sold_of(order, ids)
            free = min(within, leaves - claimed)
            if free > 0 or self.is_oversold:
                found.append(_Standing(order, free, claimed))
        return found

    def _call_back(self, standing: list[_Standing], missing: Quantity) -> None:
        """Cancel sells until they will give so much free. Where more is being sold than is held all
        are cancelled, so that what they sell too much is bought back; which of them will give
        something free cannot be said.
        """
        takes_all = self.is_oversold and self.request.percent_bps == BASIS_POINTS
        for sell in standing:
            if missing <= 0 and not self.is_oversold:
                return
            part = sell.free if takes_all else min(sell.free, missing)
            missing -= min(part, missing)
            if sell.order.status in UNSENT:
                self.plan.cancel(sell.order)
                order = sell.order
                self.tally.free(order.draft, order.quantity, order.leaves_quantity, self.place)
            else:
                self.plan.cancel(sell.order, sell.claimed + part)

    # --- short, or sold out with sells still working ---------------------------------------------

    def close_short(self) -> None:
        """Cancel the sells, and the buys that would go beyond the short; buy back what nobody does. An
        exit of what is held only does no more than the last of these.
        """
        before = self._done()
        if self.request.held_only:
            kept, beyond = coming(self.state, self.book, self.key, self.product), list[Order]()
        else:
            self._cancel_sells()
            kept, beyond = self._buying_back()
        short = max(0, -self.held - kept)
        wanted = self._wanted(short) if short else 0
        if wanted and not self._may_send(_BUY, wanted):
            wanted = 0
        self._count(wanted)
        may_fill = sum(o.leaves_quantity for o in beyond if o.status not in UNSENT)
        now = round_down(max(0, min(wanted, short - may_fill)), self._lot_size())
        missing = wanted - now
        for order in reversed(beyond):
            part = min(missing, order.leaves_quantity)
            if order.status in UNSENT:
                # It ends here: what it would have bought back is free for an order of our own.
                covering = self.tally.covering.get(self.place, 0)
                self.tally.covering[self.place] = covering - order.leaves_quantity
                self.plan.cancel(order)
            elif part or not order.is_canceling:
                missing -= part
                self.plan.cancel(order, part)
        self._send(_BUY, now, ())
        if self._done() == before:
            self._skip(_R.ALREADY_EXITING, self._symbol())

    def _cancel_sells(self) -> None:
        for order in self.leaving.sells.of(self.book, self.key, self.product):
            if not order.is_canceling:
                self.plan.cancel(order)

    def _buying_back(self) -> tuple[Quantity, list[Order]]:
        """What buys that may go on will buy back, and the buys that may not, oldest first."""
        kept, beyond = 0, list[Order]()
        for lot in lots_of(self.book, self.key, self.product):
            buys = [self.state.orders[cl_ord_id] for cl_ord_id in lot.buys]
            leaves = sum(order.leaves_quantity for order in buys)
            if kept + leaves > -self.held or any(order.is_canceling for order in buys):
                beyond += buys
            else:
                kept += leaves
        return kept, beyond

    # --- both ----------------------------------------------------------------------------------

    def _wanted(self, total: Quantity) -> Quantity:
        """How much of ``total`` is to go, in whole lots; what is no whole lot is said in a skip."""
        lot_size, percent_bps = self._lot_size(), self.request.percent_bps
        share = total * percent_bps // BASIS_POINTS
        asked = min(share, self.leaving.caps.get(self.account.id, share))
        wanted = round_down(asked, lot_size)
        if asked < share and not asked:
            self._skip(_R.BOUND_REACHED, self.account.id)
        elif not wanted or (percent_bps == BASIS_POINTS and asked == share != wanted):
            self._skip(_R.LOT_MULTIPLE, asked - wanted, lot_size)
        return wanted

    def _count(self, wanted: Quantity) -> None:
        if self.account.id in self.leaving.caps:
            self.leaving.caps[self.account.id] -= wanted

    def _may_send(self, side: Side, quantity: Quantity) -> bool:
        """Whether such an order would pass; if not, nothing is called back for its sake."""
        if self.instrument is None:
            self._skip(_R.UNKNOWN_INSTRUMENT, self.key)
            return False
        called = self.request.instrument
        self.priced = self.plan.price(self.state, self.context, self.instrument, called)
        most = round_down(self.state.settings.quantity_max, self._lot_size())
        step = min(quantity, max(most, self._lot_size()))
        reason = account_refusal(
            self.state, self.context, self.account, reduces=True
        ) or self.priced.refusal(self.state, self.context, self.account, self._terms(side, step))
        if reason is not None:
            self.plan.skip_for(self.account.id, reason, self.key)
        return reason is None

    def _terms(self, side: Side, quantity: Quantity) -> Terms:
        """What is asked about first, and sent then, are the same terms: checked once."""
        terms = self.terms
        if terms is None or terms.quantity != quantity or terms.side is not side:
            terms = self.terms = self._new_terms(side, quantity)
        return terms

    def _new_terms(self, side: Side, quantity: Quantity) -> Terms:
        assert self.priced is not None
        buys = side is _BUY
        if self.request.price:
            price, ord_type = self.request.price, _LIMIT
        else:
            price = self.priced.protected_buy if buys else self.priced.protected_sell
            ord_type = _MARKET
        return Terms(side, self.product, ord_type, quantity, price, covers=buys)

    def _send(self, side: Side, quantity: Quantity, closes: tuple[Closing, ...]) -> None:
        """One order, or several where a cap or the freeze quantity is smaller."""
        if not quantity:
            return
        instrument, priced = self.instrument, self.priced
        assert instrument is not None
        assert priced is not None
        most = self.state.settings.quantity_max
        for part, closed in slices(quantity, closes, most, instrument.lot_size):
            terms = self._terms(side, part)
            hold = hold_for(self.account, terms.limit, part) if side is _BUY else 0
            reason = refusal(
                self.state, self.context, self.account, self.book, priced, terms, hold, self.tally
            )
            if reason is not None:
                self.plan.skip_for(self.account.id, reason, self.key)
                return
            self.plan.add(self.book, instrument, terms, hold, closes=closed, tally=self.tally)

    def _closer(self, order: Order) -> Instruction | None:
        """Who is canceling the order, and sees to what comes of it."""
        closer = self.state.instructions.get(order.closed_by or "")
        if closer is None or closer.kind == "cancel" or not closer.percent_bps:
            return None
        return closer if order.is_canceling else None

    def _is_as_good(self, closer: Instruction) -> bool:
        """It sells at the market, or at our price."""
        return closer.price in {0, self.request.price}

    def _done(self) -> tuple[int, int, int]:
        return len(self.plan.orders), len(self.plan.cancels), len(self.plan.skips)

    def _skip(self, code: ReasonCode, *facts: int | str) -> None:
        self.plan.skip_for(self.account.id, Reason(code, facts), self.key)

    def _lot_size(self) -> Quantity:
        return 1 if self.instrument is None else self.instrument.lot_size

    def _symbol(self) -> str:
        return self.key if self.instrument is None else self.instrument.symbol


def _is_on_its_way(order: Order) -> bool:
    """A MARKET order, unless it stands unfilled for a person, or is about to end or to shrink."""
    if order.draft.ord_type is not _MARKET or order.unfilled or order.is_canceling:
        return False
    replace = order.replacing
    return replace is None or replace.quantity >= order.quantity
