"""A running Phalanx: what is built, and how it is wired."""

import asyncio
import gc
import logging
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx import __version__
from phalanx.bootstrap.alerting import look_every_second, make_alerts, use_channels
from phalanx.bootstrap.day import paper_closes_at, square_off
from phalanx.bootstrap.machine import LoopTimer, SystemClock, SystemRandom
from phalanx.bootstrap.masters import Masters
from phalanx.bootstrap.quotes import Quotes
from phalanx.brokers.kill_flag import FILE as KILL_FLAG
from phalanx.brokers.kill_flag import KillFlagFile
from phalanx.brokers.paper import CAPABILITIES, PaperBroker, restored_orders
from phalanx.brokers.port import Broker, BrokerKind
from phalanx.config import Settings
from phalanx.desk.auditing import Auditing
from phalanx.desk.desk import Desk, Executed, Ports
from phalanx.desk.errors import Stopped
from phalanx.desk.recovery import recover
from phalanx.desk.startup import open_accounts, take_over
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    QuoteSource,
    known_instrument,
)
from phalanx.domain.numbers import Money, Price, parse_fixed
from phalanx.domain.profiles import read_profiles
from phalanx.domain.time import SECOND, iso
from phalanx.engine.commands import ImportProfiles, RecordAccess
from phalanx.engine.ids import desk_id
from phalanx.engine.state import State
from phalanx.journal.errors import JournalMissing
from phalanx.journal.sqlite import SqliteJournal
from phalanx.market.days import shipped_calendar
from phalanx.market.feeds.last_prices import LastPrices
from phalanx.market.feeds.port import FeedState
from phalanx.market.finding.finder import Finder
from phalanx.market.master import MasterDiff, read_aliases
from phalanx.market.quotes import QuoteBoard
from phalanx.market.shipped import ALIASES, CLOSES, INSTRUMENTS, shipped_file
from phalanx.market.store import InstrumentStore
from phalanx.views.apart import ApartFollower
from phalanx.views.archive import ViewsArchive
from phalanx.views.feed import Follow, ViewsFeed
from phalanx.views.follower import Follower
from phalanx.views.queries import Views

if TYPE_CHECKING:
    from phalanx.access.access import Access
    from phalanx.access.directory import AccessRules

_log = logging.getLogger(__name__)
GC_THRESHOLD = (20_000, 20, 1_000)
SWITCH_INTERVAL_S = 0.0002
TIDY_NS = 60 * SECOND
AUDIT_TIMEOUT_S = 10.0
ACCESS_FILE = "access.db"
REMAINS = ("views.db", "instruments")
"""What a data folder has only after its journal's first record."""


