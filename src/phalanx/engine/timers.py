"""Time passed: memory follows what is open, and nothing rests unfilled unseen."""

from phalanx.domain.events import DayRolled, Event, KeysForgotten, OrdersRetired
from phalanx.domain.time import SECOND, trading_day
from phalanx.engine.commands import Tick
from phalanx.engine.context import Context
from phalanx.engine.state import State
from phalanx.engine.unfilled import see_to_unfilled

RETIRED_AT_ONCE_MAX = 5_000
"""Most orders retired by one tick, so that a tick is never a long turn of the loop."""


def tick(state: State, command: Tick, context: Context) -> list[Event]:  # noqa: ARG001
    """Roll the day, retire what ended long enough ago or is beyond the bound, forget old keys, see to
    what rests unfilled.
    """
    events: list[Event] = []
    day = trading_day(context.now, state.settings.zone_offset_s)
    if day > state.day:
        events.append(DayRolled(context.now, day))
    retired = _retirable(state, context)
    if retired:
        events.append(OrdersRetired(context.now, tuple(retired)))
    forgotten = _forgotten_keys(state, context)
    if forgotten:
        events.append(KeysForgotten(context.now, forgotten))
    return events + see_to_unfilled(state, context)


def _retirable(state: State, context: Context) -> list[str]:
    oldest_kept = context.now - state.settings.retire_after_s * SECOND
    surplus = len(state.ended) - state.settings.terminal_orders_max
    retired: list[str] = []
    for cl_ord_id, ended_at in state.ended.items():
        if len(retired) >= RETIRED_AT_ONCE_MAX:
            break
        if ended_at > oldest_kept and len(retired) >= surplus:
            break
        retired.append(cl_ord_id)
    return retired


def _forgotten_keys(state: State, context: Context) -> int:
    oldest_kept = context.now - state.settings.keys_retain_s * SECOND
    count = 0
    for use in state.keys.values():
        if use.time > oldest_kept or count >= RETIRED_AT_ONCE_MAX:
            break
        count += 1
    return count
