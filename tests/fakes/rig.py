"""A desk on virtual time with scripted brokers: everything around it is in the test's hands."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from phalanx.brokers.kill_flag import KillFlagFile
from phalanx.brokers.port import Accepted
from phalanx.desk.desk import Desk, Executed, Ports
from phalanx.desk.pace import Pace
from phalanx.desk.ports import Archive
from phalanx.desk.recovery import rebuild
from phalanx.desk.startup import open_accounts, take_over
from phalanx.domain.accounts import PAPER_BROKER, Account, AccountId, Client, RateLimit
from phalanx.domain.events import Event, InstructionPlanned, decode_events
from phalanx.domain.instructions import Door, OrderRequest, Origin, SignalRequest
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, OrdStatus, OrdType, Product, Side
from phalanx.domain.strategies import SellScope, Strategy, Subscription
from phalanx.domain.time import DAY, MILLISECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.state import Order, State
from phalanx.journal.memory import MemoryDisk, MemoryJournal
from phalanx.simulation.virtual import (
    Process,
    ProcessTimer,
    SeededRandom,
    VirtualClock,
    VirtualLoop,
    VirtualTimer,
    simulate,
)
from phalanx.simulation.world import COMMIT_NS, Landing, TimedJournal, sample_instruments
from tests.fakes.kills import FakeKillFlag
from tests.fakes.scripted_broker import ScriptedBroker

ORIGIN = Origin("local", Door.INSTRUCTIONS)
INFY = "NSE:1"
PRICE = whole(100)
T = TypeVar("T")


class Rig:
    """One process after another, as in a `World`, with ``script`` and ``other`` for brokers.

    Every instrument costs 100. Accounts are opened by ``account``; commits take ``commit_ns``. Books are
    read in turn every ``interval_ns``; that is never, unless a test wants it.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.clock = VirtualClock(loop)
        self.disk = MemoryDisk()
        self.index = sample_instruments(("INFY", "TCS"))
        self.broker = ScriptedBroker()
        self.other = ScriptedBroker("other")
        self.brokers = {"script": self.broker, "other": self.other}
        self.commit_ns: Nanoseconds = COMMIT_NS
        self.interval_ns: Nanoseconds = DAY
        self.archive: Archive | None = None
        for script in self.brokers.values():
            script.now = self.clock.now
        self.timer = VirtualTimer(loop)
        self.kill_flag = FakeKillFlag()
        self.flag_file: KillFlagFile | None = None
        self.pace = Pace()
        self._random = SeededRandom(1)
        self._process: Process
        self._loop = loop
        self.journal: TimedJournal
        self.desk: Desk

    # --- the process -----------------------------------------------------------------------------

    def build(self) -> Desk:
        """A desk that has replayed the disk and not begun."""
        self._process = Process(self._loop, "rig")
        timer = ProcessTimer(self._process)
        self.journal = TimedJournal(self.disk, timer, lambda: self.commit_ns)
        tail = self.journal.acquire()
        state = rebuild(self.journal)
        ports = Ports(
            self.journal,
            self.clock,
            timer,
            self._random,
            self.brokers,
            self.quote,
            self.archive,
            self.flag_file or self.kill_flag,
        )
        self.desk = Desk(state, tail, ports, self.index, self.interval_ns, self.pace)
        return self.desk

    async def start(self) -> Desk:
        desk = self.build()
        await take_over(desk, "test", "AA")
        await open_accounts(desk, self.brokers)
        desk.admit()
        return desk

    def crash(self, *, landed: bool = False) -> None:
        """The process dies; the brokers live on and know what they knew."""
        self.desk.abandon()
        self._process.kill()
        self.journal.kill(Landing.DURABLE if landed else Landing.LOST)

    async def restart(self) -> Desk:
        self.crash()
        return await self.start()

    async def wait(self, seconds: float = 0.01) -> None:
        await self.timer.sleep(int(seconds * SECOND))

    def quote(self, key: str) -> Quote | None:
        return Quote(PRICE, PRICE, self.clock.now(), QuoteSource.CLOSE)

    # --- commands --------------------------------------------------------------------------------

    async def account(
        self,
        account: AccountId = "A1",
        limit: RateLimit = RateLimit(),  # noqa: B008  frozen
        broker: str = "script",
        login: str = PAPER_BROKER,
    ) -> None:
        """An account with a million, whose book was read; a limited one is used only once its window is
        empty.
        """
        found = Account(account, 1, broker, login, rate_limit=limit)
        self.desk.handle(
            c.PutReference(
                ORIGIN,
                clients=(Client(1, "somebody"),),
                accounts=(found,),
                cash=((found.book, whole(1_000_000), ""),),
            )
        )
        await self.desk.durable(self.state.seq)
        await self.wait(limit.window_ms * MILLISECOND / SECOND)

    async def subscribe(self, *accounts: AccountId, strategy: str = "ALPHA") -> None:
        await self.desk.execute(
            c.PutReference(
                ORIGIN,
                strategies=(Strategy(strategy, (INFY,)),),
                subscriptions=tuple(
                    Subscription(account, strategy, (INFY,), sell_scope=SellScope.ACCOUNT)
                    for account in accounts
                ),
            )
        )

    def buy(
        self,
        account: AccountId = "A1",
        quantity: int = 10,
        side: Side = Side.BUY,
        *,
        key: str = "",
        expires_s: int | None = None,
    ) -> c.Submit:
        """A limit order at the last price; without a key a different one each time."""
        self._asked = getattr(self, "_asked", 0) + 1
        request = OrderRequest(
            1, account, "INFY", side, Product.DELIVERY, OrdType.LIMIT, whole(quantity), PRICE
        )
        key = key or f"buy {self._asked}"
        origin = Origin("local", Door.INSTRUCTIONS, key, key, b"%d" % quantity)
        return c.Submit(origin, request, expires_s=expires_s, received=self.clock.monotonic())

    def signal(self, side: Side, strategy: str = "ALPHA") -> c.Submit:
        received = self.clock.monotonic()
        return c.Submit(ORIGIN, SignalRequest(strategy, "INFY", side), received=received)

    async def submit(self, command: c.Submit) -> list[ClOrdId]:
        """The orders that came of it, journaled; whatever goes at once is on its way."""
        executed = await self.desk.execute(command)
        await self.wait()
        return ids(executed)

    async def bought(self, account: AccountId = "A1", quantity: int = 10) -> ClOrdId:
        """A buy that was accepted and works."""
        (cl_ord_id,) = await self.submit(self.buy(account, quantity))
        self.broker.tickets[cl_ord_id].done(Accepted(f"B{cl_ord_id}"))
        await self.wait()
        assert self.status(cl_ord_id) is OrdStatus.NEW
        return cl_ord_id

    async def cancel(self, cl_ord_id: ClOrdId) -> Executed:
        executed = await self.desk.execute(c.CancelOrder(ORIGIN, cl_ord_id))
        await self.wait()
        return executed

    # --- looking ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.desk.state

    def order(self, cl_ord_id: ClOrdId) -> Order:
        return self.state.orders[cl_ord_id]

    def status(self, cl_ord_id: ClOrdId) -> OrdStatus:
        return self.state.orders[cl_ord_id].status

    def records(self) -> list[list[Event]]:
        """Everything on the disk, a list per record."""
        return [decode_events(record.body) for record in MemoryJournal(self.disk).scan()]

    def events(self, *kinds: type[Any]) -> list[Any]:
        found = [event for record in self.records() for event in record]
        return [event for event in found if isinstance(event, kinds)] if kinds else found


def ids(executed: Executed) -> list[ClOrdId]:
    planned = executed.events[0]
    assert isinstance(planned, InstructionPlanned)
    return [draft.cl_ord_id for draft in planned.orders]


def play(story: Callable[[Rig], Coroutine[Any, Any, T]]) -> T:
    """Tell a story about a rig, on virtual time."""

    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, T]:
        async def tell() -> T:
            return await story(Rig(loop))

        return tell()

    return simulate(begin)


def on_virtual_time(story: Callable[[Rig], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a story about a rig a test."""

    def test() -> None:
        play(story)

    test.__name__ = story.__name__
    test.__doc__ = story.__doc__
    test.__module__ = story.__module__
    return test
