"""The plan of a priority_buy: every chosen account's cash is spent down one list of instruments."""

from collections import Counter

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.allocation import Leftover, ListMethod
from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.instruments import Instrument, InstrumentKey, known_instrument
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import Money, Quantity, multiply
from phalanx.domain.orders import OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.groups import LIST_INSTRUMENTS_MAX
from phalanx.engine.plans.holdings import Held, Holdings, Identity, identity
from phalanx.engine.plans.plan import ORDERS_MAX, Plan
from phalanx.engine.plans.selection import chosen
from phalanx.engine.plans.sharing import (
    Costs,
    down_the_list,
    one_lot_each,
    resplit,
    rooms_within,
    spent,
)
from phalanx.engine.pricing import hold_for
from phalanx.engine.refused import Refused
from phalanx.engine.risk import (
    PricedInstrument,
    Terms,
    account_refusal,
    available_cash,
    entry_refusal,
    refusal,
)
from phalanx.engine.state import Book, State
from phalanx.engine.tally import Tally

_R = ReasonCode
_BUY, _MARKET = Side.BUY, OrdType.MARKET

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
    stocks = _stocks(state, context, request, plan)
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


class _Stock:
    """One place of the list. ``priced`` None: no master knows it. ``twice``: it stands further up too."""

    __slots__ = ("held", "identity", "key", "one_lot", "priced", "row", "symbol", "twice")

    def __init__(
        self, row: int, key: InstrumentKey, priced: PricedInstrument | None, names: Identity | None
    ) -> None:
        self.row = row
        self.key = key
        self.priced = priced
        self.identity = names
        self.symbol = key if priced is None else priced.instrument.symbol
        self.held = Reason(_R.ALREADY_HELD, (self.symbol,))
        self.twice = False
        self.one_lot: Terms | None = None


def _stocks(
    state: State, context: Context, request: PriorityBuyRequest, plan: Plan
) -> list[_Stock] | Reason:
    """The list with prices; or why the whole instruction is refused."""
    found = _listed(state, context, request)
    if isinstance(found, Reason):
        return found
    stocks = []
    seen: set[str] = set()
    for row, (key, instrument, called) in enumerate(found, 1):
        if instrument is None:
            stocks.append(_Stock(row, key, None, None))
            continue
        priced, names = plan.price(state, context, instrument, called), identity(instrument)
        stock = _Stock(row, key, priced, names)
        stock.twice = not seen.isdisjoint(names.asked)
        seen.update(names.kept)
        quantity, limit = instrument.lot_size, priced.protected_buy
        stock.one_lot = Terms(_BUY, request.product, _MARKET, quantity, limit)
        stocks.append(stock)
    return stocks


def _listed(
    state: State, context: Context, request: PriorityBuyRequest
) -> list[tuple[InstrumentKey, Instrument | None, str]] | Reason:
    """Key, instrument and the name that its maker used. Only a kept list may have unknown keys."""
    if not request.list_name:
        if len(request.instruments) > LIST_INSTRUMENTS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {LIST_INSTRUMENTS_MAX} instruments")
        own: list[tuple[InstrumentKey, Instrument | None, str]] = []
        for name in request.instruments:
            instrument = find_instrument(state, context, name)
            if instrument is None:
                return Reason(_R.UNKNOWN_INSTRUMENT, (name,))
            own.append((instrument.key, instrument, name))
        return own
    kept = state.lists.get(request.list_name)
    if kept is None:
        return Reason(_R.UNKNOWN_LIST, (request.list_name,))
    local = state.local_instruments
    called = kept.called if len(kept.called) == len(kept.instruments) else kept.instruments
    return [
        (key, known_instrument(context.instruments, local, key), "" if name == key else name)
        for key, name in zip(kept.instruments, called, strict=True)
    ]


