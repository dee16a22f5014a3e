"""The words by which an instrument is found, and those of a query."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import format_fixed

WORDS_MAX = 8
"""So many words of a query count."""
EXPIRIES_KEPT = 4_096
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Letters, digits and what stands in names (M&M); a point only within, as in a strike of 82.25.
_WORD = re.compile(r"[\w&]+(?:\.[\w&]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text, in any case: ``BAJAJ-AUTO`` has two, ``M&M`` and ``82.25`` are one each."""
    return _WORD.findall(text.casefold())


def leading_words(instrument: Instrument, aliases: Iterable[str]) -> Iterator[str]:
    """What its symbol and its aliases begin with."""
    for name in (instrument.symbol, *aliases):
        yield from words_of(name)[:1]


def found_by(instrument: Instrument, aliases: Iterable[str]) -> Iterator[str]:
    """Every word of an instrument, some of them twice: of its symbol, aliases and company, its token,
    exchange, series and ISIN, and of a derivative day, month, year, strike and right.
    """
    for name in (instrument.symbol, *aliases, instrument.name, instrument.token):
        yield from words_of(name)
    yield instrument.exchange.casefold()
    for text in (instrument.isin, instrument.series, instrument.right):
        if text:
            yield text.casefold()
    if instrument.strike:
        yield format_fixed(instrument.strike)
    if instrument.expiry:
        yield from _expiry_words(instrument.expiry)


@lru_cache(EXPIRIES_KEPT)
def _expiry_words(expiry: str) -> tuple[str, ...]:
    """``2026-12-03`` is 03 and 3, dec, 2026, and 26 as well: ``NIFTY 26 DEC`` is said of both."""
    year, month, day = expiry.split("-")
    return day, day.lstrip("0"), _MONTHS[int(month) - 1], year, year[2:]
