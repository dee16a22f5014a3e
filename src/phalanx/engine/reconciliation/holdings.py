"""Positions and cash: ours against what a broker tells."""

from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerBook, BrokerTrade
from phalanx.domain.numbers import Quantity, format_fixed
from phalanx.domain.orders import OrdStatus, Side
from phalanx.engine.reconciliation.differences import Difference, Line
from phalanx.engine.state import Book, Order, position_key

_UNKNOWN = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})


class Doubts:
    """What orders without a trustworthy answer, and executions that may be theirs, could explain."""

    def __init__(self, own: list[Order], waiting: list[BrokerTrade]) -> None:
        self._ranges: dict[str, tuple[Quantity, Quantity]] = {}
        for order in own:
            if order.status in _UNKNOWN or order.missing:
                draft = order.draft
                key = position_key(draft.instrument, draft.product)
                self._widen(key, draft.side, max(order.leaves_quantity, order.missing))
        for trade in waiting:
            key = position_key(trade.instrument, trade.product)
            self._widen(key, trade.side, trade.quantity)

    def explain(self, key: str, more: Quantity) -> bool:
        """Whether the broker may have so much more (or less) of a position because of them."""
        down, up = self._ranges.get(key, (0, 0))
        return -down <= more <= up

    @property
    def any(self) -> bool:
        """Whether anything is in doubt at all, and with it the cash."""
        return bool(self._ranges)

    def _widen(self, key: str, side: Side, quantity: Quantity) -> None:
        down, up = self._ranges.get(key, (0, 0))
        if side is Side.BUY:
            up += quantity
        else:
            down += quantity
        self._ranges[key] = (down, up)


def compare_positions(
    ours: Book, told: BrokerBook, doubts: Doubts
) -> tuple[Line, list[Difference]]:
    """Net quantities by instrument and product; one that a side does not have is flat there."""
    held = {key: one.quantity for key, one in ours.positions.items() if one.quantity}
    if told.positions is None:
        return Line("positions", len(held), 0, 0, 0, told=False), []
    theirs = {
        position_key(one.instrument, one.product): one.quantity
        for one in told.positions
        if one.quantity
    }
    matched = doubtful = 0
    differences: list[Difference] = []
    for key in dict.fromkeys((*held, *theirs)):
        our, their = held.get(key, 0), theirs.get(key, 0)
        if our == their:
            matched += 1
        elif doubts.explain(key, their - our):
            doubtful += 1
        else:
            differences.append(_differs(BreakKind.POSITION, key, our, their))
    return Line("positions", len(held), len(theirs), matched, 0, doubtful=doubtful), differences


def compare_cash(ours: Book, told: BrokerBook, doubts: Doubts) -> tuple[Line, list[Difference]]:
    """To the last digit, where the broker tells one amount that means the same as ours."""
    if told.cash is None:
        return Line("cash", 1, 0, 0, 0, told=False), []
    if told.cash == ours.cash:
        return Line("cash", 1, 1, 1, 0), []
    if doubts.any:
        return Line("cash", 1, 1, 0, 0, doubtful=1), []
    differs = _differs(BreakKind.CASH, "", ours.cash, told.cash)
    return Line("cash", 1, 1, 0, 0), [differs]


def _differs(kind: BreakKind, subject: str, ours: int, theirs: int) -> Difference:
    our, their = format_fixed(ours), format_fixed(theirs)
    what = f"of {subject.partition('|')[0]} " if subject else "in cash "
    return Difference(kind, subject, our, their, f"{our} {what}with us, {their} at the broker")
