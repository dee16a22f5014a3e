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
from phalanx.desk.reconciling.opening import Opening
from phalanx.desk.reconciling.places import Places
from phalanx.desk.reconciling.readings import Readings
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import (
    AccountPut,
    Event,
    OrderDoubted,
    OrderReported,
    RequestDoubted,
)
from phalanx.domain.time import MILLISECOND, MINUTE, SECOND, Appointment, Clock, Nanoseconds
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


class _Reading:
    """One account: when its next reading is due, and what the ones before add up to.

    ``closings``: how often it was closed; a reading that began before the last time opens nothing.
    ``down``: why its session is.
    """

    def __init__(self, account: AccountId) -> None:
        self.account = account
        self.evidence = Evidence()
        self.report: AccountReport | None = None
        self.failures = 0
        self.closings = 0
        self.down = ""
        self.pause_ns: Nanoseconds = 0
        self.ended_at: Nanoseconds | None = None
        self.due_at: Nanoseconds = 0
        self.appointment: Appointment | None = None
        self.task: asyncio.Task[None] | None = None
        self.again = False


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
        self._readings = Readings(ports.brokers, ports.timer)
        self._places = Places(state, ports.brokers)
        self._accounts: dict[AccountId, _Reading] = {}
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
                    reading = self._of(self._state.book_of(order).account)
                    reading.pause_ns = SOON_NS
                    self._appoint(reading, SOON_NS)
            elif type(event) is AccountPut:
                self._places.learn(event.account)

    def session(self, account: AccountId, why: str) -> None:
        """A broker's account is out of reach, with why; or (with an empty text) it is in reach again, and
        reports may have been missed meanwhile.
        """
        if account not in self._state.accounts or self._ended:
            return
        reading = self._of(account)
        was_down, reading.down = reading.down, why
        if why:
            self._close(reading, f"its session is down: {why}")
            return
        if was_down:
            self._opening.close(account, "its session is up again, and its book is not read yet")
        self._now(reading)

    def accounts_put(self, events: Iterable[Event]) -> None:
        """These were just decided: who is traded elsewhere now is closed until its book there was read."""
        for event in events:
            if type(event) is AccountPut and self._places.is_elsewhere(event.account):
                account = event.account
                reading = self._of(account.id)
                reading.evidence, reading.report = Evidence(), None
                reading.failures, reading.down = 0, ""
                self.distrust(account.id, f"its book at {account.broker} is not read yet")

    def distrust(self, account: AccountId, why: str) -> None:
        """Something about the account could not be booked: it is closed until its book has been read."""
        self._close(self._of(account), why)
        self.read_soon(account)

    def read_soon(self, account: AccountId) -> None:
        """The account's book may show what was missed."""
        self._appoint(self._of(account), SOON_NS)

    def connected(self, broker: str) -> None:
        """The broker can be asked: all its accounts are read."""
        self._connected[broker] = None
        for account in list(self._state.accounts.values()):
            if account.broker == broker:
                self._now(self._of(account.id))

    def unconnected(self, broker: str, why: str) -> None:
        """The broker cannot be asked yet."""
        for account in self._state.accounts.values():
            if account.broker == broker:
                self._close(self._of(account.id), f"no connection to {broker}: {why}")

    # --- reading ---------------------------------------------------------------------------------

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
        readings = [self._of(self._state.accounts[account].id) for account in chosen]
        self._callers += 1
        try:
            tasks = [task for reading in readings if (task := self._begin(reading)) is not None]
            await self._all(tasks, RECONCILE_NS_MAX)
        finally:
            self._callers -= 1
        await self._durable()
        return [self._report(reading) for reading in readings]

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
            reading = self._of(account.id)
            if account.broker not in self._brokers:
                self._close(reading, f"no broker {account.broker}")
            elif reading.report is None:
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
        for reading in self._accounts.values():
            _cancel(reading)
            if reading.task is not None:
                reading.task.cancel()
        if self._all_tried is not None:
            _set(self._all_tried)

    def _turn(self, reading: _Reading) -> None:
        """Whoever was read lately, or is about to be, waits for its next turn."""
        if reading.appointment is not None or reading.task is not None:
            return
        now = self._clock.monotonic()
        if reading.ended_at is None or now - reading.ended_at >= self._interval_ns // 2:
            self._begin(reading)

    def _appoint(self, reading: _Reading, delay_ns: Nanoseconds) -> None:
        """Read it after so long at the latest."""
        due_at = self._clock.monotonic() + delay_ns
        if self._ended or (reading.appointment is not None and reading.due_at <= due_at):
            return
        _cancel(reading)
        reading.due_at = due_at
        reading.appointment = self._timer.call_later(delay_ns, partial(self._now, reading))

    def _now(self, reading: _Reading) -> None:
        """Read it; once more where a reading is under way: this one's cause may have come after it began."""
        _cancel(reading)
        if reading.task is not None:
            reading.again = True
        else:
            self._begin(reading)

    def _begin(self, reading: _Reading) -> "asyncio.Task[None] | None":
        """The reading under way, or a new one; None while there is nobody to be asked."""
        account = self._state.accounts[reading.account]
        reachable = account.broker in self._connected and not reading.down
        if reading.task is None and reachable and not self._ended:
            _cancel(reading)
            name = f"book of {account.id}"
            reading.task = asyncio.create_task(self._read(reading, account), name=name)
        return reading.task

    async def _read(self, reading: _Reading, account: Account) -> None:
        reading.again = False
        try:
            await self._read_once(reading, account)
        except Stopped:
            return
        finally:
            reading.task = None
            reading.ended_at = self._clock.monotonic()
            self._tried(reading)
        if reading.again:
            self._begin(reading)

    async def _read_once(self, reading: _Reading, account: Account) -> None:
        closings, standing = reading.closings, reading.evidence.standing
        try:
            book = await self._readings.read(account.broker, account.id)
            if reading.closings != closings:
                # What was missed when it was closed may not be in this book: it opens nothing.
                return
            capabilities = self._brokers[account.broker].capabilities
            left, evidence = self._adoption.adopt(book, capabilities, reading.evidence)
        except Stopped:
            raise
        except Exception as failure:  # noqa: BLE001  a broken module, or a fault of ours: this account's only
            if not isinstance(failure, OSError):
                self._adoption.say("reading", failure)
            self._failed(reading, str(failure) or repr(failure))
            return
        reading.failures, reading.evidence = 0, evidence
        self._open_or_close(reading, left)
        self._go_on(reading, left, standing)
        await self._durable()
        status = ReadStatus.BREAKS if left.differences else ReadStatus.MATCHED
        reading.report = AccountReport(
            account.id, account.broker, account.mode, self._clock.now(), status, comparison=left
        )

    def _open_or_close(self, reading: _Reading, left: Comparison) -> None:
        """Its book was compared and adopted: it is open, unless the journal lost something."""
        account = reading.account
        lost = why_closed(self._state, left)
        if lost:
            self._opening.close(account, lost)
        elif account in self._opening.closed:
            self._opening.open(account)

    def _go_on(self, reading: _Reading, left: Comparison, standing: frozenset[str]) -> None:
        """What is in doubt is asked about again, ever more rarely, until it is a person's; what differs
        for the first time is looked at once more.
        """
        if self._asks_on(reading.account, left):
            reading.pause_ns = min(max(2 * reading.pause_ns, SOON_NS), PAUSE_NS_MAX)
            self._appoint(reading, reading.pause_ns)
        else:
            reading.pause_ns = 0
        if any(difference.fingerprint not in standing for difference in left.differences):
            self._appoint(reading, AGAIN_NS)

    def _asks_on(self, account: AccountId, left: Comparison) -> bool:
        """Whether anything is in doubt that is nobody's yet."""
        kind, breaks = BreakKind.ORDER_IN_DOUBT, self._state.breaks
        return any(new_break_id(account, kind, id) not in breaks for id in left.doubtful)

    def _failed(self, reading: _Reading, why: str) -> None:
        account = reading.account
        reading.failures += 1
        reading.evidence = reading.evidence.interrupted()
        gives_up = reading.failures >= READS_MAX
        if gives_up:
            self._adoption.unread(account, why)
        if (gives_up or account in self._opening.closed) and not reading.down:
            self._opening.close(account, f"its book could not be read: {why}")
        self._unread(reading, why)
        doublings = min(reading.failures - 1, 16)
        self._appoint(reading, min(RETRY_NS << doublings, PAUSE_NS_MAX))

    def _close(self, reading: _Reading, why: str) -> None:
        """Closed until a reading that begins after this."""
        reading.closings += 1
        self._opening.close(reading.account, why)
        self._unread(reading, why)
        self._tried(reading)

    def _unread(self, reading: _Reading, why: str) -> None:
        before = self._report(reading)
        reading.report = msgspec.structs.replace(
            before,
            at=self._clock.now(),
            status=ReadStatus.UNREAD,
            why=why,
            tries=reading.failures,
        )

    def _report(self, reading: _Reading) -> AccountReport:
        account = self._state.accounts[reading.account]
        return reading.report or AccountReport(account.id, account.broker, account.mode)

    def _tried(self, reading: _Reading) -> None:
        self._untried.pop(reading.account, None)
        if not self._untried and self._all_tried is not None:
            _set(self._all_tried)

    def _of(self, account: AccountId) -> _Reading:
        reading = self._accounts.get(account)
        if reading is None:
            reading = self._accounts[account] = _Reading(account)
        return reading

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


def _cancel(reading: _Reading) -> None:
    if reading.appointment is not None:
        reading.appointment.cancel()
        reading.appointment = None


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
