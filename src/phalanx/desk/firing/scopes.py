"""Scopes: which of a broker's limits bind an account, and with whom it shares them."""

from collections.abc import Mapping
from typing import NamedTuple

from phalanx.brokers.port import Broker, TellsEgress
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.capabilities import Capabilities, LimitScope


class Sharing(NamedTuple):
    """Who counts together: a login or an egress address (``name``) of a broker."""

    scope: LimitScope
    broker: str
    name: str


class Bounds(NamedTuple):
    """The limits of an account besides its own rate limit. ``account``: each account has these for
    itself. ``shared``: from the narrowest to the widest, with whom. ``slack_ms``: how much longer than
    it says every window is, the account's own included.
    """

    account: tuple[RateLimit, ...] = ()
    shared: tuple[tuple[Sharing, tuple[RateLimit, ...]], ...] = ()
    slack_ms: int = 0


UNBOUND = Bounds()


def bounds_of(account: Account, brokers: Mapping[str, Broker]) -> Bounds:
    """What binds an account, as its broker declares it; a broker that is not there binds nobody."""
    broker = brokers.get(account.broker)
    if broker is None:
        return UNBOUND
    capabilities, login = broker.capabilities, account.login
    shared = []
    if by_login := _limits(capabilities, LimitScope.LOGIN):
        shared.append((Sharing(LimitScope.LOGIN, account.broker, login), by_login))
    if by_egress := _limits(capabilities, LimitScope.EGRESS):
        address = broker.egress(login) if isinstance(broker, TellsEgress) else ""
        shared.append((Sharing(LimitScope.EGRESS, account.broker, address), by_egress))
    by_account = _limits(capabilities, LimitScope.ACCOUNT)
    return Bounds(by_account, tuple(shared), capabilities.limit_slack_ms)


def _limits(capabilities: Capabilities, scope: LimitScope) -> tuple[RateLimit, ...]:
    return tuple(
        declared.limit
        for declared in capabilities.limits
        if declared.scope is scope and declared.limit.count
    )
