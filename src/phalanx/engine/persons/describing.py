"""What a change would do, in sentences, for who has to decide about it."""

from collections.abc import Iterator
from itertools import islice

from phalanx.domain.changes import Change, GroupsChange, KillLift, LimitsChange, SettingsChange
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import format_fixed
from phalanx.domain.settings import SCALED
from phalanx.engine.state import State, limit_key

SENTENCES_MAX = 20
"""Said one by one; more are counted."""
NAMES_MAX = 10
_BOUNDS = ("quantity_max", "value_max", "position_max")


def describe(state: State, change: Change) -> tuple[str, ...]:
    """A sentence for each thing that the change would make otherwise than it is."""
    sentences = _sentences(state, change)
    said = list(islice(sentences, SENTENCES_MAX))
    more = sum(1 for _ in sentences)
    return (*said, f"and {more:,} more") if more else tuple(said)


def _sentences(state: State, change: Change) -> Iterator[str]:
    match change:
        case KillLift(scope=scope):
            yield f"lift the kill for {scope}"
        case SettingsChange(fields=fields):
            for name, value in fields:
                before = _setting(name, getattr(state.settings, name))
                yield f"setting {name}: {before} -> {_setting(name, value)}"
        case LimitsChange():
            for limit in change.limits:
                yield from _limit(state, limit)
            for level, name in change.removed:
                yield f"remove the limits of {_whose(level, name)}"
        case GroupsChange():
            yield from _groups(state, change)


def _setting(name: str, value: int) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_fixed(value) if name in SCALED else str(value)


def _limit(state: State, limit: Limit) -> Iterator[str]:
    before = state.limits.get(limit_key(limit.level, limit.name))
    before = before or Limit(limit.level, limit.name)
    changes = [
        f"{name} {_bound(old)} -> {_bound(new)}"
        for name in _BOUNDS
        if (old := getattr(before, name)) != (new := getattr(limit, name))
    ]
    if before.orders_per_day_max != limit.orders_per_day_max:
        old, new = before.orders_per_day_max, limit.orders_per_day_max
        changes.append(f"orders_per_day_max {_count(old)} -> {_count(new)}")
    allowed = [key for key in before.restricted if key not in set(limit.restricted)]
    if allowed:
        changes.append(f"no longer restricted: {_names(allowed)}")
    restricted = [key for key in limit.restricted if key not in set(before.restricted)]
    if restricted:
        changes.append(f"restricted: {_names(restricted)}")
    if changes:
        yield f"limits of {_whose(limit.level, limit.name)}: {'; '.join(changes)}"


def _groups(state: State, change: GroupsChange) -> Iterator[str]:
    for group in change.groups:
        before = state.groups.get(group.name)
        members = () if before is None else before.members
        stay = {member.account for member in group.members}
        left = [member.account for member in members if member.account not in stay]
        leave = f", without {_names(left)}" if left else ""
        yield f"group {group.name}: {len(members):,} -> {len(group.members):,} members{leave}"
    for name in change.removed:
        yield f"remove group {name}, with its limits"


def _whose(level: LimitLevel, name: str) -> str:
    return f"{level.value} {name}" if name else "everybody"


def _bound(value: int | None) -> str:
    return "none" if value is None else format_fixed(value)


def _count(value: int | None) -> str:
    return "none" if value is None else str(value)


def _names(names: list[str]) -> str:
    said = ", ".join(names[:NAMES_MAX])
    more = len(names) - NAMES_MAX
    return f"{said} and {more:,} more" if more > 0 else said
