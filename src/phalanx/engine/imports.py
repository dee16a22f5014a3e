"""Profiles ``{user: {strategy: [instrument, …]}}`` become clients, accounts and subscriptions.

An import is an upsert: what the file names is made or brought up to date, what it does not name
stays as it is. It is all or nothing, in one record, and a second import of the same file does nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec

from phalanx.domain.accounts import Account, Client, book_id, paper_account_id
from phalanx.domain.events import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    Event,
    LocalInstrumentPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    Instrument,
    InstrumentKey,
    instrument_key,
)
from phalanx.domain.numbers import SCALE, whole
from phalanx.domain.strategies import SellScope, Strategy, Subscription
from phalanx.engine.commands import ImportProfiles
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.state import State

LOCAL_TICK = 5 * SCALE // 100


def import_profiles(state: State, command: ImportProfiles, context: Context) -> list[Event]:
    """Clients by name, one primary paper account each, strategies, subscriptions.

    A new account gets ``command.cash`` and the fill profile of ``command.account`` (default:
    instant fills). Raises Refused ``AMBIGUOUS_TOKEN``.
    """
    importing = _Import(state, command, context)
    for user, strategies in command.profiles.items():
        importing.user(user, strategies)
    return importing.events()


class _Import:
    """Collects the events of one import; later users see what earlier ones brought."""

    def __init__(self, state: State, command: ImportProfiles, context: Context) -> None:
        self._state = state
        self._command = command
        self._context = context
        self._by_name = {client.name: client for client in state.clients.values()}
        self._next_client = max(state.clients, default=0) + 1
        self._locals: dict[InstrumentKey, Instrument] = {}
        self._strategies: dict[str, tuple[InstrumentKey, ...]] = {}
        self._people: list[Event] = []
        self._subscriptions: list[Event] = []

    def user(self, name: str, strategies: Mapping[str, Sequence[str]]) -> None:
        client = self._by_name.get(name) or self._new_client(name)
        account = self._state.primary_accounts.get(client.id) or self._new_account(client)
        for strategy, names in strategies.items():
            keys = tuple(dict.fromkeys(self._key(n) for n in names))
            known = self._strategies.get(strategy)
            if known is None:
                stored = self._state.strategies.get(strategy)
                known = stored.instruments if stored is not None else ()
            self._strategies[strategy] = tuple(dict.fromkeys((*known, *keys)))
            self._subscribe(account, strategy, keys)

    def events(self) -> list[Event]:
        now, origin = self._context.now, self._command.origin
        events: list[Event] = [
            LocalInstrumentPut(now, origin, instrument) for instrument in self._locals.values()
        ]
        events += self._people
        for name, keys in self._strategies.items():
            stored = self._state.strategies.get(name)
            enabled = stored.enabled if stored is not None else True
            strategy = Strategy(name, keys, enabled)
            if strategy != stored:
                events.append(StrategyPut(now, origin, strategy))
        return events + self._subscriptions

    def _new_client(self, name: str) -> Client:
        now = self._context.now
        client = Client(self._next_client, name, created_at=now)
        self._next_client += 1
        self._by_name[name] = client
        self._people.append(ClientPut(now, self._command.origin, client))
        return client

    def _new_account(self, client: Client) -> str:
        now, origin = self._context.now, self._command.origin
        template = self._command.account or Account("", 0)
        account = msgspec.structs.replace(
            template, id=paper_account_id(client.id, self._state.accounts), client_id=client.id
        )
        self._people.append(AccountPut(now, origin, account))
        book = book_id(account.id, account.mode)
        if self._command.cash:
            self._people.append(CashAdjusted(now, origin, book, self._command.cash, "opening cash"))
        return account.id

    def _subscribe(self, account: str, name: str, keys: tuple[InstrumentKey, ...]) -> None:
        stored = self._state.subscriptions.get(name, {}).get(account)
        if stored is None:
            wanted = Subscription(account, name, keys, sell_scope=SellScope.ACCOUNT)
        else:
            wanted = msgspec.structs.replace(stored, instruments=keys)
        if wanted != stored:
            now, origin = self._context.now, self._command.origin
            self._subscriptions.append(SubscriptionPut(now, origin, wanted))

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
