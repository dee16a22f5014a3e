"""The engine against a broker that is slow, forgetful and out of order, but never lies.

After every command ``World`` checks the invariants, the replay and that deciding is pure.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from phalanx.domain.instructions import CancelRestRequest, ExitRequest, ExitScope
from phalanx.domain.numbers import round_up, whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import SellScope, Sizing, SizingRule
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, fixed
from tests.fakes.kills import of_account
from tests.property.engine.encounter import Encounter
from tests.property.engine.every_kind import PRODUCTS, STRATEGIES, EveryKind, picked
from tests.property.engine.model_broker import TrueOrder
from tests.property.engine.profile import profile

PICK = st.integers(0, 1_000)
SIDES = st.sampled_from(Side)
NAMES = st.sampled_from(["INFY", "LOTS25", "COIN"])
RULES: list[dict[str, object]] = [
    {"sizing": sizing, "sell_scope": scope, "product": product, "ord_type": ord_type}
    for sizing in [
        SizingRule(),
        SizingRule(Sizing.FIXED_QUANTITY, whole(50)),
        SizingRule(Sizing.FIXED_CASH, whole(3_000)),
        SizingRule(Sizing.CASH_SHARE, 500),
    ]
    for scope in [None, *SellScope]
    for product in [Product.DELIVERY, Product.INTRADAY]
    for ord_type in [OrdType.MARKET, OrdType.LIMIT]
]
ENDS = st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED])
PERCENTS = st.sampled_from([10_000, 10_000, 5_000, 3_300])
UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


class HonestBroker(EveryKind):
    """Two accounts, three strategies, every kind of instruction, and everything that can go wrong on
    the way to the broker.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encounter = Encounter()
        self.world = self.encounter.world
        self.broker = self.encounter.broker

    @initialize(rules=st.lists(st.sampled_from(RULES), min_size=6, max_size=6))
    def begin(self, rules: list[dict[str, object]]) -> None:
        todo = iter(rules)
        for client, charge_bps in [(1, 0), (2, 12)]:
            account = self.world.account(client, "60000", charge_bps=charge_bps)
            for strategy in STRATEGIES:
                self.world.subscribe(account, strategy, "INFY", "LOTS25", "COIN", **next(todo))

    @rule(quarters=st.integers(0, 4))
    def everything_flows(self, quarters: int) -> None:
        """What waits is sent and arrives, what works fills by so much, and all of it is reported."""
        self.dispatch_all()
        for order in self.encounter.waiting_requests():
            self.encounter.send_request(order)
        for cl_ord_id in list(self.broker.flying):
            self.broker.arrive(cl_ord_id)
        for request in list(self.broker.requests):
            self.broker.answer(request)
        for true in self.broker.alive():
            self.fill_part(true, quarters, 100)
        self.encounter.deliver_all()

    # --- what people do ------------------------------------------------------------------------

    @rule(strategy=st.sampled_from(STRATEGIES), name=NAMES, side=SIDES)
    def signal(self, strategy: str, name: str, side: Side) -> None:
        self.world.seed += 1
        self.encounter.signal(strategy, name, side)

    @rule(
        client=st.integers(1, 2),
        name=NAMES,
        side=SIDES,
        lots=st.integers(1, 30),
        price=st.sampled_from(["", "99", "101.5"]),
        product=st.sampled_from(PRODUCTS),
    )
    def order(
        self, client: int, name: str, side: Side, lots: int, price: str, product: Product
    ) -> None:
        quantity = f"{lots * 25}" if name == "LOTS25" else f"{lots}"
        self.world.order(side, name, quantity, price, client=client, product=product)

    @rule(
        name=st.sampled_from(["", "INFY", "LOTS25", "COIN"]),
        percent=PERCENTS,
        scope=st.sampled_from(ExitScope),
        price=st.sampled_from(["", "", "99"]),
        cap=st.sampled_from([None, None, 25]),
    )
    def exit(self, name: str, percent: int, scope: ExitScope, price: str, cap: int | None) -> None:
        caps = () if cap is None else (("A1", whole(cap)),)
        limit = fixed(price or "0")
        self.encounter.exit(ExitRequest(name, "", percent, scope, price=limit, quantities=caps))

    @rule(scope=st.sampled_from(ExitScope))
    def exit_what_is_held(self, scope: ExitScope) -> None:
        self.encounter.exit(ExitRequest(scope=scope, held_only=True))

    @precondition(lambda self: self.encounter.world.lots())
    @rule(pick=PICK, percent=PERCENTS)
    def exit_trade(self, pick: int, percent: int) -> None:
        for lot in picked(pick, self.world.lots()):
            self.encounter.exit(ExitRequest(trade=lot.id, percent_bps=percent))

    @precondition(lambda self: self.world.state.instructions)
    @rule(pick=PICK)
    def cancel_rest(self, pick: int) -> None:
        for instruction_id in picked(pick, list(self.world.state.instructions)):
            self.encounter.tell(c.Submit(LOCAL, CancelRestRequest(instruction_id)))

    @precondition(lambda self: self.encounter.working())
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        for order in picked(pick, self.encounter.working()):
            self.encounter.attempt(c.CancelOrder(LOCAL, order.draft.cl_ord_id))

    @precondition(lambda self: self.encounter.known())
    @rule(pick=PICK, quantity=st.integers(1, 60), price=st.sampled_from([None, 98, 102]))
    def replace(self, pick: int, quantity: int, price: int | None) -> None:
        for order in picked(pick, self.encounter.known()):
            limit = None if price is None else whole(price)
            cl_ord_id = order.draft.cl_ord_id
            self.encounter.attempt(c.ReplaceOrder(LOCAL, cl_ord_id, whole(quantity), limit))

    @rule(account=st.sampled_from(["", "A1"]))
    def kill(self, account: str) -> None:
        self.world.do(c.PutKill(LOCAL, of_account(account)))

    @precondition(lambda self: self.world.state.kills)
    @rule()
    def lift_kills(self) -> None:
        for kill in list(self.world.state.kills.values()):
            self.world.do(c.LiftKill(LOCAL, kill.scope))

    @rule(name=NAMES, price=st.sampled_from(["96", "100", "103"]))
    def price_moves(self, name: str, price: str) -> None:
        self.world.price(name, price, close="100")

    # --- what the desk does --------------------------------------------------------------------

    @precondition(lambda self: self.encounter.working(OrdStatus.PENDING_NEW))
    @rule(pick=PICK)
    def dispatch(self, pick: int) -> None:
        for order in picked(pick, self.encounter.working(OrdStatus.PENDING_NEW)):
            self.encounter.send(order)

    @precondition(lambda self: self.encounter.working(OrdStatus.PENDING_NEW))
    @rule()
    def dispatch_all(self) -> None:
        for order in self.encounter.working(OrdStatus.PENDING_NEW):
            self.encounter.send(order)

    @precondition(lambda self: self.encounter.working(OrdStatus.SENT))
    @rule(pick=PICK, again=st.booleans())
    def never_written(self, pick: int, *, again: bool) -> None:
        sent = [o.draft.cl_ord_id for o in self.encounter.working(OrdStatus.SENT)]
        for cl_ord_id in picked(pick, [k for k in sent if k in self.broker.flying]):
            del self.broker.flying[cl_ord_id]
            self.encounter.tell(c.BookNeverWritten(cl_ord_id, UNREACHABLE, again))

    @precondition(lambda self: self.encounter.working(OrdStatus.SENT))
    @rule(pick=PICK)
    def time_out(self, pick: int) -> None:
        for order in picked(pick, self.encounter.working(OrdStatus.SENT)):
            self.encounter.tell(c.BookUnknown(order.draft.cl_ord_id, "time-out"))

    @precondition(lambda self: self.encounter.working(OrdStatus.PENDING_NEW))
    @rule(pick=PICK)
    def expire(self, pick: int) -> None:
        for order in picked(pick, self.encounter.working(OrdStatus.PENDING_NEW)):
            self.encounter.tell(c.ExpireUnsent((order.draft.cl_ord_id,)))

    @precondition(lambda self: self.encounter.waiting_requests())
    @rule(pick=PICK)
    def dispatch_request(self, pick: int) -> None:
        for order in picked(pick, self.encounter.waiting_requests()):
            self.encounter.send_request(order)

    @precondition(lambda self: self.encounter.requests_under_way())
    @rule(pick=PICK, fate=st.sampled_from(["unwritten", "lost", "late"]))
    def request_fails(self, pick: int, fate: str) -> None:
        for request, cl_ord_id in picked(pick, self.encounter.requests_under_way()):
            was_flying = self.broker.lose_request(request.id) if fate != "late" else False
            if fate == "unwritten" and was_flying:
                never = c.BookNeverWritten(cl_ord_id, UNREACHABLE, request_id=request.id)
                self.encounter.tell(never)
            else:
                self.encounter.tell(c.BookUnknown(cl_ord_id, "time-out", request.id))

    @precondition(lambda self: self.encounter.doubtful())
    @rule(pick=PICK)
    def look_up(self, pick: int) -> None:
        for order in picked(pick, self.encounter.doubtful()):
            self.encounter.look_up(order)

    @rule()
    def restart(self) -> None:
        self.encounter.keep_snapshot()
        self.encounter.tell(c.BeginTerm(self.world.state.epoch + 1, "0.2", "ZZ"))
        assert not self.encounter.working(OrdStatus.SENT)

    @rule(seconds=st.sampled_from([1, 31, 3_700, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.encounter.tell(c.Tick())

    # --- what the broker and the wire do -------------------------------------------------------

    @precondition(lambda self: self.broker.flying)
    @rule(pick=PICK, refuse=st.integers(0, 4))
    def arrive(self, pick: int, refuse: int) -> None:
        for cl_ord_id in picked(pick, list(self.broker.flying)):
            self.broker.arrive(cl_ord_id, refuse=refuse == 4)

    @precondition(lambda self: self.broker.flying)
    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        for cl_ord_id in picked(pick, list(self.broker.flying)):
            del self.broker.flying[cl_ord_id]

    @precondition(lambda self: self.broker.alive())
    @rule(pick=PICK, quarters=st.integers(1, 4), price=st.sampled_from([95, 100, 101]))
    def fill(self, pick: int, quarters: int, price: int) -> None:
        for order in picked(pick, self.broker.alive()):
            self.fill_part(order, quarters, price)

    def fill_part(self, order: TrueOrder, quarters: int, price: int) -> None:
        """So many quarters of what is left, in whole lots."""
        left = order.quantity - order.cum_quantity
        if quarters:
            part = round_up(-(-left * quarters // 4), order.lot_size)
            self.broker.fill(order, min(part, left), whole(price))

    @precondition(lambda self: self.broker.alive())
    @rule(pick=PICK, how=ENDS)
    def end_unasked(self, pick: int, how: ExecType) -> None:
        for order in picked(pick, self.broker.alive()):
            self.broker.finish(order, how)

    @precondition(lambda self: self.broker.requests)
    @rule(pick=PICK, refuse=st.integers(0, 3))
    def answer_request(self, pick: int, refuse: int) -> None:
        for request in picked(pick, self.broker.requests):
            self.broker.answer(request, refuse=refuse == 3)

    @precondition(lambda self: self.broker.outbox)
    @rule(pick=PICK, again=st.booleans())
    def deliver(self, pick: int, *, again: bool) -> None:
        for report in picked(pick, self.broker.outbox):
            self.encounter.deliver(self.broker.outbox.index(report), again=again)

    @precondition(lambda self: self.broker.outbox)
    @rule()
    def deliver_all(self) -> None:
        self.encounter.deliver_all()

    def teardown(self) -> None:
        self.world.wait(120)
        if self.world.state.held:
            self.release(wait=False)
        assert self.world.state.held == {}
        self.encounter.come_to_rest()
        self.encounter.check_replay()


TestHonestBroker = HonestBroker.TestCase
TestHonestBroker.settings = profile(examples=60)
