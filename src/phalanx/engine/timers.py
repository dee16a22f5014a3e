"""Time passed: memory follows what is open, nothing crosses a date unsent or rests unfilled unseen."""

from itertools import islice

from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import DayRolled, Event, KeysForgotten, OrderEnded, OrdersRetired
from phalanx.domain.orders import UNSENT, ClOrdId, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import HOUR, SECOND, Nanoseconds, trading_day
from phalanx.engine.commands import Tick
from phalanx.engine.context import Context
from phalanx.engine.kills import cancel_further
from phalanx.engine.persons.arming import disarm_overdue
from phalanx.engine.persons.deciding import expire_changes
from phalanx.engine.state import Order, State
from phalanx.engine.unfilled import see_to_unfilled

RETIRED_AT_ONCE_MAX = 5_000
"""Most orders retired, or kept for the day, by one tick, so that a tick is never a long turn of the loop."""

EXPIRED_AT_ONCE_MAX = 5_000
"""Most unsent orders that one tick expires; the day rolls with the tick that expires the last."""

BEHIND_NS_MAX: Nanoseconds = 2 * HOUR
"""By so much our clock may have been behind a broker's when an order ended."""


def tick(state: State, command: Tick, context: Context) -> list[Event]:  # noqa: ARG001
    """Roll the day, retire what ended long enough ago or is beyond the bound, forget old keys, see to
    what rests unfilled, and to changes that nobody decided about. While a kill has yet to cancel, that
    alone: both may be about the same orders.
    """
    cancels = cancel_further(state, context)
    if cancels:
        return [*cancels]
    events = _roll_the_day(state, context)
    retired, kept = _due(state, context)
    if retired or kept:
        events.append(OrdersRetired(context.now, tuple(retired), tuple(kept)))
    forgotten = _forgotten_keys(state, context)
    if forgotten:
        events.append(KeysForgotten(context.now, forgotten))
    return events + expire_changes(state, context) + see_to_unfilled(state, context)


def _roll_the_day(state: State, context: Context) -> list[Event]:
    """A new trading day, after the orders of days before that were never sent have expired."""
    zone_offset_s = state.settings.zone_offset_s
    day = trading_day(context.now, zone_offset_s)
    if day <= state.day:
        return []
    unsent = (
        order.draft.cl_ord_id
        for order in state.orders.values()
        if order.status in UNSENT and trading_day(order.placed_at, zone_offset_s) < day
    )
    reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
    events: list[Event] = [
        OrderEnded(context.now, cl_ord_id, OrdStatus.EXPIRED, reason)
        for cl_ord_id in islice(unsent, EXPIRED_AT_ONCE_MAX)
    ]
    if len(events) < EXPIRED_AT_ONCE_MAX:
        events += disarm_overdue(state, context)
        events.append(DayRolled(context.now, day))
    return events


def _due(state: State, context: Context) -> tuple[list[ClOrdId], list[ClOrdId]]:
    """Whose time in memory is over: those that leave, and those that stay until the day rolls.

    Each is looked at once a day. How many stay is bounded by the orders that an account may place in a
    day (``orders_per_day_max``).
    """
    oldest_kept = context.now - state.settings.retire_after_s * SECOND
    surplus = len(state.ended) - state.settings.terminal_orders_max
    retired: list[ClOrdId] = []
    kept: list[ClOrdId] = []
    due = islice(state.ended.items(), RETIRED_AT_ONCE_MAX)
    for count, (cl_ord_id, ended_at) in enumerate(due):
        if ended_at > oldest_kept and count >= surplus:
            break
        stays = _stays_for_the_day(state, context, state.orders[cl_ord_id], ended_at)
        (kept if stays else retired).append(cl_ord_id)
    return retired, kept


def _stays_for_the_day(state: State, context: Context, order: Order, ended_at: Nanoseconds) -> bool:
    """The broker's book still shows it, and memory alone can tell what it is: at a broker without tags;
    also while executions of it are missing. A day more than ours, because a broker's may begin later; and
    what ended so shortly before a midnight that it was perhaps the next day there counts as of that.
    """
    capabilities = context.capabilities.get(state.accounts[state.book_of(order).account].broker)
    is_known_by_tag = capabilities is None or capabilities.kind is not BrokerKind.NO_TAG
    if is_known_by_tag and not order.missing:
        return False
    zone_offset_s = state.settings.zone_offset_s
    last_day = trading_day(ended_at + BEHIND_NS_MAX, zone_offset_s)
    return last_day >= trading_day(context.now, zone_offset_s) - 1


def _forgotten_keys(state: State, context: Context) -> int:
    oldest_kept = context.now - state.settings.keys_retain_s * SECOND
    count = 0
    for use in state.keys.values():
        if use.time > oldest_kept or count >= RETIRED_AT_ONCE_MAX:
            break
        count += 1
    return count
