"""Alerts: what is told to whom, and how. A rule holds no secret; a channel's address is sealed elsewhere."""

from enum import StrEnum
from typing import Final

import msgspec

from phalanx.domain.accounts import AccountId

RULES_MAX: Final = 200
RULE_NAMES_MAX: Final = 100
"""Most accounts, groups or channels of one rule."""
THRESHOLD_MAX: Final = 10_000
SECONDS_MAX: Final = 86_400
"""The longest window, and the longest time between two alerts of one subject."""


class AlertKind(StrEnum):
    """What may be told."""

    REJECT_STORM = "reject_storm"
    IN_DOUBT = "in_doubt"
    BREAK = "break"
    BREAK_OVERDUE = "break_overdue"
    UNFILLED_EXIT = "unfilled_exit"
    LIMIT_HIT = "limit_hit"
    DEAD_LOGIN = "dead_login"
    KILL = "kill"
    CHANGE_WAITING = "change_waiting"
    APPROVAL_WAITING = "approval_waiting"
    LOGIN_FAILED = "login_failed"
    LOSS = "loss"
    MARGIN_SHORT = "margin_short"
    API_USAGE = "api_usage"


WITHOUT_SOURCE: Final = frozenset({AlertKind.LOSS, AlertKind.MARGIN_SHORT, AlertKind.API_USAGE})
"""Nothing tells of these yet. A rule may name them already, and works once something does."""


class AlertRule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Tell ``channels`` when ``what`` happened ``threshold`` times within ``window_s``.

    ``accounts`` and ``groups``: whose; all when both are empty. At most one alert for each subject in
    ``throttle_s``, then one that says how many more there were.
    """

    name: str
    what: AlertKind
    channels: tuple[str, ...]
    accounts: tuple[AccountId, ...] = ()
    groups: tuple[str, ...] = ()
    threshold: int = 1
    window_s: int = 60
    throttle_s: int = 300
    enabled: bool = True
