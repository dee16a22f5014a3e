"""The broadcast as a feed: logs in, registers what is wanted, and begins again whenever it falls silent."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from phalanx.domain.instruments import LIVE_SOURCES, InstrumentKey, QuoteSource
from phalanx.domain.numbers import Price
from phalanx.domain.time import DAY, SECOND, Clock, Nanoseconds, Timer, trading_day
from phalanx.market.feeds.broadcast.codec import (
    HEARTBEAT,
    PACKET_BYTES,
    decode,
    heartbeat_answer,
    login,
    register,
)
from phalanx.market.feeds.broadcast.links import Dial, Link
from phalanx.market.feeds.broadcast.picture import Counts, Dropped, Picture
from phalanx.market.feeds.broadcast.registrations import Registrations, Scrip
from phalanx.market.feeds.broadcast.splitter import PacketSplitter
from phalanx.market.feeds.port import FeedState
from phalanx.market.quotes import ZONE_OFFSET_S, InstrumentFinder, QuoteBoard

SCRIPS_MAX: Final = 200
"""What the broker lets one login register, unless it agreed to another number (MaxBroadcastLimit)."""
STALE_NS: Final = 15 * SECOND
"""So long nothing at all was heard, not even a heartbeat: others have to say what prices are."""
SILENCE_NS: Final = 30 * SECOND
"""And so long: the connection is given up. The broker's own SDK for Python does the same."""
FIRST_PAUSE_NS: Final = SECOND
PAUSE_NS_MAX: Final = 30 * SECOND

_AT_ONCE_BYTES: Final = 256 * PACKET_BYTES
"""So much is folded before others have their turn."""
_DUE_MAX: Final = 8_192
"""Commands that a server did not take: a connection with more is given up."""
_CLOSE_NS_MAX: Final = 7 * DAY
"""A last close that is older says nothing of today's band."""

_log = logging.getLogger(__name__)


