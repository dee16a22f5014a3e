"""What clients hold already: every stock by its ISIN, or by its symbol where no ISIN is known."""

from collections.abc import Sequence

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.instruments import Instrument, InstrumentKey, known_instrument
from phalanx.engine.context import Context
from phalanx.engine.state import Book, State


class Identity:
    """The names of one stock. ``stock`` tells stocks apart; one that is held under any of ``kept`` is
    found by any of ``asked``: its ISIN, or its symbol if one of the two has no ISIN.
    """

    __slots__ = ("asked", "kept", "stock")

    def __init__(self, symbol: str, isin: str) -> None:
        if isin:
            self.stock = f"isin {isin}"
            self.kept: tuple[str, ...] = (self.stock, f"symbol {symbol}")
            self.asked: tuple[str, ...] = (self.stock, f"no isin {symbol}")
        else:
            self.stock = f"no isin {symbol}"
            self.kept = (self.stock, f"symbol {symbol}")
            self.asked = (f"symbol {symbol}",)


def identity(instrument: Instrument) -> Identity:
    """The names of an instrument that some master knows."""
    return Identity(instrument.symbol, instrument.isin)


class Held:
    """What one client holds in one mode. ``names``: to be asked for by ``Identity.asked``, also of what
    was sold today; ``stocks``: what it holds or is buying now.
    """

    __slots__ = ("names", "stocks")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.stocks: set[str] = set()

    def add(self, one: Identity) -> None:
        """Count a stock among those held."""
        self.names.update(one.kept)
        self.stocks.add(one.stock)


_NOTHING = Held()


class Holdings:
    """What the clients of some accounts hold, each over all its accounts' books of that mode.

    ``has_siblings``: two of the accounts are one client's, in one mode.
    """

    __slots__ = ("_held", "_identities", "_index", "_local", "has_siblings")

    def __init__(self, state: State, context: Context, accounts: Sequence[Account]) -> None:
        self._index = context.instruments
        self._local = state.local_instruments
        self._identities: dict[InstrumentKey, Identity] = {}
        # By a mode's number, then by client: only those that hold something.
        self._held: tuple[dict[int, Held], ...] = tuple({} for _ in range(len(Mode) + 1))
        named: tuple[set[int], ...] = tuple(set() for _ in self._held)
        for account in accounts:
            named[account.mode].add(account.client_id)
        self.has_siblings = sum(map(len, named)) < len(accounts)
        for book in state.books.values():
            if book.positions or book.lots or book.sold_today:
                owner = state.accounts[book.account].client_id
                if owner in named[book.mode]:
                    self._collect(self._held[book.mode].setdefault(owner, Held()), book)

    def of(self, client: int, mode: Mode) -> Held:
        """What a client holds, to be read only; it must be one of an account that was named."""
        return self._held[mode].get(client, _NOTHING)

    def add(self, client: int, mode: Mode, one: Identity) -> None:
        """Count a stock among those that a client holds."""
        self._held[mode].setdefault(client, Held()).add(one)

    def _collect(self, held: Held, book: Book) -> None:
        for position in book.positions.values():
            if position.quantity:
                held.add(self._identity(position.instrument))
        for key in book.lots:
            held.add(self._identity(key))
        for key in book.sold_today:
            held.names.update(self._identity(key).kept)

    def _identity(self, key: InstrumentKey) -> Identity:
        found = self._identities.get(key)
        if found is None:
            instrument = known_instrument(self._index, self._local, key)
            # One that no master knows any more goes by its key.
            found = Identity(key, "") if instrument is None else identity(instrument)
            self._identities[key] = found
        return found
