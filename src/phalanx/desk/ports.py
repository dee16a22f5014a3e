"""What the desk is given: the outside, as it meets it."""

from collections.abc import Callable, Container, Mapping
from typing import Protocol

import msgspec

from phalanx.brokers.port import Broker
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.kills import KillKey, RaisedFlag
from phalanx.domain.orders import ClOrdId
from phalanx.domain.sessions import Calendar
from phalanx.domain.time import Clock, Random, Timer
from phalanx.engine.commands import ArchivedOrder
from phalanx.journal.port import Journal


class Archive(Protocol):
    """What is on record of orders that left memory."""

    async def order(self, cl_ord_id: ClOrdId) -> ArchivedOrder | None:
        """The order as all that is durable now has made it; None: there never was one.

        Raises OSError when it cannot say now: that proves nothing.
        """
        ...


class KillFlag(Protocol):
    """Where ``kill --direct`` orders kills past the desk. All of it is asked on the desk's own thread."""

    def renew(self) -> bool:
        """Go by what now has the flag's place, where somebody took that away or cut it; whether so.

        One that orders something is kept: nobody would adopt that. Raises OSError where it cannot be
        done, and is raised for everybody from then on until it can.
        """
        ...

    def is_raised(self) -> bool:
        """Whether a kill was ordered that is not adopted. Asked before each write: it must cost nothing."""
        ...

    def keys(self) -> Container[KillKey]:
        """Whom the raised flag stops."""
        ...

    def read(self) -> RaisedFlag | None:
        """What is to be adopted; None while that is being written, and where nothing is."""
        ...

    def lower(self, number: int) -> None:
        """All up to the flag with this ``number`` is adopted. Raises OSError."""
        ...


class NoKillFlag:
    """The flag of a desk that nobody can reach but through its doors."""

    def renew(self) -> bool:
        """Never."""
        return False

    def is_raised(self) -> bool:
        """Never."""
        return False

    def keys(self) -> Container[KillKey]:
        """Nobody."""
        return ()

    def read(self) -> RaisedFlag | None:
        """Nothing."""
        return None

    def lower(self, number: int) -> None:
        """It is down."""


class Ports(msgspec.Struct, frozen=True):
    """The outside, as the desk meets it; wired in ``bootstrap`` or by a simulation. Without an archive
    nothing is known of orders that left memory; without a calendar no order is held to the trading day.
    """

    journal: Journal
    clock: Clock
    timer: Timer
    random: Random
    brokers: Mapping[str, Broker]
    quote: Callable[[InstrumentKey], Quote | None]
    archive: Archive | None = None
    kill_flag: KillFlag = NoKillFlag()
    calendar: Calendar | None = None
