"""Facts of people's acts on their way into the journal: at once, but a flood of failures a few a minute."""

from collections.abc import Awaitable, Callable

import msgspec

from phalanx.desk.errors import Stopped
from phalanx.domain.audit import (
    DETAIL_CHARACTERS_MAX,
    REPEATABLE,
    SUBJECT_CHARACTERS_MAX,
    Act,
)
from phalanx.domain.names import fitting
from phalanx.domain.time import MINUTE, Appointment, Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command, RecordAccess
from phalanx.engine.state import State

GATHERED_NS: Nanoseconds = MINUTE
"""Failures that are alike are journaled at most so often, and at the latest so much later."""
KINDS_MAX = 256
"""So many kinds of failures are told apart at a time; of further ones only the act is kept."""
KINDS_OF_ADDRESS_MAX = 32
"""And so many of one address, so that a flood from there hides nobody else's failures."""
OTHERS = "(others)"
"""The subject of failures of which there were too many different ones."""

_Alike = tuple[Act, str, str, str]
"""Act, actor, subject, address."""


class _Gathering:
    """Failures that are alike: ``count`` of them are not journaled yet, from ``first`` to ``latest``."""

    __slots__ = ("count", "due", "first", "latest")

    def __init__(self, due: Nanoseconds) -> None:
        self.due = due
        self.count = 0
        self.first: Nanoseconds = 0
        self.latest: RecordAccess | None = None


class Auditing:
    """Has facts journaled by ``handle``, a desk's own. Used on the loop's thread only, and once the desk's
    term is journaled (before its doors open will do).

    A thread that waits for a fact hands it over: ``asyncio.run_coroutine_threadsafe(auditing.told(fact),
    loop).result(timeout)``; one that does not: ``loop.call_soon_threadsafe(auditing.tell, fact)``.

    ``durable``: what to await until an event is on disk, or raises Stopped.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        timer: Timer,
        handle: Callable[[Command], None],
        durable: Callable[[int], Awaitable[None]],
    ) -> None:
        self._state = state
        self._clock = clock
        self._timer = timer
        self._handle = handle
        self._durable = durable
        self._gathered: dict[_Alike, _Gathering] = {}
        self._kinds_of: dict[str, int] = {}
        self._appointment: Appointment | None = None
        self._closed = False

    def tell(self, fact: RecordAccess) -> None:
        """Have a fact journaled: now, or a failure that was told a moment ago together with those like it.
        Once ``close`` was called such a failure is passed over.
        """
        fact = _fit(fact)
        if fact.act in REPEATABLE:
            self._gather(fact)
        else:
            self._handle(fact)

    async def told(self, fact: RecordAccess) -> None:
        """Have it journaled now, whatever it is, and return once it is on disk.

        Raises Stopped when it is not, or nobody can say: then nothing that depends on it may be done.
        """
        before = self._state.seq
        self._handle(_fit(fact))
        if self._state.seq == before:
            raise Stopped(f"that {fact.act} was asked for could not be journaled")
        await self._durable(self._state.seq)

    def close(self) -> None:
        """Journal what is gathered; the desk is about to stop. Safe to call twice."""
        self._closed = True
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
        for gathering in self._gathered.values():
            self._journal(gathering)
        self._gathered.clear()
        self._kinds_of.clear()

    def _gather(self, fact: RecordAccess) -> None:
        if self._closed:
            return
        fact, alike = self._told_apart(fact)
        gathering = self._gathered.get(alike)
        if gathering is None:
            self._begin(alike)
            self._handle(fact)
            return
        if not gathering.count:
            gathering.first = self._clock.now()
        gathering.count += 1
        gathering.latest = fact

    def _told_apart(self, fact: RecordAccess) -> tuple[RecordAccess, _Alike]:
        """What it is gathered with. Where too many different ones are, it loses its subject and actor; where
        they come from too many addresses, its address too.
        """
        origin = fact.origin
        alike = (fact.act, origin.actor, fact.subject, origin.address)
        if alike in self._gathered:
            return fact, alike
        full = len(self._gathered) >= KINDS_MAX
        if not full and self._kinds_of.get(origin.address, 0) < KINDS_OF_ADDRESS_MAX:
            return fact, alike
        address = origin.address
        if full and (fact.act, "", OTHERS, address) not in self._gathered:
            address = ""
        origin = msgspec.structs.replace(origin, actor="", address=address)
        fact = msgspec.structs.replace(fact, origin=origin, subject=OTHERS, detail="")
        return fact, (fact.act, "", OTHERS, address)

    def _begin(self, alike: _Alike) -> None:
        self._gathered[alike] = _Gathering(self._clock.monotonic() + GATHERED_NS)
        address = alike[3]
        self._kinds_of[address] = self._kinds_of.get(address, 0) + 1
        if self._appointment is None:
            self._appoint()

    def _appoint(self) -> None:
        """For the one that is due first: they stand in the order in which they were last journaled."""
        first = next(iter(self._gathered.values()), None)
        if first is not None:
            delay = max(first.due - self._clock.monotonic(), 0)
            self._appointment = self._timer.call_later(delay, self._come)

    def _come(self) -> None:
        """Journal what is due; of what has not come again nothing is kept."""
        self._appointment = None
        now = self._clock.monotonic()
        due = []
        for alike, gathering in self._gathered.items():
            if gathering.due > now:
                break
            due.append(alike)
        for alike in due:
            gathering = self._gathered.pop(alike)
            if gathering.count:
                gathering.due = now + GATHERED_NS
                self._gathered[alike] = gathering
            else:
                self._forget_address(alike[3])
            self._journal(gathering)
        self._appoint()

    def _forget_address(self, address: str) -> None:
        left = self._kinds_of[address] - 1
        if left:
            self._kinds_of[address] = left
        else:
            del self._kinds_of[address]

    def _journal(self, gathering: _Gathering) -> None:
        if gathering.latest is None:
            return
        # A clock that was set back must not lose what was counted.
        count, first = gathering.count, min(gathering.first, self._clock.now())
        fact = msgspec.structs.replace(gathering.latest, count=count, first=first)
        gathering.count, gathering.latest = 0, None
        self._handle(fact)


def _fit(fact: RecordAccess) -> RecordAccess:
    """Its texts as the journal takes them: they come from anywhere, and none is a reason to lose a fact."""
    origin = fact.origin
    fitted = msgspec.structs.replace(
        origin,
        actor=fitting(origin.actor, SUBJECT_CHARACTERS_MAX),
        request_id=fitting(origin.request_id, SUBJECT_CHARACTERS_MAX),
        address=fitting(origin.address, SUBJECT_CHARACTERS_MAX),
    )
    return msgspec.structs.replace(
        fact,
        origin=fitted,
        subject=fitting(fact.subject, SUBJECT_CHARACTERS_MAX),
        detail=fitting(fact.detail, DETAIL_CHARACTERS_MAX),
    )