class System:
    """One running Phalanx: a desk with its journal, market and broker. Made by ``build``."""

    _loop: asyncio.AbstractEventLoop | None = None
    access_rules: "AccessRules | None" = None
    """Tests check passwords at less cost; no setting does."""

    def __init__(self, settings: Settings, *, views_apart: bool = False) -> None:
        self.settings = settings
        settings.data.mkdir(0o700, parents=True, exist_ok=True)
        self._journal = SqliteJournal(settings.data)
        self._scrub = self._journal.scrub()
        tail = self._journal.acquire()
        self._kill_flag: KillFlagFile | None = None
        try:
            if tail.seq == 0:
                _refuse_remains(settings.data)
            state, self._replayed = recover(self._journal)
            self.instruments_store = InstrumentStore(settings.data / "instruments")
            self._aliases = read_aliases(shipped_file(ALIASES).read_bytes())
            self._content, index = self._master(state)
            self.quotes = QuoteBoard(self._instrument, settings.quote_seed)
            clock, timer = SystemClock(), LoopTimer()
            self._paper = PaperBroker(
                self.quotes,
                self._instrument,
                self._account,
                timer,
                clock,
                lambda: state.settings.zone_offset_s,
                lambda now: paper_closes_at(self.desk, now),
            )
            self._brokers = {CAPABILITIES.name: self._paper, **self._outer_brokers(clock, timer)}
            self._kill_flag = KillFlagFile(settings.data / KILL_FLAG)
            self._open_views(_follow(settings, views_apart))
            ports = Ports(
                self._journal,
                clock,
                timer,
                SystemRandom(),
                self._brokers,
                self.quotes.get,
                ViewsArchive(self.views, self.feed, lambda: self.desk.durable_seq),
                kill_flag=self._kill_flag,
                calendar=shipped_calendar(),
            )
            self.desk = Desk(state, tail, ports, index, settings.reconcile_interval_s * SECOND)
            self._moving = Quotes(
                *(settings, self.desk, self.quotes, self._instrument), self._last_prices()
            )
            self.masters = Masters(self.desk, self.instruments_store, self._aliases, self._use)
            self.alerts = make_alerts(settings, self.desk, clock)
            self.quotes.load_closes(shipped_file(CLOSES).read_bytes(), index)
        except BaseException:
            self._close_files()
            raise

    def _open_views(self, follow: Follow) -> None:
        path = self.settings.data / "views.db"
        self.feed = ViewsFeed(path, self._journal, follow=follow)
        self.views = Views(path, self.feed.distrust)

    @cached_property
    def access(self) -> "Access":
        """Users, keys and sealed credentials. Where nobody is asked who they are, it is opened, on the
        loop's thread, when somebody first asks for it. Raises AccessError, VaultError.
        """
        from phalanx.bootstrap.sealed import open_access

        access = open_access(self.settings, self._read_is_told, self.access_rules)
        if self._loop is not None:
            self.desk.run(self._journal_late_notes(), "journal notes")
        return access

    def _read_is_told(self, reader: str, login: str, why: str) -> None:
        """On a worker's thread: return once it is on disk who is about to read a credential. Raises Stopped,
        TimeoutError: then nothing is read.
        """
        if self._loop is None:
            raise Stopped("nothing is read before the desk has begun")
        fact = RecordAccess(Origin(reader, Door.ACCESS), Act.CREDENTIAL_READ, login, why)
        told = asyncio.run_coroutine_threadsafe(self.auditing.told(fact), self._loop)
        told.result(AUDIT_TIMEOUT_S)

    def open_access(self) -> None:
        """Open ``access``: what is wrong with it is to be known before the doors open."""
        try:
            self.access  # noqa: B018  made when it is first asked for
        except BaseException:
            self._close_files()
            raise

    @property
    def feed_state(self) -> FeedState:
        """How what moves the quotes is."""
        return self._moving.state

    @property
    def finder(self) -> Finder:
        """Where instruments are searched."""
        return self.masters.finder

    @cached_property
    def auditing(self) -> Auditing:
        """Where facts of people's acts go, on the loop's thread."""
        desk = self.desk
        return Auditing(desk.state, desk.clock, LoopTimer(), desk.handle, desk.durable)

    async def start(self) -> None:
        """Recover, reconcile, open the doors, and upsert the files that the settings name.

        Raises ImportFault or ProfileFault (with its place in the file), Refused, the journal's errors.
        """
        desk = self.desk
        self._loop = asyncio.get_running_loop()
        draw = int.from_bytes(secrets.token_bytes(4), "big")
        await take_over(desk, __version__, desk_id(draw))
        self.feed.start(desk.durable_seq)
        desk.observe(lambda _events, seq: self.feed.notify(seq))
        if self._content is not None:
            await self.import_instruments(self._content, INSTRUMENTS, _origin())
        if self.settings.instruments is not None:
            path = self.settings.instruments
            await self.import_instruments(path.read_bytes(), path.name, _origin())
        await self._moving.open()
        self._paper.restore(restored_orders(desk.state))
        await open_accounts(desk, self._brokers)
        if self._replayed > self.settings.snapshot_after_events:
            desk.keep_snapshot()
        desk.admit()
        await self._journal_notes()
        if self.settings.profiles is not None:
            profiles = read_profiles(self.settings.profiles.read_bytes())
            await self.import_profiles(profiles, Origin("local", Door.IMPORT))
        self._moving.start()
        self._settle()
        self._scrub.start()
        desk.run(self._tidy(), "tidy access")
        desk.run(square_off(desk).run(), "square off")
        desk.run(self.masters.prepare(), "prepare searches")
        await self._start_alerts()

    async def _journal_notes(self) -> None:
        """Have the journal take what was noted in ``access.db`` while it could not: once, or twice where this
        process dies between the two. Raises AccessError, Stopped.
        """
        if "access" not in vars(self):
            return
        notes = self.access.notes
        for note in self.access.left:
            at = iso(note.at, self.desk.state.settings.zone_offset_s)
            origin, said = Origin("local", Door.ACCESS), f"{note.detail}; done {at}"
            await self.auditing.told(RecordAccess(origin, note.act, note.subject, said))
            await asyncio.to_thread(notes.forget, note)

    async def _journal_late_notes(self) -> None:
        """Those of an ``access.db`` that is opened when the desk works already: trading does not end where
        they cannot be journaled, and the next start has them.
        """
        from phalanx.access.errors import AccessError

        try:
            await self._journal_notes()
        except (AccessError, Stopped) as error:
            _log.warning("what was noted in access.db could not be journaled: %s", error)

    def _settle(self) -> None:
        """Leave what stays alone, and the interpreter's lock to whoever waits."""
        # The journal's and the views' threads must get the interpreter's lock from a busy loop soon.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.collect()
        gc.freeze()
        # What a desk makes has no cycles: looking for them often is the tail of every answer.
        gc.set_threshold(*GC_THRESHOLD)
        gc.callbacks.append(self.desk.telemetry.garbage_pauses)

    async def stop(self) -> None:
        """Close the doors, finish what is decided, release the folder. Safe to call twice."""
        await self._moving.stop()
        with suppress(ValueError):
            gc.callbacks.remove(self.desk.telemetry.garbage_pauses)
        self.auditing.close()
        await self.desk.stop()
        # A disk that hangs holds this up for seconds: only once nothing is sent or answered any more.
        await asyncio.to_thread(self._scrub.stop)
        await asyncio.to_thread(self.alerts.close)
        await asyncio.to_thread(self.feed.stop)
        self.views.close()
        self._close_files()

    async def wait_failed(self) -> BaseException:
        """Return only when the desk had to stop by itself, with why."""
        assert self.desk.failed is not None
        return await asyncio.shield(self.desk.failed)

    async def import_profiles(
        self,
        profiles: Mapping[str, Mapping[str, Sequence[str]]],
        origin: Origin,
        cash: Money | None = None,
        account: Account | None = None,
    ) -> Executed:
        """Upsert profiles; new accounts get ``cash`` (default: the setting) and ``account``'s terms."""
        opening = parse_fixed(self.settings.opening_cash) if cash is None else cash
        return await self.desk.execute(ImportProfiles(origin, profiles, opening, account))

    async def import_instruments(self, content: bytes, name: str, origin: Origin) -> MasterDiff:
        """Upsert a file's instruments onto the master in force, as `Masters.upsert` does."""
        return await self.masters.upsert(content, name, origin)

    async def _tidy(self) -> None:
        """Every minute: what was seen of keys and sessions is written down, what is over is forgotten."""
        while True:
            await self.desk.timer.sleep(TIDY_NS)
            if "access" in vars(self):
                await asyncio.to_thread(_tidied, self.access)

    async def _start_alerts(self) -> None:
        """Channels are opened where there are any; an ``access.db`` is not made for them, and one that
        cannot be opened, where nobody logs in, keeps no desk from starting.
        """
        if (self.settings.data / ACCESS_FILE).exists():
            await use_channels(self.alerts, lambda: self.access.credentials)
        self.alerts.use_rules()
        self.desk.observe(self.alerts.observe)
        self.desk.run(look_every_second(self.alerts, self.desk), "alerts")

    def _close_files(self) -> None:
        access = vars(self).pop("access", None)
        try:
            if access is not None:
                access.close()
        finally:
            self._close_desk_files()

    def _close_desk_files(self) -> None:
        if self._kill_flag is not None:
            self._kill_flag.close()
            self._kill_flag = None
        self._journal.close()

    def _use(self, index: InstrumentIndex) -> None:
        self.desk.use_instruments(index)
        self.quotes.load_closes(shipped_file(CLOSES).read_bytes(), index)

    def _master(self, state: State) -> tuple[bytes | None, InstrumentIndex]:
        """The master in force; for a new folder the shipped one, still to be journaled."""
        if state.instruments_sha256:
            return None, self.instruments_store.load(state.instruments_sha256, self._aliases)
        content = shipped_file(INSTRUMENTS).read_bytes()
        return content, InstrumentIndex((), self._aliases)

    def _instrument(self, key: InstrumentKey) -> Instrument | None:
        return known_instrument(self.desk.instruments, self.desk.state.local_instruments, key)

    def _outer_brokers(self, clock: SystemClock, timer: LoopTimer) -> dict[str, Broker]:
        """The modules for brokers outside this process, as far as the settings name any."""
        return self._stub_broker() | self._motilal_broker(clock, timer)

    def _stub_broker(self) -> dict[str, Broker]:
        """The module for the stub broker's server that the settings name, if they do."""
        settings = self.settings
        if not settings.stub_broker:
            return {}
        from phalanx.brokers.stub import NAME, StubBroker, stub_capabilities
        from phalanx.brokers.wire import Dialer, parse_address

        def accounts() -> list[AccountId]:
            everybody = self.desk.state.accounts.values()
            return [a.id for a in everybody if NAME in {a.broker, a.live.broker}]

        capabilities = stub_capabilities(BrokerKind(settings.stub_kind), settings.stub_late_ms)
        address = parse_address(settings.stub_broker)
        dialer = Dialer(address, settings.stub_broker_source, settings.stub_broker_ca)
        return {NAME: StubBroker(dialer, capabilities, accounts)}

    def _motilal_broker(self, clock: SystemClock, timer: LoopTimer) -> dict[str, Broker]:
        """The module for the logins at Motilal Oswal that the settings name, if they do."""
        path = self.settings.motilal_logins
        if path is None:
            return {}
        from phalanx.bootstrap.motilal import motilal_broker
        from phalanx.brokers.motilal import NAME

        def last(key: InstrumentKey) -> Price:
            quote = self.quotes.get(key)
            is_real = quote is not None and quote.source in {QuoteSource.CLOSE, QuoteSource.FEED}
            return quote.last if quote is not None and is_real else 0

        def accounts() -> Mapping[AccountId, Account]:
            return self.desk.state.accounts

        made = motilal_broker(
            path, accounts, lambda: self.access, self._instrument, last, clock, timer
        )
        return {NAME: made}

    def _last_prices(self) -> LastPrices | None:
        """Whoever can be asked for prices where the feed is silent, with its figures in ``/metrics``."""
        if self.settings.motilal_logins is None or self.settings.quotes != "broadcast":
            return None
        from phalanx.bootstrap.motilal import RestPrices
        from phalanx.brokers.motilal import MotilalBroker

        (broker,) = (one for one in self._brokers.values() if isinstance(one, MotilalBroker))
        prices = RestPrices(broker.prices)
        self.desk.telemetry.registry.register(prices)
        return prices

    def _account(self, account: AccountId) -> Account | None:
        return self.desk.state.accounts.get(account)


