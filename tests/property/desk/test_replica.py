"""Whatever happens, a reader's rebuilt tables are the boards, and the boards are the state."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from phalanx.desk.showing.boards import Boards
from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.events import Event
from phalanx.domain.instructions import (
    CancelRestRequest,
    Door,
    OrderRequest,
    Origin,
    SignalRequest,
)
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import SellScope, Strategy, Subscription
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.context import Context
from phalanx.engine.decide import decide
from phalanx.engine.refused import Refused
from phalanx.engine.state import Order, State
from phalanx.simulation.invariants.boards import check_boards
from phalanx.simulation.invariants.replica import Replica
from phalanx.simulation.virtual import MONDAY_0915_IST
from phalanx.simulation.world import sample_instruments
from tests.fakes.kills import of_account

ORIGIN = Origin("local", Door.DESK)
INDEX = sample_instruments(("INFY",))
KEY = "NSE:1"
PRICE = whole(100)
QUOTE = Quote(PRICE, PRICE, 0, QuoteSource.CLOSE)
PAPER = Capabilities(
    "paper",
    BrokerKind.LOOK_UP,
    frozenset(Mode),
    frozenset(OrdType),
    frozenset(Product),
    frozenset(TimeInForce),
    market_orders=True,
    replace=True,
    tag_length_max=10,
    definite_codes=frozenset(),
    streaming=True,
)


class Bench:
    """An engine whose events are published in groups, as a desk does."""

    def __init__(self) -> None:
        self.state = State()
        self.now: Nanoseconds = MONDAY_0915_IST
        self.epoch = 0
        self.executions = 0
        self.group: list[Event] = []
        self.begin_term()
        accounts = tuple(Account(f"A{n}", 1) for n in range(2))
        self.do(
            c.PutReference(
                ORIGIN,
                (Client(1, "somebody"),),
                accounts,
                (Strategy("ALPHA", (KEY,)),),
                tuple(
                    Subscription(a.id, "ALPHA", (KEY,), sell_scope=SellScope.ACCOUNT)
                    for a in accounts
                ),
                tuple((a.book, whole(100_000), "") for a in accounts),
            )
        )
        self.group.clear()
        self.boards = Boards(self.state, lambda key: key)
        self.replicas = [Replica(self.boards.stream)]

    def do(self, command: c.Command) -> None:
        context = Context(self.now, INDEX, lambda _: QUOTE, {"paper": PAPER})
        try:
            events = decide(self.state, command, context)
        except Refused:
            return
        for event in events:
            apply(self.state, event)
        self.group += events

    def begin_term(self) -> None:
        self.epoch += 1
        self.do(c.BeginTerm(self.epoch, "test", "AA"))

    def publish(self) -> None:
        if self.group:
            self.boards.publish(self.group, self.state.seq)
            self.group = []

    def check(self) -> None:
        self.publish()
        check_boards(self.boards, self.state)
        for replica in self.replicas:
            replica.check()


Step = Callable[[Bench, "Order | None", int], None]


def about(make: Callable[[Bench, Order, int], c.Command]) -> Step:
    """A step about some order; nothing while there is none."""

    def step(bench: Bench, order: Order | None, number: int) -> None:
        if order is not None:
            bench.do(make(bench, order, number))

    return step


def signal(side: Side) -> Step:
    request = SignalRequest("ALPHA", "INFY", side)
    return lambda bench, order, number: bench.do(c.Submit(ORIGIN, request))


def single(side: Side) -> Step:
    def step(bench: Bench, order: Order | None, number: int) -> None:
        request = OrderRequest(
            1,
            f"A{number % 2}",
            "INFY",
            side,
            Product.DELIVERY,
            OrdType.LIMIT,
            whole(number + 1),
            PRICE,
        )
        bench.now += 2 * SECOND
        bench.do(c.Submit(ORIGIN, request))

    return step


def say(exec_type: ExecType) -> Step:
    return about(
        lambda bench, order, number: c.BookReport(
            ExecutionReport(order.draft.cl_ord_id, exec_type, "B1", text="said")
        )
    )


def _fill(bench: Bench, order: Order, number: int) -> c.Command:
    bench.executions += 1
    part = whole(number % 4 + 1)
    total = order.cum_quantity + part
    return c.BookReport(
        ExecutionReport(
            order.draft.cl_ord_id,
            ExecType.TRADE,
            "B1",
            f"E{bench.executions}",
            total,
            part,
            PRICE + number,
            number,
        )
    )


def _never(bench: Bench, order: Order, number: int) -> c.Command:
    reason = Reason(ReasonCode.BROKER_UNREACHABLE)
    request_id = order.request.id if order.request is not None and number % 2 else ""
    return c.BookNeverWritten(order.draft.cl_ord_id, reason, bool(number % 3), request_id)


def _unknown(bench: Bench, order: Order, number: int) -> c.Command:
    request_id = order.request.id if order.request is not None and number % 2 else ""
    return c.BookUnknown(order.draft.cl_ord_id, "lost", request_id)


def _look_up(bench: Bench, order: Order, number: int) -> c.Command:
    status = OrdStatus.CANCELED if number % 3 == 0 else OrdStatus.NEW
    draft = order.draft
    if number % 2:
        return c.BookAbsent(draft.cl_ord_id, number, bench.now)
    quantity = whole(number % 5 + 1)
    account = bench.state.book_of(order).account
    shown = BrokerOrder(
        "B1", account, draft.instrument, draft.side, draft.product, quantity, 0, status
    )
    return c.BookFound(draft.cl_ord_id, shown, number, bench.now)


def wait(bench: Bench, order: Order | None, number: int) -> None:
    bench.now += number * 600 * SECOND
    bench.do(c.Tick())


def hold(bench: Bench, order: Order | None, number: int) -> None:
    request = SignalRequest("ALPHA", "INFY", Side.BUY if number % 2 else Side.SELL)
    bench.do(c.Submit(ORIGIN, request, fire_at=bench.now + number * 20 * SECOND))


def release(bench: Bench, order: Order | None, number: int) -> None:
    bench.now += number * 20 * SECOND
    for instruction_id in list(bench.state.held):
        bench.do(c.Release(instruction_id, "broken" if number == 7 else ""))


def cancel_held(bench: Bench, order: Order | None, number: int) -> None:
    for instruction_id in list(bench.state.held)[:1]:
        bench.do(c.Submit(ORIGIN, CancelRestRequest(instruction_id)))


def kill(bench: Bench, order: Order | None, number: int) -> None:
    bench.do(
        (c.PutKill if number % 2 else c.LiftKill)(ORIGIN, of_account("A0" if number % 3 else ""))
    )


def restart(bench: Bench, order: Order | None, number: int) -> None:
    bench.begin_term()


def open_account(bench: Bench, order: Order | None, number: int) -> None:
    account = Account(f"A{number}", 1)
    bench.do(c.PutReference(ORIGIN, accounts=(account,), cash=((account.book, whole(9), ""),)))


def join(bench: Bench, order: Order | None, number: int) -> None:
    bench.replicas.append(Replica(bench.boards.stream))


def publish(bench: Bench, order: Order | None, number: int) -> None:
    bench.check()


def then(*steps: Step) -> Step:
    """Several steps in a row, the later ones about the youngest order."""

    def step(bench: Bench, order: Order | None, number: int) -> None:
        for each in steps:
            each(bench, order, number)
            order = order or next(reversed(bench.state.orders.values()), None)

    return step


def fresh(first: Step, *steps: Step) -> Step:
    """A new order, if there is one, and what happens to it next."""

    def step(bench: Bench, order: Order | None, number: int) -> None:
        before = len(bench.state.orders)
        first(bench, None, number)
        if len(bench.state.orders) > before:
            for each in steps:
                each(bench, next(reversed(bench.state.orders.values())), number)

    return step


dispatch = about(lambda b, order, n: c.Dispatch((order.draft.cl_ord_id,), b.epoch))
dispatch_request = about(lambda b, order, n: c.DispatchRequest(order.draft.cl_ord_id, b.epoch))
cancel = about(lambda b, order, n: c.CancelOrder(ORIGIN, order.draft.cl_ord_id))
replace = about(lambda b, order, n: c.ReplaceOrder(ORIGIN, order.draft.cl_ord_id, whole(n + 1)))
expire = about(lambda b, order, n: c.ExpireUnsent((order.draft.cl_ord_id,)))
accept = say(ExecType.NEW)

STEPS: list[Step] = [
    fresh(signal(Side.BUY), dispatch, accept),
    fresh(single(Side.BUY), dispatch, accept),
    fresh(signal(Side.SELL), dispatch, accept),
    fresh(single(Side.SELL), dispatch, accept),
    fresh(signal(Side.BUY), dispatch),
    signal(Side.BUY),
    signal(Side.SELL),
    signal(Side.SELL),
    single(Side.BUY),
    dispatch,
    dispatch_request,
    then(cancel, dispatch_request),
    cancel,
    then(replace, dispatch_request),
    replace,
    expire,
    about(_fill),
    about(_fill),
    about(_never),
    about(_unknown),
    about(_look_up),
    *(say(exec_type) for exec_type in ExecType if exec_type is not ExecType.TRADE),
    then(say(ExecType.CANCEL_REJECTED), say(ExecType.REPLACE_REJECTED)),
    about(lambda b, order, n: c.Submit(ORIGIN, CancelRestRequest(order.instruction_id))),
    hold,
    hold,
    release,
    cancel_held,
    wait,
    kill,
    open_account,
    restart,
    join,
    publish,
    publish,
]


@given(
    st.lists(
        st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 9), st.integers(0, 9)),
        min_size=30,
        max_size=120,
    )
)
def test_readers_boards_and_state_agree(steps: list[tuple[int, int, int]]) -> None:
    bench = Bench()
    for step, which, number in steps:
        # The younger an order is, the more happens to it.
        orders = list(bench.state.orders.values())[-3:]
        order = orders[which % len(orders)] if orders else None
        STEPS[step](bench, order, number)
    bench.check()
