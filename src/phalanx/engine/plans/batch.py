"""The plan of a basket: many orders, each with its own terms, and follow-ups of earlier orders."""

from collections import deque

from phalanx.domain.accounts import Account, BookId
from phalanx.domain.instructions import BatchRequest, BatchRow, FollowUp
from phalanx.domain.instruments import Instrument
from phalanx.domain.orders import TERMINAL, ClOrdId, Closing, Side, was_never_taken
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.plans.order import terms_of
from phalanx.engine.plans.plan import ORDERS_MAX, Plan
from phalanx.engine.plans.selection import account_of, shuffled
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import hold_for
from phalanx.engine.refused import Refused
from phalanx.engine.risk import refusal
from phalanx.engine.state import Book, Lot, State, position_key
from phalanx.engine.tally import Tally

_R = ReasonCode


def plan_batch(
    state: State, context: Context, request: BatchRequest, follow_up: FollowUp | None = None
) -> Plan:
    """One order or skip for each row: every account's first row, accounts in an order drawn by the
    seed, then every account's second, and so on. ``row`` counts the basket's rows from 1.

    A row whose account or instrument nobody knows refuses the whole basket, and its reason names the
    row. ``follow_up`` says what the rows do about the orders that they name as their source.

    Raises Refused ``PLAN_TOO_LARGE``, ``AMBIGUOUS_TOKEN``.
    """
    if len(request.rows) > ORDERS_MAX:
        raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} rows")
    basket = _Basket(state, context, request, follow_up)
    refused = basket.resolve()
    if refused is not None:
        return Plan(state, refused)
    basket.order_in_turn()
    if not basket.plan.orders:
        basket.plan.refusal = Reason(_R.NOTHING_VALID)
    return basket.plan


class _Basket:
    """The rows by account, and what was planned of them so far."""

    def __init__(
        self, state: State, context: Context, request: BatchRequest, follow_up: FollowUp | None
    ) -> None:
        self._state = state
        self._context = context
        self._request = request
        self._follow_up = follow_up
        self._instruments: dict[str, Instrument] = {}
        self._rows: dict[str, list[tuple[int, BatchRow]]] = {}
        self._followed: set[ClOrdId] = set()
        self._lots: dict[tuple[BookId, str], deque[Lot]] = {}
        self.plan = Plan(state)

    def resolve(self) -> Reason | None:
        """Find every row's account and instrument; or why the whole basket is refused."""
        for number, row in enumerate(self._request.rows, 1):
            account = account_of(self._state, row)
            if account is None:
                code = _R.UNKNOWN_ACCOUNT if row.account else _R.UNKNOWN_CLIENT
                return Reason(code, (f"{row.account or row.client} (row {number})",))
            if row.client and account.client_id != row.client:
                named = f"{account.id} (row {number})"
                return Reason(_R.ACCOUNT_NOT_CLIENTS, (named, str(row.client)))
            if row.instrument not in self._instruments:
                instrument = find_instrument(self._state, self._context, row.instrument)
                if instrument is None:
                    named = f"{row.instrument} (row {number})"
                    return Reason(_R.UNKNOWN_INSTRUMENT, (named,))
                self._instruments[row.instrument] = instrument
            self._rows.setdefault(account.id, []).append((number, row))
        return None

    def order_in_turn(self) -> None:
        """Plan the rows, one of each account in turn."""
        accounts = shuffled([self._state.accounts[id] for id in self._rows], self._context.seed)
        turn = 0
        while accounts:
            for account in accounts:
                number, row = self._rows[account.id][turn]
                instrument = self._instruments[row.instrument]
                priced = self.plan.price(self._state, self._context, instrument, row.instrument)
                reason = self._plan_row(account, priced, row, number)
                if reason is not None:
                    self.plan.skip_for(account.id, reason, instrument.key, number)
            turn += 1
            accounts = [account for account in accounts if len(self._rows[account.id]) > turn]

    def _plan_row(
        self, account: Account, priced: PricedInstrument, row: BatchRow, number: int
    ) -> Reason | None:
        state = self._state
        if self._request.mode not in {None, account.mode}:
            return Reason(_R.OTHER_MODE, (account.id,))
        reason = self._follow_refusal(row) if row.source else None
        if reason is not None:
            return reason
        book = state.books[account.book]
        tally = self.plan.tally(state, account, book)
        terms = terms_of(state.settings, priced, row, row.quantity)
        sells = terms.side is Side.SELL
        hold = 0 if sells else hold_for(account, terms.limit, terms.quantity)
        reason = refusal(state, self._context, account, book, priced, terms, hold, tally)
        if reason is not None:
            return reason
        closes = self._closes(book, priced.instrument, terms, tally) if sells else ()
        self.plan.add(book, priced.instrument, terms, hold, closes=closes, tally=tally, row=number)
        if row.source:
            self._followed.add(row.source)
        return None

    def _follow_refusal(self, row: BatchRow) -> Reason | None:
        """An order is retried or reversed once, and retried only if it was never taken. Who repeats such a
        follow-up wants just that again. Of orders that left memory the latest ``FOLLOWED_MAX`` that were
        followed up are known; an older one could be reversed twice.
        """
        if self._follow_up is FollowUp.REPEAT:
            return None
        source = self._state.orders.get(row.source)
        if row.source in self._followed:
            return Reason(_R.ALREADY_FOLLOWED, (row.source, "a row further up"))
        followed_by = self._state.followed.get(row.source) if source is None else source.followed_by
        if followed_by is not None:
            return Reason(_R.ALREADY_FOLLOWED, (row.source, followed_by))
        if self._follow_up is not FollowUp.RETRY:
            if source is not None and source.status not in TERMINAL:
                # What it still fills could never be taken back: an order is reversed once.
                return Reason(_R.STILL_WORKING, (row.source,))
            return None
        if source is None:
            # What became of it is not known for sure any more, so it could be bought twice.
            return Reason(_R.ORDER_TOO_OLD, (row.source,))
        # No deadline is set as long as it was not dispatched.
        dispatched = bool(source.deadline)
        if not was_never_taken(source.status, source.cum_quantity, dispatched=dispatched):
            return Reason(_R.NOT_RETRYABLE, (row.source, source.status.name))
        return None

    def _closes(
        self, book: Book, instrument: Instrument, terms: Terms, tally: Tally
    ) -> tuple[Closing, ...]:
        """The oldest lots that this plan's earlier rows left; those it used up are not met again."""
        key = (book.id, position_key(instrument.key, terms.product))
        lots = self._lots.get(key)
        if lots is None:
            found = book.lots.get(instrument.key, {}).values()
            lots = self._lots[key] = deque(lot for lot in found if lot.product is terms.product)
        closes, left = [], terms.quantity
        while left and lots:
            free = lots[0].available - tally.reserved.get(lots[0].id, 0)
            part = min(left, free)
            if part > 0:
                closes.append(Closing(lots[0].id, part))
                left -= part
            if part == free:
                lots.popleft()
        return tuple(closes)
