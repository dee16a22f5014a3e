"""The brokers' own books against ours: what they took, and at rest what is left of it."""

from collections.abc import Mapping

from phalanx.domain.orders import TERMINAL
from phalanx.engine.state import State, position_key
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, holds


class Brokers:
    """Every exchange of a world. All raise Violation."""

    def __init__(self, exchanges: Mapping[str, StubExchange], disk: Disk) -> None:
        self._exchanges = exchanges
        self._disk = disk

    def check(self) -> None:
        """At any time: each order that a broker took is one of ours, and it took each once."""
        with holds(Invariant.ONE_ORDER_PER_TAG):
            for exchange in self._exchanges.values():
                for tag, taken in exchange.taken.items():
                    assert len(taken) == 1, f"{exchange.name} took {tag} {len(taken)} times"
                    assert tag in self._disk.drafts, f"{exchange.name} has {tag}, the disk has not"

        with holds(Invariant.ABSENCE):
            for exchange in self._exchanges.values():
                for tag in self._disk.absent & exchange.taken.keys():
                    raise AssertionError(f"{exchange.name} has {tag}, which was proved absent")

    def check_rest(self, state: State) -> None:
        """Positions, cash and orders are the broker's, to the last one."""
        self.check()
        for exchange in self._exchanges.values():
            self._check_orders(exchange, state)
            for account in exchange.accounts:
                self._check_books(exchange, account, state)

    def _check_orders(self, exchange: StubExchange, state: State) -> None:
        for order in exchange.orders():
            ours = state.orders.get(order.tag)
            if ours is None:
                continue
            theirs = f"{order.status.name} {order.cum_quantity}"
            with holds(Invariant.TERMINAL_KEPT):
                ended = ours.status in TERMINAL
                same = ended == (order.status in TERMINAL)
                assert same, f"{order.tag} is {ours.status.name}, at {exchange.name} {theirs}"
            with holds(Invariant.FILLED_WITHIN_ORDERED):
                same = ours.cum_quantity == order.cum_quantity
                assert same, f"{order.tag} has {ours.cum_quantity} filled, there {theirs}"

    def _check_books(self, exchange: StubExchange, account: str, state: State) -> None:
        book = state.books[state.accounts[account].book]
        theirs = exchange.book(account)
        with holds(Invariant.POSITIONS):
            ours = {key: held.quantity for key, held in book.positions.items() if held.quantity}
            shown = {
                position_key(p.instrument, p.product): p.quantity for p in theirs.positions or ()
            }
            assert ours == shown, f"{account} has {ours}, at {exchange.name} {shown}"
        with holds(Invariant.CASH):
            assert book.cash == theirs.cash, f"{account}: {book.cash}, there {theirs.cash}"