def _tidied(access: "Access") -> None:
    """What cannot be written down now can be in a minute: trading does not wait for it."""
    from phalanx.access.errors import AccessError

    try:
        access.directory.tidy()
    except AccessError as error:
        _log.warning("access.db could not be tidied: %s", error.code)


def _follow(settings: Settings, apart: bool) -> Follow:  # noqa: FBT001  one caller
    """How the views are written: by a process of their own, or by the feed's thread."""
    return partial(ApartFollower, settings.data) if apart else Follower


def _refuse_remains(data: Path) -> None:
    """An empty journal beside what an earlier one left behind is a lost journal, not a new folder."""
    if any((data / name).exists() for name in REMAINS):
        raise JournalMissing(str(data))


def build(settings: Settings, *, views_apart: bool = False) -> System:
    """A system over ``settings.data``, replayed and not started.

    ``views_apart``: its views are written by a process of their own, as a server's are.

    Raises the journal's errors by name (locked, damaged, unreadable), InstrumentsMissing and
    InstrumentsAltered; where people log in, AccessError and VaultError. Nothing is written besides the
    folder, ``access.db`` with its key, and the new epoch.
    """
    with _uncollected():
        system = System(settings, views_apart=views_apart)
        if not settings.open_localhost:
            system.open_access()
        return system


@contextmanager
def _uncollected() -> Iterator[None]:
    """A state is hundreds of thousands of objects that stay: to look for cycles among them while they are
    made takes a tenth of the opening, and finds none. Once it is there, `System.start` looks.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _origin() -> Origin:
    return Origin("local", Door.DESK)
