"""What became of the orders that a platform's door made, after a bounded wait for their brokers.

An answer that is repeated under an idempotency key waits again, and says how the same orders stand by
then: nothing is fired a second time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from phalanx.api.exchange import Call
from phalanx.api.reading import read_views
from phalanx.desk.settled import Settled
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Skip
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import ClOrdId, OrdStatus
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
_WAITING: Final = frozenset({OrdStatus.HELD, OrdStatus.PENDING_NEW, OrdStatus.SENT})
_TAKEN_OR_NOT: Final = frozenset({OrdStatus.CANCELED, OrdStatus.EXPIRED})

FateOf: TypeAlias = Mapping[ClOrdId, Settled]


class Fate(msgspec.Struct, frozen=True, gc=False):
    """One caller's share of it: a status, a sentence, and the order that it is about."""

    status: str
    message: str
    order_id: ClOrdId | None = None


_GRAVITY: Final = (UNKNOWN, PENDING, SUCCESS, REJECTED)
FateOfOne: TypeAlias = Callable[[ClOrdId, Settled | None], Fate]


class Share(msgspec.Struct, gc=False):
    """What a plan has for one account, or for one row."""

    orders: list[ClOrdId] = msgspec.field(default_factory=list)
    cancels: list[ClOrdId] = msgspec.field(default_factory=list)
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
        shares.setdefault(split_book(cancel.book)[0], Share()).cancels.append(cancel.cl_ord_id)
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


async def settled(call: Call, event: InstructionPlanned) -> FateOf:
    """How the plan's orders stand once their brokers have answered, or two seconds have passed.

    Orders that have left memory are looked up. Raises Problem ``VIEWS_UNAVAILABLE``.
    """
    asked = [draft.cl_ord_id for draft in event.orders]
    asked += [cancel.cl_ord_id for cancel in event.cancels]
    if not asked:
        return {}
    found = dict(await call.desk.settled(asked, WITHIN_NS))
    retired = [cl_ord_id for cl_ord_id in asked if cl_ord_id not in found]
    if retired:
        found |= await read_views(call, lambda views: _from_views(views, retired))
    return found


def fate(event: InstructionPlanned, share: Share | None, found: FateOf) -> Fate:
    """What became of one share of a plan; None: the plan has nothing for it."""
    if share is not None and share.orders:
        return _together(share.orders, found, _of_order)
    if share is not None and share.cancels:
        return _together(share.cancels, found, _of_cancel)
    reason = share.skips[0].reason if share is not None and share.skips else event.refusal
    if reason is None:
        return Fate(SKIPPED, "nothing to do")
    status = SKIPPED if reason.code in _NOTHING_TO_DO else REJECTED
    return Fate(status, str(reason))


def fate_of_orders(cl_ord_ids: Sequence[ClOrdId], found: FateOf) -> Fate:
    """What became of an order, or of the slices that it was cut into."""
    return _together(cl_ord_ids, found, _of_order)


def fate_of_cancel(cl_ord_id: ClOrdId, found: FateOf) -> Fate:
    """What became of the cancel of a working order."""
    return _of_cancel(cl_ord_id, found.get(cl_ord_id))


def _together(cl_ord_ids: Sequence[ClOrdId], found: FateOf, of: FateOfOne) -> Fate:
    """Slices of one order: doubt first, then what is to come. It is a success if any of them is, for
    whoever takes it for a failure sends it again.
    """
    fates = [of(cl_ord_id, found.get(cl_ord_id)) for cl_ord_id in cl_ord_ids]
    first = min(fates, key=lambda one: _GRAVITY.index(one.status))
    others = [one for one in fates if one.status != first.status]
    if not others:
        return first
    message = f"{first.message}; {len(others)} of {len(fates)} orders: {others[0].message}"
    return Fate(first.status, message, first.order_id)


def _of_order(cl_ord_id: ClOrdId, order: Settled | None) -> Fate:
    if order is None or order.status in _WAITING:
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


def _of_cancel(cl_ord_id: ClOrdId, order: Settled | None) -> Fate:
    """Of an exit that only had a working buy to call back."""
    if order is not None and order.status is OrdStatus.CANCELED:
        return Fate(SUCCESS, "the working buy is canceled", cl_ord_id)
    if order is not None and order.status is OrdStatus.IN_DOUBT:
        return Fate(UNKNOWN, order.message or "the buy is in doubt", cl_ord_id)
    return Fate(PENDING, "the working buy is being canceled", cl_ord_id)


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
