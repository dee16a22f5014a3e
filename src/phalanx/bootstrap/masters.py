"""How an instrument master comes into force: kept under its hash, journaled, then used."""

import asyncio
from collections.abc import Callable
from functools import partial

from phalanx.desk.desk import Desk
from phalanx.desk.errors import Stopped
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import InstrumentIndex, InstrumentKey
from phalanx.engine.commands import LoadInstruments
from phalanx.engine.state import State
from phalanx.market.daily import MasterSource, read_daily, replaced
from phalanx.market.finding.finder import Finder
from phalanx.market.flaws import Flaws
from phalanx.market.master import MasterDiff, read_instruments
from phalanx.market.store import InstrumentStore
from phalanx.market.upsert import Upserted, upsert


class Masters:
    """The masters of one running system. ``use`` puts an index in place where prices and plans see it."""

    def __init__(
        self,
        desk: Desk,
        store: InstrumentStore,
        aliases: dict[str, str],
        use: Callable[[InstrumentIndex], None],
    ) -> None:
        self._desk = desk
        self._store = store
        self._aliases = aliases
        self.finder = Finder()
        self._use = use
        self._changing = asyncio.Lock()

    async def upsert(self, content: bytes, name: str, origin: Origin) -> MasterDiff:
        """Upsert a file's instruments onto the master in force; what it does not name stays.

        The whole new master is kept under its hash, journaled and then used; a file that changes
        nothing journals nothing. Raises ImportFault before anything is kept; Stopped, Overloaded
        and Refused before it is used.
        """
        # A large file takes seconds to read and to merge: not on the loop.
        update = await asyncio.to_thread(read_instruments, content)
        # Two at once must not start from one master: the second would take back the first.
        async with self._changing:
            before = await self._in_force()
            after = await asyncio.to_thread(upsert, before, update, self._aliases)
            await self._put_in_force(after, name, origin)
        return after.report

    async def load(
        self,
        content: bytes,
        name: str,
        source: MasterSource,
        origin: Origin,
        *,
        accept_fewer: bool = False,
    ) -> tuple[MasterDiff, Flaws]:
        """A daily master in the place of what is known of its exchanges. Raises as `upsert` does."""
        daily = await asyncio.to_thread(read_daily, content, source)
        async with self._changing:
            before = await self._in_force()
            merge = partial(replaced, accept_fewer=accept_fewer)
            held = held_instruments(self._desk.state)
            after = await asyncio.to_thread(merge, before, daily.instruments, self._aliases, held)
            await self._put_in_force(after, name, origin)
        return after.report, daily.flaws

    async def compare(self, content: bytes, source: MasterSource) -> tuple[MasterDiff, Flaws]:
        """What `load` would change. An exchange that lost many is no fault of it. Raises ImportFault."""
        daily = await asyncio.to_thread(read_daily, content, source)
        before, held = self._desk.instruments, held_instruments(self._desk.state)
        merge = partial(replaced, accept_fewer=True)
        after = await asyncio.to_thread(merge, before, daily.instruments, self._aliases, held)
        return after.report, daily.flaws

    async def prepare(self) -> None:
        """Make a large master in force ready for searches, beside the loop."""
        await asyncio.to_thread(self.finder.prepare, self._desk.instruments)

    async def _in_force(self) -> InstrumentIndex:
        """The master that the journal names, in use.

        Whoever waited for it to be durable may have gone before it was used.
        """
        sha256 = self._desk.state.instruments_sha256
        if sha256 != self._desk.instruments.sha256:
            self._use(await asyncio.to_thread(self._store.load, sha256, self._aliases))
        return self._desk.instruments

    async def _put_in_force(self, after: Upserted, name: str, origin: Origin) -> None:
        """Keep, journal and use it, where anything changed."""
        if after.content is None:
            return
        report, index = after.report, after.index
        sha256 = await asyncio.to_thread(self._store.save, after.content)
        await asyncio.to_thread(self.finder.prepare, index)
        counts = (len(report.added), len(report.changed), len(report.removed))
        await self._journal(LoadInstruments(origin, sha256, len(index), name, *counts))
        self._use(index)

    async def _journal(self, command: LoadInstruments) -> None:
        """Return once it is durable that the master is in force; raise when it will not be."""
        desk = self._desk
        if desk.stopped is None:
            await desk.execute(command)
            return
        # While it starts, a desk takes commands of its own only, and does not say what is wrong.
        desk.handle(command)
        await desk.durable(desk.state.seq)
        if desk.state.instruments_sha256 != command.sha256:
            raise Stopped(f"{command.name} could not be put into force: {desk.stopped}")


def held_instruments(state: State) -> frozenset[InstrumentKey]:
    """What anybody has, or has an order for: it must not lose its instrument."""
    held = {
        position.instrument for book in state.books.values() for position in book.positions.values()
    }
    held.update(key for book in state.books.values() for key, lots in book.lots.items() if lots)
    held.update(order.draft.instrument for order in state.open_orders())
    return frozenset(held)
