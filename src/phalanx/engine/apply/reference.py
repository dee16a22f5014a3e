"""Reference data and switches."""

from phalanx.domain.accounts import Mode, book_id
from phalanx.domain.events import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    InstrumentsLoaded,
    KillLifted,
    KillPut,
    LocalInstrumentPut,
    SettingsPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.state import Book, Kill, State


def instruments_loaded(state: State, event: InstrumentsLoaded) -> None:
    """That instrument file is in force."""
    use_key(state, event.origin, event.time)
    state.instruments_sha256 = event.sha256


def local_instrument_put(state: State, event: LocalInstrumentPut) -> None:
    """A paper instrument of our own."""
    use_key(state, event.origin, event.time)
    state.local_instruments[event.instrument.key] = event.instrument


def client_put(state: State, event: ClientPut) -> None:
    """A client, by id."""
    use_key(state, event.origin, event.time)
    state.clients[event.client.id] = event.client


def account_put(state: State, event: AccountPut) -> None:
    """An account, with both its books from the first moment."""
    use_key(state, event.origin, event.time)
    account = event.account
    state.accounts[account.id] = account
    if account.primary:
        state.primary_accounts[account.client_id] = account.id
    for mode in Mode:
        book = book_id(account.id, mode)
        if book not in state.books:
            state.books[book] = Book(book, account.id, mode)


def cash_adjusted(state: State, event: CashAdjusted) -> None:
    """Cash came or went."""
    use_key(state, event.origin, event.time)
    state.books[event.book].cash += event.amount


def strategy_put(state: State, event: StrategyPut) -> None:
    """A strategy, by name."""
    use_key(state, event.origin, event.time)
    state.strategies[event.strategy.name] = event.strategy


def subscription_put(state: State, event: SubscriptionPut) -> None:
    """A subscription, by strategy and account."""
    use_key(state, event.origin, event.time)
    subscription = event.subscription
    state.subscriptions.setdefault(subscription.strategy, {})[subscription.account] = subscription


def settings_put(state: State, event: SettingsPut) -> None:
    """The settings that decide."""
    use_key(state, event.origin, event.time)
    state.settings = event.settings


def kill_put(state: State, event: KillPut) -> None:
    """New risk is stopped."""
    use_key(state, event.origin, event.time)
    state.kills[event.account] = Kill(event.origin, event.time, event.note)


def kill_lifted(state: State, event: KillLifted) -> None:
    """And allowed again."""
    use_key(state, event.origin, event.time)
    state.kills.pop(event.account, None)
