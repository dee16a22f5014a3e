"""Rules at work: which facts are to be told now, which are counted, and which are held back for a while."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from phalanx.alerts.matching import Fact
from phalanx.domain.accounts import AccountId
from phalanx.domain.alerts import AlertKind, AlertRule
from phalanx.domain.time import SECOND, Nanoseconds

SUBJECTS_MAX: Final = 2_000
"""Subjects of all rules that are counted at a time; the one that was quiet longest is forgotten."""

GroupsOf: TypeAlias = Mapping[AccountId, Sequence[str]]
_Key: TypeAlias = tuple[str, str]


class Due(msgspec.Struct, frozen=True):
    """To be told now: ``count`` of them since ``since``. ``is_summary``: those that were held back."""

    rule: AlertRule
    fact: Fact
    count: int
    since: Nanoseconds
    is_summary: bool = False


class _Seen(msgspec.Struct):
    """Of one rule and subject. ``times``: of the latest facts. ``told_at``: None while nothing was told."""

    rule: AlertRule
    times: deque[Nanoseconds]
    last: Fact
    told_at: Nanoseconds | None = None
    held: int = 0
    held_since: Nanoseconds = 0


class Watch:
    """Counts and throttles. Without I/O and clock; times are those of the facts."""

    def __init__(self) -> None:
        self._rules: dict[AlertKind, list[AlertRule]] = {}
        self._seen: OrderedDict[_Key, _Seen] = OrderedDict()
        self._holding: dict[_Key, None] = {}

    @property
    def kinds(self) -> Iterable[AlertKind]:
        """What any rule wants to be told."""
        return self._rules.keys()

    def use(self, rules: Iterable[AlertRule]) -> None:
        """These are the rules from now on; what changed begins anew."""
        found = {rule.name: rule for rule in rules if rule.enabled}
        self._rules = {}
        for rule in found.values():
            self._rules.setdefault(rule.what, []).append(rule)
        for key in [k for k, seen in self._seen.items() if found.get(k[0]) != seen.rule]:
            self._forget(key)

    def take(self, fact: Fact, groups_of: GroupsOf) -> Sequence[Due]:
        """What is to be told because of this."""
        rules = self._rules.get(fact.kind, ())
        found = (self._count(r, fact) for r in rules if _is_about(r, fact, groups_of))
        return [due for due in found if due is not None]

    def held(self, rule: str, subject: str) -> int:
        """So many are held back since it was told last."""
        seen = self._seen.get((rule, subject))
        return 0 if seen is None else seen.held

    def ripe(self, now: Nanoseconds) -> Sequence[Due]:
        """Of what was held back long enough, how much it was."""
        found = []
        for key in list(self._holding):
            seen = self._seen[key]
            assert seen.told_at is not None, "nothing is held back before something was told"
            if now - seen.told_at >= seen.rule.throttle_s * SECOND:
                found.append(Due(seen.rule, seen.last, seen.held, seen.held_since, is_summary=True))
                seen.held, seen.told_at = 0, now
                del self._holding[key]
        return found

    def _count(self, rule: AlertRule, fact: Fact) -> Due | None:
        key = (rule.name, fact.subject)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(rule, deque(maxlen=rule.threshold), fact)
            if len(self._seen) > SUBJECTS_MAX:
                self._forget(next(iter(self._seen)))
        self._seen.move_to_end(key)
        seen.last = fact
        seen.times.extend([fact.at] * min(fact.count, rule.threshold))
        since = seen.times[0]
        if len(seen.times) < rule.threshold or fact.at - since > rule.window_s * SECOND:
            return None
        if seen.told_at is not None and 0 <= fact.at - seen.told_at < rule.throttle_s * SECOND:
            seen.held_since = seen.held_since if seen.held else fact.at
            seen.held += fact.count
            self._holding[key] = None
            return None
        count = max(fact.count, rule.threshold) + seen.held
        seen.told_at, seen.held = fact.at, 0
        self._holding.pop(key, None)
        return Due(rule, fact, count, since)

    def _forget(self, key: _Key) -> None:
        del self._seen[key]
        self._holding.pop(key, None)


def _is_about(rule: AlertRule, fact: Fact, groups_of: GroupsOf) -> bool:
    """Whether a fact is about a rule's accounts. What is about everybody is about them too."""
    if not (rule.accounts or rule.groups) or not fact.accounts:
        return True
    return any(
        account in rule.accounts or any(one in rule.groups for one in groups_of.get(account, ()))
        for account in fact.accounts
    )
