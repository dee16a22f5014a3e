"""Start-up: take over, ask what is in doubt, open the accounts one by one.

Each step may be repeated after a crash in the middle of it.
"""

from collections.abc import Mapping, Sequence

from phalanx.brokers.port import Broker, BrokerOrder
from phalanx.desk.desk import Desk
from phalanx.desk.errors import Stopped
from phalanx.domain.accounts import Account
from phalanx.domain.orders import TERMINAL, ClOrdId, ExecType, ExecutionReport, OrdStatus
from phalanx.engine.commands import BeginTerm, BookLookUp, Tick
from phalanx.engine.state import Order, State

NOT_ASKED = "not reconciled yet"

_NEVER_SENT = frozenset({OrdStatus.HELD, OrdStatus.PENDING_NEW})

_ENDS = {
    OrdStatus.CANCELED: ExecType.CANCELED,
    OrdStatus.REJECTED: ExecType.REJECTED,
    OrdStatus.EXPIRED: ExecType.EXPIRED,
}
"""Ends that a broker's book may show without a report of its own."""


async def take_over(desk: Desk, version: str, desk_id: str) -> None:
    """Journal the new term, and wait until it is durable: the barrier before anything else."""
    desk.begin()
    for account in desk.state.accounts:
        desk.closed[account] = NOT_ASKED
    desk.handle(BeginTerm(desk.epoch, version, desk_id))
    await desk.durable(desk.state.seq)
    if desk.state.epoch != desk.epoch:
        raise Stopped(desk.stopped)
    desk.handle(Tick())


async def open_accounts(desk: Desk, brokers: Mapping[str, Broker]) -> None:
    """Ask each broker about its orders, account by account, and open those it answered for.

    An account whose book cannot be read stays closed, with why; the others trade.
    """
    asked = _at_the_broker(desk.state)
    for account in list(desk.state.accounts.values()):
        broker = brokers.get(account.broker)
        if broker is None:
            desk.closed[account.id] = f"no broker {account.broker}"
            continue
        try:
            await _look_up(desk, broker, account, asked.get(account.id, ()))
        except Exception as failure:  # noqa: BLE001  a broken module is no reason for the others
            desk.closed[account.id] = f"its book could not be read: {failure}"
        if desk.closed.get(account.id, NOT_ASKED) == NOT_ASKED:
            desk.open_account(account.id)
    await desk.durable(desk.state.seq)
    desk.firing.resume()


async def _look_up(
    desk: Desk, broker: Broker, account: Account, cl_ord_ids: Sequence[ClOrdId]
) -> None:
    if not cl_ord_ids:
        return
    found: dict[ClOrdId, BrokerOrder] = {
        order.cl_ord_id: order for order in await broker.find(account.id, cl_ord_ids)
    }
    for cl_ord_id in cl_ord_ids:
        known = found.get(cl_ord_id)
        if known is None:
            desk.handle(BookLookUp(cl_ord_id, found=False))
        else:
            _adopt(desk, known)


def _adopt(desk: Desk, known: BrokerOrder) -> None:
    """Make the order what the broker's book shows. Raises ConnectionError when fills are missing there."""
    cl_ord_id = known.cl_ord_id
    look_up = BookLookUp(
        cl_ord_id,
        found=True,
        order_id=known.order_id,
        status=known.status,
        quantity=known.quantity,
        limit=known.limit,
    )
    desk.handle(look_up)
    if _has_doubtful_request(desk.state.orders[cl_ord_id]):
        # One look settles one request, and a cancel may have come over a replace.
        desk.handle(look_up)
    for report in known.reports:
        desk.report(report)
    order = desk.state.orders[cl_ord_id]
    if order.cum_quantity < known.cum_quantity:
        raise ConnectionError(f"the fills of {cl_ord_id} are missing")
    if order.status not in TERMINAL and known.status in _ENDS:
        text = "as the broker's book has it"
        desk.report(ExecutionReport(cl_ord_id, _ENDS[known.status], known.order_id, text=text))


def _has_doubtful_request(order: Order) -> bool:
    return order.request is not None and order.request.in_doubt


def _at_the_broker(state: State) -> dict[str, list[ClOrdId]]:
    """Per account: every order the broker may know: those in doubt, and those that may have moved on."""
    asked: dict[str, list[ClOrdId]] = {}
    for order in state.open_orders():
        if order.status not in _NEVER_SENT:
            account = state.book_of(order).account
            asked.setdefault(account, []).append(order.draft.cl_ord_id)
    return asked
