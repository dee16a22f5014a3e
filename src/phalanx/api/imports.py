"""Clients and opening positions from CSV files: all of a file or nothing, and each line is answered."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from phalanx.api import reference_examples as examples
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.naming import known, known_account, owner_of, primary_account
from phalanx.api.policy import MANAGE
from phalanx.api.problems import Problem
from phalanx.api.tables import file_problem
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import Event, LotAdopted
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import known_symbol, split_key
from phalanx.domain.numbers import FIXED_MAX, Fixed, format_fixed, multiply
from phalanx.domain.orders import Product
from phalanx.domain.time import DAY, SECOND, Nanoseconds, trading_day
from phalanx.engine.commands import AdoptedLot, AdoptLots, ImportClients, ImportedClient
from phalanx.engine.plans.plan import ORDERS_MAX
from phalanx.engine.state import position_key
from phalanx.market.cells import restored
from phalanx.market.price_rows import read_day
from phalanx.market.table import ImportCode, ImportFault, Row, read_rows, shown

CLIENTS_MAX = 10_000
"""Most clients of one file."""
BODY_MAX = 8 * 1024 * 1024
_EPOCH = date(1970, 1, 1)


class ImportedClientAnswer(msgspec.Struct, frozen=True, gc=False):
    """What became of a line: ADDED with that cash, or UNCHANGED, which keeps the cash it has."""

    line: int
    name: str
    client_id: int
    account: str
    status: str
    cash: str | None
    group: str | None


class ClientsReport(msgspec.Struct, frozen=True):
    """How many clients of the file are new, and what became of each line."""

    added: int
    unchanged: int
    items: list[ImportedClientAnswer]


class AdoptedPosition(msgspec.Struct, frozen=True, gc=False):
    """A lot that a line brought. ``cost`` is per unit; null: nobody knows it, ``cost_known`` is false
    and its profit counts from zero. ``trade_id`` is the lot's, as of a bought one the order's.
    """

    line: int
    trade_id: str
    client: str
    client_id: int
    account: str
    instrument: str
    symbol: str
    exchange: str
    token_id: str
    product: str
    quantity: str
    cost: str | None
    cost_known: bool
    date: str


class PositionsReport(msgspec.Struct, frozen=True):
    """How many lots were adopted, of how many of them nobody knows the cost, and what each line brought."""

    adopted: int
    unknown_costs: int
    items: list[AdoptedPosition]


class PositionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``again``: adopt the lots although the books have lots like all of them already."""

    again: bool = False


async def import_clients(call: Call) -> Answer:
    """Clients by name with their opening cash; those that are there keep what they have."""
    lines = await asyncio.to_thread(_read_clients, call.body)
    rows = tuple(row for _, row in lines)
    origin = call.origin(DoorName.IMPORT, "clients", rows)
    executed = await call.desk.execute(ImportClients(origin, rows))
    items = _imported(call.desk, lines, executed)
    added = sum(item.status == "ADDED" for item in items)
    return answer_json(200, ClientsReport(added, len(items) - added, items), executed)


async def import_positions(call: Call) -> Answer:
    """Opening positions, a lot for each line, with what it cost if somebody knows."""
    again = call.query(PositionsQuery).again
    desk = call.desk
    lines = await asyncio.to_thread(_read_positions, call.body)
    asked = [msgspec.structs.astuple(line)[1:] for line in lines]
    origin = call.origin(DoorName.IMPORT, "positions", again, asked)
    # A repeat is answered by what was adopted then, whatever the books and the names are by now.
    lots = () if call.is_repeat(origin) else _lots(desk, lines, again=again)
    executed = await desk.execute(AdoptLots(origin, lots))
    adopted = desk.read_back(executed, len(lines))
    items = [_adopted(desk, line, event) for line, event in zip(lines, adopted, strict=True)]
    unknown = sum(not item.cost_known for item in items)
    return answer_json(200, PositionsReport(len(items), unknown, items), executed)


def _read_clients(content: bytes) -> list[tuple[int, ImportedClient]]:
    """The clients of a file, by line. Raises Problem."""
    try:
        return list(_client_rows(content))
    except ImportFault as fault:
        raise file_problem(fault) from None


def _client_rows(content: bytes) -> Iterator[tuple[int, ImportedClient]]:
    lines: dict[str, int] = {}
    for row in read_rows(content, ("name", "cash"), ("group",), rows_max=CLIENTS_MAX):
        called = restored(row.name("name"))
        first = lines.setdefault(called, row.line)
        if first != row.line:
            raise row.fault(ImportCode.DUPLICATE_KEY, "name", f"on line {first} already")
        if not row.given("cash"):
            raise row.fault(ImportCode.EMPTY_FIELD, "cash")
        group = restored(row.name("group")) if row.given("group") else ""
        if "/" in group:
            # It could be named in no path.
            raise row.fault(ImportCode.BAD_TEXT, "group", "a group's name has no slash")
        yield row.line, ImportedClient(called, row.amount("cash"), group)


