"""Instruments: finding them, and putting another master into force."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from phalanx.api import examples
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.problems import Problem
from phalanx.desk.desk import Desk
from phalanx.domain.events import InstrumentsLoaded
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import format_fixed
from phalanx.engine.commands import LoadInstruments
from phalanx.engine.idempotency import first_use
from phalanx.market.master import content_hash, search
from phalanx.market.table import BYTES_MAX, ImportFault

PATH = "/api/v1/instruments"


class InstrumentAnswer(msgspec.Struct, frozen=True):
    """One instrument with its last known price and where that comes from."""

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


class InstrumentList(msgspec.Struct, frozen=True):
    """What was found, best first; ``total`` counts no more than was asked for."""

    items: list[InstrumentAnswer]
    total: int
    as_of: int


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a symbol, alias or token, in any case."""

    q: Annotated[str, Meta(max_length=128)] = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is called; it is journaled with the hash."""

    name: str = "instruments.csv"


class InstrumentsReport(msgspec.Struct, frozen=True):
    """What the new master changed, and its SHA-256."""

    added: int
    changed: int
    removed: int
    sha256: str


async def search_instruments(call: Call) -> Answer:
    """Whole matches first, then prefixes, then the rest."""
    query = call.query(SearchQuery)
    desk = call.desk
    wanted = query.q.casefold()
    local = [
        instrument
        for instrument in desk.state.local_instruments.values()
        if wanted in instrument.symbol.casefold()
    ]
    # An index never changes, so another thread may read it; a large one takes a while.
    found = await asyncio.to_thread(search, desk.instruments, query.q, query.limit)
    items = [_shown(desk, instrument) for instrument in (*found, *local)][: query.limit]
    return await call.as_of(lambda seq: InstrumentList(items, len(items), seq))


async def import_instruments(call: Call) -> Answer:
    """Check a CSV, keep it under its hash, and use it from here on."""
    called = name(call.query(ImportQuery).name, "name")
    sha256 = await asyncio.to_thread(content_hash, call.body)
    origin = call.origin(DoorName.IMPORT, "instruments", called, sha256)
    async with call.house.importing:
        if first_use(call.desk.state, origin) is not None:
            return await _first_answer(call, LoadInstruments(origin, sha256, 0, called))
        try:
            diff = await call.system.import_instruments(call.body, called, origin)
        except ImportFault as fault:
            raise _fault_problem(fault) from None
    return answer_json(
        200, InstrumentsReport(len(diff.added), len(diff.changed), len(diff.removed), sha256)
    )


async def _first_answer(call: Call, command: LoadInstruments) -> Answer:
    """The command's key is used: the desk decides nothing and gives back that first time's event."""
    executed = await call.desk.execute(command)
    event = executed.events[0]
    assert isinstance(event, InstrumentsLoaded), f"{type(event).__name__} loads nothing"
    report = InstrumentsReport(event.added, event.changed, event.removed, event.sha256)
    return answer_json(200, report, executed)


def _fault_problem(fault: ImportFault) -> Problem:
    return Problem(
        fault.code.value,
        str(fault),
        field=fault.column or None,
        line=fault.line or None,
    )


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
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        f"{PATH}/search",
        search_instruments,
        "Find instruments",
        InstrumentList,
        tag="instruments",
        query=SearchQuery,
    ),
    Door(
        "POST",
        PATH,
        import_instruments,
        "Put another instrument master into force",
        InstrumentsReport,
        tag="instruments",
        about="A CSV with the columns symbol, token_id, exchange, instrument_type, lot_size and "
        "tick_size. It is used whole or not at all.",
        body=bytes,
        body_max=BYTES_MAX,
        media_type="text/csv",
        query=ImportQuery,
        examples={"one row": examples.INSTRUMENTS_CSV},
        problems=("MISSING_COLUMN", "BAD_NUMBER", "DUPLICATE_KEY", "EMPTY_FILE"),
        keyed=True,
    ),
)
