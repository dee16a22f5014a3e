"""What can be asked about the calendar."""

import msgspec

from phalanx.domain.instructions import Origin
from phalanx.domain.sessions import DayChange


class PutCalendar(msgspec.Struct, frozen=True, gc=False):
    """These days differ from the published calendar, and no others."""

    origin: Origin
    days: tuple[DayChange, ...]


class PutClosingAuction(msgspec.Struct, frozen=True, gc=False):
    """The stocks with these symbols have a closing auction; none of them: those of the shipped list."""

    origin: Origin
    symbols: tuple[str, ...]
