"""What became of the orders that a platform's door made, after a bounded wait for their brokers.

An answer that is repeated under an idempotency key waits again, and says how the same orders stand by
then: nothing is fired a second time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from phalanx.api.exchange import Call
from phalanx.api.reading import read_views
from phalanx.desk.settled import Settled
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import CancelDraft, Skip
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import UNANSWERED, ClOrdId, OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.views.queries import Views

WITHIN_NS: Nanoseconds = 2 * SECOND

SUCCESS: Final = "SUCCESS"
REJECTED: Final = "REJECTED"
PENDING: Final = "PENDING"
UNKNOWN: Final = "UNKNOWN"
SKIPPED: Final = "SKIPPED"

_NOTHING_TO_DO: Final = frozenset(
    {
        ReasonCode.ZERO_QUANTITY,
        ReasonCode.NOTHING_TO_EXIT,
        ReasonCode.ALREADY_EXITING,
        ReasonCode.ALREADY_CANCELING,
    }
)
_TAKEN_OR_NOT: Final = frozenset({OrdStatus.CANCELED, OrdStatus.EXPIRED})

FateOf: TypeAlias = Mapping[ClOrdId, Settled]


class Fate(msgspec.Struct, frozen=True, gc=False):
    """One caller's share of it: a status, a sentence, and the order that it is about."""

    status: str
    message: str
    order_id: ClOrdId | None = None


_GRAVITY: Final = (UNKNOWN, PENDING, SUCCESS, REJECTED)


class Share(msgspec.Struct, gc=False):
    """What a plan has for one account, or for one row."""

    orders: list[ClOrdId] = msgspec.field(default_factory=list)
    cancels: list[CancelDraft] = msgspec.field(default_factory=list)
    skips: list[Skip] = msgspec.field(default_factory=list)

    def join(self, other: "Share") -> None:
        """Another account's share is the same caller's."""
        self.orders += other.orders
        self.cancels += other.cancels
        self.skips += other.skips


def shares_by_account(event: InstructionPlanned) -> dict[AccountId, Share]:
    """A plan, account by account."""
    shares: dict[AccountId, Share] = {}
    for draft in event.orders:
        shares.setdefault(split_book(draft.book)[0], Share()).orders.append(draft.cl_ord_id)
    for cancel in event.cancels:
        shares.setdefault(split_book(cancel.book)[0], Share()).cancels.append(cancel)
    for skip in event.skips:
        shares.setdefault(skip.account, Share()).skips.append(skip)
    return shares


def shares_by_row(event: InstructionPlanned) -> dict[int, Share]:
    """A basket's plan, row by row, from 1."""
    shares: dict[int, Share] = {}
    for draft in event.orders:
        shares.setdefault(draft.row, Share()).orders.append(draft.cl_ord_id)
    for skip in event.skips:
        shares.setdefault(skip.row, Share()).skips.append(skip)
    return shares


def held(event: InstructionHeld) -> Fate:
    """Nothing is placed yet, and something may be: whoever takes that for a failure sends it again."""
    return Fate(PENDING, f"{event.cause}; instruction {event.instruction_id} waits for that")


async def settled(call: Call, event: InstructionPlanned) -> FateOf:
    """How the plan's orders stand once their brokers have answered and what it cancels has ended, or two
    seconds have passed.

    Orders that have left memory are looked up. Raises Problem ``VIEWS_UNAVAILABLE``.
    """
    placed = [draft.cl_ord_id for draft in event.orders]
    canceled = [cancel.cl_ord_id for cancel in event.cancels]
    if not placed and not canceled:
        return {}
    found = dict(await call.desk.settled(placed, WITHIN_NS, ended=canceled))
    retired = [cl_ord_id for cl_ord_id in (*placed, *canceled) if cl_ord_id not in found]
    if retired:
        found |= await read_views(call, lambda views: _from_views(views, retired))
    return found


