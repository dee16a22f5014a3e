"""The plan of a priority_buy: every chosen account's cash is spent down one list of instruments."""

from collections import Counter
from collections.abc import Collection

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.allocation import Leftover, ListMethod
from phalanx.domain.instructions import PriorityBuyRequest, Skip
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
        self._verdicts: dict[tuple[Mode, str], tuple[list[Reason | None], list[int]]] = {}
        self._costs: dict[int, Costs] = {}
        self._rooms: dict[tuple[Quantity | None, ...], list[int]] = {}
        self._bought: list[tuple[Account, Book, list[int], list[int]]] = []
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
        rooms = self._rooms_of(self._plan.tally_of_one(self._state, account, book).limit)
        places, lots = self._share(account, book, wanted, rooms)
        self._bought.append((account, book, places, lots))
        self._sized += len(places)
        if self._siblings[account.client_id, account.mode] > 1:
            for place in places:
                names = self._stocks[place].identity
                assert names is not None
                held.add(names)

    def order_by_rank(self) -> None:
        """Check every order once more as a whole, and plan it."""
        state, context, plan = self._state, self._context, self._plan
        ranks: list[list[tuple[Account, Book, int]]] = [[] for _ in self._stocks]
        for account, book, places, counts in self._bought:
            for place, lots in zip(places, counts, strict=True):
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

    def _wanted(self, account: Account, book: Book, held: Held) -> list[int]:
        """The places of the stocks that are new, eligible and within the caps on their number."""
        reasons, wanted = self._verdict(account)
        has: set[int] = set()
        if held.names:
            has = {p for name in held.names & self._places.keys() for p in self._places[name]}
        tally = self._plan.tally_of_one(self._state, account, book)
        if has or book.doubts or tally.limit is not None:
            reasons = [
                stock.held if place in has else reason or self._own_refusal(book, stock, tally)
                for place, (stock, reason) in enumerate(zip(self._stocks, reasons, strict=True))
            ]
            wanted = _accepted(reasons)
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

    def _verdict(self, account: Account) -> tuple[list[Reason | None], list[int]]:
        """Why accounts of this mode and broker may not buy one lot of each stock, for each place; and
        the places of which they may.
        """
        key = (account.mode, account.broker)
        found = self._verdicts.get(key)
        if found is None:
            reasons = [self._judge(account, stock) for stock in self._stocks]
            found = self._verdicts[key] = (reasons, _accepted(reasons))
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
        if most >= len(wanted):
            return wanted
        for place in wanted[most:]:
            facts = (self._stocks[place].symbol, str(most))
            self._skip(account, place, Reason(_R.NOT_WANTED, facts))
        return wanted[:most]

    def _skip(self, account: Account, place: int, reason: Reason) -> None:
        stock = self._stocks[place]
        self._plan.skips.append(Skip(account.id, reason, stock.key, stock.row))

    # --- how many --------------------------------------------------------------------------------

    def _share(
        self, account: Account, book: Book, wanted: list[int], rooms: list[int]
    ) -> tuple[list[int], list[int]]:
        """The places of what is bought, and how many lots of each; the rest is skipped.

        With EQUAL_SPLIT all that whole lots leave of the cash is left over, for all stocks wanted.
        With FIXED_AMOUNT it is what they leave of the amounts spent, for the stocks that were bought.
        """
        cash = available_cash(account, book)
        costs = self._costs_of(account)
        if cash <= 0:
            facts = (min(costs.one_lot[place] for place in wanted), cash)
            self._plan.skip_for(account.id, Reason(_R.INSUFFICIENT_CASH, facts))
            return [], []
        allocation = self._request.allocation
        splits = allocation.method is ListMethod.EQUAL_SPLIT
        share = cash // len(wanted) if splits else allocation.amount
        lots = costs.lots_for(share, wanted, rooms)
        if not splits:
            wanted, lots = self._down_the_list(account, cash, wanted, lots, rooms)
        elif allocation.leftover is not Leftover.KEEP:
            prices = [costs.one_lot[place] for place in wanted]
            left = cash - sum(spent(share, prices, lots))
            self._spend_leftover(left, prices, lots, [rooms[place] for place in wanted])
        return self._worth_ordering(account, wanted, lots, share)

    def _down_the_list(
        self, account: Account, cash: Money, wanted: list[int], lots: list[int], rooms: list[int]
    ) -> tuple[list[int], list[int]]:
        """Places and lots of what the cash covers, and of what the amount buys no lot of."""
        amount = self._request.allocation.amount
        costs = self._costs_of(account)
        prices = [costs.one_lot[place] for place in wanted]
        needs = spent(amount, prices, lots)
        left, uncovered = down_the_list(cash, needs, lots)
        bought = [need for need, count in zip(needs, lots, strict=True) if count]
        left = min(left, amount * len(bought) - sum(bought))
        rooms = [rooms[p] if count else 0 for p, count in zip(wanted, lots, strict=True)]
        self._spend_leftover(left, prices, lots, rooms)
        for index, was_left in uncovered.items():
            place = wanted[index]
            facts = (needs[index], self._stocks[place].symbol, was_left)
            self._skip(account, place, Reason(_R.RANK_NOT_COVERED, facts))
        return _without(uncovered, wanted, lots)

    def _worth_ordering(
        self, account: Account, places: list[int], lots: list[int], share: Money
    ) -> tuple[list[int], list[int]]:
        """Those that are at least a lot, and worth the least that an order must be."""
        if not self._request.allocation.min_order_value:
            if 0 not in lots:
                return places, lots
            few = _zeros(lots)
        else:
            few = list(range(len(lots)))
        left_out = []
        for index in few:
            reason = self._too_little(places[index], lots[index], share)
            if reason is not None:
                left_out.append(index)
                self._skip(account, places[index], reason)
        return _without(left_out, places, lots)

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


def _accepted(reasons: list[Reason | None]) -> list[int]:
    """The places that nothing speaks against."""
    return [place for place, reason in enumerate(reasons) if reason is None]


def _zeros(lots: list[int]) -> list[int]:
    """The indices of zeros; there are few, so they are looked for at the speed of ``list.index``."""
    found, begin = [], 0
    for _ in range(lots.count(0)):
        found.append(lots.index(0, begin))
        begin = found[-1] + 1
    return found


def _without(
    left_out: Collection[int], places: list[int], lots: list[int]
) -> tuple[list[int], list[int]]:
    """Places and lots without those at the indices that are left out, which rise."""
    if left_out:
        places, lots = places.copy(), lots.copy()
        for index in reversed([*left_out]):
            del places[index], lots[index]
    return places, lots
