"""The rules of what is told to whom."""

from phalanx.domain.alerts import AlertRule
from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import Origin


class AlertRulePut(Recorded, frozen=True, tag=70):
    """A rule is new or changed."""

    origin: Origin
    rule: AlertRule


class AlertRuleRemoved(Recorded, frozen=True, tag=71):
    """A rule is gone."""

    origin: Origin
    name: str
