"""While ``two_persons`` is on, what loosens a bound stands behind an approval, in one record, by another."""

from collections.abc import Iterable

from phalanx.domain.events import (
    ChangeApproved,
    ChangeAsked,
    ChangeDeclined,
    ChangesExpired,
    Event,
    GroupPut,
    GroupRemoved,
    KillLifted,
    LimitPut,
    LimitRemoved,
    SettingsPut,
)
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.settings import RiskSettings
from phalanx.simulation.invariants.named import Invariant, holds

_BOUNDS = ("quantity_max", "value_max", "position_max", "orders_per_day_max")
_TIGHTER_WHEN_LOWER = ("quantity_max", "value_max", "open_orders_max", "orders_per_day_max")
_SEEN = frozenset(
    {
        *(ChangeAsked, ChangeApproved, ChangeDeclined, ChangesExpired, SettingsPut, KillLifted),
        *(LimitPut, LimitRemoved, GroupPut, GroupRemoved),
    }
)


class SecondPerson:
    """Reads the journal, and knows of limits, groups and settings only what it read there."""

    def __init__(self) -> None:
        self.loosened = 0
        self._settings = RiskSettings()
        self._limits: dict[tuple[LimitLevel, str], Limit] = {}
        self._members: dict[str, frozenset[str]] = {}
        self._askers: dict[str, str] = {}
        self._left = 0

    def begin_record(self) -> None:
        """What was approved in the record before allows nothing in this one."""
        self._left = 0

    def take(self, events: Iterable[Event]) -> None:
        """The next events of the record. Raises Violation."""
        for event in events:
            if type(event) not in _SEEN:
                self._left = max(0, self._left - 1)
                continue
            with holds(Invariant.SECOND_PERSON):
                self._check(event)
                self._learn(event)

    def _check(self, event: Event) -> None:
        if isinstance(event, ChangeApproved):
            asker = self._askers[event.change_id]
            assert event.origin.actor != asker, f"{asker} approved what {asker} asked for"
            assert not event.origin.actor.startswith(("key:", "hook:"))
            assert not (event.refusal and event.events)
            self._left = event.events
            return
        approved = self._left > 0
        self._left = max(0, self._left - 1)
        if self._is_looser(event):
            self.loosened += 1
            assert approved or not self._settings.two_persons, (
                f"{type(event).__name__} by one alone"
            )

    def _is_looser(self, event: Event) -> bool:
        match event:
            case KillLifted() | LimitRemoved():
                return True
            case LimitPut(limit=limit):
                before = self._limits.get((limit.level, limit.name))
                return before is not None and _is_looser(before, limit)
            case SettingsPut(settings=after):
                known = self._settings
                raised = any(
                    getattr(after, name) > getattr(known, name) for name in _TIGHTER_WHEN_LOWER
                )
                return raised or (known.two_persons and not after.two_persons)
            case GroupPut(group=group):
                left = self._members.get(group.name, frozenset()) - {
                    member.account for member in group.members
                }
                return bool(left) and (LimitLevel.GROUP, group.name) in self._limits
            case GroupRemoved(name=name):
                return (LimitLevel.GROUP, name) in self._limits
            case _:
                return False

    def _learn(self, event: Event) -> None:
        match event:
            case ChangeAsked(asked=asked):
                assert asked.id not in self._askers, f"{asked.id} is used twice"
                self._askers[asked.id] = asked.origin.actor
            case ChangeApproved() | ChangeDeclined():
                del self._askers[event.change_id]
            case ChangesExpired():
                for change_id in event.change_ids:
                    del self._askers[change_id]
            case SettingsPut():
                self._settings = event.settings
            case LimitPut(limit=limit):
                self._limits[limit.level, limit.name] = limit
            case LimitRemoved():
                self._limits.pop((event.level, event.name), None)
            case GroupPut(group=group):
                self._members[group.name] = frozenset(one.account for one in group.members)
            case GroupRemoved():
                self._members.pop(event.name, None)
            case _:
                pass


def _is_looser(before: Limit, after: Limit) -> bool:
    for name in _BOUNDS:
        old, new = getattr(before, name), getattr(after, name)
        if old is not None and (new is None or new > old):
            return True
    return any(key not in after.restricted for key in before.restricted)
