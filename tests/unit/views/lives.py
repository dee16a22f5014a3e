"""Many orders with their lives, made by hand: for what needs more of them than an engine is quick at."""

from collections.abc import Iterator

from phalanx.domain.accounts import Account, Client
from phalanx.domain.events import (
    AccountPut,
    ClientPut,
    Event,
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
)
from phalanx.domain.instructions import Door, Origin, SignalRequest
from phalanx.domain.instruments import InstrumentFacts, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    OrderDraft,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine.ids import base36

LOCAL = Origin("local", Door.INSTRUCTIONS)
START = 1_750_000_000 * SECOND


class Lives:
    """Signals that each make an order for every account; orders acknowledged and filled.

    Clients 1, 2, … have accounts A1, A2, …; client 1 has a second one, A0.
    """

    def __init__(self, accounts: int = 3) -> None:
        self.accounts = [f"A{number}" for number in range(accounts)]
        self.now = START
        self._orders = 0
        self._instructions = 0

    def people(self) -> Iterator[Event]:
        """The clients and their accounts."""
        for number, account in enumerate(self.accounts):
            client = Client(max(1, number), f"Client {max(1, number)}")
            yield ClientPut(self.now, LOCAL, client)
            yield AccountPut(self.now, LOCAL, Account(account, client.id, primary=number > 0))

    def signal(self, strategy: str = "RED", instrument: str = "NSE:1") -> InstructionPlanned:
        """One order for every account."""
        self.now += MILLISECOND
        self._instructions += 1
        price = whole(100)
        return InstructionPlanned(
            self.now,
            f"IAA0{base36(self._instructions)}",
            LOCAL,
            SignalRequest(strategy, instrument, Side.BUY),
            self.now + 30 * SECOND,
            (
                InstrumentFacts(
                    instrument, instrument[4:], "", whole(1), 1, 0, 0, price, QuoteSource.CLOSE
                ),
            ),
            tuple(self._draft(account, strategy, instrument) for account in self.accounts),
        )

    def dispatched(self, planned: InstructionPlanned) -> OrdersDispatched:
        """All orders of an instruction may be written."""
        ids = tuple(draft.cl_ord_id for draft in planned.orders)
        return OrdersDispatched(self.now, ids, 1, self.now + SECOND)

    def accepted(self, cl_ord_id: str) -> OrderReported:
        """An acknowledgement."""
        report = ExecutionReport(cl_ord_id, ExecType.NEW, f"B{cl_ord_id}")
        return OrderReported(self.now, cl_ord_id, OrdStatus.NEW, 0, 0, report)

    def filled(self, cl_ord_id: str) -> OrderReported:
        """A fill of the whole order."""
        one = whole(1)
        report = ExecutionReport(
            cl_ord_id, ExecType.TRADE, f"B{cl_ord_id}", f"E{cl_ord_id}", one, one, whole(99)
        )
        return OrderReported(self.now, cl_ord_id, OrdStatus.FILLED, one, one, report)

    def whole_life(self, strategy: str = "RED", instrument: str = "NSE:1") -> list[Event]:
        """A signal whose orders are all sent and filled."""
        planned = self.signal(strategy, instrument)
        fills = [self.filled(draft.cl_ord_id) for draft in planned.orders]
        return [planned, self.dispatched(planned), *fills]

    def _draft(self, account: str, strategy: str, instrument: str) -> OrderDraft:
        self._orders += 1
        return OrderDraft(
            f"AA0{base36(self._orders)}",
            f"{account}/P",
            instrument,
            Side.BUY,
            Product.DELIVERY,
            OrdType.MARKET,
            TimeInForce.DAY,
            whole(1),
            whole(101),
            whole(101),
            strategy,
        )
