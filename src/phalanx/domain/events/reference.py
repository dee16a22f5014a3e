"""Clients, accounts, strategies, groups, lists, limits, settings, switches, and positions that came in."""

from phalanx.domain.accounts import Account, AccountId, BookId, Client
from phalanx.domain.events.recorded import Recorded
from phalanx.domain.groups import Group, PriorityList
from phalanx.domain.hooks import HookSource
from phalanx.domain.instructions import (
    Origin,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import (
    ClOrdId,
    Product,
)
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import Nanoseconds


class ClientPut(Recorded, frozen=True, tag=5):
    """A client is new or changed."""

    origin: Origin
    client: Client


class AccountPut(Recorded, frozen=True, tag=6):
    """An account is new or changed."""

    origin: Origin
    account: Account


class CashAdjusted(Recorded, frozen=True, tag=7):
    """Cash came to or left a book other than by trading."""

    origin: Origin
    book: BookId
    amount: Money
    note: str = ""


class StrategyPut(Recorded, frozen=True, tag=8):
    """A strategy is new or changed."""

    origin: Origin
    strategy: Strategy


class SubscriptionPut(Recorded, frozen=True, tag=9):
    """A subscription is new or changed."""

    origin: Origin
    subscription: Subscription


class SettingsPut(Recorded, frozen=True, tag=10):
    """The settings that decide about orders changed."""

    origin: Origin
    settings: RiskSettings


class _KillSwitched(Recorded, frozen=True):
    """Of whom a kill is. Without a ``scope``, as it was written before there were others: of everybody
    (``account`` empty) or of one account.
    """

    origin: Origin
    account: AccountId
    note: str = ""
    scope: KillScope | None = None

    @property
    def whom(self) -> KillScope:
        """Whose kill it is, also where it says so in the old way."""
        if self.scope is not None:
            return self.scope
        return KillScope(KillLevel.ACCOUNT, self.account) if self.account else EVERYBODY


class KillPut(_KillSwitched, frozen=True, tag=21):
    """New risk is stopped for whom it names. ``cancels``: so many instructions that cancel what works
    there follow it in the record (what that does not hold is in later ones).
    """

    cancels: int = 0


class KillLifted(_KillSwitched, frozen=True, tag=22):
    """A kill was lifted on purpose."""


class GroupPut(Recorded, frozen=True, tag=29):
    """A group is new or changed."""

    origin: Origin
    group: Group


class GroupRemoved(Recorded, frozen=True, tag=30):
    """A group is gone; its accounts stay."""

    origin: Origin
    name: str


class ListPut(Recorded, frozen=True, tag=31):
    """A priority list is new or changed."""

    origin: Origin
    priority_list: PriorityList


class ListRemoved(Recorded, frozen=True, tag=32):
    """A priority list is gone."""

    origin: Origin
    name: str


class LimitPut(Recorded, frozen=True, tag=33):
    """A level's limits are new or changed, all of them at once."""

    origin: Origin
    limit: Limit


class LimitRemoved(Recorded, frozen=True, tag=34):
    """A level has no limits of its own any more."""

    origin: Origin
    level: LimitLevel
    name: str


class LotAdopted(Recorded, frozen=True, tag=37):
    """A position that the book holds already came in: one lot, which no order of ours opened.

    ``cost``: what all of it cost; with ``cost_known`` False nobody knows, and it is counted at
    zero. ``opened_at``: when it was bought.
    """

    origin: Origin
    lot: ClOrdId
    book: BookId
    instrument: InstrumentKey
    product: Product
    quantity: Quantity
    cost: Money
    cost_known: bool
    opened_at: Nanoseconds
    called: str = ""


class HookSourcePut(Recorded, frozen=True, tag=64):
    """A source of inbound webhooks is new or changed; its secrets are not in here."""

    origin: Origin
    source: HookSource


class HookSourceRemoved(Recorded, frozen=True, tag=65):
    """A source of inbound webhooks is gone."""

    origin: Origin
    name: str
