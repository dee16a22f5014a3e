"""Commands that put what the desk keeps: instruments, clients, accounts, groups, lists, limits, rules, and
positions held already.
"""

from collections.abc import Mapping, Sequence

import msgspec

from phalanx.domain.accounts import Account, BookId, Client
from phalanx.domain.alerts import AlertRule
from phalanx.domain.groups import Group, PriorityList
from phalanx.domain.hooks import HookSource
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import Product
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import Nanoseconds


class LoadInstruments(msgspec.Struct, frozen=True, gc=False):
    """An instrument file, already stored under its hash, comes into force."""

    origin: Origin
    sha256: str
    count: int
    name: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0


class ImportProfiles(msgspec.Struct, frozen=True, gc=False):
    """Profiles ``{user: {strategy: [instrument name, …]}}``: upserted, all or nothing."""

    origin: Origin
    profiles: Mapping[str, Mapping[str, Sequence[str]]]
    cash: Money
    account: Account | None = None


class ImportRawDetails(msgspec.Struct, frozen=True, gc=False):
    """Users with a paper account each, and strategies that all trade all instruments; no subscriptions.

    Upserted, all or nothing; instruments by name.
    """

    origin: Origin
    users: tuple[str, ...]
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]
    cash: Money
    account: Account | None = None


class ImportedClient(msgspec.Struct, frozen=True, gc=False):
    """A client by name, with the opening cash of a new one and the group that its account joins."""

    name: str
    cash: Money
    group: str = ""


class ImportClients(msgspec.Struct, frozen=True, gc=False):
    """Clients by name, all or nothing; those that are there already keep what they have."""

    origin: Origin
    clients: tuple[ImportedClient, ...]
    account: Account | None = None


class PutReference(msgspec.Struct, frozen=True, gc=False):
    """Reference data, upserted in this order; ``cash`` are (book, amount, note) adjustments."""

    origin: Origin
    clients: tuple[Client, ...] = ()
    accounts: tuple[Account, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    cash: tuple[tuple[BookId, Money, str], ...] = ()
    settings: RiskSettings | None = None


class AdoptedLot(msgspec.Struct, frozen=True, gc=False):
    """A position to take over: ``cost`` is for all of it, None when nobody knows it."""

    book: BookId
    instrument: InstrumentKey
    product: Product
    quantity: Quantity
    cost: Money | None
    opened_at: Nanoseconds
    called: str = ""


class AdoptLots(msgspec.Struct, frozen=True, gc=False):
    """Opening positions, all or none."""

    origin: Origin
    lots: tuple[AdoptedLot, ...]


class PutGroups(msgspec.Struct, frozen=True, gc=False):
    """Groups by name: new, or changed as a whole; then those that go."""

    origin: Origin
    groups: tuple[Group, ...] = ()
    removed: tuple[str, ...] = ()


class PutLists(msgspec.Struct, frozen=True, gc=False):
    """Priority lists by name: new, or changed as a whole; then those that go."""

    origin: Origin
    lists: tuple[PriorityList, ...] = ()
    removed: tuple[str, ...] = ()


class PutHooks(msgspec.Struct, frozen=True, gc=False):
    """Sources of inbound webhooks by name: new, or changed as a whole; then those that go."""

    origin: Origin
    sources: tuple[HookSource, ...] = ()
    removed: tuple[str, ...] = ()


class PutLimits(msgspec.Struct, frozen=True, gc=False):
    """Limits by level and name: new, or changed as a whole; then those that go."""

    origin: Origin
    limits: tuple[Limit, ...] = ()
    removed: tuple[tuple[LimitLevel, str], ...] = ()


class PutAlertRules(msgspec.Struct, frozen=True, gc=False):
    """Rules of what is told, by name: new, or changed as a whole; then those that go."""

    origin: Origin
    rules: tuple[AlertRule, ...] = ()
    removed: tuple[str, ...] = ()
