"""Last prices over REST: one instrument a question, in the turns that a login's books are read in."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from phalanx.brokers.motilal.books import LastPrice
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.envelope import BrokerSaidNo, Envelope
from phalanx.brokers.motilal.products import EXCHANGES
from phalanx.brokers.motilal.row import BadData, Flaw, Row
from phalanx.brokers.motilal.rows import PAISE_DIGITS, instrument_of, is_odd
from phalanx.brokers.motilal.session import Session
from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource, split_key
from phalanx.domain.numbers import Price
from phalanx.domain.time import Nanoseconds

READ_S_MAX = 8.0
"""What is not answered by then is left out: one slow login holds up one instrument, not those of the others."""

_CODE_DIGITS_MAX = 9


class _Asked(msgspec.Struct, omit_defaults=True, kw_only=True):
    clientcode: str = ""
    exchange: str
    scripcode: int


class Asker(msgspec.Struct, frozen=True):
    """One login's side. ``client`` is whom a question names: nobody for an investor, any client of a dealer's;
    None for a dealer without one, who cannot ask.
    """

    session: Session
    client: Callable[[], str | None]


class PriceCounts(msgspec.Struct, gc=False):
    """What became of the questions since the start. ``flawed``: answers that are no price."""

    answered: int = 0
    flawed: int = 0
    failed: int = 0


class LastPrices:
    """Asks every login that has a session, each at the pace of its questions; which one goes first changes.

    ``last``: about what an instrument costs, 0 where nobody knows. A price that is ten times that, or a tenth,
    came in another scale and is none.
    """

    def __init__(
        self,
        askers: Iterable[Asker],
        now: Callable[[], Nanoseconds],
        last: LastPrice,
    ) -> None:
        self.counts = PriceCounts()
        self._askers = deque(askers)
        self._now = now
        self._last = last

    async def read(self, keys: Sequence[InstrumentKey]) -> dict[InstrumentKey, Quote]:
        """Quotes in rupees, as of when they were asked for: the broker tells no time. Without its range: of
        which day that is the broker does not tell either.

        What the broker does not list, or answers with anything but a price, is left out. Raises OSError when
        no login can ask, or every question failed.
        """
        self._askers.rotate(-1)
        waiting = deque(key for key in keys if _is_listed(key))
        able = self._able(len(waiting))
        if waiting and not able:
            raise ConnectionError("no login has a session and a client")
        found: dict[InstrumentKey, Quote] = {}
        failed, flawed = self.counts.failed, self.counts.flawed
        asking = [
            asyncio.create_task(self._ask_on(*one, waiting, found), name="motilal last prices")
            for one in able
        ]
        try:
            if asking:
                await asyncio.wait(asking, timeout=READ_S_MAX)
        finally:
            for task in asking:
                task.cancel()
            ended = await asyncio.gather(*asking, return_exceptions=True)
        self.counts.failed += sum(isinstance(one, asyncio.CancelledError) for one in ended)
        if not found and self.counts.failed > failed and self.counts.flawed == flawed:
            raise ConnectionError("no question about a last price was answered")
        return found

    def _able(self, count: int) -> list[tuple[Session, str]]:
        """The first so many that can ask, and whom they name."""
        able: list[tuple[Session, str]] = []
        for asker in self._askers:
            if len(able) == count:
                break
            if asker.session.tokens is not None and (client := asker.client()) is not None:
                able.append((asker.session, client))
        return able

    async def _ask_on(
        self,
        session: Session,
        client: str,
        waiting: deque[InstrumentKey],
        found: dict[InstrumentKey, Quote],
    ) -> None:
        """One question after the other, until none is left or the session is over."""
        while waiting and session.tokens is not None:
            key = waiting.popleft()
            exchange, code = split_key(key)
            body = msgspec.json.encode(
                _Asked(clientcode=client, exchange=exchange, scripcode=int(code))
            )
            asked_at = self._now()
            try:
                said = await session.ask(Path.LAST_PRICE, body)
                found[key] = quote_of(said.envelope, key, asked_at, self._last(key))
                self.counts.answered += 1
            except BadData:
                self.counts.flawed += 1
            except OSError:
                self.counts.failed += 1


def quote_of(envelope: Envelope, key: InstrumentKey, now: Nanoseconds, reference: Price) -> Quote:
    """The quote in an answer, which is an object, or in an older document a list of one. Raises BadData,
    BrokerSaidNo.
    """
    if not envelope.succeeded:
        raise BrokerSaidNo(envelope.code, envelope.message)
    data = envelope.fields.raw("data")
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict):
        raise BadData(Flaw.NOT_ROWS, "data")
    row = Row(data)
    if instrument_of(row, "exchange", "scripcode") != key:
        raise BadData(Flaw.OF_ANOTHER, "scripcode")
    last, close = _paise(row, "ltp"), _paise(row, "close")
    bid, ask = _paise(row, "bid", 0), _paise(row, "ask", 0)
    if not (last and close):
        raise BadData(Flaw.NOT_A_NUMBER, "a price of nothing")
    if is_odd(last, reference) or any(is_odd(one, last) for one in (close, bid, ask)):
        raise BadData(Flaw.ODD_SCALE, "ltp")
    return Quote(last, close, now, QuoteSource.REST, bid, ask)


def _paise(row: Row, field: str, default: int | None = None) -> Price:
    price = row.rupees(field, default, precision=PAISE_DIGITS)
    if price < 0:
        raise BadData(Flaw.NOT_A_NUMBER, field)
    return price


def _is_listed(key: InstrumentKey) -> bool:
    """Whether it can be asked about: an exchange of the broker's, and a code that is a number."""
    exchange, code = split_key(key)
    is_code = code.isascii() and code.isdigit() and len(code) <= _CODE_DIGITS_MAX
    return exchange in EXCHANGES and is_code and code == str(int(code))
