"""Rules of what is told to whom, by name."""

from phalanx.domain.alerts import RULE_NAMES_MAX, RULES_MAX, SECONDS_MAX, THRESHOLD_MAX, AlertRule
from phalanx.domain.events import AlertRulePut, AlertRuleRemoved, Event
from phalanx.engine.commands import PutAlertRules
from phalanx.engine.context import Context
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def put_alert_rules(state: State, command: PutAlertRules, context: Context) -> list[Event]:
    """Upsert rules, then remove some, all or nothing.

    Raises Refused ``INVALID_ALERT_RULE``, ``UNKNOWN_ACCOUNT``, ``UNKNOWN_GROUP``, ``UNKNOWN_ALERT_RULE``,
    ``TOO_MANY_ALERT_RULES``.
    """
    for rule in command.rules:
        _check(state, rule)
    for name in command.removed:
        if name not in state.alert_rules:
            raise Refused("UNKNOWN_ALERT_RULE", f"no alert rule {name}")
    if len({*state.alert_rules, *(rule.name for rule in command.rules)}) > RULES_MAX:
        raise Refused("TOO_MANY_ALERT_RULES", f"more than {RULES_MAX} rules")
    now, origin = context.now, command.origin
    events: list[Event] = [
        AlertRulePut(now, origin, rule)
        for rule in command.rules
        if state.alert_rules.get(rule.name) != rule
    ]
    return events + [AlertRuleRemoved(now, origin, name) for name in command.removed]


def _check(state: State, rule: AlertRule) -> None:
    in_bounds = (
        1 <= rule.threshold <= THRESHOLD_MAX
        and 1 <= rule.window_s <= SECONDS_MAX
        and 0 <= rule.throttle_s <= SECONDS_MAX
        and 1 <= len(rule.channels) <= RULE_NAMES_MAX
        and max(len(rule.accounts), len(rule.groups)) <= RULE_NAMES_MAX
    )
    if not in_bounds:
        raise Refused("INVALID_ALERT_RULE", f"{rule.name}: a number of it is out of bounds")
    for account in rule.accounts:
        if account not in state.accounts:
            raise Refused("UNKNOWN_ACCOUNT", f"no account {account}")
    for group in rule.groups:
        if group not in state.groups:
            raise Refused("UNKNOWN_GROUP", f"no group {group}")
