"""What the platform's clients follow one client by: portfolio, prices and trades, each at its own pace.

All who follow the same client share one feed. It is woken by durable events and by prices, tells what
changed, and rests: nothing is told more often than its pace allows, and only as it is by then.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

import msgspec

from phalanx.api.platform.money import NOTHING, books_of, pnl_of_clients
from phalanx.api.platform.portfolio import portfolio
from phalanx.api.platform.shapes import Number, number, token_brief
from phalanx.api.platform.trades import trade_answer
from phalanx.api.system import System
from phalanx.desk.errors import Stopped
from phalanx.desk.showing.stream import Reader
from phalanx.domain import events as e
from phalanx.domain.accounts import BookId, Mode, book_id
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.orders import ClOrdId, Side
from phalanx.engine.state import Book
from phalanx.views.queries import LIMIT_MAX, Views
from phalanx.views.readers import QueryTooLong, ViewsUnavailable
from phalanx.views.rows import TradeRow, TradeStatus

PACE_S: Final = 0.25
"""So long a feed rests after it told something."""
PORTFOLIO_S: Final = 1.0
"""At most so often a portfolio is told."""
FEED_FAILED: Final = "FEED_FAILED"

MessageType: TypeAlias = Literal["portfolio_update", "trade_update", "price_update"]
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class ClientMessage(msgspec.Struct, frozen=True):
    """What is sent: ``data`` is a portfolio, a trade or a price."""

    type: MessageType
    data: Any


class PriceUpdate(msgspec.Struct, frozen=True):
    """The last price of a token that the client holds; ``close_price`` is that of the day before."""

    id: str
    token_id: str
    symbol: str
    exchange: str
    ltp: Number
    close_price: Number


class ClientFeed:
    """Everybody who follows one client, and what they are still to be told."""

    def __init__(self, system: System, client_id: int, interest: "Interest") -> None:
        self._system = system
        self._client_id = client_id
        self._interest = interest
        self._readers: dict[Reader, None] = {}
        self._coming: dict[Reader, None] = {}
        self._named: dict[ClOrdId, None] = {}
        self._known: dict[ClOrdId, TradeRow] | None = None
        self._prices: dict[InstrumentKey, Quote] = {}
        self._wake = asyncio.Event()
        self._seq = system.desk.durable_seq
        self._told_seq = -1
        self._portfolio_is_old = False
        self._portfolio_at = 0.0
        self._pnl = NOTHING
        self._pnl_seq = -1
        self._held: frozenset[InstrumentKey] = frozenset()

    @property
    def is_followed(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers or self._coming)

    def join(self, reader: Reader) -> None:
        """Somebody who is told the portfolio first, and then what changes."""
        self._coming[reader] = None
        self._wake.set()

    def leave(self, reader: Reader) -> None:
        """No more for this one."""
        self._readers.pop(reader, None)
        self._coming.pop(reader, None)

    def close(self) -> None:
        """Nobody follows any more: prices are of no interest."""
        self._look_what_is_held(())

    def touch(self, seq: int, named: Iterable[ClOrdId] = ()) -> None:
        """Something of the client's changed; ``named`` are trades that may have."""
        self._seq = seq
        self._named.update(dict.fromkeys(named))
        self._portfolio_is_old = True
        self._wake.set()

    def price(self, key: InstrumentKey, quote: Quote) -> None:
        """Another price of something that it holds; only the last before the next telling counts."""
        self._prices[key] = quote
        self._portfolio_is_old = True
        self._wake.set()

    async def run(self) -> None:
        """Tell what changed, until nobody follows any more."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    await self._tell()
                except (ViewsUnavailable, QueryTooLong):
                    self._wake.set()
                await asyncio.sleep(PACE_S)
        except Stopped:
            return
        except Exception as failure:  # noqa: BLE001  whatever it is, nobody waits for this feed
            _log.exception("the feed of client %s failed", self._client_id, exc_info=failure)
            for reader in (*self._readers, *self._coming):
                reader.close(FEED_FAILED)

    async def _tell(self) -> None:
        if self._told_seq < self._seq:
            await self._tell_trades()
        self._tell_prices()
        now = asyncio.get_running_loop().time()
        is_due = self._portfolio_is_old and now - self._portfolio_at >= PORTFOLIO_S
        if is_due or self._coming:
            await self._tell_portfolio(now, to_all=is_due)
        if self._portfolio_is_old or self._coming:
            self._wake.set()

    async def _tell_trades(self) -> None:
        """Trades with something open as they are now, those that were so, and those that events named."""
        seq = self._seq
        named, self._named = self._named, {}
        try:
            rows = await self._rows(seq, tuple(named))
        except (ViewsUnavailable, QueryTooLong):
            self._named = named | self._named
            raise
        before = self._known
        self._known = {row.id: row for row in rows if row.status is not TradeStatus.CLOSED}
        self._told_seq = seq
        if before is not None:
            for row in rows:
                if before.get(row.id) != row:
                    self._send("trade_update", trade_answer(self._system.desk, row))

    async def _rows(self, seq: int, named: Sequence[ClOrdId]) -> list[TradeRow]:
        system = self._system
        if not await system.feed.wait_for(seq, system.settings.views_wait_s):
            raise ViewsUnavailable("the views are behind")
        return await system.views.ask(self._read, system.views, named)

    def _read(self, views: Views, named: Sequence[ClOrdId]) -> list[TradeRow]:
        rows: list[TradeRow] = []
        for status in (TradeStatus.ACTIVE, TradeStatus.PENDING):
            found = views.trades(client_id=self._client_id, status=status, limit=LIMIT_MAX)
            rows += found.items
        there = {row.id for row in rows}
        others = dict.fromkeys((*(self._known or ()), *named))
        found_alone = (views.trade(one) for one in others if one not in there)
        return rows + [row for row in found_alone if row is not None]

    def _tell_prices(self) -> None:
        desk = self._system.desk
        prices, self._prices = self._prices, {}
        for key, quote in prices.items():
            token = token_brief(desk, key)
            names = (token.id, token.token_id, token.symbol, token.exchange)
            update = PriceUpdate(*names, number(quote.last), number(quote.reference_close))
            self._send("price_update", update)

    async def _tell_portfolio(self, now: float, *, to_all: bool) -> None:
        """As it is now, once what it tells of is durable."""
        system = self._system
        desk = system.desk
        client_id = self._client_id
        if self._pnl_seq < self._told_seq:
            seq = self._told_seq
            found = await system.views.ask(pnl_of_clients, system.views, desk, (client_id,))
            self._pnl, self._pnl_seq = found.get(client_id, NOTHING), seq
        coming = tuple(self._coming)
        if to_all:
            self._portfolio_is_old = False
            self._portfolio_at = now
        state = desk.state
        self._look_what_is_held(books_of(state, client_id))
        told = portfolio(desk, state.clients[client_id], self._pnl)
        message = _encode(ClientMessage("portfolio_update", told))
        await desk.durable(state.seq)
        if to_all:
            self._offer(message)
        for reader in coming:
            # Unless it left while the disk was written.
            if self._coming.pop(reader, reader) is None:
                self._readers[reader] = None
                reader.offer(message)

    def _look_what_is_held(self, books: Iterable[Book]) -> None:
        held = frozenset(one.instrument for book in books for one in book.positions.values())
        if held != self._held:
            self._interest.change(self, self._held, held)
            self._held = held

    def _send(self, kind: MessageType, data: object) -> None:
        if self._readers:
            self._offer(_encode(ClientMessage(kind, data)))

    def _offer(self, message: bytes) -> None:
        for reader in self._readers:
            reader.offer(message)


class Interest:
    """Which feeds a price is of interest to."""

    def __init__(self) -> None:
        self._feeds: dict[InstrumentKey, dict[ClientFeed, None]] = {}

    def change(
        self, feed: ClientFeed, before: frozenset[InstrumentKey], after: frozenset[InstrumentKey]
    ) -> None:
        """A feed's client holds something else now."""
        for key in before - after:
            feeds = self._feeds[key]
            del feeds[feed]
            if not feeds:
                del self._feeds[key]
        for key in after - before:
            self._feeds.setdefault(key, {})[feed] = None

    def priced(self, key: InstrumentKey, quote: Quote) -> None:
        """Somebody listens for every price: it must cost next to nothing where nobody holds it."""
        for feed in self._feeds.get(key, ()):
            feed.price(key, quote)


