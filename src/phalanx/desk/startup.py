"""Start-up: take over, ask what is in doubt, open the accounts one by one.

Each step may be repeated after a crash in the middle of it (DESIGN section 7).
"""

from collections.abc import Iterable, Mapping, Sequence

from phalanx.brokers.port import Broker, BrokerOrder
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import Account
from phalanx.domain.orders import TERMINAL, ClOrdId, OrdStatus
from phalanx.engine.commands import BeginTerm, BookLookUp, Tick
from phalanx.engine.state import Order, State

NOT_ASKED = "not reconciled yet"


async def take_over(desk: Desk, version: str, desk_id: str) -> None:
    """Journal the new term, and wait until it is durable: the barrier before anything else."""
    desk.begin()
    for account in desk.state.accounts:
        desk.closed[account] = NOT_ASKED
    desk.handle(BeginTerm(desk.epoch, version, desk_id))
    await desk.durable(desk.state.seq)
    desk.handle(Tick())


async def open_accounts(desk: Desk, brokers: Mapping[str, Broker]) -> None:
    """Ask each broker about what is in doubt, account by account, and open those it answered for.

    An account whose book cannot be read stays closed, with why; the others trade.
    """
    asked = _doubtful(desk.state)
    for account in list(desk.state.accounts.values()):
        broker = brokers.get(account.broker)
        if broker is None:
            desk.closed[account.id] = f"no broker {account.broker}"
            continue
        try:
            await _look_up(desk, broker, account, asked.get(account.id, ()))
        except OSError as failure:
            desk.closed[account.id] = f"its book could not be read: {failure}"
        else:
            desk.open_account(account.id)
    await desk.durable(desk.state.seq)
    desk.firing.resume()


def accepted_orders(state: State, broker: str) -> Iterable[Order]:
    """The working orders that this broker had reported as its own."""
    for order in state.open_orders():
        account = state.accounts[state.book_of(order).account]
        known = order.status not in {OrdStatus.PENDING_NEW, OrdStatus.SENT, OrdStatus.IN_DOUBT}
        if account.broker == broker and known and order.status not in TERMINAL:
            yield order


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
            continue
        desk.handle(BookLookUp(cl_ord_id, found=True, order_id=known.order_id, status=known.status))
        for report in known.reports:
            desk.report(report)


def _doubtful(state: State) -> dict[str, list[ClOrdId]]:
    """Per account: orders in doubt, and orders with a request in doubt."""
    asked: dict[str, list[ClOrdId]] = {}
    for order in state.open_orders():
        request_in_doubt = order.request is not None and order.request.in_doubt
        if order.status is OrdStatus.IN_DOUBT or request_in_doubt:
            account = state.book_of(order).account
            asked.setdefault(account, []).append(order.draft.cl_ord_id)
    return asked