def fate(event: InstructionPlanned, share: Share | None, found: FateOf) -> Fate:
    """What became of one share of a plan; None: the plan has nothing for it."""
    if share is not None and share.orders:
        return fate_of_orders(share.orders, found)
    if share is not None and share.cancels:
        return fate_of_cancels(share.cancels, found)
    reason = share.skips[0].reason if share is not None and share.skips else event.refusal
    if reason is None:
        return Fate(SKIPPED, "nothing to do")
    status = SKIPPED if reason.code in _NOTHING_TO_DO else REJECTED
    return Fate(status, str(reason))


def fate_of_orders(cl_ord_ids: Sequence[ClOrdId], found: FateOf) -> Fate:
    """What became of an order, or of the slices that it was cut into."""
    return _together([_of_order(one, found.get(one)) for one in cl_ord_ids])


def fate_of_cancels(cancels: Sequence[CancelDraft], found: FateOf) -> Fate:
    """What became of the cancel of a working order, or of its slices."""
    return _together([_of_cancel(one, found.get(one.cl_ord_id)) for one in cancels])


def calls_back_a_buy(cancel: CancelDraft) -> bool:
    """And not a sell. Of old ones that was not kept: only what a sell frees is sold again."""
    return not cancel.resell if cancel.side is None else cancel.side is Side.BUY


def _together(fates: Sequence[Fate]) -> Fate:
    """Slices of one order: doubt first, then what is to come. It is a success if any of them is, for
    whoever takes it for a failure sends it again.
    """
    first = min(fates, key=lambda one: _GRAVITY.index(one.status))
    others = [one for one in fates if one.status != first.status]
    if not others:
        return first
    message = f"{first.message}; {len(others)} of {len(fates)} orders: {others[0].message}"
    return Fate(first.status, message, first.order_id)


def _of_order(cl_ord_id: ClOrdId, order: Settled | None) -> Fate:
    if order is None or order.status in UNANSWERED:
        return Fate(PENDING, "the broker has not answered yet", cl_ord_id)
    status = order.status
    if status is OrdStatus.IN_DOUBT:
        message = order.message or "sent, and no trustworthy answer came"
        return Fate(UNKNOWN, message, cl_ord_id)
    was_taken = bool(order.broker_order_id or order.cum_quantity)
    if status in {OrdStatus.REJECTED, OrdStatus.NOT_RECEIVED} and not order.cum_quantity:
        return Fate(REJECTED, order.message or status.name.lower(), cl_ord_id)
    if status in _TAKEN_OR_NOT and not was_taken:
        return Fate(REJECTED, order.message or status.name.lower(), cl_ord_id)
    return Fate(SUCCESS, _success(order), cl_ord_id)


def _of_cancel(cancel: CancelDraft, order: Settled | None) -> Fate:
    """Of an exit that only had working orders to call back."""
    cl_ord_id = cancel.cl_ord_id
    called = "buy" if calls_back_a_buy(cancel) else "sell"
    if order is not None and order.status is OrdStatus.CANCELED:
        return Fate(SUCCESS, f"the working {called} is canceled", cl_ord_id)
    if order is not None and order.status is OrdStatus.IN_DOUBT:
        return Fate(UNKNOWN, order.message or f"the {called} is in doubt", cl_ord_id)
    if order is not None and order.status is OrdStatus.FILLED:
        return Fate(PENDING, f"the working {called} filled before it was canceled", cl_ord_id)
    return Fate(PENDING, f"the working {called} is being canceled", cl_ord_id)


def _success(order: Settled) -> str:
    match order.status:
        case OrdStatus.FILLED:
            return "filled"
        case OrdStatus.CANCELED | OrdStatus.EXPIRED:
            filled = format_fixed(order.cum_quantity)
            return f"accepted, then {order.status.name.lower()} with {filled} filled"
        case _ if order.cum_quantity:
            return f"accepted, {format_fixed(order.cum_quantity)} filled so far"
        case _:
            return "accepted"


def _from_views(views: Views, cl_ord_ids: Iterable[ClOrdId]) -> FateOf:
    found: dict[ClOrdId, Settled] = {}
    for cl_ord_id in cl_ord_ids:
        row = views.order(cl_ord_id)
        if row is not None:
            terms = (row.status, row.reason_code, row.order_id, row.cum_quantity, row.reason_text)
            found[cl_ord_id] = Settled(*terms)
    return found
