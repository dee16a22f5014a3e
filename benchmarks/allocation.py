"""Allocation: the cash of 10,000 accounts down a list of 50 stocks, quantities and skips.

Measured is how the plan of a priority_buy sizes its accounts (`engine.plans.priority_buy`), account
by account, with every check that comes before an order and the reason of every skip. An instruction
plans at most 20,000 orders, a 25th of this, so its count of them is set back on the way; the orders
themselves are the engine's benchmark.
"""

from collections.abc import Callable, Iterator
from time import thread_time_ns

from benchmarks.figures import Budget, Figure, Series
from benchmarks.floors.allocation import allocate
from benchmarks.options import Options
from benchmarks.scene import ORIGIN, Scene
from benchmarks.worker import Sample, Worker, freeze
from phalanx.domain.allocation import Leftover, ListAllocation, ListMethod
from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource
from phalanx.domain.numbers import SCALE, Money, Price, whole
from phalanx.domain.time import MILLISECOND
from phalanx.engine.commands import PutReference
from phalanx.engine.plans import priority_buy, priority_list
from phalanx.engine.plans.plan import ORDERS_MAX, Plan
from phalanx.engine.plans.selection import chosen

ACCOUNTS = 10_000
STOCKS = 50
CASH: Money = whole(1_000_000)
"""What an account has on average; from half as much to half as much again."""
UNEVEN: Money = 7 * SCALE // 100
ROUNDS = 5
BUDGET = Budget(at_most=100)
CHEAPEST, STEEPNESS = 50, 1.14
"""From 50 to some 30,000: a fiftieth of the cash is less than one share of the last few."""

WAYS = {
    "equal_split": ListAllocation(),
    "equal_split, resplit": ListAllocation(leftover=Leftover.RESPLIT),
    "fixed_amount": ListAllocation(ListMethod.FIXED_AMOUNT, amount=whole(25_000)),
}


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds of processor time for all accounts."""
    accounts = options.size(ACCOUNTS)
    worker = Worker(prepare, accounts)
    try:
        worker.sample()
        samples = [worker.sample() for _ in range(options.rounds(ROUNDS))]
    finally:
        worker.stop()
    floor = Series(tuple(sample["floor"] for sample in samples))
    for way in WAYS:
        series = Series(tuple(sample[way] for sample in samples))
        name = f"allocation: {accounts:,} accounts × {STOCKS} stocks, {way}"
        budget = BUDGET if way == "equal_split" else None
        yield Figure(name, "ms", series, floor, budget)


class Market(Scene):
    """``accounts`` accounts, no two of which have the same cash, and a list of stocks that each have a
    price of their own.
    """

    def __init__(self, accounts: int) -> None:
        tokens = {f"STOCK{number}": str(number + 1) for number in range(STOCKS)}
        profiles = {f"U{number}": {"ANY": ["STOCK0"]} for number in range(accounts)}
        self._quotes = {
            f"NSE:{token}": _quote(int(CHEAPEST * STEEPNESS**number) * SCALE)
            for number, token in enumerate(tokens.values())
        }
        super().__init__(profiles=profiles, cash=CASH // 2, stocks=tokens)
        self.stocks = tuple(tokens)
        more = CASH // accounts + UNEVEN
        books = [account.book for account in self.state.accounts.values()]
        given = [(book, number * more, "") for number, book in enumerate(books)]
        self.do(PutReference(ORIGIN, cash=tuple(given)))
        self.cashes = [self.state.books[book].cash for book in books]

    def _price(self, key: InstrumentKey) -> Quote:
        return self._quotes[key]


def _quote(price: Price) -> Quote:
    return Quote(price, price, 0, QuoteSource.CLOSE)


def prepare(accounts: int) -> Callable[[], Sample]:
    """A market, as a contestant; a sample is every way once, and the floor."""
    market = Market(accounts)
    freeze()

    def sample() -> Sample:
        taken: Sample = {}
        costs: list[int] = []
        for way, allocation in WAYS.items():
            taken[way], costs = _size(market, allocation)
        begun = thread_time_ns()
        lots = allocate(market.cashes, costs)
        taken["floor"] = (thread_time_ns() - begun) / MILLISECOND
        assert sum(map(len, lots)) == accounts * STOCKS
        return taken

    return sample


def _size(market: Market, allocation: ListAllocation) -> tuple[float, list[int]]:
    """Milliseconds for everybody, and what a lot of each stock costs."""
    state, context = market.state, market.context()
    request = PriorityBuyRequest(instruments=market.stocks, allocation=allocation)
    begun = thread_time_ns()
    plan = Plan(state)
    stocks = priority_list.stocks_of(state, context, request, plan)
    accounts = chosen(state, context.seed, request.selection, primary_only=True)
    assert isinstance(stocks, list)
    assert isinstance(accounts, list)
    buying = priority_buy._Buying(state, context, request, plan, stocks, accounts)
    size = buying.size
    for first in range(0, len(accounts), ORDERS_MAX // STOCKS):
        buying._sized = 0
        for account in accounts[first : first + ORDERS_MAX // STOCKS]:
            size(account)
    spent = (thread_time_ns() - begun) / MILLISECOND
    sized = sum(len(lots) - lots.count(0) for *_, lots in buying._bought) + len(plan.skips)
    assert sized == len(accounts) * STOCKS, f"{sized} quantities and skips"
    return spent, buying._spending._costs_of(accounts[0]).one_lot