class BroadcastFeed:
    """Puts what the broadcast says on a board, once per instrument and read.

    At most ``limit`` instruments are registered, in the order in which they were subscribed to. ``code``:
    the client code that logs in; there is no password. After a lost connection, or 30 s of silence, it
    connects, logs in and registers again, after 1 s, then 2, up to 30. What is no packet, no price or
    not ours is dropped and counted, never a failure.
    """

    def __init__(
        self,
        board: QuoteBoard,
        instruments: InstrumentFinder,
        dial: Dial,
        code: str,
        clock: Clock,
        timer: Timer,
        limit: int = SCRIPS_MAX,
    ) -> None:
        """Raises ValueError for a code that cannot log in."""
        login(code)
        self._board = board
        self._instruments = instruments
        self._dial = dial
        self._code = code
        self._clock = clock
        self._timer = timer
        self._registrations = Registrations(limit)
        self._pictures: dict[InstrumentKey, Picture] = {}
        self.counts = Counts()
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._heard_at: Nanoseconds | None = None
        self._due: list[bytes] = []
        self._is_due = asyncio.Event()

    @property
    def state(self) -> FeedState:
        """UP from the first packet of a connection on, while packets come."""
        if self._task is None:
            return FeedState.STOPPED
        if self._link is None or self._heard_at is None:
            return FeedState.DOWN
        silence = self._clock.monotonic() - self._heard_at
        return FeedState.UP if silence < STALE_NS else FeedState.STALE

    @property
    def registered(self) -> int:
        """How many instruments it tells of."""
        return len(self._registrations)

    def start(self) -> None:
        """Connect, and stay connected."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="broadcast feed")

    async def stop(self) -> None:
        """Disconnect."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def subscribe(self, keys: Iterable[InstrumentKey]) -> tuple[InstrumentKey, ...]:
        """Register these; returns those that the broadcast has no word or no place for."""
        refused: list[InstrumentKey] = []
        commands: list[bytes] = []
        for key in keys:
            if key in self._registrations:
                continue
            instrument = self._instruments(key)
            scrip = None if instrument is None else self._registrations.add(key)
            if instrument is None or scrip is None:
                refused.append(key)
                continue
            self._pictures[key] = Picture(instrument.tick_size, self.counts)
            commands.append(_registration(scrip))
        if commands:
            # As the broker's own SDKs do: a login goes before whatever is registered.
            self._command(login(self._code), *commands)
        return tuple(refused)

    def unsubscribe(self, keys: Iterable[InstrumentKey]) -> None:
        """Register these no more."""
        for key in keys:
            scrip = self._registrations.remove(key)
            if scrip is not None:
                del self._pictures[key]
                self._command(_registration(scrip, wanted=False))

    async def _run(self) -> None:
        pause = FIRST_PAUSE_NS
        while True:
            why = "the server ended it"
            try:
                link = await self._dial()
                self.counts.connections += 1
                await self._serve(link)
            except OSError as error:
                why = str(error) or type(error).__name__
            except Exception as failure:  # noqa: BLE001  ours, or a listener's: the market goes on
                why = "a fault of ours"
                _log.exception("the broadcast feed failed", exc_info=failure)
            if self._heard_at is not None:
                pause = FIRST_PAUSE_NS
            self._heard_at = None
            # A market that is closed may have no server at all: the first time is news.
            level = logging.WARNING if pause == FIRST_PAUSE_NS else logging.INFO
            _log.log(level, "the broadcast is down, again in %d s: %s", pause // SECOND, why)
            await self._timer.sleep(pause)
            pause = min(2 * pause, PAUSE_NS_MAX)

    async def _serve(self, link: Link) -> None:
        """One connection, to its end. Raises OSError."""
        begun = self._clock.monotonic()
        splitter = PacketSplitter()
        self._link, self._heard_at = link, None
        self._due.clear()
        again = self.counts.reconnects > 0
        self._command(login(self._code, again=again), *map(_registration, self._registrations))
        writing = asyncio.create_task(self._write(link), name="broadcast feed, writing")
        watching = asyncio.create_task(self._watch(link, begun), name="broadcast feed, watching")
        try:
            while data := await link.read():
                for at in range(0, len(data), _AT_ONCE_BYTES):
                    self._fold(splitter, data[at : at + _AT_ONCE_BYTES])
                    await asyncio.sleep(0)
        finally:
            self._link = None
            link.abort()
            for task in (writing, watching):
                task.cancel()
            await asyncio.gather(writing, watching, return_exceptions=True)

    async def _write(self, link: Link) -> None:
        """What is due; a connection that does not take it any more is ended."""
        try:
            while True:
                await self._is_due.wait()
                self._is_due.clear()
                commands, self._due = self._due, []
                await link.write(commands)
        except OSError:
            link.abort()

    async def _watch(self, link: Link, begun: Nanoseconds) -> None:
        """End a connection on which nothing is heard for too long."""
        while True:
            heard_at = begun if self._heard_at is None else self._heard_at
            left = heard_at + SILENCE_NS - self._clock.monotonic()
            if left <= 0:
                _log.warning("nothing was heard of the broadcast for %d s", SILENCE_NS // SECOND)
                link.abort()
                return
            await self._timer.sleep(left)

    def _command(self, *commands: bytes) -> None:
        """Have them written; without a connection all that is wanted is said when there is one."""
        if self._link is None:
            return
        self._due += commands
        self._is_due.set()
        if len(self._due) > _DUE_MAX:
            self._link.abort()

    def _fold(self, splitter: PacketSplitter, data: bytes) -> None:
        """Take what came into the pictures, and tell the board of those that changed."""
        skipped = splitter.skipped
        frames = splitter.split(data)
        self.counts.skipped_bytes += splitter.skipped - skipped
        if not frames:
            return
        if self._heard_at is None:
            _log.info("the broadcast is heard")
        self._heard_at = self._clock.monotonic()
        now = self._clock.now()
        changed: dict[InstrumentKey, Picture] = {}
        for frame in frames:
            self._take(frame, now, changed)
        for key, picture in changed.items():
            self._tell(key, picture)

    def _take(self, frame: bytes, now: Nanoseconds, changed: dict[InstrumentKey, Picture]) -> None:
        packet = decode(frame)
        self.counts.packets += 1
        if packet.type == HEARTBEAT:
            self.counts.heartbeats += 1
            self._command(heartbeat_answer())
            return
        key = self._registrations.find(packet.exchange, packet.scrip)
        if key is None:
            self.counts.dropped[Dropped.NOT_REGISTERED] += 1
        elif self._pictures[key].take(packet, now):
            changed[key] = self._pictures[key]

    def _tell(self, key: InstrumentKey, picture: Picture) -> None:
        told = picture.quote(self._known_close(key, picture.day))
        if told is not None:
            quote, day = told
            self._board.put(key, quote, day=day)

    def _known_close(self, key: InstrumentKey, day: int) -> Price:
        """The close to go by until the broadcast tells one: that day's, or the last price before it."""
        known = self._board.get(key)
        if known is None or self._clock.now() - known.time > _CLOSE_NS_MAX:
            return 0
        if known.source in LIVE_SOURCES and trading_day(known.time, ZONE_OFFSET_S) == day:
            return known.reference_close
        is_close = known.source in LIVE_SOURCES or known.source is QuoteSource.CLOSE
        return known.last if is_close else 0


def _registration(scrip: Scrip, *, wanted: bool = True) -> bytes:
    return register(scrip.exchange, scrip.segment, scrip.number, wanted=wanted)
