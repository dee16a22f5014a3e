"""The reconciler: when each account's book is read at its broker, and which accounts that opens.

A book is read at the start, when its session comes up again, in turn (every account about once in an
interval), after doubt (soon, then ever more rarely), after a fault of ours about it, and on demand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.ports import Ports
from phalanx.desk.reconciling.account_reports import AccountReport, ReadStatus
from phalanx.desk.reconciling.adoption import Adoption, Evidence
from phalanx.desk.reconciling.book_reader import BookReader
from phalanx.desk.reconciling.opening import Opening
from phalanx.desk.reconciling.places import Places
from phalanx.desk.reconciling.schedule import Schedule
from phalanx.desk.reconciling.seats import Urgency
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import (
    AccountPut,
    Event,
    OrderDoubted,
    OrderReported,
    RequestDoubted,
)
from phalanx.domain.time import MILLISECOND, MINUTE, SECOND, Clock, Nanoseconds
from phalanx.engine.ids import new_break_id
from phalanx.engine.reconciliation.breaks import why_closed
from phalanx.engine.reconciliation.comparison import Comparison
from phalanx.engine.state import State

INTERVAL_NS: Nanoseconds = MINUTE
"""Every account's book is read about once in this time, unless told otherwise."""

SOON_NS: Nanoseconds = 500 * MILLISECOND
"""After a doubt, a fault, or a report that fits nothing: so long, and double each time while doubt stays."""

AGAIN_NS: Nanoseconds = 2 * SECOND
"""A difference that is new is looked at once more before it is anybody's."""

RETRY_NS: Nanoseconds = SECOND
"""After a reading that failed: so long, and double each time."""

PAUSE_NS_MAX: Nanoseconds = MINUTE
"""Pauses double up to here."""

READS_MAX = 5
"""After so many failures in a row the account is closed and a break says so; it is tried for ever."""

RECONCILE_NS_MAX: Nanoseconds = MINUTE
"""What is asked for on demand is answered by then with what there is."""

CALLERS_MAX = 100
"""So many may wait for readings on demand."""


