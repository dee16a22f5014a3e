"""Limits by level, as JSON and as CSV."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.deferred import deferred
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, positive, token
from phalanx.api.lists import PageQuery, page
from phalanx.api.naming import known, plain_name
from phalanx.api.policy import MANAGE, READ
from phalanx.api.problems import Problem
from phalanx.api.shapes import Exact, Token
from phalanx.api.tables import (
    FormatName,
    csv_as_of,
    file_problem,
    struct_rows,
)
from phalanx.desk.desk import Desk
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.names import NAME_CHARACTERS_MAX
from phalanx.domain.numbers import Fixed, format_fixed
from phalanx.engine.commands import PutLimits
from phalanx.engine.limits import LIMITS_MAX, has_level
from phalanx.engine.state import limit_key
from phalanx.market.cells import restored
from phalanx.market.table import ImportCode, ImportFault, Row, read_rows, shown

PATH = "/api/v1/limits"
BODY_MAX = 8 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024
RESTRICTED_MAX = 1_000
COUNT_MAX = 1_000_000_000

LevelName: TypeAlias = Literal["global", "group", "client", "account", "strategy"]
LevelsName: TypeAlias = Annotated[str, Meta(extra_json_schema={"maxLength": NAME_CHARACTERS_MAX})]
"""A name, or nothing where the level has none."""
_LEVELS = {level.value: level for level in LimitLevel}
_COUNT = re.compile(r"[0-9]{1,10}", re.ASCII)
_WORD = re.compile(r'"([^"]*)"|(\S+)')


class LimitChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All limits of one level's ``name``: of a group, a strategy or an account its name, of a client its
    number; ``global`` has none. What is absent or null is no limit of that kind. ``restricted``: no
    new risk in these instruments.
    """

    level: LevelName
    name: LevelsName | int = ""
    quantity_max: Exact | UnsetType = UNSET
    value_max: Exact | UnsetType = UNSET
    position_max: Exact | UnsetType = UNSET
    orders_per_day_max: Annotated[int, Meta(ge=1, le=COUNT_MAX)] | None = None
    restricted: Annotated[list[Token], Meta(max_length=RESTRICTED_MAX)] = []


_change: Body[list[LimitChange]] = Body(list[LimitChange])


class LimitAnswer(msgspec.Struct, frozen=True, gc=False):
    """The limits of one level's ``name``. ``quantity_max`` and ``value_max`` are of one order,
    ``position_max`` is held plus still to be bought of one instrument, ``orders_per_day_max`` of one
    account; null is no limit.
    """

    level: str
    name: str
    quantity_max: str | None
    value_max: str | None
    position_max: str | None
    orders_per_day_max: int | None
    restricted: list[str]


class LimitList(msgspec.Struct, frozen=True):
    """Limits, oldest first."""

    items: list[LimitAnswer]
    total: int
    as_of: int


class LimitsPut(msgspec.Struct, frozen=True):
    """The limits as they stand after a change."""

    items: list[LimitAnswer]


class LimitRemovedAnswer(msgspec.Struct, frozen=True):
    """A level that has no limits of its own any more."""

    level: str
    name: str
    removed: bool


class LimitQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """A page of the limits; as CSV it may be sent back."""

    format: FormatName = "json"


async def list_limits(call: Call) -> Answer:
    """All limits."""
    query = call.query(LimitQuery)
    desk = call.desk
    found = list(desk.state.limits.values())
    wanted = page(found, query)
    if query.format == "csv":
        columns = LimitAnswer.__struct_fields__
        rows = (
            [*cells[:-1], _words(cells[-1])]
            for cells in map(list, struct_rows(columns, (_shown(desk, one) for one in wanted)))
        )
        return await csv_as_of(call, "limits", columns, rows, len(found))
    return await call.as_of(
        lambda seq: LimitList([_shown(desk, limit) for limit in wanted], len(found), seq)
    )


async def put_limits(call: Call) -> Answer:
    """Upsert limits, all of them or none; levels that are not named keep theirs."""
    desk = call.desk
    asked = await asyncio.to_thread(_asked, call)
    origin = call.origin(DoorName.LIMITS, "put", [one.request for one in asked])
    wanted = tuple(_limit(desk, one) for one in asked)
    executed = await desk.execute(PutLimits(origin, wanted))
    put = LimitsPut([_shown(desk, limit) for limit in wanted])
    return deferred(call, executed) or answer_json(200, put, executed)


