"""The list of trades as one SQL statement: those that bought something, and the buys still waiting to.

The first are rows of ``trades``; the others are open orders, which are few. Their keys are of one
kind, an order's, so both lists are merged by key.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.views import selects
from phalanx.views.filters import (
    KEPT,
    Filter,
    Listing,
    Slice,
    Statement,
    among,
    count_of,
    equals,
    keys_of,
    of_client,
)
from phalanx.views.rows import TradeStatus
from phalanx.views.schema import Subject
from phalanx.views.within import Value, Within

TRADES: Final = Listing("trades", "t", "trades", selects.TRADE, selects.TRADE_JOINS)

_ROW: Final = f"json(iif(t.key IS NULL, {selects.UNFILLED_TRADE}, {selects.TRADE}))"
_JOINS: Final = (
    " LEFT JOIN trades AS t ON t.key = k.key"
    " LEFT JOIN orders AS o ON o.key = k.key AND t.key IS NULL"
    " LEFT JOIN clients AS c ON c.id = coalesce(t.client_id, o.client_id)"
    " LEFT JOIN instruments AS i ON i.key = coalesce(t.instrument, o.instrument)"
)
_ACTIVE: Final = Filter(
    "ended_at_ns = 0",
    (),
    "trades_active",
    KEPT,
    (Subject.TRADE_STATUS, int(TradeStatus.ACTIVE)),
)
_CLOSED: Final = Filter(
    "ended_at_ns > 0", (), "", KEPT, (Subject.TRADE_STATUS, int(TradeStatus.CLOSED))
)
"""Most trades are closed: they are found by walking the table, which needs no index."""


class TradeFilters(msgspec.Struct, frozen=True):
    """Which trades; combined with "and"."""

    account: AccountId | None = None
    client_id: int | None = None
    instrument: InstrumentKey | None = None
    status: TradeStatus | None = None
    within: Within | None = None

    @property
    def names_owners(self) -> bool:
        """Whether it says whose."""
        is_bound = self.within is not None and self.within.accounts is not None
        return self.account is not None or self.client_id is not None or is_bound

    def of_trades(self) -> list[Filter]:
        """The conditions on rows of ``trades``, the narrowest first."""
        filters: list[Filter] = []
        # An index of the active ones begins with the account as well.
        by_account = "trades_active" if self.status is TradeStatus.ACTIVE else "trades_account"
        if self.account is not None:
            filters.append(equals("account", self.account, by_account, Subject.ACCOUNT))
        if self.client_id is not None:
            filters.append(of_client(self.client_id, "trades", by_account))
        if self.within is not None:
            filters += _reached(self.within, by_account)
        if self.instrument is not None:
            index = "trades_instrument"
            filters.append(equals("instrument", self.instrument, index, Subject.INSTRUMENT))
        if self.status is TradeStatus.ACTIVE:
            filters.append(_ACTIVE)
        elif self.status is TradeStatus.CLOSED:
            filters.append(_CLOSED)
        return filters

    def of_orders(self) -> Statement:
        """The condition on orders of which nothing is filled yet."""
        conditions, values = [selects.IS_UNFILLED], list[Value]()
        for column, value in (
            ("account", self.account),
            ("client_id", self.client_id),
            ("instrument", self.instrument),
        ):
            if value is not None:
                conditions.append(f"o.{column} = ?")
                values.append(value)
        if self.within is not None:
            condition, found = self.within.of_orders("o")
            conditions.append(condition)
            values += found
        return " AND ".join(conditions), tuple(values)


def _reached(within: Within, by_account: str) -> list[Filter]:
    """The filters that keep to a part of the book, its accounts first."""
    filters: list[Filter] = []
    if within.accounts is not None:
        filters.append(among("account", within.accounts, by_account, Subject.ACCOUNT))
    if within.instruments is not None:
        index = "trades_instrument"
        filters.append(among("instrument", within.instruments, index, Subject.INSTRUMENT))
    if within.strategies is not None:
        # No index and no total: at most all of them.
        found = among("strategy", within.strategies, "", Subject.STRATEGY)
        whole = {"size": KEPT, "size_values": (Subject.ALL, 0), "exact": False}
        filters.append(msgspec.structs.replace(found, **whole))
    return filters


def unfilled_page(filters: TradeFilters, part: Slice) -> Statement:
    """The trades that bought nothing yet."""
    count, count_values = _count_unfilled(filters)
    keys, key_values = _unfilled(filters, part)
    return _page(count, keys), (*count_values, *key_values)


def whole_page(
    filters: TradeFilters, bought: Sequence[Filter], chosen: Filter | None, part: Slice
) -> Statement:
    """All trades. ``bought``: the same filters for rows of ``trades``; ``chosen``: whose index is walked."""
    upto = Slice(0, part.skip + part.limit)
    counts = (count_of(TRADES, bought, chosen), _count_unfilled(filters))
    keys = (keys_of(TRADES, bought, chosen, upto), _unfilled(filters, upto))
    count = " + ".join(f"({one})" for one, _ in counts)
    both = " UNION ALL ".join(f"SELECT key FROM ({one})" for one, _ in keys)  # noqa: S608
    statement = _page(f"SELECT {count}", f"{both} ORDER BY key DESC LIMIT ? OFFSET ?")
    values = [value for _, found in (*counts, *keys) for value in found]
    return statement, (*values, part.limit, part.skip)


def _page(count: str, keys: str) -> str:
    return (
        f"SELECT (SELECT seq FROM cursor), ({count}),"  # noqa: S608  names of ours
        f" (SELECT json_group_array({_ROW} ORDER BY k.key DESC) FROM ({keys}) AS k {_JOINS})"
    )


def _count_unfilled(filters: TradeFilters) -> Statement:
    condition, values = filters.of_orders()
    return f"SELECT count(*) FROM orders AS o INDEXED BY orders_open WHERE {condition}", values  # noqa: S608


def _unfilled(filters: TradeFilters, part: Slice) -> Statement:
    condition, values = filters.of_orders()
    found = f"SELECT o.key AS key FROM orders AS o INDEXED BY orders_open WHERE {condition}"  # noqa: S608
    return f"{found} ORDER BY o.key DESC LIMIT ? OFFSET ?", (*values, part.limit, part.skip)
