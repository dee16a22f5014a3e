"""Which limits hold for one account: those of all its levels, of each kind the tightest."""

from phalanx.domain.accounts import Account
from phalanx.domain.events import Event, LimitPut, LimitRemoved
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.engine.commands import PutLimits
from phalanx.engine.context import Context
from phalanx.engine.refused import Refused
from phalanx.engine.state import State, limit_key

LIMITS_MAX = 50_000
NUMBER_DIGITS_MAX = 16


def put_limits(state: State, command: PutLimits, context: Context) -> list[Event]:
    """Upsert the limits of levels, then remove some, all or nothing.

    Raises Refused ``UNKNOWN_LEVEL_NAME``, ``NO_SUCH_LIMIT``, ``TOO_MANY_LIMITS``.
    """
    for limit in command.limits:
        if not has_level(state, limit.level, limit.name):
            detail = f"there is no {limit.level.value} {limit.name!r}"
            raise Refused("UNKNOWN_LEVEL_NAME", detail)
    for level, name in command.removed:
        if limit_key(level, name) not in state.limits:
            raise Refused("NO_SUCH_LIMIT", f"no limit stands for {level.value} {name}".strip())
    if (
        len({*state.limits, *(limit_key(one.level, one.name) for one in command.limits)})
        > LIMITS_MAX
    ):
        raise Refused("TOO_MANY_LIMITS", f"more than {LIMITS_MAX} limits")
    now, origin = context.now, command.origin
    events: list[Event] = [
        LimitPut(now, origin, limit)
        for limit in command.limits
        if state.limits.get(limit_key(limit.level, limit.name)) != limit
    ]
    return events + [LimitRemoved(now, origin, *removed) for removed in command.removed]


def has_level(state: State, level: LimitLevel, name: str) -> bool:
    """Whether there is something that a limit of this level and name would hold for."""
    match level:
        case LimitLevel.GLOBAL:
            return not name
        case LimitLevel.GROUP:
            return name in state.groups
        case LimitLevel.CLIENT:
            return _is_number(name) and int(name) in state.clients
        case LimitLevel.ACCOUNT:
            return name in state.accounts
        case LimitLevel.STRATEGY:
            return name in state.strategies


def _is_number(name: str) -> bool:
    """Whether it is a number as we write one: no sign, no zero in front, not too long to be an id."""
    is_plain = name.isascii() and name.isdecimal() and len(name) <= NUMBER_DIGITS_MAX
    return is_plain and not name.startswith("0")


def limit_for(state: State, account: Account, strategy: str | None = None) -> Limit | None:
    """The tightest of every kind over the account's levels; None when there is none at all."""
    if not state.limits:
        return None
    levels = (
        (LimitLevel.GLOBAL, ""),
        *((LimitLevel.GROUP, name) for name in state.groups_of.get(account.id, ())),
        (LimitLevel.CLIENT, str(account.client_id)),
        (LimitLevel.ACCOUNT, account.id),
        (LimitLevel.STRATEGY, strategy or ""),
    )
    standing = (state.limits.get(limit_key(level, name)) for level, name in levels)
    found = [limit for limit in standing if limit is not None]
    if not found:
        return None
    return Limit(
        LimitLevel.ACCOUNT,
        account.id,
        min(
            (limit.quantity_max for limit in found if limit.quantity_max is not None), default=None
        ),
        min((limit.value_max for limit in found if limit.value_max is not None), default=None),
        min(
            (limit.position_max for limit in found if limit.position_max is not None), default=None
        ),
        min(
            (limit.orders_per_day_max for limit in found if limit.orders_per_day_max is not None),
            default=None,
        ),
        tuple(dict.fromkeys(key for limit in found for key in limit.restricted)),
    )
