"""The plan of a priority_buy: every chosen account's cash is spent down one list of instruments."""

from typing import TypeAlias

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.instructions import PriorityBuyRequest, Skip
from phalanx.domain.orders import OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.plans.holdings import Held, Holdings
from phalanx.engine.plans.plan import ORDERS_MAX, Plan
from phalanx.engine.plans.priority_list import Stock, stocks_of
from phalanx.engine.plans.selection import chosen
from phalanx.engine.plans.spending import Spending
from phalanx.engine.priced import Terms
from phalanx.engine.pricing import hold_for
from phalanx.engine.refused import Refused
from phalanx.engine.risk import account_refusal, entry_refusal, refusal
from phalanx.engine.state import Book, State
from phalanx.engine.tally import Tally

_R = ReasonCode
_BUY, _MARKET = Side.BUY, OrdType.MARKET
_Verdict: TypeAlias = tuple[list[Reason | None], list[int]]

SKIPS_MAX = 200_000
"""More than so many skips are not even counted up: no record holds them."""


def plan_priority_buy(state: State, context: Context, request: PriorityBuyRequest) -> Plan:
    """Orders by rank: first of the list's first stock for all accounts, in an order drawn by the seed,
    then of its second. Skips name the account, and the stock with its place in the list, from 1.

    An account buys what is new to its client (by ISIN, by symbol where none is known, over all the
    client's accounts of that mode), may be bought at all, and is within ``max_new`` and
    ``max_names``. What its cash gives is cut to the caps on one order's quantity and value.

    Raises Refused ``PLAN_TOO_LARGE``, ``AMBIGUOUS_TOKEN``.
    """
    plan = Plan(state)
    stocks = stocks_of(state, context, request, plan)
    if isinstance(stocks, Reason):
        return Plan(state, stocks)
    accounts = chosen(state, context.seed, request.selection, primary_only=True)
    if isinstance(accounts, Reason):
        return Plan(state, accounts)
    buying = _Buying(state, context, request, plan, stocks, accounts)
    for account in accounts:
        buying.size(account)
    buying.order_by_rank()
    if not plan.orders:
        plan.refusal = Reason(_R.NOTHING_VALID)
    return plan


