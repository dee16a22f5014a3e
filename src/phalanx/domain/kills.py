"""Kills: whom a switch stops. Five levels, each standing until it is lifted on purpose."""

from collections.abc import Container
from enum import StrEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import Account
from phalanx.domain.time import Nanoseconds

KillKey: TypeAlias = str
"""``level/name``; of everybody ``all/``."""


class KillLevel(StrEnum):
    """Whose new risk is stopped."""

    ALL = "all"
    BROKER = "broker"
    STRATEGY = "strategy"
    CLIENT = "client"
    ACCOUNT = "account"


class KillScope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A level and whom it names: a broker, a strategy, a client's number, an account; nobody for all."""

    level: KillLevel = KillLevel.ALL
    name: str = ""

    @property
    def key(self) -> KillKey:
        """Its place among the standing kills."""
        return f"{self.level.value}/{self.name}"

    def __str__(self) -> str:
        """As a sentence names it."""
        return "everybody" if self.level is KillLevel.ALL else f"{self.level.value} {self.name}"

    def covers(self, account: Account, strategy: str | None) -> bool:
        """Whether an account's order with this strategy is in it."""
        match self.level:
            case KillLevel.ALL:
                return True
            case KillLevel.BROKER:
                return self.name == account.broker
            case KillLevel.STRATEGY:
                return self.name == strategy
            case KillLevel.CLIENT:
                return self.name == str(account.client_id)
            case KillLevel.ACCOUNT:
                return self.name == account.id


EVERYBODY = KillScope()


class KillCancel(StrEnum):
    """What a kill cancels: nothing, what may still open risk, or also exits that are under way."""

    NOTHING = "nothing"
    ENTRIES = "entries"
    ALL = "all"


class DirectKill(msgspec.Struct, frozen=True, gc=False):
    """A kill that was ordered past the server. ``id``: drawn once, so that it is adopted once.

    ``time``: when, by the clock of whoever ordered it.
    """

    id: str
    scope: KillScope
    actor: str
    note: str
    time: Nanoseconds
    cancel: bool = True


class RaisedFlag(msgspec.Struct, frozen=True, gc=False):
    """What a raised kill flag orders; ``number`` tells it from what is ordered later."""

    number: int
    kills: tuple[DirectKill, ...]


def scopes_over(account: Account, strategy: str | None) -> tuple[KillScope, ...]:
    """Every scope that an account's order with this strategy is in, the widest first."""
    found = [EVERYBODY, KillScope(KillLevel.BROKER, account.broker)]
    if strategy is not None:
        found.append(KillScope(KillLevel.STRATEGY, strategy))
    found.append(KillScope(KillLevel.CLIENT, str(account.client_id)))
    found.append(KillScope(KillLevel.ACCOUNT, account.id))
    return tuple(found)


def stopping(kills: Container[KillKey], account: Account, strategy: str | None) -> KillScope | None:
    """The widest of these kills that stops new risk of the account under this strategy."""
    return next((one for one in scopes_over(account, strategy) if one.key in kills), None)
