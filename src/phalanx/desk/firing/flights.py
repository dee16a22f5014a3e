"""One order in flight at a time, where a broker keeps no tag of ours.

An order there is known by the broker's own id only. As long as that has not come, a second one of the
same account, instrument and side could not be told from the first.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeAlias

import msgspec

from phalanx.desk.firing.lanes import Waiting
from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import ClOrdId, Side

FlightKey: TypeAlias = tuple[AccountId, InstrumentKey, Side]


class _Queue(msgspec.Struct):
    """Whose turn it is (``holders``, with whether each is urgent), and who waits behind: exits before
    entries, each in its order.

    There is more than one holder only where several were in doubt already when this process began.
    """

    holders: dict[ClOrdId, bool]
    urgent: deque[Waiting]
    normal: deque[Waiting]

    def __len__(self) -> int:
        return len(self.urgent) + len(self.normal)

    def forget(self, cl_ord_id: ClOrdId) -> None:
        """It ended while it waited."""
        self.urgent = deque(w for w in self.urgent if w.cl_ord_id != cl_ord_id)
        self.normal = deque(w for w in self.normal if w.cl_ord_id != cl_ord_id)


class Flights:
    """Who may join its lane, and who waits until the one before it is answered or settled.

    ``in_lane``: whether an order still waits in its lane, unsent; then an exit may go before it.
    Bounded by what plans may hold: an order waits at most until its instruction expires.
    """

    def __init__(self, in_lane: Callable[[ClOrdId], bool]) -> None:
        self._in_lane = in_lane
        self._queues: dict[FlightKey, _Queue] = {}
        self._keys: dict[ClOrdId, FlightKey] = {}

    def __len__(self) -> int:
        """How many wait behind another."""
        return sum(map(len, self._queues.values()))

    def __bool__(self) -> bool:
        """Whether any order is in flight, or on its way there."""
        return bool(self._keys)

    def __contains__(self, cl_ord_id: ClOrdId) -> bool:
        """Whether the order is in flight, on its way there, or waits here."""
        return cl_ord_id in self._keys

    def waiting(self) -> Iterator[Waiting]:
        """Everybody who waits behind another."""
        for queue in self._queues.values():
            yield from chain(queue.urgent, queue.normal)

    def holds(self, key: FlightKey, cl_ord_id: ClOrdId, *, urgent: bool) -> None:
        """This one is in flight already: a process before this one sent it."""
        self._keys[cl_ord_id] = key
        self._queue(key).holders[cl_ord_id] = urgent

    def enters(self, key: FlightKey, waiting: Waiting, *, urgent: bool) -> bool:
        """Whether the order may join its lane now; if not, it waits here."""
        self._keys[waiting.cl_ord_id] = key
        queue = self._queue(key)
        before = queue.urgent if urgent else queue
        if not before and self._may_overtake(queue, urgent=urgent):
            queue.holders = {waiting.cl_ord_id: urgent}
            return True
        (queue.urgent if urgent else queue.normal).append(waiting)
        return False

    def may_go(self, waiting: Waiting, *, urgent: bool) -> bool:
        """Whether the order, whose turn in its lane has come, is still the one; if not, it waits here,
        before the others of its kind.
        """
        key = self._keys.get(waiting.cl_ord_id)
        if key is None:
            return True
        queue = self._queue(key)
        if waiting.cl_ord_id in queue.holders:
            return True
        if self._came_first(queue, urgent=urgent):
            queue.holders = {waiting.cl_ord_id: urgent}
            return True
        (queue.urgent if urgent else queue.normal).appendleft(waiting)
        return False

    def over(self, cl_ord_id: ClOrdId) -> tuple[Waiting, bool] | None:
        """The order is answered or at its end. The next that may join its lane, and whether it is urgent:
        it is the one in flight from here on.
        """
        key = self._keys.pop(cl_ord_id, None)
        if key is None:
            return None
        queue = self._queues[key]
        if queue.holders.pop(cl_ord_id, None) is None:
            queue.forget(cl_ord_id)
        if queue.holders:
            return None
        if not queue:
            del self._queues[key]
            return None
        urgent = bool(queue.urgent)
        waiting = (queue.urgent or queue.normal).popleft()
        queue.holders[waiting.cl_ord_id] = urgent
        return waiting, urgent

    def _queue(self, key: FlightKey) -> _Queue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue({}, deque(), deque())
        return queue

    def _may_overtake(self, queue: _Queue, *, urgent: bool) -> bool:
        """Nobody is in flight; or only entries that wait in their lane, which an exit goes before."""
        return all(
            urgent and not other and self._in_lane(cl_ord_id)
            for cl_ord_id, other in queue.holders.items()
        )

    def _came_first(self, queue: _Queue, *, urgent: bool) -> bool:
        """Nobody is in flight; or only some that stand behind it in the lane."""
        return all(
            urgent >= other and self._in_lane(cl_ord_id)
            for cl_ord_id, other in queue.holders.items()
        )
