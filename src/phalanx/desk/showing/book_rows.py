"""The rows of books: cash and open orders of each (account, mode), and which of them are worth showing."""

from collections.abc import Iterator

from phalanx.desk.showing.messages import AccountRow
from phalanx.domain.accounts import Account, AccountId, BookId, Mode, book_id
from phalanx.domain.numbers import Money
from phalanx.engine.state import State


class BookRows:
    """Every book as durable events made it, and those that changed since ``changes`` was asked.

    Shown are those that an account's instructions go to, and those with cash or open orders.
    """

    def __init__(self, state: State) -> None:
        self._rows: dict[BookId, AccountRow] = {}
        self._current: dict[AccountId, BookId] = {}
        self._changed: dict[BookId, None] = {}
        for account in state.accounts.values():
            self._current[account.id] = account.book
        for book in state.books.values():
            client_id = state.accounts[book.account].client_id
            row = AccountRow(book.account, client_id, book.mode.name, book.cash, book.open_orders)
            self._rows[book.id] = row

    def shown(self) -> dict[BookId, AccountRow]:
        """Those worth showing."""
        return {key: row for key, row in self._rows.items() if self._is_shown(key)}

    def account_of(self, book: BookId) -> AccountId:
        """Whose book it is."""
        return self._rows[book].account

    def put(self, account: Account) -> None:
        """The account is new, or changed."""
        before = self._current.get(account.id)
        self._current[account.id] = account.book
        for mode in Mode:
            key = book_id(account.id, mode)
            if key not in self._rows:
                self._rows[key] = AccountRow(account.id, account.client_id, mode.name)
        if before != account.book:
            self._changed.update(dict.fromkeys(key for key in (before, account.book) if key))

    def add_cash(self, book: BookId, amount: Money) -> None:
        """Cash came or went."""
        self._rows[book].cash += amount
        self._changed[book] = None

    def add_open(self, book: BookId, count: int) -> None:
        """So many orders more (or fewer) are open."""
        self._rows[book].open_orders += count
        self._changed[book] = None

    def changes(self) -> Iterator[tuple[BookId, AccountRow | None]]:
        """The books that changed since the last time; None for one that is not to be shown."""
        changed, self._changed = self._changed, {}
        for key in changed:
            yield key, self._rows[key] if self._is_shown(key) else None

    def _is_shown(self, key: BookId) -> bool:
        row = self._rows[key]
        return bool(row.cash or row.open_orders) or self._current[row.account] == key
