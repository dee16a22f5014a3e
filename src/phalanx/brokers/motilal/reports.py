"""Frames of the order and trade socket, and the reports that come of them.

The socket repeats itself, leaves things out and has no numbering: a frame says what it says, and a book
that is read says the rest.
"""

from typing import TypeAlias

import msgspec

from phalanx.brokers.motilal.known import KnownOrder, Terms
from phalanx.brokers.motilal.row import BadData, Flaw, Row, decode
from phalanx.domain.broker_books import BrokerOrder, BrokerTrade
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus

_EXEC_TYPES = {
    OrdStatus.NEW: ExecType.NEW,
    OrdStatus.PARTIALLY_FILLED: ExecType.NEW,
    OrdStatus.CANCELED: ExecType.CANCELED,
    OrdStatus.REJECTED: ExecType.REJECTED,
}
"""Of an order frame. One that is filled says nothing that its trades do not say."""

FRAME_CHARS_MAX = 64 << 10


class OrderFrame(msgspec.Struct, frozen=True):
    """An order as it is now."""

    client: str
    row: Row


class TradeFrame(msgspec.Struct, frozen=True):
    """One execution."""

    client: str
    row: Row


class ErrorFrame(msgspec.Struct, frozen=True):
    """The socket does not want something."""

    code: str
    message: str


Frame: TypeAlias = OrderFrame | TradeFrame | ErrorFrame


def read_frame(text: str | bytes) -> Frame | None:
    """What came; None for what is neither order, trade nor error: acknowledgements, heartbeats.

    Raises BadData for what is not JSON, and for an order or trade without its client.
    """
    if len(text) > FRAME_CHARS_MAX:
        raise BadData(Flaw.TOO_LARGE, "a frame")
    found = decode(text)
    if not isinstance(found, dict):
        raise BadData(Flaw.NOT_ROWS, "a frame")
    row = Row(found)
    if row.has("tradeno"):
        return TradeFrame(row.name("clientid").upper(), row)
    if row.has("orderstatus"):
        return OrderFrame(row.name("clientid").upper(), row)
    code = row.text("errorcode", "").upper()
    return ErrorFrame(code, row.text("message", "")[:200]) if code else None


def order_reports(order: BrokerOrder, terms: Terms, known: KnownOrder) -> list[ExecutionReport]:
    """What an order frame says happened.

    That a modify was granted is reported once of each version of the order, and not of the one that our last
    modify began from; whether it is the one that was asked for, its quantity and price tell.
    """
    exec_type = _EXEC_TYPES.get(order.status)
    if exec_type is None:
        return []
    reports = [_report(exec_type, order, known)]
    is_another = terms.was_modified and not terms.is_version(known.told)
    if exec_type is ExecType.NEW and is_another and order.limit:
        known.told = terms
        reports.append(_report(ExecType.REPLACED, order, known))
    return reports


def trade_report(trade: BrokerTrade, known: KnownOrder) -> ExecutionReport:
    """One execution, with what all that were told come to."""
    return ExecutionReport(
        known.cl_ord_id,
        ExecType.TRADE,
        trade.order_id,
        trade.exec_id,
        known.cum_quantity,
        trade.quantity,
        trade.price,
        time=trade.time,
        account=trade.account,
    )


def _report(exec_type: ExecType, order: BrokerOrder, known: KnownOrder) -> ExecutionReport:
    replaced = exec_type is ExecType.REPLACED
    return ExecutionReport(
        known.cl_ord_id,
        exec_type,
        order.order_id,
        cum_quantity=known.cum_quantity,
        text=order.text,
        time=order.time,
        quantity=order.quantity if replaced else 0,
        price=order.limit if replaced else 0,
        account=order.account,
    )
