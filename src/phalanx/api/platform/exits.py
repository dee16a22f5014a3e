"""Exits by token: whose accounts, and how much of each."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from phalanx.api.naming import find_key
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import ExitRequest, Selection
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import Product
from phalanx.engine.exposure import coming
from phalanx.engine.state import State, position_key


class ExitTerms(Protocol):
    """How to get out of what."""

    @property
    def instrument(self) -> str:
        """As the caller wrote it."""
        ...

    @property
    def product(self) -> Product:
        """What of it."""
        ...

    @property
    def price(self) -> Price:
        """The limit; 0: at the market."""
        ...


class ExitEntry(Protocol):
    """Whose, and at most how much."""

    @property
    def client(self) -> int:
        """Whose."""
        ...

    @property
    def quantity(self) -> Quantity:
        """At most so much, over all its accounts."""
        ...


def exit_request(
    desk: Desk,
    terms: ExitTerms,
    entries: Iterable[ExitEntry],
    accounts: Sequence[AccountId] = (),
) -> ExitRequest:
    """One exit for all of them. An upper bound is a client's: its accounts share it, the primary one
    first, each as far as it holds something. ``accounts`` are the only ones, where they are named.

    Raises Problem ``AMBIGUOUS_TOKEN``.
    """
    key = find_key(desk, terms.instrument)
    state = desk.state
    wanted = list(entries)
    own = {entry.client: list(accounts) for entry in wanted}
    if not accounts:
        own = _accounts_of(state, set(own))
    quantities: list[tuple[AccountId, Quantity]] = []
    unknown: list[int] = []
    for entry in wanted:
        if not own[entry.client]:
            unknown.append(entry.client)
        quantities += _bounds(state, own[entry.client], key, terms.product, entry.quantity)
    selection = Selection(tuple(account for account, _ in quantities), tuple(unknown))
    return ExitRequest(
        terms.instrument,
        selection=selection,
        quantities=tuple(quantities),
        product=terms.product,
        price=terms.price,
    )


def _accounts_of(state: State, clients: set[int]) -> dict[int, list[AccountId]]:
    """The accounts of each client, its primary one first."""
    own: dict[int, list[AccountId]] = {client: [] for client in clients}
    for client in clients:
        primary = state.primary_accounts.get(client)
        if primary is not None:
            own[client].append(primary)
    for account in state.accounts.values():
        found = own.get(account.client_id)
        if found is not None and account.id not in found:
            found.append(account.id)
    return own


def _bounds(
    state: State,
    accounts: Sequence[AccountId],
    key: InstrumentKey,
    product: Product,
    quantity: Quantity,
) -> list[tuple[AccountId, Quantity]]:
    """Who may sell how much. What nobody holds is the first account's, which then says so."""
    left = quantity
    bounds: dict[AccountId, Quantity] = {}
    for account in accounts:
        part = min(left, _exposed(state, account, key, product))
        if part > 0:
            bounds[account] = part
            left -= part
    if accounts and left:
        bounds[accounts[0]] = bounds.get(accounts[0], 0) + left
    return list(bounds.items())


def _exposed(state: State, account: AccountId, key: InstrumentKey, product: Product) -> Quantity:
    """What an account holds, and what its working buys may still bring; of a short, its size."""
    found = state.accounts.get(account)
    if found is None:
        return 0
    book = state.books[found.book]
    held = book.positions.get(position_key(key, product))
    return coming(state, book, key, product) + (0 if held is None else abs(held.quantity))
