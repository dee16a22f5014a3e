"""The permanent order log: what happened to which order, in the order it happened."""

from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import OrderEntry
from phalanx.views.rows import LogEntry
from phalanx.views.workspace import LOG, Workspace


def write_log(
    work: Workspace,
    order: OrderEntry,
    entry: LogEntry,
    time: Nanoseconds,
    terms: tuple[Quantity, Price],
    text: str = "",
    status: int = 0,
) -> None:
    """One line, with the status that the order has now, unless another is given.

    ``terms``: quantity and price of what happened.
    """
    line = (work.next_key(), time, entry, order.cl_ord_id, order.account, order.client_id)
    what = (order.strategy, order.instrument, order.side, *terms, status or order.status, text)
    work.put(LOG, line + what)
