"""From the filters of a list to one SQL statement that walks an index.

Every value is a parameter. Of several filters the one that finds fewest rows chooses the index; the
others are checked row by row, so a page costs at most what the rarest of its filters finds. What one
filter finds, or none, is kept in ``totals``; what several find together is counted.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import InstructionId, InstructionStatus, WaitsFor
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import TERMINAL, OrdStatus
from phalanx.views import selects
from phalanx.views.schema import KEY_BITS, Subject
from phalanx.views.within import Value, Within, listed

KEPT: Final = "SELECT coalesce(sum({column}), 0) FROM totals WHERE subject = ? AND value = ?"
"""A total that is kept; ``column`` is the listing's."""
KEPT_OF_CLIENT: Final = (
    "SELECT coalesce(sum({column}), 0) FROM totals"
    " WHERE subject = ? AND value IN (SELECT id FROM accounts WHERE client_id = ?)"
)
KEPT_AMONG: Final = (
    "SELECT coalesce(sum({column}), 0) FROM totals"
    " WHERE subject = ? AND value IN (SELECT value FROM json_each(?))"
)


class Listing(msgspec.Struct, frozen=True):
    """A list that can be asked for. ``counted``: its column in ``totals``."""

    table: str
    alias: str
    counted: str
    columns: str
    joins: str = ""


class Filter(msgspec.Struct, frozen=True):
    """One condition and the index that finds its rows; without one they are nearly all.

    ``size`` is the statement that says how many it finds, or (not ``exact``) at most finds. ``owners``:
    it is about several accounts; the condition on these.
    """

    condition: str
    values: tuple[Value, ...]
    index: str
    size: str
    size_values: tuple[Value, ...]
    exact: bool = True
    owners: str = ""


class Slice(msgspec.Struct, frozen=True):
    """Which rows of a list: newest first, or (``after_seq``) oldest first behind an event."""

    skip: int
    limit: int
    after_seq: int | None = None


Statement: TypeAlias = tuple[str, tuple[Value, ...]]

ORDERS: Final = Listing("orders", "o", "orders", selects.ORDER, selects.ORDER_JOINS)
ORDER_LOG: Final = Listing("order_log", "o", "entries", selects.LOG, selects.LOG_JOINS)
INSTRUCTIONS: Final = Listing("instructions", "t", "instructions", selects.INSTRUCTION)


def equals(column: str, value: Value, index: str, subject: Subject) -> Filter:
    """A column that has a value; its total is kept."""
    return Filter(f"{column} = ?", (value,), index, KEPT, (subject, value))


def of_client(client_id: int, table: str, index: str = "") -> Filter:
    """All accounts of a client: found account by account, as there is no index of clients."""
    index = index or f"{table}_account"
    values = (Subject.ACCOUNT, client_id)
    return Filter(
        "client_id = ?", (client_id,), index, KEPT_OF_CLIENT, values, owners="a.client_id = ?"
    )


def among(column: str, found: frozenset[str], index: str, subject: Subject) -> Filter:
    """A column that has one of some values. Accounts are walked one by one, like a client's."""
    if len(found) == 1:
        return equals(column, next(iter(found)), index, subject)
    condition = "{} IN (SELECT value FROM json_each(?))"
    owners = condition.format("a.id") if subject is Subject.ACCOUNT else ""
    values = (listed(found),)
    sizes_of = (subject, *values)
    return Filter(condition.format(column), values, index, KEPT_AMONG, sizes_of, owners=owners)


def reached(within: Within | None, table: str) -> list[Filter]:
    """The filters of orders and their log that keep to a part of the book; of all of it none."""
    if within is None:
        return []
    columns = (
        ("account", within.accounts, Subject.ACCOUNT),
        ("strategy", within.strategies, Subject.STRATEGY),
        ("instrument", within.instruments, Subject.INSTRUMENT),
    )
    return [
        among(column, found, f"{table}_{column}", subject)
        for column, found, subject in columns
        if found is not None
    ]


def of_orders(
    listing: Listing,
    account: AccountId | None,
    client_id: int | None,
    instrument: InstrumentKey | None,
    strategy: str | None,
) -> list[Filter]:
    """The filters that orders and their log have in common."""
    table = listing.table
    filters: list[Filter] = []
    if account is not None:
        filters.append(equals("account", account, f"{table}_account", Subject.ACCOUNT))
    if client_id is not None:
        filters.append(of_client(client_id, table))
    if instrument is not None:
        index = f"{table}_instrument"
        filters.append(equals("instrument", instrument, index, Subject.INSTRUMENT))
    if strategy is not None:
        filters.append(equals("strategy", strategy, f"{table}_strategy", Subject.STRATEGY))
    return filters


OPEN: Final = Filter("is_open = 1", (), "orders_open", KEPT, (Subject.OPEN, 0))


def of_status(status: OrdStatus) -> Filter:
    """Ended orders by their status; of the open ones, which are few, those in that status."""
    if status in TERMINAL:
        values = (Subject.STATUS, int(status))
        return Filter("is_open = 0 AND status = ?", (int(status),), "orders_status", KEPT, values)
    size = (Subject.OPEN, 0)
    condition = "is_open = 1 AND status = ?"
    return Filter(condition, (int(status),), "orders_open", KEPT, size, exact=False)


