"""Instruments: finding them, and bringing the master up to date."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta

from phalanx.api import examples
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.policy import MANAGE, READ_MARKET
from phalanx.api.tables import file_problem
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.events import InstrumentsLoaded
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import Fixed, format_fixed
from phalanx.engine.commands import LoadInstruments
from phalanx.market.master import MasterDiff, content_hash, diff
from phalanx.market.store import InstrumentStore
from phalanx.market.table import BYTES_MAX, ImportFault
from phalanx.market.upsert import instrument_texts

PATH = "/api/v1/instruments"
CHANGES_MAX = 200
"""So many changes of an import are told one by one."""


class InstrumentAnswer(msgspec.Struct, frozen=True):
    """One instrument with its last known price and where that comes from. What it does not have is empty
    or null; the band is its exchange's for the day; ``trade_to_trade``: it is settled by delivery only;
    ``banned``: a derivative of which positions may only be made smaller.
    """

    symbol: str
    exchange: str
    token_id: str
    instrument_type: str
    lot_size: str
    tick_size: str
    isin: str
    tradable: bool
    last_price: str | None
    price_source: str | None
    name: str = ""
    series: str = ""
    trade_to_trade: bool = False
    banned: bool = False
    freeze_quantity: str | None = None
    band_low: str | None = None
    band_high: str | None = None
    expiry: str = ""
    strike: str | None = None
    right: str = ""


class InstrumentList(msgspec.Struct, frozen=True):
    """What was found, best first; ``total`` counts no more than was asked for."""

    items: list[InstrumentAnswer]
    total: int
    as_of: int


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A symbol, alias, token, EXCHANGE:TOKEN or ISIN, or the beginnings of words of it, of the company, the
    expiry and the strike, in any case: ``NIFTY 24 DEC 17000 CE``.
    """

    q: Annotated[str, Meta(max_length=128)] = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is called; it is journaled with the hash."""

    name: str = "instruments.csv"


class FieldChange(msgspec.Struct, frozen=True):
    """A field of an instrument, as the columns of a file have it; empty is none."""

    field: str
    before: str
    after: str


class InstrumentChange(msgspec.Struct, frozen=True):
    """An instrument that was added or changed, or is gone; ``fields`` are those that are another now."""

    instrument: str
    symbol: str
    what: str
    fields: list[FieldChange]


class InstrumentsReport(msgspec.Struct, frozen=True):
    """What the file changed (``removed`` is always 0), and the SHA-256 of the whole master now.
    ``changes`` has at most 200 of them: what changed first, then what is new.
    """

    added: int
    changed: int
    removed: int
    sha256: str
    changes: list[InstrumentChange] = []


async def search_instruments(call: Call) -> Answer:
    """Whole names first, then by their words, then by a part of one."""
    query = call.query(SearchQuery)
    desk = call.desk
    local = tuple(desk.state.local_instruments.values())
    # An index never changes, so another thread may read it; a large one takes a while.
    find = call.system.finder.find
    found = await asyncio.to_thread(find, desk.instruments, query.q, query.limit, local)
    items = [_shown(desk, instrument) for instrument in found]
    return await call.as_of(lambda seq: InstrumentList(items, len(items), seq))


async def import_instruments(call: Call) -> Answer:
    """Check a CSV, merge it onto the master in force, and use that from here on."""
    called = name(call.query(ImportQuery).name, "name")
    sent = await asyncio.to_thread(content_hash, call.body)
    origin = call.origin(DoorName.IMPORT, "instruments", called, sent)
    async with call.house.importing:
        if call.is_repeat(origin):
            return await _first_answer(call, LoadInstruments(origin, sent, 0, called))
        try:
            found = await call.system.import_instruments(call.body, called, origin)
        except ImportFault as fault:
            raise file_problem(fault) from None
        sha256 = call.desk.instruments.sha256
    counts = len(found.added), len(found.changed), len(found.removed)
    changes = list(islice(changes_of(found), CHANGES_MAX))
    return answer_json(200, InstrumentsReport(*counts, sha256, changes))


async def _first_answer(call: Call, command: LoadInstruments) -> Answer:
    """The command's key is used: what it changed is seen from the two masters, which the data folder keeps."""
    executed, event = await first_load(call, command)
    counts = event.added, event.changed, event.removed
    found = await asyncio.to_thread(kept_diff, call.system.instruments_store, event)
    changes = list(islice(changes_of(found), CHANGES_MAX))
    return answer_json(200, InstrumentsReport(*counts, event.sha256, changes), executed)