class _Buying:
    """What the accounts buy: sized account by account, then ordered rank by rank."""

    def __init__(
        self,
        state: State,
        context: Context,
        request: PriorityBuyRequest,
        plan: Plan,
        stocks: list[Stock],
        accounts: list[Account],
    ) -> None:
        self._state = state
        self._context = context
        self._request = request
        self._plan = plan
        self._stocks = stocks
        self._places: dict[str, list[int]] = {}
        for place, stock in enumerate(stocks):
            for name in () if stock.identity is None else stock.identity.asked:
                self._places.setdefault(name, []).append(place)
        self._holdings = Holdings(state, context, accounts)
        self._spending = Spending(state, request, plan, stocks)
        # By a mode's number, then by broker.
        self._verdicts: tuple[dict[str, _Verdict], ...] = tuple({} for _ in range(len(Mode) + 1))
        self._bought: list[tuple[Account, Book, list[int], list[int]]] = []
        self._sized = 0

    def size(self, account: Account) -> None:
        """Decide which stocks an account buys and how many lots of each. Comes before any order."""
        state, plan = self._state, self._plan
        if self._sized > ORDERS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} orders")
        if len(plan.skips) > SKIPS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {SKIPS_MAX} skips")
        reason = account_refusal(state, self._context, account, reduces=False)
        if reason is not None:
            plan.skip_for(account.id, reason)
            return
        book = state.books[account.book]
        tally = plan.tally_of_one(state, account, book)
        wanted = self._wanted(account, book, tally)
        if not wanted:
            return
        lots = self._spending.lots_of(account, book, wanted, tally.limit)
        self._bought.append((account, book, wanted, lots))
        self._sized += len(lots) - lots.count(0)
        if self._holdings.has_siblings:
            self._count_in(account, wanted, lots)

    def _count_in(self, account: Account, places: list[int], lots: list[int]) -> None:
        """What one account buys is held by its client's others."""
        for place, count in zip(places, lots, strict=True):
            if count:
                names = self._stocks[place].identity
                assert names is not None
                self._holdings.add(account.client_id, account.mode, names)

    def order_by_rank(self) -> None:
        """Check every order once more as a whole, and plan it."""
        state, context, plan = self._state, self._context, self._plan
        ranks: list[list[tuple[Account, Book, int]]] = [[] for _ in self._stocks]
        for account, book, places, counts in self._bought:
            for place, lots in zip(places, counts, strict=True):
                if lots:
                    ranks[place].append((account, book, lots))
        for stock, entries in zip(self._stocks, ranks, strict=True):
            priced = stock.priced
            if priced is None or not entries:
                continue
            limit, instrument = priced.protected_buy, priced.instrument
            terms_of: dict[int, Terms] = {}
            for account, book, lots in entries:
                terms = terms_of.get(lots)
                if terms is None:
                    quantity = lots * instrument.lot_size
                    terms = Terms(_BUY, self._request.product, _MARKET, quantity, limit)
                    terms_of[lots] = terms
                hold = hold_for(account, limit, terms.quantity)
                tally = plan.tally(state, account, book)
                reason = refusal(state, context, account, book, priced, terms, hold, tally)
                if reason is None:
                    plan.add(book, instrument, terms, hold, tally=tally, row=stock.row)
                else:
                    plan.skip_for(account.id, reason, stock.key, stock.row)

    # --- which -----------------------------------------------------------------------------------

    def _wanted(self, account: Account, book: Book, tally: Tally) -> list[int]:
        """The places of the stocks that are new, eligible and within the caps on their number."""
        reasons, wanted = self._verdict(account)
        held = self._holdings.of(account.client_id, account.mode)
        has: set[int] = set()
        if held.names:
            has = {p for name in held.names & self._places.keys() for p in self._places[name]}
        if has or book.doubts or tally.limit is not None:
            reasons = [
                stock.held if place in has else reason or self._own_refusal(book, stock, tally)
                for place, (stock, reason) in enumerate(zip(self._stocks, reasons, strict=True))
            ]
            wanted = _accepted(reasons)
        if len(wanted) < len(reasons):
            for stock, reason in zip(self._stocks, reasons, strict=True):
                if reason is not None:
                    self._skip(account, stock, reason)
        return self._within_number(account, wanted, held)

    def _own_refusal(self, book: Book, stock: Stock, tally: Tally) -> Reason | None:
        """Why this book may not buy one lot of what others of its kind may."""
        assert stock.priced is not None
        assert stock.one_lot is not None
        return entry_refusal(self._state, book, stock.priced, stock.one_lot, tally)

    def _verdict(self, account: Account) -> _Verdict:
        """Why accounts of this mode and broker may not buy one lot of each stock, for each place; and
        the places of which they may.
        """
        of_mode = self._verdicts[account.mode]
        found = of_mode.get(account.broker)
        if found is None:
            reasons = [self._judge(account, stock) for stock in self._stocks]
            found = of_mode[account.broker] = (reasons, _accepted(reasons))
        return found

    def _judge(self, account: Account, stock: Stock) -> Reason | None:
        if stock.priced is None:
            return Reason(_R.UNKNOWN_INSTRUMENT, (stock.key,))
        if stock.twice:
            return Reason(_R.TWICE_IN_LIST, (stock.symbol,))
        assert stock.one_lot is not None
        return stock.priced.refusal(self._state, self._context, account, stock.one_lot)

    def _within_number(self, account: Account, wanted: list[int], held: Held) -> list[int]:
        request = self._request
        most = request.max_new or len(wanted)
        if request.max_names:
            most = min(most, max(0, request.max_names - len(held.stocks)))
        if most >= len(wanted):
            return wanted
        for place in wanted[most:]:
            stock = self._stocks[place]
            self._skip(account, stock, Reason(_R.NOT_WANTED, (stock.symbol, str(most))))
        return wanted[:most]

    def _skip(self, account: Account, stock: Stock, reason: Reason) -> None:
        self._plan.skips.append(Skip(account.id, reason, stock.key, stock.row))


def _accepted(reasons: list[Reason | None]) -> list[int]:
    """The places that nothing speaks against."""
    return [place for place, reason in enumerate(reasons) if reason is None]
