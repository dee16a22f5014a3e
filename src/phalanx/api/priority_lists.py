"""Priority lists: named lists of instruments, most wanted first."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import token
from phalanx.api.lists import Skip, ViewLimit, page, symbol_of
from phalanx.api.naming import known
from phalanx.api.policy import READ, TRADE
from phalanx.api.problems import Problem
from phalanx.api.shapes import Token
from phalanx.api.tables import FormatName, csv_as_of, file_problem, struct_rows
from phalanx.desk.desk import Desk
from phalanx.domain.events import ListPut
from phalanx.domain.groups import PriorityList
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import InstrumentKey, split_key
from phalanx.engine.commands import PutLists
from phalanx.engine.groups import LIST_INSTRUMENTS_MAX, LISTS_MAX
from phalanx.market.cells import restored
from phalanx.market.ranks import RANK, Ranked, in_rank_order
from phalanx.market.table import ImportCode, ImportFault, Row, read_rows

PATH = "/api/v1/priority-lists"
BODY_MAX = 256 * 1024


class ListChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The instruments of the list from now on, most wanted first."""

    instruments: Annotated[list[Token], Meta(min_length=1, max_length=LIST_INSTRUMENTS_MAX)]


_change: Body[ListChange] = Body(ListChange)


class RankAnswer(msgspec.Struct, frozen=True, gc=False):
    """One instrument of a list, by the name that the list's maker used. Ranks count from 1."""

    instrument: str
    symbol: str
    exchange: str
    token_id: str
    rank: int


class PriorityListAnswer(msgspec.Struct, frozen=True):
    """A list, most wanted first."""

    name: str
    instruments: list[RankAnswer]


class PriorityLists(msgspec.Struct, frozen=True):
    """Priority lists, oldest first."""

    items: list[PriorityListAnswer]
    total: int
    as_of: int


class ListRemovedAnswer(msgspec.Struct, frozen=True):
    """A list that is gone."""

    name: str
    removed: bool


class ListsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the lists."""

    skip: Skip = 0
    limit: ViewLimit = LISTS_MAX


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the list is to be written."""

    format: FormatName = "json"


async def list_priority_lists(call: Call) -> Answer:
    """All priority lists."""
    query = call.query(ListsQuery)
    desk = call.desk
    found = list(desk.state.lists.values())

    def body(seq: int) -> PriorityLists:
        return PriorityLists([_shown(desk, one) for one in page(found, query)], len(found), seq)

    return await call.as_of(body)


async def get_priority_list(call: Call) -> Answer:
    """One priority list."""
    query = call.query(ListQuery)
    desk = call.desk
    found = _find(desk, call.path("name"))
    if query.format == "csv":
        columns = RankAnswer.__struct_fields__
        shown = _shown(desk, found).instruments
        called = f"priority-list-{found.name}"
        return await csv_as_of(call, called, columns, struct_rows(columns, shown), len(shown))
    return await call.as_of(lambda _: _shown(desk, found))


async def put_priority_list(call: Call) -> Answer:
    """A priority list is made, or gets other instruments."""
    desk = call.desk
    called = call.path("name")
    asked = await asyncio.to_thread(_asked, call)
    origin = call.origin(DoorName.LISTS, "put", called, [one.name for one in asked])
    names = tuple(one.name for one in asked)
    wanted = PriorityList(called, _keys(desk, asked), names)
    executed = await desk.execute(PutLists(origin, (wanted,)))
    for event in executed.events:
        assert isinstance(event, ListPut), f"{type(event).__name__} is no priority list"
        wanted = event.priority_list
    return answer_json(200, _shown(desk, wanted), executed)


async def delete_priority_list(call: Call) -> Answer:
    """A priority list goes."""
    desk = call.desk
    called = call.path("name")
    origin = call.origin(DoorName.LISTS, "delete", called)
    if not call.is_repeat(origin):
        _find(desk, called)
    executed = await desk.execute(PutLists(origin, removed=(called,)))
    return answer_json(200, ListRemovedAnswer(called, removed=True), executed)


class _Named(msgspec.Struct, frozen=True, gc=False):
    """A name of an instrument and where it stands in the body; ``line`` only in a file."""

    name: str
    field: str
    line: int | None = None