async def delete_global_limit(call: Call) -> Answer:
    """The limits for everybody go."""
    return await _delete(call, "")


async def delete_limit(call: Call) -> Answer:
    """The limits of one level's name go."""
    return await _delete(call, call.path("name"))


async def _delete(call: Call, called: str) -> Answer:
    desk = call.desk
    level = _LEVELS.get(call.path("level"))
    if level is None:
        raise Problem("NOT_FOUND", f"{call.path('level')} is no level")
    origin = call.origin(DoorName.LIMITS, "delete", level.value, called)
    stands = limit_key(level, called) in desk.state.limits
    if not stands and not call.is_repeat(origin):
        raise Problem("NOT_FOUND", f"no limit stands for {level.value} {called}".rstrip())
    executed = await desk.execute(PutLimits(origin, removed=((level, called),)))
    removed = LimitRemovedAnswer(level.value, called, removed=True)
    return deferred(call, executed) or answer_json(200, removed, executed)


class _Request(msgspec.Struct, frozen=True, gc=False):
    """What one limit of a body says, instruments still by name."""

    level: LimitLevel
    name: str
    quantity_max: Fixed | None
    value_max: Fixed | None
    position_max: Fixed | None
    orders_per_day_max: int | None
    restricted: tuple[str, ...]

    @property
    def key(self) -> str:
        """Whose limits these are."""
        return limit_key(self.level, self.name)


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """A request with its place: what goes before a field's name, and the line of a file."""

    request: _Request
    place: str = ""
    line: int | None = None


def _asked(call: Call) -> list[_Asked]:
    """The body's limits. Raises Problem with the place of what is wrong."""
    if call.head.is_csv:
        try:
            return _each_once(_read(call.body))
        except ImportFault as fault:
            raise file_problem(fault) from None
    changes = call.decode(_change)
    if len(changes) > LIMITS_MAX:
        raise Problem("TOO_MANY_LIMITS", f"at most {LIMITS_MAX}")
    return _each_once(
        _Asked(_from_json(change, place), place)
        for place, change in ((f"[{number}].", change) for number, change in enumerate(changes))
    )


def _each_once(found: Iterable[_Asked]) -> list[_Asked]:
    """Raises Problem ``DUPLICATE_KEY`` for a name that comes twice, ``EMPTY_LIMIT`` for no limit."""
    known: dict[str, _Asked] = {}
    for one in found:
        request = one.request
        field = f"{one.place}name"
        if request.key in known:
            detail = f"the limits of {request.level.value} {request.name}".rstrip()
            raise Problem("DUPLICATE_KEY", f"{detail} are there twice", field=field, line=one.line)
        if request == _Request(request.level, request.name, None, None, None, None, ()):
            detail = "it limits nothing; DELETE takes the limits of a level away"
            raise Problem("EMPTY_LIMIT", detail, field=field, line=one.line)
        known[request.key] = one
    return list(known.values())


def _from_json(change: LimitChange, place: str) -> _Request:
    called = change.name if isinstance(change.name, str) else str(change.name)
    return _Request(
        _LEVELS[change.level],
        name(called, f"{place}name") if called else "",
        _most(change.quantity_max, f"{place}quantity_max"),
        _most(change.value_max, f"{place}value_max"),
        _most(change.position_max, f"{place}position_max"),
        change.orders_per_day_max,
        tuple(
            token(one, f"{place}restricted[{number}]")
            for number, one in enumerate(change.restricted)
        ),
    )


def _most(raw: msgspec.Raw | UnsetType, field: str) -> Fixed | None:
    if raw is UNSET or bytes(raw) == b"null":
        return None
    return positive(raw, field)


def _read(content: bytes) -> Iterator[_Asked]:
    """The limits of a file, as exports write them. Raises ImportFault, Problem."""
    columns = LimitAnswer.__struct_fields__
    rows = read_rows(
        content, ("level",), columns[1:], rows_max=LIMITS_MAX, line_bytes_max=LINE_BYTES_MAX
    )
    for row in rows:
        yield _Asked(_from_row(row), line=row.line)


