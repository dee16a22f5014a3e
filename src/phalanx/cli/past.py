"""What a rebuilt state holds, as rows in the shape of the HTTP doors."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.moments import Moment, shown
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.numbers import divide, format_fixed
from phalanx.engine.state import Book, Lot, Position, State
from phalanx.journal.errors import JournalError
from phalanx.market.store import InstrumentsAltered, InstrumentsMissing, InstrumentStore
from phalanx.market.table import ImportFault


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
            "time": shown(state.time, state.settings.zone_offset_s),
            "positions": list(self.positions()),
            "open_buys": list(self.open_buys()),
        }

    def positions(self) -> Iterator[dict[str, object]]:
        """Every position that is not flat."""
        for book in self._state.books.values():
            for held in book.positions.values():
                if held.quantity or held.selling:
                    yield {**self._owner(book), **self._position(book, held)}

    def open_buys(self) -> Iterator[dict[str, object]]:
        """Every lot that is open."""
        for book in self._state.books.values():
            for lot in book.all_lots():
                if lot.is_open:
                    yield {**self._owner(book), **self._open_buy(lot)}

    def _owner(self, book: Book) -> dict[str, object]:
        client = self._state.clients[self._state.accounts[book.account].client_id]
        return {
            "client": client.name,
            "client_id": client.id,
            "account": book.account,
            "mode": book.mode.name,
        }

    def _position(self, book: Book, held: Position) -> dict[str, object]:
        lots = book.lots.get(held.instrument, {}).values()
        cost = sum(lot.cost for lot in lots if lot.product is held.product)
        known = held.quantity > 0
        return {
            "instrument": self._symbol(held.instrument),
            "instrument_key": held.instrument,
            "product": held.product.name,
            "quantity": format_fixed(held.quantity),
            "sellable": format_fixed(held.sellable),
            "selling": format_fixed(held.selling),
            "average_price": format_fixed(divide(cost, held.quantity)) if known else None,
        }

    def _open_buy(self, lot: Lot) -> dict[str, object]:
        coming = sum(self._state.orders[order].leaves_quantity for order in lot.buys)
        return {
            "strategy": lot.strategy,
            "instrument": lot.called or self._symbol(lot.instrument),
            "symbol": self._symbol(lot.instrument),
            "instrument_key": lot.instrument,
            "quantity": format_fixed(lot.available + coming),
            "filled": format_fixed(lot.available),
            "product": lot.product.name,
            "order_id": lot.id,
            "opened_at": shown(lot.opened_at, self._state.settings.zone_offset_s),
        }

    def _symbol(self, key: str) -> str:
        found = self._index.get(key) or self._state.local_instruments.get(key)
        return key if found is None else found.symbol


def _index(state: State, folder: Path) -> InstrumentIndex:
    """The master of that time, for names only: without it positions are shown by key."""
    if not state.instruments_sha256:
        return InstrumentIndex(())
    try:
        return InstrumentStore(folder / "instruments").load(state.instruments_sha256)
    except (InstrumentsMissing, InstrumentsAltered, ImportFault, OSError):
        return InstrumentIndex(())