def _asked(call: Call) -> list[_Named]:
    if call.head.is_csv:
        try:
            return _read(call.body)
        except ImportFault as fault:
            raise file_problem(fault) from None
    return [
        _Named(token(one, field := f"instruments[{place}]"), field)
        for place, one in enumerate(call.decode(_change).instruments)
    ]


def _read(content: bytes) -> list[_Named]:
    """The names in the column ``instrument``, where there is none in the column ``symbol``; in the
    order of the column ``rank`` where there is one, else of the lines.

    The other columns of an export may be there; they say nothing more. Raises ImportFault.
    """
    known_columns = RankAnswer.__struct_fields__
    found, ranks = [], []
    for row in read_rows(content, (), known_columns, rows_max=LIST_INSTRUMENTS_MAX):
        column = _name_column(row)
        found.append(_Named(restored(row.name(column)), column, row.line))
        if row.has(RANK):
            ranks.append(Ranked(row.line, row.given(RANK)))
    return in_rank_order(found, ranks) if ranks else found


def _name_column(row: Row) -> str:
    if row.has("instrument"):
        return "instrument"
    if row.has("symbol"):
        return "symbol"
    raise ImportFault(ImportCode.MISSING_COLUMN, 1, "instrument")


def _keys(desk: Desk, asked: Sequence[_Named]) -> tuple[InstrumentKey, ...]:
    """Raises Problem ``UNKNOWN_INSTRUMENT``, ``AMBIGUOUS_TOKEN``, ``DUPLICATE_INSTRUMENT``."""
    keys: dict[InstrumentKey, str] = {}
    for one in asked:
        key = known(desk, one.name, one.field, one.line).key
        if key in keys:
            detail = f"{one.name} is in the list already, as {keys[key]}"
            raise Problem("DUPLICATE_INSTRUMENT", detail, field=one.field, line=one.line)
        keys[key] = one.name
    return tuple(keys)


def _shown(desk: Desk, one: PriorityList) -> PriorityListAnswer:
    called = one.called or tuple(symbol_of(desk, key) for key in one.instruments)
    return PriorityListAnswer(
        one.name,
        [
            RankAnswer(name, symbol_of(desk, key), *split_key(key), rank)
            for rank, (name, key) in enumerate(zip(called, one.instruments, strict=True), 1)
        ],
    )


def _find(desk: Desk, called: str) -> PriorityList:
    found = desk.state.lists.get(called)
    if found is None:
        raise Problem("NOT_FOUND", f"no priority list {called}")
    return found


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_priority_lists,
        "All priority lists",
        PriorityLists,
        policy=READ,
        tag="groups",
        query=ListsQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{name}}",
        get_priority_list,
        "One priority list",
        PriorityListAnswer,
        policy=READ,
        tag="groups",
        query=ListQuery,
        problems=("NOT_FOUND",),
    ),
    Door(
        "PUT",
        f"{PATH}/{{name}}",
        put_priority_list,
        "Make or change a priority list",
        PriorityListAnswer,
        policy=TRADE,
        tag="groups",
        about="Most wanted first. In a CSV the column is called instrument or symbol; a column rank "
        "says the order, whole numbers from 1, each once; without it the order of the lines counts. "
        "Answers repeat the names as they were sent.",
        body=ListChange,
        body_max=BODY_MAX,
        csv=examples.PRIORITY_LIST_CSV,
        examples=examples.PRIORITY_LIST,
        problems=(
            *("UNKNOWN_INSTRUMENT", "AMBIGUOUS_TOKEN", "DUPLICATE_INSTRUMENT", "INVALID_VALUE"),
            *("TOO_MANY_LISTS", "MISSING_COLUMN", "UNKNOWN_COLUMN", "EMPTY_FIELD", "EMPTY_FILE"),
            "BAD_RANK",
        ),
        keyed=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/{{name}}",
        delete_priority_list,
        "Remove a priority list",
        ListRemovedAnswer,
        policy=TRADE,
        tag="groups",
        problems=("NOT_FOUND",),
        keyed=True,
    ),
)
