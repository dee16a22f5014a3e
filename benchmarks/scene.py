"""A trading day without a desk: an engine, a thousand accounts, and somebody who says time passed."""

from collections.abc import Iterable, Mapping, Sequence

from phalanx.brokers.paper import CAPABILITIES
from phalanx.brokers.stub.terms import stub_capabilities
from phalanx.domain.accounts import Account
from phalanx.domain.events import Event, InstructionPlanned, encode_event
from phalanx.domain.instructions import Door, OrderRequest, Origin, SignalRequest
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import SCALE, Money, whole
from phalanx.domain.orders import (
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrderDraft,
    OrdType,
    Product,
    Side,
)
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import HOUR, MICROSECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.context import Context
from phalanx.engine.decide import decide
from phalanx.engine.state import State

ACCOUNTS = 1_000
FAN_OUTS = (1, 100, 1_000)
NAMES = {"INFY": "1594", "TCS": "11536", "RELIANCE": "2885", "ACC": "22"}
"""Stocks and their tokens: one for each fan-out, the last one for single orders."""
PRICE = 100 * SCALE
OPENING_CASH: Money = whole(1_000_000_000)
START = 1_767_584_700 * SECOND
ORIGIN = Origin("local", Door.INSTRUCTIONS, "00000000-1")


class Scene:
    """``ACCOUNTS`` accounts; every fan-out has strategies that cover them all, and a stock of its own.
    With ``profiles`` those people instead, with accounts on the terms of ``account``, each with ``cash``.
    """

    def __init__(
        self,
        start: Nanoseconds = START,
        profiles: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        account: Account | None = None,
        cash: Money = OPENING_CASH,
        stocks: Mapping[str, str] = NAMES,
    ) -> None:
        self.state = State()
        self.now = start
        self._index = InstrumentIndex(
            Instrument(f"NSE:{token}", "NSE", token, name, "EQ", SCALE, SCALE // 20)
            for name, token in stocks.items()
        )
        stub = stub_capabilities()
        self._capabilities = {CAPABILITIES.name: CAPABILITIES, stub.name: stub}
        self._quote = Quote(PRICE, PRICE, 0, QuoteSource.CLOSE)
        people = profiles or {f"U{n}": _strategies_of(n) for n in range(ACCOUNTS)}
        self.founding = [
            *self.do(c.BeginTerm(1, "benchmark", "AA")),
            *self.do(c.ImportProfiles(ORIGIN, people, cash, account)),
        ]

    def context(self) -> Context:
        """The outside, a microsecond later."""
        self.now += MICROSECOND
        seed = self.now // MICROSECOND
        return Context(self.now, self._index, self._price, self._capabilities, seed)

    def do(self, command: c.Command) -> list[tuple[Event, bytes]]:
        """Decide, encode and apply, as the desk does."""
        decided = []
        for event in decide(self.state, command, self.context()):
            decided.append((event, encode_event(event)))
            apply(self.state, event)
        return decided

    def submit(
        self, request: SignalRequest | OrderRequest
    ) -> tuple[list[tuple[Event, bytes]], tuple[OrderDraft, ...]]:
        """An instruction and the dispatch of all its orders; both events, and the orders."""
        decided = self.do(c.Submit(ORIGIN, request))
        planned = decided[0][0]
        assert isinstance(planned, InstructionPlanned)
        drafts = planned.orders
        going = tuple([draft.cl_ord_id for draft in drafts])
        decided += self.do(c.Dispatch(going, self.state.epoch))
        return decided, drafts

    def report(self, reports: Iterable[ExecutionReport]) -> list[tuple[Event, bytes]]:
        """Book what the broker says."""
        booked: list[tuple[Event, bytes]] = []
        for report in reports:
            booked += self.do(c.BookReport(report))
        return booked

    def configure(self, settings: RiskSettings) -> None:
        """Other deciding settings."""
        self.do(c.PutReference(ORIGIN, settings=settings))

    def retire(self) -> list[tuple[Event, bytes]]:
        """Two hours later: whatever ended leaves memory, as far as the settings let it."""
        self.now += 2 * HOUR
        retired: list[tuple[Event, bytes]] = []
        while events := self.do(c.Tick()):
            retired += events
        return retired

    def _price(self, key: InstrumentKey) -> Quote:
        return self._quote


def signals(fan_out: int, side: Side) -> list[SignalRequest]:
    """The signals that reach every account once, ``fan_out`` at a time."""
    name = stock(fan_out)
    return [SignalRequest(f"F{fan_out}-{n}", name, side) for n in range(ACCOUNTS // fan_out)]


def single_orders(round_number: int, ord_type: OrdType = OrdType.LIMIT) -> list[OrderRequest]:
    """One buy for every account; the quantity keeps it out of the duplicate window."""
    quantity = whole(round_number % 100 + 1)
    price = PRICE - SCALE if ord_type is OrdType.LIMIT else 0
    return [
        OrderRequest(client, "", "ACC", Side.BUY, Product.DELIVERY, ord_type, quantity, price)
        for client in range(1, ACCOUNTS + 1)
    ]


def stock(fan_out: int) -> str:
    """The stock that a fan-out trades."""
    return list(NAMES)[FAN_OUTS.index(fan_out)]


def acknowledged(drafts: Sequence[OrderDraft]) -> list[ExecutionReport]:
    """The broker took them."""
    return [
        ExecutionReport(draft.cl_ord_id, ExecType.NEW, f"P{draft.cl_ord_id}") for draft in drafts
    ]


def filled(drafts: Sequence[OrderDraft], slices: int = 1) -> list[ExecutionReport]:
    """The orders were filled, in equal slices."""
    reports = []
    for draft in drafts:
        part = draft.quantity // slices
        for number in range(1, slices + 1):
            cum = draft.quantity if number == slices else part * number
            last = cum - part * (number - 1)
            reports.append(_trade(draft.cl_ord_id, number, cum, last))
    return reports


def canceled(drafts: Sequence[OrderDraft]) -> list[ExecutionReport]:
    """The orders were canceled."""
    return [
        ExecutionReport(draft.cl_ord_id, ExecType.CANCELED, f"P{draft.cl_ord_id}")
        for draft in drafts
    ]


def _trade(cl_ord_id: ClOrdId, number: int, cum: int, last: int) -> ExecutionReport:
    exec_id = f"P{cl_ord_id}-{number}"
    return ExecutionReport(cl_ord_id, ExecType.TRADE, f"P{cl_ord_id}", exec_id, cum, last, PRICE)


def _strategies_of(account: int) -> dict[str, list[str]]:
    return {f"F{size}-{account // size}": [stock(size)] for size in FAN_OUTS}
