"""What a data folder and its process go through: terms, instrument files, days, what leaves memory."""

from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import (
    Origin,
)
from phalanx.domain.instruments import Instrument
from phalanx.domain.orders import (
    ClOrdId,
)


class DeskFounded(Recorded, frozen=True, tag=1):
    """The first event of a data folder: the desk's two letters, drawn once, and its shard."""

    desk_id: str
    shard: int


class TermBegan(Recorded, frozen=True, tag=2):
    """A process took the journal over. ``doubted`` are the orders that were dispatched and never answered."""

    epoch: int
    version: str
    doubted: tuple[ClOrdId, ...] = ()


class InstrumentsLoaded(Recorded, frozen=True, tag=3):
    """An instrument file came into force; ``added``, ``changed``, ``removed`` against the one ``before``."""

    origin: Origin
    sha256: str
    count: int
    name: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0
    before: str = ""


class LocalInstrumentPut(Recorded, frozen=True, tag=4):
    """A paper instrument was made up for a name that no master knows."""

    origin: Origin
    instrument: Instrument


class OrdersRetired(Recorded, frozen=True, tag=23):
    """Terminal orders, and instructions with none left, leave memory; views keep them.

    ``kept``: those that were due as well and stay until the day rolls.
    """

    cl_ord_ids: tuple[ClOrdId, ...]
    kept: tuple[ClOrdId, ...] = ()


class DayRolled(Recorded, frozen=True, tag=24):
    """A new trading day: the day counters start again."""

    day: int


class KeysForgotten(Recorded, frozen=True, tag=25):
    """The oldest ``count`` idempotency keys are past their retention."""

    count: int
