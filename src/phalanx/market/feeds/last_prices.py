"""Prices that are asked for: what takes over where the feed is silent."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.market.quotes import DayRange


class LastPrice(msgspec.Struct, frozen=True, gc=False):
    """An answer: the quote, by whatever source, and its day where the broker tells one."""

    quote: Quote
    day: DayRange | None = None


class LastPrices(Protocol):
    """A broker's door for last prices, slow and limited: one instrument a request, mostly.

    Prices are rupees as Fixed, whatever unit the broker answers in. The quote's time is that of its last
    trade where the broker says it, else when it was asked for; its close is that of the day before.
    """

    async def read(self, keys: Sequence[InstrumentKey], /) -> Mapping[InstrumentKey, LastPrice]:
        """The prices of these, as far as the broker has them, one request for each at most.

        Raises OSError when nothing can be read now.
        """
        ...
