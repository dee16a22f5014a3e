"""Reconciliation: have brokers' books read now, and how each account's compares with ours."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reconciliation_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.instruction_shapes import AccountNames, ClientIds
from phalanx.api.lists import Limit, Skip, page
from phalanx.api.naming import known_account
from phalanx.api.policy import READ, TRADE
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone
from phalanx.api.tables import FormatName, csv_as_of
from phalanx.desk.desk import Desk
from phalanx.desk.reconciling.account_reports import AccountReport, ReadStatus
from phalanx.domain.accounts import AccountId
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.breaks import is_settled
from phalanx.engine.reconciliation.comparison import Line

ANSWER_S_MAX = 30.0
"""Who asks for readings is answered by then; of accounts that are still being read as PENDING."""

DIFFERENCES_MAX = 100
"""So many of an account's differences are listed."""

ROWS_AT_A_TIME = 200
"""Reports are written so many at a time, with a turn for the orders in between."""

PENDING = "PENDING"
StatusName: TypeAlias = Literal["MATCHED", "BREAKS", "UNREAD", "NEVER", "PENDING"]


class ReconcileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose books are read: these accounts' and all accounts' of these clients; nobody named: everybody's."""

    accounts: AccountNames | UnsetType = UNSET
    clients: ClientIds | UnsetType = UNSET


class CountsAnswer(msgspec.Struct, frozen=True, gc=False):
    """How many there are with us and at the broker, and how many agree. ``foreign``: somebody's outside;
    ``doubtful``: that an order in doubt may explain. Not ``told``: the broker has none of its own to
    tell, and only ``ours`` means something.
    """

    ours: int
    theirs: int
    matched: int
    foreign: int
    doubtful: int
    told: bool


class DifferenceAnswer(msgspec.Struct, frozen=True, gc=False):
    """One thing that is not the same; it becomes a break when the next reading shows it as well. ``settled``:
    a person closed that break today, and is not asked again while the values are these.
    """

    kind: str
    subject: str
    ours: str
    theirs: str
    reason: str
    settled: bool = False


class ReconciliationAnswer(msgspec.Struct, frozen=True, gc=False):
    """How an account's books compared when its broker's was read last. ``status``: MATCHED, BREAKS (what
    is left differs), UNREAD (``why``; it went wrong ``tries`` times in a row), NEVER (not tried yet),
    PENDING (being read). ``orders`` to ``cash`` and ``differences`` are those of the last complete
    reading, null before it; ``breaks`` are open now.
    """

    account: str
    client: str
    client_id: int
    broker: str
    mode: str
    status: StatusName
    at: str | None
    why: str | None
    tries: int
    orders: CountsAnswer | None
    trades: CountsAnswer | None
    positions: CountsAnswer | None
    cash: CountsAnswer | None
    differences: list[DifferenceAnswer]
    differences_total: int
    breaks: list[str]


class ReconciliationList(msgspec.Struct, frozen=True):
    """Reports, an account each."""

    items: list[ReconciliationAnswer]
    total: int
    as_of: int


class ReconciliationQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which reports; filters are combined with "and"."""

    account: str | None = None
    status: StatusName | None = None
    skip: Skip = 0
    limit: Limit = 1_000
    format: FormatName = "json"


_LINES = ("orders", "trades", "positions", "cash")
COLUMNS = (
    *("account", "client", "client_id", "broker", "mode", "status", "at", "why", "tries"),
    *(f"{line}_{count}" for line in _LINES for count in ("ours", "theirs", "matched", "foreign")),
    *("differences", "breaks"),
)

_body: Body[ReconcileBody] = Body(ReconcileBody)


async def reconcile_now(call: Call) -> Answer:
    """Read the books now, adopt what the brokers know, and say how each account compares."""
    body = call.decode(_body)
    desk = call.desk
    accounts = _chosen(desk, body)
    began = desk.clock.now()
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            await desk.reconciler.reconcile(accounts)
    except TimeoutError:
        pass
    reports = [desk.reconciler.report(account) for account in accounts]
    return await _answer(call, reports, began, len(reports))


async def list_reconciliation(call: Call) -> Answer:
    """The last report of every account."""
    query = call.query(ReconciliationQuery)
    found = list(call.desk.reconciler.reports().values())
    if query.account is not None:
        found = [one for one in found if one.account == query.account]
    if query.status is not None:
        found = [one for one in found if _status(call.desk, one, 0) == query.status]
    wanted = page(found, query)
    if query.format == "csv":
        rows = await _rows(call, wanted, 0)
        return await csv_as_of(call, "reconciliation", COLUMNS, map(_cells, rows), len(found))
    return await _answer(call, wanted, 0, len(found))


def _chosen(desk: Desk, body: ReconcileBody) -> list[AccountId]:
    """Raises Problem ``UNKNOWN_ACCOUNT``, ``UNKNOWN_CLIENT``."""
    if body.accounts is UNSET and body.clients is UNSET:
        return list(desk.state.accounts)
    chosen: dict[AccountId, None] = {}
    for place, account in enumerate(() if body.accounts is UNSET else body.accounts):
        chosen[known_account(desk, account, f"accounts[{place}]")] = None
    clients = () if body.clients is UNSET else body.clients
    for place, client in enumerate(clients):
        if client not in desk.state.clients:
            raise Problem("UNKNOWN_CLIENT", f"no client {client}", field=f"clients[{place}]")
    wanted = frozenset(clients)
    owned = (one.id for one in desk.state.accounts.values() if one.client_id in wanted)
    return [*chosen, *(account for account in owned if account not in chosen)]


async def _answer(
    call: Call, reports: Sequence[AccountReport], began: Nanoseconds, total: int
) -> Answer:
    """The reports, once all that they tell of is durable."""
    rows = await _rows(call, reports, began)
    seq = call.desk.state.seq
    await call.desk.durable(seq)
    answer = answer_json(200, ReconciliationList(rows, total, seq))
    return msgspec.structs.replace(answer, headers=(NO_STORE,))


async def _rows(
    call: Call, reports: Sequence[AccountReport], began: Nanoseconds
) -> list[ReconciliationAnswer]:
    desk, zone = call.desk, Zone(call)
    breaks = {account: list(ids) for account, ids in desk.state.breaks_of.items()}
    rows: list[ReconciliationAnswer] = []
    for start in range(0, len(reports), ROWS_AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        for report in reports[start : start + ROWS_AT_A_TIME]:
            status = _status(desk, report, began)
            rows.append(_row(desk, report, status, zone, breaks.get(report.account, [])))
    return rows


def _status(desk: Desk, report: AccountReport, began: Nanoseconds) -> StatusName:
    """PENDING: of a reading that was asked for when it ``began`` there is no report yet."""
    if report.at < began and desk.reconciler.is_reading(report.account):
        return "PENDING"
    return _STATUSES[report.status]


def _row(
    desk: Desk, report: AccountReport, status: StatusName, zone: Zone, breaks: list[str]
) -> ReconciliationAnswer:
    account = desk.state.accounts[report.account]
    comparison = report.comparison
    lines = {} if comparison is None else {line.what: _counts(line) for line in comparison.lines}
    differences = () if comparison is None else comparison.differences
    return ReconciliationAnswer(
        account.id,
        desk.state.clients[account.client_id].name,
        account.client_id,
        report.broker,
        report.mode.name,
        status,
        zone.maybe(report.at),
        report.why or None,
        report.tries,
        lines.get("orders"),
        lines.get("trades"),
        lines.get("positions"),
        lines.get("cash"),
        [
            DifferenceAnswer(
                *(one.kind.value, one.subject, one.ours, one.theirs, one.reason),
                is_settled(desk.state, account.id, one),
            )
            for one in differences[:DIFFERENCES_MAX]
        ],
        len(differences),
        breaks,
    )


def _counts(line: Line) -> CountsAnswer:
    return CountsAnswer(
        line.ours, line.theirs, line.matched, line.foreign, line.doubtful, line.told
    )


def _cells(row: ReconciliationAnswer) -> list[object]:
    counts = (row.orders, row.trades, row.positions, row.cash)
    return [
        *(getattr(row, column) for column in COLUMNS[:9]),
        *(cell for count in counts for cell in _count_cells(count)),
        row.differences_total,
        " ".join(row.breaks),
    ]


def _count_cells(count: CountsAnswer | None) -> Iterable[object]:
    if count is None:
        return (None, None, None, None)
    theirs = (count.theirs, count.matched, count.foreign) if count.told else (None, None, None)
    return (count.ours, *theirs)


_STATUSES: Mapping[ReadStatus, StatusName] = {
    ReadStatus.NEVER: "NEVER",
    ReadStatus.UNREAD: "UNREAD",
    ReadStatus.MATCHED: "MATCHED",
    ReadStatus.BREAKS: "BREAKS",
}

doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/reconcile",
        reconcile_now,
        "Read brokers' books now",
        ReconciliationList,
        policy=TRADE,
        tag="reconciliation",
        about="Reads orders, executions, positions and cash, makes ours what the brokers know, and answers "
        f"once all of it is durable, after {ANSWER_S_MAX:g} s at the latest; of accounts whose reading "
        "goes on the status is PENDING then. Who is being read already is not read twice, and "
        "repeating does no harm: it takes no key. Without a body: everybody.",
        body=ReconcileBody,
        body_optional=True,
        examples=examples.RECONCILE,
        problems=("UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT", "OVERLOADED", "DESK_STOPPED"),
    ),
    Door(
        "GET",
        "/api/v1/reconciliation",
        list_reconciliation,
        "How the books compare with the brokers'",
        ReconciliationList,
        policy=READ,
        tag="reconciliation",
        about="The last report of each account, kept since the server started. Books are read at the start, "
        "when a session comes up again, after doubt, and each about once a minute.",
        query=ReconciliationQuery,
    ),
)