class ClientStreams:
    """The feeds of all clients that somebody follows, and who has to be woken by what."""

    def __init__(self) -> None:
        self._system: System | None = None
        self._feeds: dict[int, tuple[ClientFeed, asyncio.Task[None]]] = {}
        self._books: dict[BookId, ClientFeed] = {}
        self._interest = Interest()

    def join(self, system: System, client_id: int, reader: Reader) -> None:
        """From now on the reader is told of that client."""
        if self._system is None:
            self._system = system
            system.desk.observe(self._observed)
            system.quotes.listen(self._interest.priced)
        if client_id not in self._feeds:
            feed = ClientFeed(system, client_id, self._interest)
            task = asyncio.create_task(feed.run(), name=f"feed of client {client_id}")
            self._feeds[client_id] = (feed, task)
            self._find_books(system)
        self._feeds[client_id][0].join(reader)

    def leave(self, client_id: int, reader: Reader) -> None:
        """And no longer; a feed that nobody reads ends."""
        if client_id not in self._feeds:
            return
        feed, task = self._feeds[client_id]
        feed.leave(reader)
        if not feed.is_followed:
            task.cancel()
            feed.close()
            del self._feeds[client_id]
            self._books = {book: one for book, one in self._books.items() if one is not feed}

    async def close(self) -> None:
        """End every feed, at the end."""
        tasks = [task for _, task in self._feeds.values()]
        self._feeds.clear()
        self._books.clear()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _find_books(self, system: System) -> None:
        self._books = {
            book_id(account.id, mode): found[0]
            for account in system.desk.state.accounts.values()
            if (found := self._feeds.get(account.client_id)) is not None
            for mode in Mode
        }

    def _observed(self, events: Sequence[e.Event], seq: int) -> None:
        """Which feeds a durable group is about. It must cost next to nothing when nobody follows."""
        if self._feeds:
            for event in events:
                self._look_at(event, seq)

    def _look_at(self, event: e.Event, seq: int) -> None:
        match event:
            case e.OrderReported() | e.OrderEnded() | e.CancelRequested():
                self._touch_order(event.cl_ord_id, seq)
            case e.InstructionPlanned():
                for draft in event.orders:
                    feed = self._books.get(draft.book)
                    if feed is not None:
                        feed.touch(seq, (draft.own_lot,) if draft.side is Side.BUY else ())
                for cancel in event.cancels:
                    self._touch_order(cancel.cl_ord_id, seq)
            case e.LotAdopted():
                self._touch_book(event.book, seq, event.lot)
            case e.CashAdjusted():
                self._touch_book(event.book, seq)
            case e.AccountPut() if event.account.client_id in self._feeds:
                assert self._system is not None
                self._find_books(self._system)
            case _:
                pass

    def _touch_book(self, book: BookId, seq: int, *named: ClOrdId) -> None:
        feed = self._books.get(book)
        if feed is not None:
            feed.touch(seq, named)

    def _touch_order(self, cl_ord_id: ClOrdId, seq: int) -> None:
        assert self._system is not None
        order = self._system.desk.state.orders.get(cl_ord_id)
        feed = None if order is None else self._books.get(order.draft.book)
        if order is None or feed is None:
            return
        draft = order.draft
        buys = draft.side is Side.BUY
        feed.touch(seq, (draft.own_lot,) if buys else (closing.lot for closing in draft.closes))
