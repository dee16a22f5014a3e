"""The daily instrument master of a broker: put in force, or only compared."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from phalanx.api import examples
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.instruments import (
    CHANGES_MAX,
    PATH,
    InstrumentChange,
    changes_of,
    first_load,
    kept_diff,
)
from phalanx.api.policy import MANAGE
from phalanx.api.tables import FormatName, csv_answer, file_problem
from phalanx.domain.instructions import Door as DoorName
from phalanx.engine.commands import LoadInstruments
from phalanx.market.daily import MasterSource, read_daily
from phalanx.market.flaws import Flaw, Flaws
from phalanx.market.master import MasterDiff, content_hash
from phalanx.market.table import BYTES_MAX, ImportFault

TOLD_MAX = 50_000
"""So many changes of a comparison are told at most."""
COLUMNS = ("instrument", "symbol", "what", "field", "before", "after")
_ABOUT = (
    "The scrip master of Motilal Oswal as the broker gives it, CSV or JSON (whatever the content type "
    "says), or with source=phalanx a CSV as the import takes it. "
)
_FAULTS = ("MASTER_REFUSED", "MISSING_COLUMN", "EMPTY_FILE", "BAD_JSON", "FILE_TOO_LARGE")
MasterName = Literal["motilal", "phalanx"]


class LoadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is called, which is journaled, and whose it is. ``accept_fewer``: an exchange may have
    lost more than a third of its instruments.
    """

    name: str = "master.csv"
    source: MasterName = "motilal"
    accept_fewer: bool = False


class DiffQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose the file is; how many changes are told, and as what."""

    source: MasterName = "motilal"
    limit: Annotated[int, Meta(ge=1, le=TOLD_MAX)] = CHANGES_MAX
    format: FormatName = "json"


class MasterReport(msgspec.Struct, frozen=True):
    """What a master changes: instruments that are new, that are another now, that are gone, and the SHA-256
    of the whole master in force. Of ``changes`` (what changed, then what is gone, then what is new) the
    first. ``left_out``: rows that are no instruments; ``flaws``: how many rows of each code; ``rows``: the
    first of them.
    """

    added: int
    changed: int
    removed: int
    sha256: str
    changes: list[InstrumentChange]
    left_out: int
    flaws: dict[str, int]
    rows: list[Flaw]


async def load_master(call: Call) -> Answer:
    """Check a broker's file and put it in the place of what is known of its exchanges."""
    query = call.query(LoadQuery)
    called, source = name(query.name, "name"), MasterSource(query.source)
    sent = await asyncio.to_thread(content_hash, call.body)
    terms = f"{query.source} {query.accept_fewer}"
    origin = call.origin(DoorName.IMPORT, "instruments/load", called, sent, terms)
    async with call.house.importing:
        if call.is_repeat(origin):
            return await _first_answer(call, LoadInstruments(origin, sent, 0, called), source)
        try:
            found, flaws = await call.system.masters.load(
                call.body, called, source, origin, accept_fewer=query.accept_fewer
            )
        except ImportFault as fault:
            raise file_problem(fault) from None
        sha256 = call.desk.instruments.sha256
    return answer_json(200, _report(found, sha256, flaws, CHANGES_MAX))


async def compare_master(call: Call) -> Answer:
    """What loading a file would change; nothing is."""
    query = call.query(DiffQuery)
    async with call.house.importing:
        try:
            found, flaws = await call.system.masters.compare(call.body, MasterSource(query.source))
        except ImportFault as fault:
            raise file_problem(fault) from None
        sha256 = call.desk.instruments.sha256
    report = await asyncio.to_thread(_report, found, sha256, flaws, query.limit)
    if query.format == "csv":
        total = report.added + report.changed + report.removed
        return csv_answer("instrument-changes", COLUMNS, _lines(report.changes), total)
    return answer_json(200, report)


async def _first_answer(call: Call, command: LoadInstruments, source: MasterSource) -> Answer:
    """As the first time under this key: the body is the same, and the two masters are kept."""
    executed, event = await first_load(call, command)
    found = await asyncio.to_thread(kept_diff, call.system.instruments_store, event)
    daily = await asyncio.to_thread(read_daily, call.body, source)
    return answer_json(200, _report(found, event.sha256, daily.flaws, CHANGES_MAX), executed)


def _report(found: MasterDiff, sha256: str, flaws: Flaws, limit: int) -> MasterReport:
    counts = len(found.added), len(found.changed), len(found.removed)
    told = list(islice(changes_of(found), limit))
    return MasterReport(*counts, sha256, told, flaws.left_out, dict(flaws.counts), flaws.told)


def _lines(changes: list[InstrumentChange]) -> Iterator[tuple[str, ...]]:
    """A line for each field that is another now, and one for what is new or gone."""
    for change in changes:
        start = change.instrument, change.symbol, change.what
        for one in change.fields:
            yield (*start, one.field, one.before, one.after)
        if not change.fields:
            yield (*start, "", "", "")


doors: tuple[Door, ...] = (
    Door(
        "POST",
        f"{PATH}/load",
        load_master,
        "Load a broker's daily master",
        MasterReport,
        policy=MANAGE,
        tag="instruments",
        about=_ABOUT
        + "It takes the place of all that is known of the exchanges it speaks of; others "
        "stay. What it no longer has is gone; where somebody holds it, it stays and is not tradable. A "
        "row that is no instrument is left out and told. The file is refused whole, and nothing is "
        "changed, where more than 20 rows and more than one in a hundred are no instruments, or an "
        "exchange lost more than a third of its instruments.",
        body=bytes,
        body_max=BYTES_MAX,
        media_type="text/csv",
        query=LoadQuery,
        examples={"two rows": examples.SCRIP_MASTER},
        problems=_FAULTS,
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/diff",
        compare_master,
        "Compare a broker's daily master",
        MasterReport,
        policy=MANAGE,
        tag="instruments",
        about=_ABOUT
        + "Says what loading it would change, and changes nothing. With format=csv the "
        "answer is a CSV with a line for each field that is another now.",
        body=bytes,
        body_max=BYTES_MAX,
        media_type="text/csv",
        query=DiffQuery,
        examples={"two rows": examples.SCRIP_MASTER},
        problems=_FAULTS,
    ),
)
