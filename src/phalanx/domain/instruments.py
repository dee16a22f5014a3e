"""Instruments and how a caller's name finds one."""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.time import Nanoseconds

InstrumentKey: TypeAlias = str
"""``EXCHANGE:TOKEN``, such as ``NSE:2885``; the one identity of an instrument."""

LOCAL_EXCHANGE = "LOCAL"
"""Exchange of paper instruments made up on import for names nobody knows."""

TRADE_TO_TRADE: Final = frozenset(
    [("NSE", series) for series in ("BE", "BZ", "ST", "SZ")]
    + [("BSE", group) for group in ("T", "XT", "MT", "Z", "ZP")]
)
"""Exchange and series (on the BSE: group) that are settled trade for trade: those moved there by
surveillance, those that do not keep the listing rules (NSE BZ, BSE Z), and the same of the SME boards.
"""


class Instrument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One tradable thing. Prices and quantities are Fixed; zero in an optional one means "none".

    ``freeze_quantity``: largest single order the exchange takes. ``band_low``/``band_high``: the
    exchange's price band for the day where the master brings one, else risk derives it from the close.
    ``series``: the exchange's, such as EQ or BE; ``expiry`` as YYYY-MM-DD, ``right`` as CE or PE.
    ``name``: what the company is called. ``banned``: a derivative in its ban period, in which positions
    may only be made smaller (SEBI: above 95 % of the market-wide position limit).
    """

    key: InstrumentKey
    exchange: str
    token: str
    symbol: str
    instrument_type: str
    lot_size: Quantity
    tick_size: Price
    isin: str = ""
    currency: str = "INR"
    freeze_quantity: Quantity = 0
    band_low: Price = 0
    band_high: Price = 0
    tradable: bool = True
    series: str = ""
    expiry: str = ""
    strike: Price = 0
    right: str = ""
    name: str = ""
    banned: bool = False

    @property
    def is_trade_to_trade(self) -> bool:
        """Every trade of it is settled by delivery: what is bought cannot be sold against it on the day."""
        return (self.exchange, self.series) in TRADE_TO_TRADE

    @property
    def is_local(self) -> bool:
        """Made up on import; paper accounts only."""
        return self.exchange == LOCAL_EXCHANGE


class QuoteSource(IntEnum):
    """Where a price comes from. Risk takes synthetic and simulated (walked, replayed) ones on paper only.
    FEED: told by the market as it moves; REST: asked for where the feed is silent.
    """

    CLOSE = 1
    SYNTHETIC = 2
    FEED = 3
    SIMULATED = 4
    REST = 5


LIVE_SOURCES = frozenset({QuoteSource.FEED, QuoteSource.REST})
"""Where the market of this moment is heard from: what comes from there can be too old."""


class Quote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The price of one instrument: last trade, touch (zero: unknown) and the reference close.

    ``circuit_low``/``circuit_high``: the exchange's price band of the day as a feed told it; zero: not
    told.
    """

    last: Price
    reference_close: Price
    time: Nanoseconds
    source: QuoteSource
    bid: Price = 0
    ask: Price = 0
    circuit_low: Price = 0
    circuit_high: Price = 0


class AmbiguousName(Exception):
    """A bare token that exists on several exchanges."""

    def __init__(self, name: str, keys: tuple[InstrumentKey, ...]) -> None:
        super().__init__(name, keys)
        self.name = name
        self.keys = keys


def instrument_key(exchange: str, token: str) -> InstrumentKey:
    """The key of (exchange, token)."""
    return f"{exchange}:{token}"


def split_key(key: InstrumentKey) -> tuple[str, str]:
    """Exchange and token of a key; a text that is no key is all exchange."""
    exchange, _, token = key.partition(":")
    return exchange, token


class InstrumentIndex:
    """Look-up over one loaded master: by key, exact symbol, alias or bare token.

    Immutable after construction; a new master is a new index. ``sha256`` identifies the file it
    came from. A symbol listed on several exchanges resolves to the one loaded first.
    """

    __slots__ = ("_aliases", "_by_isin", "_by_key", "_by_symbol", "_by_token", "sha256")

    def __init__(
        self,
        instruments: Iterable[Instrument],
        aliases: Mapping[str, str] | None = None,
        sha256: str = "",
    ) -> None:
        self.sha256 = sha256
        self._by_key: dict[InstrumentKey, Instrument] = {}
        self._by_symbol: dict[str, Instrument] = {}
        self._by_token: dict[str, tuple[InstrumentKey, ...]] = {}
        self._by_isin: dict[str, tuple[InstrumentKey, ...]] = {}
        for instrument in instruments:
            self._by_key[instrument.key] = instrument
            self._by_symbol.setdefault(instrument.symbol, instrument)
            self._by_token[instrument.token] = (
                *self._by_token.get(instrument.token, ()),
                instrument.key,
            )
            if instrument.isin:
                others = self._by_isin.get(instrument.isin, ())
                self._by_isin[instrument.isin] = (*others, instrument.key)
        self._aliases = dict(aliases or {})

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_key.values())

    @property
    def aliases(self) -> Mapping[str, str]:
        """Alias → symbol."""
        return self._aliases

    def get(self, key: InstrumentKey) -> Instrument | None:
        """The instrument with exactly this key."""
        return self._by_key.get(key)

    def listings(self, instrument: Instrument) -> tuple[InstrumentKey, ...]:
        """Every key of the same stock, by its ISIN: on two exchanges it is one for limits."""
        return self._by_isin.get(instrument.isin) or (instrument.key,)

    def resolve(self, name: str) -> Instrument | None:
        """Find by exact symbol, then alias, then ``EXCHANGE:TOKEN``, then bare token.

        Raises AmbiguousName when a bare token exists on several exchanges.
        """
        found = self._by_symbol.get(name)
        if found is not None:
            return found
        symbol = self._aliases.get(name)
        if symbol is not None:
            return self._by_symbol.get(symbol)
        found = self._by_key.get(name)
        if found is not None:
            return found
        keys = self._by_token.get(name)
        if keys is None:
            return None
        if len(keys) > 1:
            raise AmbiguousName(name, keys)
        return self._by_key[keys[0]]


def known_instrument(
    index: InstrumentIndex,
    local_instruments: Mapping[InstrumentKey, Instrument],
    key: InstrumentKey,
) -> Instrument | None:
    """The instrument with this key: the master's, else the local one of that key."""
    return index.get(key) or local_instruments.get(key)


def known_symbol(
    index: InstrumentIndex,
    local_instruments: Mapping[InstrumentKey, Instrument],
    key: InstrumentKey,
) -> str:
    """Its symbol; its key when no master knows it any more."""
    found = known_instrument(index, local_instruments, key)
    return key if found is None else found.symbol


class InstrumentFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a plan saw of an instrument, journaled with it so that replay needs no master.

    ``called``: the caller's own name for it, where that is not its symbol.
    """

    key: InstrumentKey
    symbol: str
    isin: str
    lot_size: Quantity
    tick_size: Price
    band_low: Price
    band_high: Price
    last: Price
    quote_source: QuoteSource
    protected_buy: Price = 0
    protected_sell: Price = 0
    called: str = ""
