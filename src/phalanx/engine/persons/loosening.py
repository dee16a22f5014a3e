"""What loosens a bound: the one place that says so, and why.

Asked of the events that a command would cause, against the state before them: however somebody
comes to such an event, it is the same thing.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final, TypeVar

from phalanx.domain.events import (
    Event,
    GroupPut,
    GroupRemoved,
    KillLifted,
    LimitPut,
    LimitRemoved,
    SettingsPut,
)
from phalanx.domain.groups import Group
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.settings import RiskSettings
from phalanx.engine.state import State, limit_key

_B = TypeVar("_B", int, bool)


class Looser(Enum):
    """Which change of a setting loosens it."""

    HIGHER = "higher"
    LOWER = "lower"
    HIGHER_OR_ZERO = "higher, or 0"
    ANY = "any change"


SETTINGS: Final[dict[str, tuple[Looser, str]]] = {
    "quantity_max": (Looser.HIGHER, "a larger order may go"),
    "value_max": (Looser.HIGHER, "a larger order may go"),
    "band_bps": (Looser.HIGHER, "a price further away may be sent"),
    "distance_bps": (Looser.HIGHER, "a price further away may be sent"),
    "protection_bps": (Looser.HIGHER, "a market order may trade at a worse price"),
    "stale_after_s": (Looser.HIGHER, "orders may be priced by older prices"),
    "open_orders_max": (Looser.HIGHER, "more orders may be open"),
    "orders_per_day_max": (Looser.HIGHER, "more orders may go"),
    "duplicate_window_s": (Looser.LOWER, "the same order may come again sooner"),
    "signal_expires_s": (Looser.HIGHER, "an older signal may be fired"),
    "order_expires_s": (Looser.HIGHER, "an older instruction may be fired"),
    "send_timeout_s": (Looser.ANY, "sooner is doubt that is none, later is doubt unseen"),
    "retire_after_s": (Looser.ANY, "what stays in memory is what doubt and late fills are told by"),
    "terminal_orders_max": (Looser.ANY, "as retire_after_s"),
    "keys_retain_s": (Looser.LOWER, "a repeated request may be carried out again sooner"),
    "keys_max": (Looser.LOWER, "a repeated request may be carried out again sooner"),
    "zone_offset_s": (
        Looser.ANY,
        "it moves the day's end: arming, day orders, the orders of a day",
    ),
    "entry_cancel_after_s": (Looser.HIGHER_OR_ZERO, "an entry may rest unfilled for longer"),
    "exit_reprice_after_s": (Looser.ANY, "sooner gives way to the price, later leaves a position"),
    "exit_reprices_max": (Looser.ANY, "as exit_reprice_after_s"),
    "collar_bps": (Looser.HIGHER, "a price may move further from what was previewed"),
    "held_max": (Looser.HIGHER, "more may wait to be fired at a time"),
    "break_deadline_s": (Looser.HIGHER, "a difference from a broker's book may stand for longer"),
    "approve_above": (Looser.HIGHER_OR_ZERO, "a larger instruction needs nobody else"),
    "approval_expires_s": (Looser.HIGHER, "an older instruction may be approved"),
    "undo_ms": (Looser.LOWER, "there is less time to take an order back"),
    "two_persons": (Looser.LOWER, "one person alone loosens whatever there is"),
    "change_expires_s": (Looser.HIGHER, "an older change may be approved"),
    "changes_max": (Looser.ANY, "fewer than wait already leaves none to ask for"),
    "paper_keeps_sessions": (Looser.LOWER, "orders on paper may go at any hour"),
    "square_off": (Looser.LOWER, "what is held intraday stays open"),
    "square_off_at_s": (Looser.HIGHER, "what is held intraday stays open for longer"),
    "square_off_auction_at_s": (Looser.HIGHER, "as square_off_at_s"),
}
"""Every setting: which change of it is the looser one, and what that lets through. One that is not here
counts as ``ANY``.
"""


def loosens(state: State, events: Iterable[Event]) -> bool:
    """Whether one of these lifts, raises or takes away what bounds new risk now."""
    return any(_loosens(state, event) for event in events)


def _loosens(state: State, event: Event) -> bool:
    match event:
        case KillLifted() | LimitRemoved():
            return True
        case LimitPut(limit=limit):
            return limit_is_looser(state.limits.get(limit_key(limit.level, limit.name)), limit)
        case SettingsPut(settings=settings):
            return any(
                setting_is_looser(name, before, after)
                for name, before, after in settings_changed(state.settings, settings)
            )
        case GroupPut(group=group):
            return _is_limited(state, group.name) and _loses(state.groups.get(group.name), group)
        case GroupRemoved(name=name):
            return _is_limited(state, name)
        case _:
            return False


def limit_is_looser(before: Limit | None, after: Limit) -> bool:
    """A bound raised or gone, or an instrument that may be bought again. A new limit only bounds."""
    if before is None:
        return False
    bounds = (
        (before.quantity_max, after.quantity_max),
        (before.value_max, after.value_max),
        (before.position_max, after.position_max),
        (before.orders_per_day_max, after.orders_per_day_max),
    )
    if any(old is not None and (new is None or new > old) for old, new in bounds):
        return True
    return not set(before.restricted) <= set(after.restricted)


def setting_is_looser(name: str, before: _B, after: _B) -> bool:
    """Whether a setting that changes becomes the looser one."""
    way, _ = SETTINGS.get(name, (Looser.ANY, ""))
    match way:
        case Looser.HIGHER:
            return after > before
        case Looser.LOWER:
            return after < before
        case Looser.HIGHER_OR_ZERO:
            # Zero is no bound at all.
            return bool(before) and (not after or after > before)
        case Looser.ANY:
            return after != before


def settings_changed(
    before: RiskSettings, after: RiskSettings
) -> list[tuple[str, int | bool, int | bool]]:
    """The name of every setting that differs, with both values."""
    return [
        (name, old, new)
        for name in RiskSettings.__struct_fields__
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def _is_limited(state: State, group: str) -> bool:
    return limit_key(LimitLevel.GROUP, group) in state.limits


def _loses(before: Group | None, after: Group) -> bool:
    """Whether an account leaves the group, and with it the group's limits."""
    if before is None:
        return False
    stay = {member.account for member in after.members}
    return any(member.account not in stay for member in before.members)
