"""What a client has: cash and holds from the books, P&L from its trades and the last prices."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from phalanx.desk.desk import Desk
from phalanx.domain.accounts import Account
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.numbers import Money, multiply
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import Book, State
from phalanx.views.queries import Views
from phalanx.views.rows import ClientSumRow


class ClientPnl(msgspec.Struct, frozen=True, gc=False):
    """P&L of a client's trades. ``updated_at_ns``: when the client or an account of it was changed."""

    realized: Money = 0
    unrealized: Money = 0
    updated_at_ns: Nanoseconds = 0

    @property
    def total(self) -> Money:
        """Both together."""
        return self.realized + self.unrealized


NOTHING = ClientPnl()


def pnl_of_clients(views: Views, desk: Desk, client_ids: Iterable[int]) -> Mapping[int, ClientPnl]:
    """P&L by client, of those that the views know, at the last prices. For a thread of the readers."""
    wanted = set(client_ids)
    if not wanted:
        return {}
    rows = views.client_sums(min(wanted), max(wanted))
    return {row.client_id: _pnl(row, desk.quote) for row in rows if row.client_id in wanted}


def books_of(state: State, client_id: int) -> list[Book]:
    """The books of a client's accounts that are in the mode of its primary one, that one first."""
    primary = state.accounts.get(state.primary_accounts.get(client_id, ""))
    if primary is None:
        return []
    others = [a for a in state.accounts.values() if a.client_id == client_id and a is not primary]
    accounts: list[Account] = [primary, *(a for a in others if a.mode is primary.mode)]
    return [state.books[account.book] for account in accounts]


def _pnl(row: ClientSumRow, quote: Callable[[InstrumentKey], Quote | None]) -> ClientPnl:
    unrealized = 0
    for held in row.held:
        price = quote(held.instrument)
        if price is not None:
            unrealized += multiply(price.last, held.quantity) - held.cost
    return ClientPnl(row.realized, unrealized, row.updated_at_ns)
