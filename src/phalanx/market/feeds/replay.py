"""Quotes out of a file of past days: each day again, in a few steps."""

from collections.abc import Iterator, Mapping

import msgspec

from phalanx.domain.instruments import InstrumentIndex, InstrumentKey, Quote, QuoteSource
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.time import DAY, HOUR, MINUTE, Nanoseconds
from phalanx.market.price_rows import CLOSE_OF_DAY, listed, nearest, read_day, read_symbol
from phalanx.market.quotes import QuoteBoard
from phalanx.market.table import ImportCode, ImportFault, Row, read_rows

COLUMNS = ("date", "symbol", "open", "high", "low", "close", "volume")

REPLAYED_AT_ONCE_MAX = 500
"""Most instruments that one step moves; a day of more of them takes more steps."""

_TIMES: tuple[Nanoseconds, ...] = (
    3 * HOUR + 45 * MINUTE,
    5 * HOUR + 45 * MINUTE,
    7 * HOUR + 45 * MINUTE,
    CLOSE_OF_DAY,
)
"""When a day's four prices come: 9:15, 11:15, 13:15 and 15:30 in India, in UTC."""


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One instrument's day. ``line``: where it stands in the file."""

    line: int
    symbol: str
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity

    @property
    def prices(self) -> tuple[Price, Price, Price, Price]:
        """The way through the day: first against its direction, then with it."""
        if self.close >= self.open:
            return (self.open, self.low, self.high, self.close)
        return (self.open, self.high, self.low, self.close)


def read_bars(content: bytes) -> Mapping[int, list[Bar]]:
    """The bars of a CSV ``date,symbol,open,high,low,close,volume`` by day number, oldest day first.

    Raises ImportFault with its line, also for a bar whose low or high is not (BAD_RANGE) and for a
    second one of the same day (DUPLICATE_KEY).
    """
    days: dict[int, dict[str, Bar]] = {}
    for row in read_rows(content, COLUMNS):
        bar = _bar(row)
        of_day = days.setdefault(read_day(row), {})
        if bar.symbol in of_day:
            detail = f"line {of_day[bar.symbol].line} has that day already"
            raise row.fault(ImportCode.DUPLICATE_KEY, "symbol", detail)
        of_day[bar.symbol] = bar
    return {day: list(days[day].values()) for day in sorted(days)}


def _bar(row: Row) -> Bar:
    open_, high, low, close = (row.positive(name) for name in COLUMNS[2:6])
    if not low <= min(open_, close) <= max(open_, close) <= high:
        raise row.fault(ImportCode.BAD_RANGE, "high", "open and close lie between low and high")
    return Bar(row.line, read_symbol(row), open_, high, low, close, row.amount("volume"))


class Replay:
    """Puts the bars' prices on a board, a step at a time: open, low and high, close, the next day.

    Quotes carry the time of their past. The reference close is that of the instrument's day before,
    on its first day the open. Symbols that the index does not have are passed over. After the last
    step the board stays at the last prices. Raises ImportFault when the index has none of them.
    """

    __slots__ = ("_board", "_steps")

    def __init__(
        self, board: QuoteBoard, bars: Mapping[int, list[Bar]], index: InstrumentIndex
    ) -> None:
        symbols = dict.fromkeys(bar.symbol for of_day in bars.values() for bar in of_day)
        found = {symbol: listed(index, symbol) for symbol in symbols}
        ticks = {
            symbol: (instrument.key, instrument.tick_size)
            for symbol, instrument in found.items()
            if instrument is not None
        }
        if not ticks:
            raise ImportFault(ImportCode.EMPTY_FILE, 0, "symbol", "none of its symbols is known")
        self._board = board
        self._steps = _steps(bars, ticks)

    def step(self) -> bool:
        """Put the next prices; False when there are none any more."""
        moves = next(self._steps, None)
        if moves is None:
            return False
        for key, quote, traded in moves:
            self._board.put(key, quote, traded)
        return True


def _steps(
    bars: Mapping[int, list[Bar]], ticks: Mapping[str, tuple[InstrumentKey, Price]]
) -> Iterator[list[tuple[InstrumentKey, Quote, Quantity]]]:
    closes: dict[str, Price] = {}
    for day, of_day in bars.items():
        known = [bar for bar in of_day if bar.symbol in ticks]
        for number, time in enumerate(_TIMES):
            for first in range(0, len(known), REPLAYED_AT_ONCE_MAX):
                part = known[first : first + REPLAYED_AT_ONCE_MAX]
                yield [_move(bar, number, day * DAY + time, ticks, closes) for bar in part]
        closes.update((bar.symbol, bar.close) for bar in known)


def _move(
    bar: Bar,
    number: int,
    time: Nanoseconds,
    ticks: Mapping[str, tuple[InstrumentKey, Price]],
    closes: Mapping[str, Price],
) -> tuple[InstrumentKey, Quote, Quantity]:
    """One of a bar's four prices, with its part of the day's volume; the last has what is left over."""
    key, tick = ticks[bar.symbol]
    last = nearest(bar.prices[number], tick)
    close = nearest(closes.get(bar.symbol, bar.open), tick)
    part, rest = divmod(bar.volume, len(_TIMES))
    traded = part + rest if number == len(_TIMES) - 1 else part
    return key, Quote(last, close, time, QuoteSource.SIMULATED), traded