def waiting_for(what: WaitsFor) -> Filter:
    """Held ones: those that an approval has to come for, or those that only their time has."""
    is_asked = "key IN (SELECT v.key FROM approvals AS v WHERE v.ended_at_ns = 0)"
    held = (int(InstructionStatus.HELD),)
    if what is WaitsFor.APPROVAL:
        size = "SELECT count(*) FROM approvals AS v WHERE v.ended_at_ns = 0"
        return Filter(f"status = ? AND {is_asked}", held, "instructions_status", size, ())
    values = (Subject.INSTRUCTION_STATUS, *held)
    condition = f"status = ? AND NOT {is_asked}"
    return Filter(condition, held, "instructions_status", KEPT, values, exact=False)


def of_instruction(instruction: InstructionId) -> Filter:
    """The orders of an instruction."""
    condition = "instruction_key = (SELECT n.key FROM instructions AS n WHERE n.id = ?)"
    size = "SELECT coalesce(sum(n.orders), 0) FROM instructions AS n WHERE n.id = ?"
    return Filter(condition, (instruction,), "orders_instruction", size, (instruction,))


def sizes(listing: Listing, filters: Sequence[Filter]) -> Statement:
    """One row: how many rows each filter finds, or at most finds."""
    parts = [f"({one.size.format(column=listing.counted)})" for one in filters]
    values = [value for one in filters for value in one.size_values]
    return f"SELECT {', '.join(parts)}", tuple(values)


def page(
    listing: Listing, filters: Sequence[Filter], chosen: Filter | None, part: Slice
) -> Statement:
    """One row: as of which seq, how many rows there are, and a JSON array of those asked for.

    ``chosen``: whose index is walked; None only without filters.
    """
    total, total_values = count_of(listing, filters, chosen)
    keys, key_values = keys_of(listing, filters, chosen, part)
    alias = listing.alias
    statement = (
        f"SELECT (SELECT seq FROM cursor), ({total}),"  # noqa: S608  names of ours
        f" (SELECT json_group_array({listing.columns} ORDER BY {alias}.key {_direction(part)})"
        f" FROM ({keys}) AS k"
        f" CROSS JOIN {listing.table} AS {alias} ON {alias}.key = k.key {listing.joins})"
    )
    return statement, (*total_values, *key_values)


def count_of(listing: Listing, filters: Sequence[Filter], chosen: Filter | None) -> Statement:
    """How many rows there are."""
    if chosen is None:
        return KEPT.format(column=listing.counted), (Subject.ALL, 0)
    if len(filters) == 1 and chosen.exact:
        return chosen.size.format(column=listing.counted), chosen.size_values
    table, index = listing.table, _indexed(chosen)
    if not chosen.owners:
        conditions, values = _conditions(filters)
        counted = f"SELECT count(*) FROM {table} {index} WHERE {conditions}"  # noqa: S608
        return counted, values
    conditions, values = _conditions([one for one in filters if one is not chosen])
    of_one = f"SELECT count(*) FROM {table} {index} WHERE account = a.id AND {conditions}"  # noqa: S608
    counted = f"SELECT coalesce(sum(({of_one})), 0) FROM accounts AS a WHERE {chosen.owners}"  # noqa: S608
    return counted, (*values, *chosen.values)


def keys_of(
    listing: Listing, filters: Sequence[Filter], chosen: Filter | None, part: Slice
) -> Statement:
    """The keys of the page's rows. Of several accounts: the first of each account, and of those the first."""
    behind, behind_values = _behind(part)
    order = f"ORDER BY key {_direction(part)}"
    if chosen is None or not chosen.owners:
        conditions, values = _conditions(filters)
        found = f"SELECT key FROM {listing.table} {_indexed(chosen)} WHERE {conditions}{behind}"  # noqa: S608
        paged = (*values, *behind_values, part.limit, part.skip)
        return f"{found} {order} LIMIT ? OFFSET ?", paged
    conditions, values = _conditions([one for one in filters if one is not chosen])
    of_one_account = (
        f"SELECT key FROM {listing.table} {_indexed(chosen)}"  # noqa: S608  names of ours
        f" WHERE account = a.id AND {conditions}{behind} {order} LIMIT ?"
    )
    found = (
        "SELECT j.value AS key FROM accounts AS a CROSS JOIN"  # noqa: S608  names of ours
        f" json_each((SELECT json_group_array(key) FROM ({of_one_account}))) AS j"
        f" WHERE {chosen.owners} {order} LIMIT ? OFFSET ?"
    )
    limits = (part.skip + part.limit, *chosen.values, part.limit, part.skip)
    return found, (*values, *behind_values, *limits)


def _indexed(chosen: Filter | None) -> str:
    return f"INDEXED BY {chosen.index}" if chosen is not None and chosen.index else "NOT INDEXED"


def _conditions(filters: Sequence[Filter]) -> Statement:
    text = " AND ".join(one.condition for one in filters) or "TRUE"
    return text, tuple(value for one in filters for value in one.values)


def _behind(part: Slice) -> Statement:
    if part.after_seq is None:
        return "", ()
    return " AND key >= ?", (part.after_seq + 1 << KEY_BITS,)


def _direction(part: Slice) -> str:
    return "DESC" if part.after_seq is None else "ASC"
