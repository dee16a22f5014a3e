"""The second phase of a story: no more faults, and everything must come to rest."""

from functools import partial

from phalanx.desk.reconciling.account_reports import AccountReport, ReadStatus
from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import Break, BreakId, BreakKind
from phalanx.domain.instructions import Origin
from phalanx.domain.orders import OrdStatus
from phalanx.engine import commands as c
from phalanx.engine.state import Order, State
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.faults.clients import Clients
from phalanx.simulation.faults.market import Market
from phalanx.simulation.invariants.brokers import Brokers
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.world import World

LOOKS_MAX = 1_300
"""A look each second, for so long: what may be late needs half a minute, the desk's own pauses more."""

CANCEL_AGAIN_S = 10
"""The cancel of an order that still works is asked for once more after so long."""

QUIET_S, PROVED_S = 25, 60
"""From when on a reading that is asked for may prove something, and by when it has."""

SEEN = "seen on the broker's screen"

READ_AGAIN_S = 2
"""So long between two such readings; later ever longer."""

ROUNDS_MAX = 5
"""What a reading brings, a fill that nobody reported perhaps, may have something to be done for it."""

READINGS_MAX = 5
"""So many readings until each account's book is found to agree."""


class Settling:
    """A person who lifts the kills, cancels what works, judges doubts, and waits.

    ``patient``: never asks for a reading, and so everything takes the desk's own time.
    """

    def __init__(
        self, world: World, clients: Clients, market: Market, brokers: Brokers, *, patient: bool
    ) -> None:
        self._brokers = brokers
        self._patient = patient
        self._read_at = QUIET_S
        self._cancel_at: dict[str, int] = {}
        self._world = world
        self._clients = clients
        self._market = market

    async def settle(self) -> None:
        """Until nothing is open and all books agree, or it never will be. Raises Violation."""
        for _ in range(ROUNDS_MAX):
            await self._wait()
            await self._agree()
            if not self._left():
                return
        with holds(Invariant.PROGRESS):
            raise AssertionError(f"each reading brings something new: {self._left()}")

    async def _wait(self) -> None:
        left = self._left()
        for second in range(LOOKS_MAX):
            await self._world.wait(1)
            left = self._left()
            if not left:
                break
            await self._see_to_it(second)
        else:
            with holds(Invariant.PROGRESS):
                raise AssertionError(f"with all faults over there is still left: {left}")

    def _left(self) -> list[str]:
        """What is not at rest."""
        desk = self._world.desk
        state = desk.state
        if desk.durable_seq < state.seq:
            return ["a record is being written"]
        left = [f"{o.draft.cl_ord_id} {o.status.name}" for o in state.open_orders()]
        left += ["a kill past the desk"] if self._world.kill_flag.is_raised() else []
        left += [f"{kill.scope} killed" for kill in state.kills.values()]
        left += [f"{key} held" for key in (*state.held, *state.hand_fills)]
        left += [f"{key} undoable" for key in state.undo]
        left += [f"{account} closed: {why}" for account, why in desk.closed.items()]
        left += [f"{one.kind} {one.subject}" for one in state.breaks.values()]
        return left or (["somebody is on the way"] if desk.firing.is_busy() else [])

    async def _see_to_it(self, second: int) -> None:
        state = self._world.desk.state
        for kill in list(state.kills.values()):
            scope = kill.scope
            await self._clients.ask(lambda origin, scope=scope: c.LiftKill(origin, scope))  # type: ignore[misc]
        self._market.cancel_outside(self._brokers.lost)
        await self._settle_what_was_lost(state)
        for order in list(state.open_orders()):
            if order.status is OrdStatus.IN_DOUBT:
                await self._judge(order)
            elif not order.is_canceling:
                await self._cancel(order, second)
        asked = self._in_doubt()
        if asked and not self._patient and second >= self._read_at:
            self._read_at = second + (READ_AGAIN_S if second < PROVED_S else second // 2)
            await self._world.ask(lambda desk: desk.reconciler.reconcile(asked))

    async def _settle_what_was_lost(self, state: State) -> None:
        """Whose orders the journal lost, of that account a person has looked into every difference."""
        if not self._brokers.lost:
            return
        for one in list(state.breaks.values()):
            if self._brokers.is_in_disarray(one.account):
                await self._clients.ask(partial(_closing, one.id))

    def _in_doubt(self) -> list[AccountId]:
        """The accounts of which somebody would like to know more now."""
        desk = self._world.desk
        found = dict.fromkeys(desk.closed)
        for order in desk.state.open_orders():
            request = order.request
            if order.status is OrdStatus.IN_DOUBT or (request is not None and request.in_doubt):
                found[desk.state.book_of(order).account] = None
        found.update(dict.fromkeys(one.account for one in desk.state.breaks.values()))
        return list(found)

    async def _cancel(self, order: Order, second: int) -> None:
        cl_ord_id = order.draft.cl_ord_id
        if second < self._cancel_at.get(cl_ord_id, 0):
            return
        self._cancel_at[cl_ord_id] = second + CANCEL_AGAIN_S
        await self._clients.ask(lambda origin: c.CancelOrder(origin, cl_ord_id))

    async def _judge(self, order: Order) -> None:
        """Where no tag can tell, or the day is over, a person takes the break that the desk filed, and looks
        at the broker's screen.
        """
        desk, exchange = self._world.desk, self._exchange_of(order)
        filed = self._filed(order, desk.state)
        if exchange is None or filed is None:
            return
        if not filed.owner:
            await self._clients.ask(lambda origin: c.TakeBreak(origin, filed.id, "somebody"))
            return
        cl_ord_id = order.draft.cl_ord_id
        taken = exchange.taken.get(cl_ord_id)
        order_id = taken[0].order_id if taken else ""
        found = desk.reconciler.report(desk.state.book_of(order).account).candidate(order_id)
        await self._clients.ask(
            lambda origin: c.JudgeDoubt(origin, cl_ord_id, order_id, SEEN, found)
        )

    def _exchange_of(self, order: Order) -> StubExchange | None:
        state = self._world.desk.state
        account = state.accounts[state.book_of(order).account]
        return self._world.exchanges.get(account.broker)

    def _filed(self, order: Order, state: State) -> Break | None:
        for one in state.breaks.values():
            if one.kind is BreakKind.ORDER_IN_DOUBT and one.subject == order.draft.cl_ord_id:
                return one
        return None

    async def _agree(self) -> None:
        """The desk itself, asked now, finds nothing that differs; a session may have to log in first."""
        wrong: list[str] = []
        for _ in range(READINGS_MAX):
            reports = await self._world.ask(lambda desk: desk.reconciler.reconcile(None))
            wrong = [
                _told(one)
                for one in reports
                if one.status is not ReadStatus.MATCHED
                and not (
                    one.status is ReadStatus.BREAKS and self._brokers.is_in_disarray(one.account)
                )
            ]
            if not wrong:
                return
            await self._world.wait(2)
        with holds(Invariant.OPEN):
            raise AssertionError(f"the books do not agree: {wrong}")


def _closing(break_id: BreakId, origin: Origin) -> c.Command:
    return c.CloseBreak(origin, break_id, SEEN)


def _told(report: AccountReport) -> str:
    found = report.comparison.differences if report.comparison is not None else ()
    return f"{report.account} {report.status.value} {report.why} {found}"