def _imported(
    desk: Desk, lines: Sequence[tuple[int, ImportedClient]], executed: Executed
) -> list[ImportedClientAnswer]:
    """What became of the lines. A client of this import was made in the moment of its events, so a
    repeat says the same.
    """
    state = desk.state
    by_name = {client.name: client for client in state.clients.values()}
    moment = executed.events[0].time if executed.events else 0
    items = []
    for line, row in lines:
        client = by_name[row.name]
        is_new = bool(moment) and client.created_at == moment
        items.append(
            ImportedClientAnswer(
                line,
                row.name,
                client.id,
                state.primary_accounts[client.id],
                "ADDED" if is_new else "UNCHANGED",
                format_fixed(row.cash) if is_new else None,
                row.group or None,
            )
        )
    return items


class _Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a file of positions, names as they stand there. ``cost`` None: unknown."""

    number: int
    client: str
    account: str
    instrument: str
    quantity: Fixed
    cost: Fixed | None
    day: int
    product: str


_REQUIRED = ("instrument", "quantity", "cost", "date")
_OPTIONAL = ("client", "account", "product")


def _read_positions(content: bytes) -> list[_Line]:
    """The lines of a file. Raises Problem."""
    try:
        rows = read_rows(content, _REQUIRED, _OPTIONAL, rows_max=ORDERS_MAX)
        return [_position_line(row) for row in rows]
    except ImportFault as fault:
        raise file_problem(fault) from None


def _position_line(row: Row) -> _Line:
    client = restored(row.name("client")) if row.given("client") else ""
    account = restored(row.name("account")) if row.given("account") else ""
    if not client and not account:
        if not row.has("client") and not row.has("account"):
            raise ImportFault(ImportCode.MISSING_COLUMN, 1, "client", "or account")
        raise row.fault(ImportCode.EMPTY_FIELD, "client" if row.has("client") else "account")
    product = row.given("product") or Product.DELIVERY.name
    if product not in Product.__members__:
        detail = f"{shown(product)} is not one of {', '.join(Product.__members__)}"
        raise row.fault(ImportCode.BAD_TEXT, "product", detail)
    instrument = restored(row.name("instrument"))
    quantity = row.positive("quantity")
    cost = row.amount("cost") if row.given("cost") else None
    return _Line(row.line, client, account, instrument, quantity, cost, read_day(row), product)


def _lots(desk: Desk, lines: Sequence[_Line], *, again: bool) -> tuple[AdoptedLot, ...]:
    """The lines as the engine takes them. Raises Problem, ``POSITIONS_EXIST`` unless ``again``."""
    named = {client.name: client.id for client in desk.state.clients.values()}
    lots = tuple(_lot(desk, line, named) for line in lines)
    if not again and _are_there(desk, lots):
        detail = "the books have lots like all of these already; again=true adopts them once more"
        raise Problem("POSITIONS_EXIST", detail)
    return lots


def _lot(desk: Desk, line: _Line, named: Mapping[str, int]) -> AdoptedLot:
    """A line as the engine takes it; ``named``: clients by name. Raises Problem with the line."""
    state = desk.state
    number = line.number
    account = state.accounts[_account(desk, line, named)]
    instrument = known(desk, line.instrument, "instrument", number)
    if line.quantity % instrument.lot_size:
        detail = f"{instrument.symbol} is held in whole lots of {format_fixed(instrument.lot_size)}"
        raise Problem("LOT_MULTIPLE", detail, field="quantity", line=number)
    cost = None if line.cost is None else multiply(line.cost, line.quantity)
    if cost is not None and cost > FIXED_MAX:
        raise Problem("NUMBER_TOO_LARGE", "cost × quantity", field="cost", line=number)
    zone_s = state.settings.zone_offset_s
    if line.day > trading_day(desk.clock.now(), zone_s):
        raise Problem("BAD_DATE", "that day is still to come", field="date", line=number)
    product = Product[line.product]
    held = state.books[account.book].positions.get(position_key(instrument.key, product))
    if held is not None and held.quantity < 0:
        detail = f"{account.id} is short of {instrument.symbol}"
        raise Problem("SHORT_POSITION", detail, field="instrument", line=number)
    return AdoptedLot(
        account.book,
        instrument.key,
        product,
        line.quantity,
        cost,
        _begin(line.day, zone_s),
        line.instrument,
    )


def _begin(day: int, zone_s: int) -> Nanoseconds:
    """When a day begins in the exchange's zone."""
    return day * DAY - zone_s * SECOND


