"""What a rebuilt state holds: the rows of the HTTP doors, without the prices of today."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.moments import Moment
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.time import iso
from phalanx.engine.state import State
from phalanx.journal.errors import JournalError
from phalanx.market.store import InstrumentsAltered, InstrumentsMissing, InstrumentStore
from phalanx.market.table import ImportFault
from phalanx.views.holdings import holding, open_buy


def rebuilt(folder: Path, moment: Moment) -> State:
    """The state of that moment. Raises Failure with the journal's code."""
    from phalanx import bootstrap

    try:
        state = bootstrap.replay_state(folder, moment.seq, moment.time)
    except JournalError as error:
        raise Failure(Exit.FAILURE, error.code, error.message) from None
    except msgspec.DecodeError as error:
        raise unreadable(folder, error) from None
    if moment.seq is not None and moment.seq > state.seq:
        detail = f"the journal ends at event {state.seq}, there is no {moment.seq}"
        raise Failure(Exit.FAILURE, "NO_SUCH_SEQ", detail)
    return state


def unreadable(folder: Path, error: msgspec.DecodeError) -> Failure:
    """A sound journal with events that this version does not know."""
    detail = f"{folder}: events that this version cannot read: {error}"
    return Failure(Exit.FAILURE, "UNREADABLE_EVENTS", detail)


class Past:
    """Positions and open buys of a state."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._index = _index(state, folder)

    def document(self) -> dict[str, object]:
        """All of it, for a program."""
        state = self._state
        return {
            "seq": state.seq,
            "epoch": state.epoch,
            "time": iso(state.time, state.settings.zone_offset_s),
            "positions": list(self.positions()),
            "open_buys": list(self.open_buys()),
        }

    def positions(self) -> Iterator[dict[str, object]]:
        """Every position that is not flat."""
        for book in self._state.books.values():
            for held in book.positions.values():
                if held.quantity or held.selling:
                    yield msgspec.structs.asdict(holding(self._state, self._index, book, held))

    def open_buys(self) -> Iterator[dict[str, object]]:
        """Every lot that is open."""
        for book in self._state.books.values():
            for lot in book.all_lots():
                if lot.is_open:
                    yield msgspec.structs.asdict(open_buy(self._state, self._index, book, lot))


def _index(state: State, folder: Path) -> InstrumentIndex:
    """The master of that time, for names only: without it positions are shown by key."""
    if not state.instruments_sha256:
        return InstrumentIndex(())
    try:
        return InstrumentStore(folder / "instruments").load(state.instruments_sha256)
    except (InstrumentsMissing, InstrumentsAltered, ImportFault, OSError):
        return InstrumentIndex(())