class Reconciler:
    """``durable`` returns once everything that was decided until now is on disk."""

    def __init__(
        self,
        state: State,
        ports: Ports,
        clock: Clock,
        opening: Opening,
        adoption: Adoption,
        durable: Callable[[], Awaitable[None]],
        interval_ns: Nanoseconds = INTERVAL_NS,
    ) -> None:
        self._state = state
        self._brokers = ports.brokers
        self._timer = ports.timer
        self._clock = clock
        self._opening = opening
        self._adoption = adoption
        self._durable = durable
        self._interval_ns = interval_ns
        self._reader = BookReader(ports.brokers, ports.timer)
        self._places = Places(state, ports.brokers)
        self._accounts: dict[AccountId, Schedule] = {}
        self._connected: dict[str, None] = {}
        self._untried: dict[AccountId, None] = {}
        self._all_tried: asyncio.Future[None] | None = None
        self._callers = 0
        self._ended = False

    # --- what others say -------------------------------------------------------------------------

    def released(self, events: Iterable[Event]) -> None:
        """These events are durable: what is in doubt since then is asked about soon, and so are the
        executions that a report counted and nobody told.
        """
        for event in events:
            if type(event) is OrderReported and event.report.cum_quantity > event.cum_quantity:
                order = self._state.orders.get(event.cl_ord_id)
                if order is not None and order.missing:
                    self.read_soon(self._state.book_of(order).account)
            elif type(event) is OrderDoubted or type(event) is RequestDoubted:
                order = self._state.orders.get(event.cl_ord_id)
                if order is not None:
                    schedule = self._of(self._state.book_of(order).account)
                    schedule.pause_ns = SOON_NS
                    self._appoint(schedule, SOON_NS, Urgency.DOUBT)

    def session(self, account: AccountId, why: str) -> None:
        """A broker's account is out of reach, with why; or (with an empty text) it is in reach again, and
        reports may have been missed meanwhile.
        """
        if account not in self._state.accounts or self._ended:
            return
        schedule = self._of(account)
        was_down, schedule.down = schedule.down, why
        if why:
            self._close(schedule, f"its session is down: {why}")
            self._see_reach(schedule)
            return
        if was_down:
            self._opening.close(account, "its session is up again, and its book is not read yet")
        self._see_reach(schedule)
        self._now(schedule, Urgency.SESSION)

    def accounts_put(self, events: Iterable[Event]) -> None:
        """These were just decided, by whatever command: who is traded elsewhere now is closed until its
        book there was read.
        """
        for event in events:
            if type(event) is not AccountPut:
                continue
            account = event.account
            schedule = self._of(account.id)
            if self._places.is_elsewhere(account):
                schedule.evidence, schedule.report = Evidence(), None
                schedule.failures, schedule.down = 0, ""
                self._close(schedule, f"its book at {account.broker} is not read yet")
                self._appoint(schedule, SOON_NS, Urgency.SESSION)
            self._see_reach(schedule)

    def distrust(self, account: AccountId, why: str) -> None:
        """Something about the account could not be booked: it is closed until its book has been read."""
        self._close(self._of(account), why)
        self.read_soon(account)

    def read_soon(self, account: AccountId) -> None:
        """The account's book may show what was missed."""
        self._appoint(self._of(account), SOON_NS, Urgency.DOUBT)

    def connected(self, broker: str) -> None:
        """The broker can be asked: all its accounts are read."""
        self._connected[broker] = None
        for account in list(self._state.accounts.values()):
            if account.broker == broker:
                schedule = self._of(account.id)
                self._see_reach(schedule)
                self._now(schedule, Urgency.SESSION)

    def unconnected(self, broker: str, why: str) -> None:
        """The broker cannot be asked yet."""
        for account in self._state.accounts.values():
            if account.broker == broker:
                self._close(self._of(account.id), f"no connection to {broker}: {why}")

    # --- reading ---------------------------------------------------------------------------------

    async def try_reading(self, account: Account) -> None:
        """Read the account's book where it says, which may be where it does not trade yet; nothing is made
        of it. Raises OSError.
        """
        await self._reader.try_read(account)

    async def reconcile(self, accounts: Sequence[AccountId] | None = None) -> list[AccountReport]:
        """Read these accounts' books (None: all) and say how each compares; what follows of it is durable.

        Whoever is being read already is not read twice. Takes `RECONCILE_NS_MAX` at most: of who is
        not done by then, the reading before is told. Raises Overloaded, Stopped and KeyError.
        """
        if self._ended:
            raise Stopped("nothing is read any more")
        if self._callers >= CALLERS_MAX:
            raise Overloaded
        chosen = list(self._state.accounts) if accounts is None else list(accounts)
        schedules = [self._of(self._state.accounts[account].id) for account in chosen]
        self._callers += 1
        try:
            begun = [self._begin(schedule, Urgency.DEMAND) for schedule in schedules]
            await self._all([task for task in begun if task is not None], RECONCILE_NS_MAX)
        finally:
            self._callers -= 1
        await self._durable()
        return [self._report(schedule) for schedule in schedules]

    def reports(self) -> Mapping[AccountId, AccountReport]:
        """The last report of every account."""
        return {account: self.report(account) for account in self._state.accounts}

    def report(self, account: AccountId) -> AccountReport:
        """The last report of one account. Raises KeyError for one that there is not."""
        return self._report(self._of(account))

    def is_reading(self, account: AccountId) -> bool:
        """Whether the account's book is being read, so that another report will come."""
        return self._of(account).task is not None

    async def first_readings(self, within_ns: Nanoseconds) -> None:
        """Return once every account was tried once, or the time is over."""
        for account in self._state.accounts.values():
            schedule = self._of(account.id)
            if account.broker not in self._brokers:
                self._close(schedule, f"no broker {account.broker}")
            elif schedule.report is None:
                self._untried[account.id] = None
        if self._untried and not self._ended:
            self._all_tried = over = asyncio.get_running_loop().create_future()
            appointment = self._timer.call_later(within_ns, partial(_set, over))
            await over
            appointment.cancel()

    async def rotate(self) -> None:
        """Read every account in its turn, for ever."""
        while True:
            accounts = list(self._state.accounts)
            pause_ns = self._interval_ns // max(1, len(accounts))
            for account in accounts:
                await self._timer.sleep(pause_ns)
                self._turn(self._of(account))
            if not accounts:
                await self._timer.sleep(pause_ns)

    def close(self) -> None:
        """Nothing is read any more."""
        self._ended = True
        for schedule in self._accounts.values():
            schedule.unappoint()
            if schedule.task is not None:
                schedule.task.cancel()
        if self._all_tried is not None:
            _set(self._all_tried)

    def _turn(self, schedule: Schedule) -> None:
        """Whoever was read lately, or is about to be, waits for its next turn."""
        if schedule.appointment is not None or schedule.task is not None:
            return
        now = self._clock.monotonic()
        if schedule.ended_at is None or now - schedule.ended_at >= self._interval_ns // 2:
            self._begin(schedule, Urgency.TURN)

    def _appoint(self, schedule: Schedule, delay_ns: Nanoseconds, urgency: Urgency) -> None:
        """Read it after so long at the latest."""
        schedule.press(urgency)
        due_at = self._clock.monotonic() + delay_ns
        if self._ended or (schedule.appointment is not None and schedule.due_at <= due_at):
            return
        schedule.unappoint()
        schedule.due_at = due_at
        schedule.appointment = self._timer.call_later(
            delay_ns, partial(self._now, schedule, urgency)
        )

    def _now(self, schedule: Schedule, urgency: Urgency) -> None:
        """Read it; once more where its broker was asked already: this one's cause may have come after."""
        schedule.unappoint()
        if schedule.task is not None and schedule.asked:
            schedule.press(urgency)
            schedule.again = True
        else:
            self._begin(schedule, urgency)

    def _begin(self, schedule: Schedule, urgency: Urgency) -> "asyncio.Task[None] | None":
        """The reading under way, or a new one; None while there is nobody to be asked."""
        schedule.press(urgency)
        account = self._state.accounts[schedule.account]
        if schedule.task is not None:
            self._reader.hasten(account, schedule.urgency)
        elif self._is_in_reach(account, schedule) and not self._ended:
            schedule.unappoint()
            name = f"book of {account.id}"
            schedule.asked = False
            schedule.task = asyncio.create_task(self._read(schedule, account), name=name)
        return schedule.task

    def _is_in_reach(self, account: Account, schedule: Schedule) -> bool:
        return account.broker in self._connected and not schedule.down

    def _see_reach(self, schedule: Schedule) -> None:
        """What works there can be called back while its session is up, whether or not it is open."""
        account = self._state.accounts[schedule.account]
        self._opening.reach(account.id, in_reach=self._is_in_reach(account, schedule))

    async def _read(self, schedule: Schedule, account: Account) -> None:
        try:
            while not await self._read_once(schedule, account):
                pass
        except Stopped:
            return
        finally:
            schedule.task = None
            schedule.ended_at = self._clock.monotonic()
            self._tried(schedule)
        if schedule.again:
            self._begin(schedule, schedule.urgency)

    async def _read_once(self, schedule: Schedule, account: Account) -> bool:
        """Whether that is all; else there was more in its book than is taken in at once."""
        urgency, standing, closings = schedule.urgency, schedule.evidence.standing, 0

        def asked() -> None:
            nonlocal closings
            schedule.ask()
            closings = schedule.closings

        schedule.asked = False
        try:
            book = await self._reader.read(account, urgency, asked)
            if self._is_elsewhere(account):
                schedule.again = True
                return True
            if schedule.closings != closings:
                # What was missed when it was closed may not be in this book: it opens nothing.
                return True
            capabilities = self._brokers[account.broker].capabilities
            left, evidence = self._adoption.adopt(book, capabilities, schedule.evidence)
        except Stopped:
            raise
        except Exception as failure:  # noqa: BLE001  a broken module, or a fault of ours: this account's only
            if not isinstance(failure, OSError):
                self._adoption.say("reading", failure)
            self._failed(schedule, str(failure) or repr(failure))
            return True
        schedule.failures, schedule.evidence = 0, evidence
        if left is None:
            await self._durable()
            schedule.press(urgency)
            return False
        self._open_or_close(schedule, left)
        self._go_on(schedule, left, standing)
        await self._durable()
        status = ReadStatus.BREAKS if left.differences else ReadStatus.MATCHED
        schedule.report = AccountReport(
            account.id, account.broker, account.mode, self._clock.now(), status, comparison=left
        )
        return True

    def _is_elsewhere(self, account: Account) -> bool:
        """Whether it was moved to another broker or login since."""
        now = self._state.accounts[account.id]
        return (now.broker, now.login) != (account.broker, account.login)

    def _open_or_close(self, schedule: Schedule, left: Comparison) -> None:
        """Its book was compared and adopted: it is open, unless the journal lost something."""
        account = schedule.account
        lost = why_closed(self._state, left)
        if lost:
            for one in self._state.accounts:
                self._opening.close(one, lost)
        elif account in self._opening.closed:
            self._opening.open(account)

    def _go_on(self, schedule: Schedule, left: Comparison, standing: frozenset[str]) -> None:
        """What is in doubt is asked about again, ever more rarely, until it is a person's; what differs
        for the first time is looked at once more.
        """
        if self._asks_on(schedule.account, left):
            schedule.pause_ns = min(max(2 * schedule.pause_ns, SOON_NS), PAUSE_NS_MAX)
            self._appoint(schedule, schedule.pause_ns, Urgency.DOUBT)
        else:
            schedule.pause_ns = 0
        if any(difference.fingerprint not in standing for difference in left.differences):
            self._appoint(schedule, AGAIN_NS, Urgency.DEMAND)

    def _asks_on(self, account: AccountId, left: Comparison) -> bool:
        """Whether anything is in doubt that is nobody's yet, or an order's end is to be proved."""
        kind, breaks = BreakKind.ORDER_IN_DOUBT, self._state.breaks
        return bool(left.overdue) or any(
            new_break_id(account, kind, id) not in breaks for id in left.doubtful
        )

    def _failed(self, schedule: Schedule, why: str) -> None:
        account = schedule.account
        schedule.failures += 1
        schedule.evidence = schedule.evidence.interrupted()
        gives_up = schedule.failures >= READS_MAX
        if gives_up:
            self._adoption.unread(account, why)
        if (gives_up or account in self._opening.closed) and not schedule.down:
            self._opening.close(account, f"its book could not be read: {why}")
        self._unread(schedule, why)
        doublings = min(schedule.failures - 1, 16)
        self._appoint(schedule, min(RETRY_NS << doublings, PAUSE_NS_MAX), Urgency.SESSION)

    def _close(self, schedule: Schedule, why: str) -> None:
        """Closed until a reading that begins after this."""
        schedule.closings += 1
        self._opening.close(schedule.account, why)
        self._unread(schedule, why)
        self._tried(schedule)

    def _unread(self, schedule: Schedule, why: str) -> None:
        before = self._report(schedule)
        schedule.report = msgspec.structs.replace(
            before,
            at=self._clock.now(),
            status=ReadStatus.UNREAD,
            why=why,
            tries=schedule.failures,
        )

    def _report(self, schedule: Schedule) -> AccountReport:
        account = self._state.accounts[schedule.account]
        return schedule.report or AccountReport(account.id, account.broker, account.mode)

    def _tried(self, schedule: Schedule) -> None:
        self._untried.pop(schedule.account, None)
        if not self._untried and self._all_tried is not None:
            _set(self._all_tried)

    def _of(self, account: AccountId) -> Schedule:
        schedule = self._accounts.get(account)
        if schedule is None:
            schedule = self._accounts[account] = Schedule(account)
        return schedule

    async def _all(self, tasks: Sequence["asyncio.Task[None]"], within_ns: Nanoseconds) -> None:
        """Return once all of them have ended, or the time is over."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        open_ones = len(tasks)

        def ended(_: object) -> None:
            nonlocal open_ones
            open_ones -= 1
            if not open_ones:
                _set(over)

        if tasks:
            for task in tasks:
                task.add_done_callback(ended)
            appointment = self._timer.call_later(within_ns, partial(_set, over))
            await over
            appointment.cancel()


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