def _account(desk: Desk, line: _Line, named: Mapping[str, int]) -> AccountId:
    """The account of a line: the one it names, or the primary one of its client.

    Raises Problem ``UNKNOWN_ACCOUNT``, also for an account of somebody else, ``UNKNOWN_CLIENT``.
    """
    number = line.number
    if not line.client:
        return known_account(desk, line.account, "account", number)
    client = _client(desk, line, named)
    if not line.account:
        return primary_account(desk, client, "client", number)
    account = known_account(desk, line.account, "account", number)
    if desk.state.accounts[account].client_id != client:
        detail = f"{account} is no account of {line.client}"
        raise Problem("UNKNOWN_ACCOUNT", detail, field="account", line=number)
    return account


def _client(desk: Desk, line: _Line, named: Mapping[str, int]) -> int:
    """A client by its number, else by its name."""
    text = line.client
    if text.isascii() and text.isdecimal() and int(text) in desk.state.clients:
        return int(text)
    client = named.get(text)
    if client is None:
        raise Problem("UNKNOWN_CLIENT", f"no client {text}", field="client", line=line.number)
    return client


_Likeness = tuple[str, str, int, Fixed, Nanoseconds]


def _are_there(desk: Desk, lots: Sequence[AdoptedLot]) -> bool:
    """Whether the books have adopted a lot like each of these, so that this is likely the same file
    again. What was sold of a lot since does not count; one that is all sold is forgotten.
    """
    books = desk.state.books
    wanted: Counter[_Likeness] = Counter(
        (lot.book, lot.instrument, int(lot.product), lot.quantity, lot.opened_at) for lot in lots
    )
    there: Counter[_Likeness] = Counter(
        (book, key, int(lot.product), lot.adopted, lot.opened_at)
        for book, key in {(one[0], one[1]) for one in wanted}
        for lot in books[book].lots.get(key, {}).values()
        if lot.adopted
    )
    return wanted <= there


def _adopted(desk: Desk, line: _Line, event: Event) -> AdoptedPosition:
    assert isinstance(event, LotAdopted), f"{type(event).__name__} adopts nothing"
    account = split_book(event.book)[0]
    client_id, client = owner_of(desk, account)
    return AdoptedPosition(
        line.number,
        event.lot,
        client,
        client_id,
        account,
        line.instrument,
        known_symbol(desk.instruments, desk.state.local_instruments, event.instrument),
        *split_key(event.instrument),
        line.product,
        format_fixed(line.quantity),
        None if line.cost is None else format_fixed(line.cost),
        line.cost is not None,
        date.fromordinal(_EPOCH.toordinal() + line.day).isoformat(),
    )


_FILE = ("MISSING_COLUMN", "UNKNOWN_COLUMN", "EMPTY_FIELD", "EMPTY_FILE", "TOO_MANY_ROWS")

doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/clients/import",
        import_clients,
        "Import clients",
        ClientsReport,
        policy=MANAGE,
        tag="imports",
        about="A CSV with the columns name and cash, and group if wanted. A new client gets one "
        "primary paper account with that cash; a client that is there keeps its own. The account "
        "joins the group, which is made when it is missing. It is used whole or not at all.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        examples={"two clients": examples.CLIENTS_CSV},
        problems=(*_FILE, "BAD_NUMBER", "NOT_POSITIVE", "DUPLICATE_KEY", "TOO_MANY_GROUPS"),
        keyed=True,
    ),
    Door(
        "POST",
        "/api/v1/positions/import",
        import_positions,
        "Import opening positions",
        PositionsReport,
        policy=MANAGE,
        tag="imports",
        about="A CSV with the columns client (number or name) or account, instrument, quantity, "
        "cost (per unit; empty: unknown), date (YYYY-MM-DD, in the exchange's zone) and product if "
        "wanted (DELIVERY unless it says otherwise). It is used whole or not at all. A file whose "
        "lots are all there already is refused, unless the query says again=true.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        query=PositionsQuery,
        examples={"two lots": examples.POSITIONS_CSV},
        problems=(
            *(*_FILE, "BAD_NUMBER", "BAD_DATE", "NOT_POSITIVE", "BAD_TEXT", "LOT_MULTIPLE"),
            *("UNKNOWN_CLIENT", "UNKNOWN_ACCOUNT", "UNKNOWN_INSTRUMENT", "AMBIGUOUS_TOKEN"),
            *("NUMBER_TOO_LARGE", "SHORT_POSITION", "POSITIONS_EXIST"),
        ),
        keyed=True,
    ),
)
