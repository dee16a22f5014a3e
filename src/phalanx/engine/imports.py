"""Files of names become clients, accounts, strategies, subscriptions and groups.

An import is an upsert: what the file names is made or brought up to date, what it does not name
stays as it is. It is all or nothing, in one record, and a second import of the same file does nothing.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from phalanx.domain.accounts import Account, AccountId, Client, book_id, paper_account_id
from phalanx.domain.events import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    Event,
    GroupPut,
    LocalInstrumentPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    Instrument,
    InstrumentKey,
    instrument_key,
)
from phalanx.domain.numbers import SCALE, Money, whole
from phalanx.domain.strategies import SellScope, Strategy, Subscription
from phalanx.engine.commands import ImportClients, ImportProfiles, ImportRawDetails
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.groups import check_groups
from phalanx.engine.state import State

LOCAL_TICK = 5 * SCALE // 100


def import_profiles(state: State, command: ImportProfiles, context: Context) -> list[Event]:
    """Clients by name, one primary paper account each, strategies, subscriptions.

    A new account gets ``command.cash`` and the fill profile of ``command.account`` (default:
    instant fills). Raises Refused ``AMBIGUOUS_TOKEN``.
    """
    people = _People(state, command.origin, command.account, context)
    trades = _Trades(state, command.origin, context)
    for user, strategies in command.profiles.items():
        account = people.account_of(user, command.cash)
        for strategy, names in strategies.items():
            keys = trades.keys(names)
            trades.strategy(strategy, keys)
            trades.subscribe(account, strategy, keys)
    return trades.locals() + people.events + trades.strategies() + trades.subscriptions


def import_raw_details(state: State, command: ImportRawDetails, context: Context) -> list[Event]:
    """Clients as profiles bring them, and strategies that trade all the instruments; nobody subscribes.

    A strategy that is there already gets the instruments that it does not have. Raises Refused
    ``AMBIGUOUS_TOKEN``.
    """
    people = _People(state, command.origin, command.account, context)
    trades = _Trades(state, command.origin, context)
    for user in command.users:
        people.account_of(user, command.cash)
    keys = trades.keys(command.instruments)
    for strategy in command.strategies:
        trades.strategy(strategy, keys)
    return trades.locals() + people.events + trades.strategies()


def import_clients(state: State, command: ImportClients, context: Context) -> list[Event]:
    """New clients with their opening cash; those of that name keep theirs. Then groups get their accounts.

    A group is made when it is missing; who is in it already keeps his multiplier. Raises Refused
    ``TOO_MANY_MEMBERS``, ``TOO_MANY_GROUPS``.
    """
    people = _People(state, command.origin, command.account, context)
    groups: dict[str, dict[AccountId, Member]] = {}
    for row in command.clients:
        account = people.account_of(row.name, row.cash)
        if not row.group:
            continue
        if row.group not in groups:
            stored = state.groups.get(row.group)
            members = () if stored is None else stored.members
            groups[row.group] = {member.account: member for member in members}
        groups[row.group].setdefault(account, Member(account))
    wanted = [Group(name, tuple(members.values())) for name, members in groups.items()]
    check_groups(state, wanted, ChainMap(state.accounts, people.accounts))
    now, origin = context.now, command.origin
    return people.events + [
        GroupPut(now, origin, group) for group in wanted if state.groups.get(group.name) != group
    ]


class _People:
    """Collects new clients with one paper account each; a name that came before is the same client."""

    def __init__(
        self, state: State, origin: Origin, template: Account | None, context: Context
    ) -> None:
        self.events: list[Event] = []
        self.accounts: dict[AccountId, Account] = {}
        self._state = state
        self._origin = origin
        self._template = template or Account("", 0)
        self._now = context.now
        self._primary = dict(state.primary_accounts)
        self._by_name = {client.name: client for client in state.clients.values()}
        self._next_client = max(state.clients, default=0) + 1

    def account_of(self, name: str, cash: Money) -> AccountId:
        """The primary account of that client; both are made when there is none, with ``cash``."""
        client = self._by_name.get(name) or self._new_client(name)
        return self._primary.get(client.id) or self._new_account(client, cash)

    def _new_client(self, name: str) -> Client:
        client = Client(self._next_client, name, created_at=self._now)
        self._next_client += 1
        self._by_name[name] = client
        self.events.append(ClientPut(self._now, self._origin, client))
        return client

    def _new_account(self, client: Client, cash: Money) -> AccountId:
        account = msgspec.structs.replace(
            self._template,
            id=paper_account_id(client.id, self._state.accounts),
            client_id=client.id,
        )
        self.accounts[account.id] = account
        self._primary[client.id] = account.id
        self.events.append(AccountPut(self._now, self._origin, account))
        if cash:
            book = book_id(account.id, account.mode)
            self.events.append(CashAdjusted(self._now, self._origin, book, cash, "opening cash"))
        return account.id


class _Trades:
    """Collects what is traded: made-up instruments, strategies, and who subscribes to them."""

    def __init__(self, state: State, origin: Origin, context: Context) -> None:
        self.subscriptions: list[Event] = []
        self._state = state
        self._origin = origin
        self._context = context
        self._locals: dict[InstrumentKey, Instrument] = {}
        self._strategies: dict[str, tuple[InstrumentKey, ...]] = {}

    def keys(self, names: Iterable[str]) -> tuple[InstrumentKey, ...]:
        """The instruments of these names, each once; what nobody knows is made up for paper."""
        return tuple(dict.fromkeys(self._key(name) for name in names))

    def strategy(self, name: str, keys: Sequence[InstrumentKey]) -> None:
        """A strategy trades these as well."""
        known = self._strategies.get(name)
        if known is None:
            stored = self._state.strategies.get(name)
            known = stored.instruments if stored is not None else ()
        self._strategies[name] = tuple(dict.fromkeys((*known, *keys)))

    def subscribe(self, account: AccountId, name: str, keys: tuple[InstrumentKey, ...]) -> None:
        """An account follows a strategy with these instruments; other terms stay as they are."""
        stored = self._state.subscriptions.get(name, {}).get(account)
        if stored is None:
            wanted = Subscription(account, name, keys, sell_scope=SellScope.ACCOUNT)
        else:
            wanted = msgspec.structs.replace(stored, instruments=keys)
        if wanted != stored:
            self.subscriptions.append(SubscriptionPut(self._context.now, self._origin, wanted))

    def locals(self) -> list[Event]:
        """The instruments that were made up."""
        now = self._context.now
        return [LocalInstrumentPut(now, self._origin, made) for made in self._locals.values()]

    def strategies(self) -> list[Event]:
        """The strategies that are new or changed; one that is off stays off."""
        events: list[Event] = []
        stored: Mapping[str, Strategy] = self._state.strategies
        for name, keys in self._strategies.items():
            before = stored.get(name)
            wanted = Strategy(name, keys, before.enabled if before is not None else True)
            if wanted != before:
                events.append(StrategyPut(self._context.now, self._origin, wanted))
        return events

    def _key(self, name: str) -> InstrumentKey:
        found = find_instrument(self._state, self._context, name)
        if found is not None:
            return found.key
        key = instrument_key(LOCAL_EXCHANGE, name)
        if key not in self._locals:
            self._locals[key] = Instrument(
                key, LOCAL_EXCHANGE, name, name, "EQ", whole(1), LOCAL_TICK
            )
        return key