async def first_load(call: Call, command: LoadInstruments) -> tuple[Executed, InstrumentsLoaded]:
    """The desk decides nothing under a used key and gives back that first time's event."""
    executed = await call.desk.execute(command)
    event = executed.events[0]
    assert isinstance(event, InstrumentsLoaded), f"{type(event).__name__} loads nothing"
    return executed, event


def kept_diff(store: InstrumentStore, event: InstrumentsLoaded) -> MasterDiff:
    """What a load changed that was made some time ago; nothing where no earlier master is known."""
    if not event.before:
        return MasterDiff((), (), ())
    return diff(store.load(event.before), store.load(event.sha256))


def changes_of(found: MasterDiff) -> Iterator[InstrumentChange]:
    """The differences, field by field: what changed, what is gone, what is new."""
    for before, after in found.changed:
        yield InstrumentChange(after.key, after.symbol, "CHANGED", _fields(before, after))
    for one in found.removed:
        yield InstrumentChange(one.key, one.symbol, "REMOVED", [])
    for one in found.added:
        yield InstrumentChange(one.key, one.symbol, "ADDED", [])


def _fields(before: Instrument, after: Instrument) -> list[FieldChange]:
    texts = zip(instrument_texts(before).items(), instrument_texts(after).values(), strict=True)
    return [FieldChange(column, old, new) for (column, old), new in texts if old != new]


def _shown(desk: Desk, instrument: Instrument) -> InstrumentAnswer:
    quote = desk.quote(instrument.key)
    return InstrumentAnswer(
        instrument.symbol,
        instrument.exchange,
        instrument.token,
        instrument.instrument_type,
        format_fixed(instrument.lot_size),
        format_fixed(instrument.tick_size),
        instrument.isin,
        instrument.tradable,
        None if quote is None else format_fixed(quote.last),
        None if quote is None else quote.source.name,
        instrument.name,
        instrument.series,
        instrument.is_trade_to_trade,
        instrument.banned,
        _given(instrument.freeze_quantity),
        _given(instrument.band_low),
        _given(instrument.band_high),
        instrument.expiry,
        _given(instrument.strike),
        instrument.right,
    )


def _given(value: Fixed) -> str | None:
    return format_fixed(value) if value else None


doors: tuple[Door, ...] = (
    Door(
        "GET",
        f"{PATH}/search",
        search_instruments,
        "Find instruments",
        InstrumentList,
        policy=READ_MARKET,
        tag="instruments",
        query=SearchQuery,
    ),
    Door(
        "POST",
        PATH,
        import_instruments,
        "Upsert instruments",
        InstrumentsReport,
        policy=MANAGE,
        tag="instruments",
        about="A CSV with the columns symbol, token_id, exchange, instrument_type, lot_size and "
        "tick_size, and optional ones. It is used whole or not at all. A row adds an instrument, or "
        "replaces the one with the same exchange and token; what the file does not name stays as it "
        "is. What is no longer traded is imported with tradable=false. Importing the same file "
        "again changes nothing. A symbol that belongs to another token of its exchange is refused, "
        "unless the file renames that one as well.",
        body=bytes,
        body_max=BYTES_MAX,
        media_type="text/csv",
        query=ImportQuery,
        examples={"one row": examples.INSTRUMENTS_CSV},
        problems=("MISSING_COLUMN", "BAD_NUMBER", "DUPLICATE_KEY", "EMPTY_FILE"),
        keyed=True,
    ),
)
