"""Reading brokers' books: several at a time, each within a bound, whatever a broker module does."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from phalanx.brokers.port import Broker
from phalanx.desk.reconciling.seats import Seats, Urgency
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.time import SECOND, Nanoseconds, Timer

READS_AT_ONCE_MAX = 16
"""So many books are read at one broker at a time; the others wait, the most urgent first."""

READ_NS_MAX: Nanoseconds = 30 * SECOND
"""What one reading may take."""

T = TypeVar("T")


class BookReader:
    """Every broker has seats of its own, so that a slow one delays nobody else's accounts."""

    def __init__(self, brokers: Mapping[str, Broker], timer: Timer) -> None:
        self._brokers = brokers
        self._timer = timer
        self._seats: dict[str, Seats] = {}
        self._left_behind: dict[AccountId, asyncio.Task[BrokerBook | Exception]] = {}

    async def read(
        self, name: str, account: AccountId, urgency: Urgency, asked: Callable[[], None]
    ) -> BrokerBook:
        """The account's book at the broker of that name, as it was when its turn had come; ``asked`` is
        called just then.

        Raises OSError when there is no complete answer in time, and whatever else the module raises.
        """
        seats = self._seats_of(name)
        await seats.take(account, urgency)
        try:
            asked()
            before = self._left_behind.pop(account, None)
            if before is not None and not before.done():
                self._left_behind[account] = before
                raise OSError("the reading before this one has not ended yet")
            task = asyncio.create_task(self._book(name, account))
            try:
                found = await within(self._timer, task, READ_NS_MAX)
            finally:
                if not task.done():
                    self._left_behind[account] = task
        finally:
            seats.leave()
        if isinstance(found, Exception):
            raise found
        return found

    async def try_read(self, name: str, account: AccountId) -> None:
        """Whether it can be read at all. Raises OSError, whatever it is that cannot."""
        try:
            await self.read(name, account, Urgency.DEMAND, lambda: None)
        except OSError:
            raise
        except Exception as failure:
            raise OSError(f"{type(failure).__name__}: {failure}") from failure

    def hasten(self, name: str, account: AccountId, urgency: Urgency) -> None:
        """A reading that waits for its turn became at least so urgent."""
        self._seats_of(name).hasten(account, urgency)

    def _seats_of(self, name: str) -> Seats:
        return self._seats.setdefault(name, Seats(READS_AT_ONCE_MAX))

    async def _book(self, name: str, account: AccountId) -> BrokerBook | Exception:
        """The book, or why there is none: nobody may wait any more to be told it by a raise."""
        try:
            book = await self._brokers[name].book(account)
        except Exception as failure:  # noqa: BLE001  a broken module's answer is one all the same
            return failure
        if book.account != account:
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