def _from_row(row: Row) -> _Request:
    level = _LEVELS.get(row.given("level"))
    if level is None:
        detail = f"{shown(row.given('level'))} is not one of {', '.join(_LEVELS)}"
        raise row.fault(ImportCode.BAD_TEXT, "level", detail)
    count = row.given("orders_per_day_max")
    if count and (_COUNT.fullmatch(count) is None or not 1 <= int(count) <= COUNT_MAX):
        detail = f"not a whole number from 1 to {COUNT_MAX}"
        raise row.fault(ImportCode.BAD_NUMBER, "orders_per_day_max", detail)
    words = _WORD.findall(restored(row.given("restricted")))
    if len(words) > RESTRICTED_MAX:
        detail = f"more than {RESTRICTED_MAX} names"
        raise row.fault(ImportCode.FIELD_TOO_LONG, "restricted", detail)
    called = restored(row.name("name")) if row.given("name") else ""
    restricted = tuple(quoted or plain for quoted, plain in words)
    return _Request(
        level,
        called,
        _most_of(row, "quantity_max"),
        _most_of(row, "value_max"),
        _most_of(row, "position_max"),
        int(count) if count else None,
        restricted,
    )


def _most_of(row: Row, column: str) -> Fixed | None:
    return row.positive(column) if row.given(column) else None


def _limit(desk: Desk, asked: _Asked) -> Limit:
    """Raises Problem ``UNKNOWN_LEVEL_NAME``, ``UNKNOWN_INSTRUMENT``, ``AMBIGUOUS_TOKEN``."""
    request = asked.request
    if not has_level(desk.state, request.level, request.name):
        detail = f"there is no {request.level.value} {request.name!r}"
        if request.level is LimitLevel.GLOBAL:
            detail = "global limits are everybody's and have no name"
        raise Problem("UNKNOWN_LEVEL_NAME", detail, field=f"{asked.place}name", line=asked.line)
    keys = tuple(
        known(desk, one, f"{asked.place}{_restricted_field(asked, number)}", asked.line).key
        for number, one in enumerate(request.restricted)
    )
    return Limit(
        request.level,
        request.name,
        request.quantity_max,
        request.value_max,
        request.position_max,
        request.orders_per_day_max,
        tuple(dict.fromkeys(keys)),
    )


def _restricted_field(asked: _Asked, number: int) -> str:
    return "restricted" if asked.line else f"restricted[{number}]"


def _shown(desk: Desk, limit: Limit) -> LimitAnswer:
    return LimitAnswer(
        limit.level.value,
        limit.name,
        _text(limit.quantity_max),
        _text(limit.value_max),
        _text(limit.position_max),
        limit.orders_per_day_max,
        _names(desk, limit.restricted),
    )


def _text(value: Fixed | None) -> str | None:
    return None if value is None else format_fixed(value)


def _names(desk: Desk, keys: Iterable[InstrumentKey]) -> list[str]:
    return [plain_name(desk, key) for key in keys]


def _words(names: object) -> str:
    """Names in one cell, with blanks between them; one that has a blank itself is quoted."""
    assert isinstance(names, Sequence), "names come in a list"
    return " ".join(f'"{one}"' if " " in one else one for one in names)


_NAMES = ("UNKNOWN_LEVEL_NAME", "UNKNOWN_INSTRUMENT", "AMBIGUOUS_TOKEN", "DUPLICATE_KEY")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_limits,
        "All limits",
        LimitList,
        policy=READ,
        tag="limits",
        query=LimitQuery,
    ),
    Door(
        "PUT",
        PATH,
        put_limits,
        "Set limits",
        LimitsPut,
        policy=MANAGE,
        tag="limits",
        about="All limits of the levels that are named, as a whole; other levels keep theirs. For an "
        "account those of its groups, its client, itself, the strategy and everybody hold, of each "
        "kind the tightest. In a CSV the names under restricted have blanks between them.",
        body=list[LimitChange],
        body_max=BODY_MAX,
        csv=examples.LIMITS_CSV,
        examples=examples.LIMITS,
        problems=(
            *(*_NAMES, "EMPTY_LIMIT", "INVALID_VALUE", "NOT_POSITIVE", "INVALID_NUMBER"),
            *("TOO_MANY_LIMITS", "MISSING_COLUMN", "UNKNOWN_COLUMN", "BAD_NUMBER", "EMPTY_FILE"),
        ),
        keyed=True,
        loosens=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/{{level}}",
        delete_global_limit,
        "Remove the limits of a level that has no name",
        LimitRemovedAnswer,
        policy=MANAGE,
        tag="limits",
        problems=("NOT_FOUND",),
        keyed=True,
        loosens=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/{{level}}/{{name}}",
        delete_limit,
        "Remove limits",
        LimitRemovedAnswer,
        policy=MANAGE,
        tag="limits",
        problems=("NOT_FOUND",),
        keyed=True,
        loosens=True,
    ),
)