class _Buying:
    """What the accounts buy: sized account by account, then ordered rank by rank."""

    def __init__(
        self,
        state: State,
        context: Context,
        request: PriorityBuyRequest,
        plan: Plan,
        stocks: list[_Stock],
        accounts: list[Account],
    ) -> None:
        self._state = state
        self._context = context
        self._request = request
        self._plan = plan
        self._stocks = stocks
        self._limits = [s.priced.protected_buy if s.priced is not None else 0 for s in stocks]
        self._lot_sizes = [
            s.priced.instrument.lot_size if s.priced is not None else 1 for s in stocks
        ]
        self._places: dict[str, list[int]] = {}
        for place, stock in enumerate(stocks):
            for name in () if stock.identity is None else stock.identity.asked:
                self._places.setdefault(name, []).append(place)
        self._holdings = Holdings(state, context, accounts)
        self._siblings = Counter((account.client_id, account.mode) for account in accounts)
        self._verdicts: dict[tuple[Mode, str], list[Reason | None]] = {}
        self._costs: dict[int, Costs] = {}
        self._rooms: dict[tuple[Quantity | None, ...], list[int]] = {}
        self._ranks: list[list[tuple[Account, Book, int]]] = [[] for _ in stocks]
        self._sized = 0

    def size(self, account: Account) -> None:
        """Decide which stocks an account buys and how many lots of each. Comes before any order."""
        if self._sized > ORDERS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} orders")
        if len(self._plan.skips) > SKIPS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {SKIPS_MAX} skips")
        reason = account_refusal(self._state, self._context, account, reduces=False)
        if reason is not None:
            self._plan.skip_for(account.id, reason)
            return
        book = self._state.books[account.book]
        held = self._holdings.of(account.client_id, account.mode)
        wanted = self._wanted(account, book, held)
        if not wanted:
            return
        limit = self._plan.tally(self._state, account, book).limit
        rooms = self._rooms_of(limit)
        bought = self._share(account, book, wanted, [rooms[place] for place in wanted])
        for place, lots in bought:
            self._ranks[place].append((account, book, lots))
        self._sized += len(bought)
        if self._siblings[account.client_id, account.mode] > 1:
            for place, _ in bought:
                names = self._stocks[place].identity
                assert names is not None
                held.add(names)

    def order_by_rank(self) -> None:
        """Check every order once more as a whole, and plan it."""
        state, context, plan = self._state, self._context, self._plan
        for stock, entries in zip(self._stocks, self._ranks, strict=True):
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

    def _wanted(self, account: Account, book: Book, held: Held) -> list[int]:
        """The places of the stocks that are new, eligible and within the caps on their number."""
        reasons = self._verdict(account)
        has = {p for name in held.names & self._places.keys() for p in self._places[name]}
        tally = self._plan.tally(self._state, account, book)
        if has or book.doubts or tally.limit is not None:
            reasons = [
                stock.held if place in has else reason or self._own_refusal(book, stock, tally)
                for place, (stock, reason) in enumerate(zip(self._stocks, reasons, strict=True))
            ]
        wanted = [place for place, reason in enumerate(reasons) if reason is None]
        if len(wanted) < len(reasons):
            for place, reason in enumerate(reasons):
                if reason is not None:
                    self._skip(account, place, reason)
        return self._within_number(account, wanted, held)

    def _own_refusal(self, book: Book, stock: _Stock, tally: Tally) -> Reason | None:
        """Why this book may not buy one lot of what others of its kind may."""
        assert stock.priced is not None
        assert stock.one_lot is not None
        return entry_refusal(self._state, book, stock.priced, stock.one_lot, tally)

    def _verdict(self, account: Account) -> list[Reason | None]:
        """Why accounts of this mode and broker may not buy one lot of each stock, for each place."""
        key = (account.mode, account.broker)
        found = self._verdicts.get(key)
        if found is None:
            found = self._verdicts[key] = [self._judge(account, stock) for stock in self._stocks]
        return found

    def _judge(self, account: Account, stock: _Stock) -> Reason | None:
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
        for place in wanted[most:]:
            facts = (self._stocks[place].symbol, str(most))
            self._skip(account, place, Reason(_R.NOT_WANTED, facts))
        return wanted[:most]

    def _skip(self, account: Account, place: int, reason: Reason) -> None:
        stock = self._stocks[place]
        self._plan.skip_for(account.id, reason, stock.key, stock.row)

    # --- how many --------------------------------------------------------------------------------

    def _share(
        self, account: Account, book: Book, wanted: list[int], rooms: list[int]
    ) -> list[tuple[int, int]]:
        """(place, lots) of what is bought; the rest is skipped.

        With EQUAL_SPLIT all that whole lots leave of the cash is left over, for all stocks wanted.
        With FIXED_AMOUNT it is what they leave of the amounts spent, for the stocks that were bought.
        """
        cash = available_cash(account, book)
        costs = self._costs_of(account)
        if cash <= 0:
            facts = (min(costs.one_lot[place] for place in wanted), cash)
            self._plan.skip_for(account.id, Reason(_R.INSUFFICIENT_CASH, facts))
            return []
        allocation = self._request.allocation
        splits = allocation.method is ListMethod.EQUAL_SPLIT
        share = cash // len(wanted) if splits else allocation.amount
        lots = costs.lots_for(share, wanted, rooms)
        if not splits:
            shares = self._down_the_list(account, cash, wanted, lots, rooms)
            return self._worth_ordering(account, shares, share)
        if allocation.leftover is not Leftover.KEEP:
            prices = [costs.one_lot[place] for place in wanted]
            left = cash - sum(spent(share, prices, lots))
            self._spend_leftover(left, prices, lots, rooms)
        return self._worth_ordering(account, list(zip(wanted, lots, strict=True)), share)

    def _down_the_list(
        self, account: Account, cash: Money, wanted: list[int], lots: list[int], rooms: list[int]
    ) -> list[tuple[int, int]]:
        """(place, lots) of what the cash covers, and of what the amount buys no lot of."""
        amount = self._request.allocation.amount
        costs = self._costs_of(account)
        prices = [costs.one_lot[place] for place in wanted]
        needs = spent(amount, prices, lots)
        left, uncovered = down_the_list(cash, needs, lots)
        bought = [need for need, count in zip(needs, lots, strict=True) if count]
        left = min(left, amount * len(bought) - sum(bought))
        rooms = [room if count else 0 for room, count in zip(rooms, lots, strict=True)]
        self._spend_leftover(left, prices, lots, rooms)
        for index, was_left in uncovered.items():
            place = wanted[index]
            facts = (needs[index], self._stocks[place].symbol, was_left)
            self._skip(account, place, Reason(_R.RANK_NOT_COVERED, facts))
        shares = zip(wanted, lots, strict=True)
        return [share for index, share in enumerate(shares) if index not in uncovered]

    def _worth_ordering(
        self, account: Account, shares: list[tuple[int, int]], share: Money
    ) -> list[tuple[int, int]]:
        """Those of (place, lots) that are at least a lot, and worth the least that an order must be."""
        if not self._request.allocation.min_order_value and all(lots for _, lots in shares):
            return shares
        found = []
        for place, lots in shares:
            reason = self._too_little(place, lots, share)
            if reason is None:
                found.append((place, lots))
            else:
                self._skip(account, place, reason)
        return found

    def _spend_leftover(
        self, left: Money, prices: list[Money], lots: list[int], rooms: list[int]
    ) -> None:
        match self._request.allocation.leftover:
            case Leftover.RESPLIT:
                resplit(left, prices, lots, rooms)
            case Leftover.ONE_LOT:
                one_lot_each(left, prices, lots, rooms)
            case Leftover.KEEP:
                pass

    def _too_little(self, place: int, lots: int, share: Money) -> Reason | None:
        lot_size, limit = self._lot_sizes[place], self._limits[place]
        if not lots:
            return Reason(_R.ZERO_QUANTITY, (share, lot_size, limit))
        least = self._request.allocation.min_order_value
        value = multiply(limit, lots * lot_size)
        return Reason(_R.BELOW_MIN_VALUE, (value, least)) if value < least else None

    def _costs_of(self, account: Account) -> Costs:
        found = self._costs.get(account.charge_bps)
        if found is None:
            found = Costs(account, self._limits, self._lot_sizes)
            self._costs[account.charge_bps] = found
        return found

    def _rooms_of(self, limit: Limit | None) -> list[int]:
        """Lots within the settings' caps and the account's own. What is new is held by no position yet,
        so a limit on positions is one on the quantity.
        """
        own: tuple[Quantity | None, Quantity | None, Money | None] = (None, None, None)
        if limit is not None:
            own = (limit.quantity_max, limit.position_max, limit.value_max)
        found = self._rooms.get(own)
        if found is None:
            settings = self._state.settings
            quantity_max = min(q for q in (settings.quantity_max, *own[:2]) if q is not None)
            value_max = min(v for v in (settings.value_max, own[2]) if v is not None)
            found = rooms_within(self._limits, self._lot_sizes, quantity_max, value_max)
            self._rooms[own] = found
        return found
