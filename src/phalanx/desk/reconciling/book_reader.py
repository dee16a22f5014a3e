"""Reading brokers' books: as many at a time and as long as a broker declares, whatever its module does."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from phalanx.brokers.port import Broker
from phalanx.desk.reconciling.seats import Seats, Urgency
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.time import SECOND, Nanoseconds, Timer

TRY_NS_MAX: Nanoseconds = 30 * SECOND
"""Whoever tries whether a book can be read at all waits so long, its turn included."""

T = TypeVar("T")


class BookReader:
    """Every login at a broker has seats of its own, as many as the broker declares, so that a slow one delays
    nobody else's accounts. Those of one login wait for each other, the most urgent first; what a reading may
    take begins with its turn, so however many there are, each is read.
    """

    def __init__(self, brokers: Mapping[str, Broker], timer: Timer) -> None:
        self._brokers = brokers
        self._timer = timer
        self._seats: dict[tuple[str, str], Seats] = {}
        self._tried: set[AccountId] = set()
        self._left_behind: dict[AccountId, asyncio.Task[BrokerBook | Exception]] = {}

    async def read(
        self, account: Account, urgency: Urgency, asked: Callable[[], None]
    ) -> BrokerBook:
        """The account's book at its broker, as it was when its turn had come among those of its login;
        ``asked`` is called just then.

        Raises OSError when there is no complete answer in time, and whatever else the module raises.
        """
        terms = self._brokers[account.broker].capabilities
        seats = self._seats.get((account.broker, account.login))
        if seats is None:
            seats = Seats(terms.book_reads_at_once)
            self._seats[account.broker, account.login] = seats
        await seats.take(account.id, urgency)
        try:
            asked()
            before = self._left_behind.pop(account.id, None)
            if before is not None and not before.done():
                self._left_behind[account.id] = before
                raise OSError("the reading before this one has not ended yet")
            task = asyncio.create_task(self._book(account))
            try:
                found = await within(self._timer, task, terms.book_read_s * SECOND)
            finally:
                if not task.done():
                    self._left_behind[account.id] = task
        finally:
            seats.leave()
        if isinstance(found, Exception):
            raise found
        return found

    async def try_read(self, account: Account) -> None:
        """Whether it can be read at all. Raises OSError, whatever it is that cannot, or did not in time."""
        if account.id in self._tried:
            raise OSError("it is being tried already")
        self._tried.add(account.id)
        try:
            reading = self.read(account, Urgency.DEMAND, lambda: None)
            await within(self._timer, asyncio.create_task(reading), TRY_NS_MAX)
        except OSError:
            raise
        except Exception as failure:
            raise OSError(f"{type(failure).__name__}: {failure}") from failure
        finally:
            self._tried.discard(account.id)

    def hasten(self, account: Account, urgency: Urgency) -> None:
        """A reading that waits for its turn became at least so urgent."""
        seats = self._seats.get((account.broker, account.login))
        if seats is not None:
            seats.hasten(account.id, urgency)

    async def _book(self, account: Account) -> BrokerBook | Exception:
        """The book, or why there is none: nobody may wait any more to be told it by a raise."""
        try:
            book = await self._brokers[account.broker].book(account.id)
        except Exception as failure:  # noqa: BLE001  a broken module's answer is one all the same
            return failure
        if book.account != account.id:
            return OSError(f"it is the book of {book.account}")
        return book


async def within(timer: Timer, task: "asyncio.Task[T]", bound_ns: Nanoseconds) -> T:
    """What ``task`` comes to within the bound; beyond it the task is cancelled and not waited for.

    Raises TimeoutError, which is an OSError, and whatever the task raises.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(_: object = None) -> None:
        if not over.done():
            over.set_result(None)

    task.add_done_callback(end)
    # Once nobody waits for it any more, what it still raises is nobody's.
    task.add_done_callback(_look_away)
    appointment = timer.call_later(bound_ns, end)
    try:
        await over
        if task.done():
            return task.result()
        raise TimeoutError(f"no answer within {bound_ns // SECOND} s")
    finally:
        appointment.cancel()
        if not task.done():
            task.cancel()


def _look_away(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
