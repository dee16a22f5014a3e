"""Reference data, decided: only what really changes becomes an event."""

from collections import ChainMap

from phalanx.domain.accounts import Account, Mode, book_id
from phalanx.domain.events import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    Event,
    InstrumentsLoaded,
    SettingsPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.numbers import FIXED_MAX
from phalanx.engine.commands import LoadInstruments, PutReference
from phalanx.engine.context import Context
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def load_instruments(state: State, command: LoadInstruments, context: Context) -> list[Event]:
    """Another instrument file than the one in force."""
    if command.sha256 == state.instruments_sha256:
        return []
    return [
        InstrumentsLoaded(
            context.now,
            command.origin,
            command.sha256,
            command.count,
            command.name,
            command.added,
            command.changed,
            command.removed,
            state.instruments_sha256,
        )
    ]


def put_reference(state: State, command: PutReference, context: Context) -> list[Event]:
    """Upsert clients, accounts, strategies, subscriptions, settings; adjust cash.

    Raises Refused: ``UNKNOWN_CLIENT``, ``UNKNOWN_ACCOUNT``, ``UNKNOWN_STRATEGY``, ``ACCOUNT_MOVED``,
    ``ORDERS_WORKING``, ``NUMBER_TOO_LARGE``.
    """
    _check_references(state, command)
    now, origin = context.now, command.origin
    events: list[Event] = [
        ClientPut(now, origin, client)
        for client in command.clients
        if state.clients.get(client.id) != client
    ]
    events += [
        AccountPut(now, origin, account)
        for account in command.accounts
        if state.accounts.get(account.id) != account
    ]
    events += [CashAdjusted(now, origin, *adjustment) for adjustment in command.cash]
    events += [
        StrategyPut(now, origin, strategy)
        for strategy in command.strategies
        if state.strategies.get(strategy.name) != strategy
    ]
    events += [
        SubscriptionPut(now, origin, subscription)
        for subscription in command.subscriptions
        if state.subscriptions.get(subscription.strategy, {}).get(subscription.account)
        != subscription
    ]
    if command.settings is not None and command.settings != state.settings:
        events.append(SettingsPut(now, origin, command.settings))
    return events


def check_account(state: State, account: Account) -> None:
    """An order is the broker's and the login's that took it: while one works, or is in doubt, they stay, and
    so does the mode.

    Raises Refused ``ACCOUNT_MOVED``, ``ORDERS_WORKING``, ``LIVE_PLACE_IN_USE``.
    """
    before = state.accounts.get(account.id)
    if before is None:
        return
    if before.client_id != account.client_id:
        raise Refused("ACCOUNT_MOVED", f"{account.id} belongs to client {before.client_id}")
    if account.mode is Mode.LIVE and before.mode is Mode.LIVE and before.live != account.live:
        raise Refused("LIVE_PLACE_IN_USE", f"{account.id} trades there; switch it to paper first")
    places = [(one.mode, one.broker, one.login) for one in (before, account)]
    if places[0] == places[1]:
        return
    books = [state.books.get(book_id(account.id, mode)) for mode in Mode]
    working = sum(book.open_orders for book in books if book is not None)
    if working:
        detail = f"{account.id} has {working} orders that work or are in doubt"
        raise Refused("ORDERS_WORKING", detail)


def _check_references(state: State, command: PutReference) -> None:
    clients = ChainMap(state.clients, {client.id: client for client in command.clients})
    accounts = ChainMap(state.accounts, {account.id: account for account in command.accounts})
    strategies = ChainMap(state.strategies, {s.name: s for s in command.strategies})
    for account in command.accounts:
        if account.client_id not in clients:
            raise Refused("UNKNOWN_CLIENT", f"no client {account.client_id}")
        check_account(state, account)
    for subscription in command.subscriptions:
        if subscription.account not in accounts:
            raise Refused("UNKNOWN_ACCOUNT", f"no account {subscription.account}")
        if subscription.strategy not in strategies:
            raise Refused("UNKNOWN_STRATEGY", f"no strategy {subscription.strategy}")
    new_books = {book_id(account.id, mode) for account in command.accounts for mode in Mode}
    totals: dict[str, int] = {}
    for book, amount, _ in command.cash:
        if book not in state.books and book not in new_books:
            raise Refused("UNKNOWN_ACCOUNT", f"no book {book}")
        stands = state.books[book].cash if book in state.books else 0
        totals[book] = totals.get(book, stands) + amount
        if abs(totals[book]) > FIXED_MAX:
            raise Refused("NUMBER_TOO_LARGE", f"the cash of {book} would fit no number")
