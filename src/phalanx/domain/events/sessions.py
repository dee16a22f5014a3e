"""What differs from the exchange's published calendar."""

from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import Origin
from phalanx.domain.sessions import DayChange


class CalendarPut(Recorded, frozen=True, tag=80):
    """The overlay of the calendar is these days, and none besides."""

    origin: Origin
    days: tuple[DayChange, ...]


class ClosingAuctionPut(Recorded, frozen=True, tag=81):
    """The stocks whose day ends in an auction are these; none: those of the shipped list."""

    origin: Origin
    symbols: tuple[str, ...]
