"""One whole reading of an account's book: orders first, then trades, positions, holdings, cash."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from phalanx.brokers.motilal.endpoints import NOT_FOUND, TRADE_ROWS, Path
from phalanx.brokers.motilal.envelope import Envelope, rows_of
from phalanx.brokers.motilal.known import Terms
from phalanx.brokers.motilal.row import BadData, Flaw, Row
from phalanx.brokers.motilal.rows import (
    cash_of,
    check_client,
    instrument_of,
    order_of,
    positions_of,
    terms_of,
    trade_of,
)
from phalanx.brokers.motilal.times import parse_time
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerTrade
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Price
from phalanx.domain.time import Nanoseconds

LastPrice: TypeAlias = Callable[[InstrumentKey], Price]
"""About what an instrument costs; 0 where nobody knows."""


class Said(msgspec.Struct, frozen=True):
    """A well-formed answer, and the broker's clock when it gave it; 0: it told none."""

    envelope: Envelope
    time: Nanoseconds


Ask: TypeAlias = Callable[[Path, bytes], Awaitable[Said]]
"""One question in the login's turn and session. Raises OSError."""


class Reading(msgspec.Struct, frozen=True):
    """A book, and beside it what a modify of each of its orders would have to repeat."""

    book: BrokerBook
    terms: tuple[Terms, ...]


class _Client(msgspec.Struct, omit_defaults=True):
    clientcode: str = ""


class _OrderId(msgspec.Struct, omit_defaults=True, kw_only=True):
    clientcode: str = ""
    uniqueorderid: str


class Client(msgspec.Struct, frozen=True):
    """Whose book: our account, the broker's client; ``asked`` is what a request names, nothing where the
    login is the client.
    """

    account: AccountId
    code: str
    asked: str = ""


async def read_book(ask: Ask, client: Client, now: Nanoseconds, last: LastPrice) -> Reading:
    """The whole book. Raises OSError when any part of it is missing or not as documented."""
    body = msgspec.json.encode(_Client(client.asked))
    answers: dict[Path, list[Row]] = {}
    times: list[Nanoseconds] = []
    for path in (Path.ORDER_BOOK, Path.TRADE_BOOK, Path.POSITIONS, Path.HOLDINGS, Path.MARGIN):
        said = await ask(path, body)
        times.append(said.time)
        try:
            answers[path] = rows_of(said.envelope, NOT_FOUND.get(path, ""))
        except BadData as bad:
            raise ConnectionError(f"{path}: {bad}") from bad
    try:
        return _reading(answers, client, times[0], now, last)
    except BadData as bad:
        raise ConnectionError(f"the book of {client.account}: {bad}") from bad


async def read_order(ask: Ask, client: Client, order_id: str) -> tuple[BrokerOrder, Terms]:
    """One order, as it is now. Raises OSError, also when it is not there."""
    body = msgspec.json.encode(_OrderId(clientcode=client.asked, uniqueorderid=order_id))
    said = await ask(Path.ORDER_DETAIL, body)
    try:
        return _detail(rows_of(said.envelope), client, order_id)
    except BadData as bad:
        raise ConnectionError(f"order {order_id}: {bad}") from bad


def _detail(rows: list[Row], client: Client, order_id: str) -> tuple[BrokerOrder, Terms]:
    """The youngest of the states that are told of an order."""
    if not rows:
        raise BadData(Flaw.MISSING, order_id)
    row = max(rows, key=_modified_at)
    check_client(row, "clientid", client.code)
    found = order_of(row, client.account)
    if found.order_id != order_id:
        raise BadData(Flaw.OF_ANOTHER, "uniqueorderid")
    return found, terms_of(row)


def _reading(
    answers: dict[Path, list[Row]],
    client: Client,
    told: Nanoseconds,
    now: Nanoseconds,
    last: LastPrice,
) -> Reading:
    orders: dict[str, tuple[BrokerOrder, Terms]] = {}
    for row in answers[Path.ORDER_BOOK]:
        check_client(row, "clientid", client.code)
        order = order_of(row, client.account)
        orders[order.order_id] = order, terms_of(row)
    if len(orders) != len(answers[Path.ORDER_BOOK]):
        raise BadData(Flaw.CONTRADICTION, "an order is there twice")
    trades: list[BrokerTrade] = []
    for row in answers[Path.TRADE_BOOK]:
        check_client(row, "clientid", client.code)
        found = orders.get(row.name("uniqueorderid"))
        tag, limit = ("", 0) if found is None else (found[0].cl_ord_id, found[0].limit)
        reference = limit or last(instrument_of(row, "exchange", "symboltoken"))
        trade = trade_of(row, client.account, TRADE_ROWS, now, reference)
        trades.append(msgspec.structs.replace(trade, cl_ord_id=tag))
    book = BrokerBook(
        client.account,
        told or _latest(orders, trades),
        tuple(order for order, _ in orders.values()),
        tuple(sorted(trades, key=lambda trade: trade.time)),
        positions_of(answers[Path.POSITIONS], answers[Path.HOLDINGS], client.code),
        cash_of(answers[Path.MARGIN]),
    )
    return Reading(book, tuple(terms for _, terms in orders.values()))


def _modified_at(row: Row) -> Nanoseconds:
    return parse_time(terms_of(row).modified)


def _latest(orders: dict[str, tuple[BrokerOrder, Terms]], trades: list[BrokerTrade]) -> Nanoseconds:
    """The broker's clock is at least so late: an answer without a date proves no more than its rows."""
    times = [order.time for order, _ in orders.values()] + [trade.time for trade in trades]
    return max(times, default=0)
