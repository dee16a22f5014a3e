"""The brokers' own books against ours: what they took, and at rest what is left of it."""

from collections.abc import Mapping

from phalanx.domain.accounts import AccountId
from phalanx.domain.orders import TERMINAL, ClOrdId, OrdStatus
from phalanx.engine.state import State, position_key
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, holds

_WORKS = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})


class Brokers:
    """Every exchange of a world. All raise Violation."""

    def __init__(self, exchanges: Mapping[str, StubExchange], disk: Disk) -> None:
        self._exchanges = exchanges
        self._disk = disk
        self.lost: set[ClOrdId] = set()
        """Orders whose dispatch the journal lost: of their accounts only a person knows what is right."""
        self.unknown: set[ClOrdId] = set()
        """Those of them that it does not know at all."""
        self._changed: set[ClOrdId] = set()
        """Orders with a request whose dispatch it lost: at their broker they may have other terms."""

    def forget(self, written: Mapping[str, ClOrdId], disk: Disk) -> None:
        """The journal lost its end; ``disk`` is what is left, and does not allow all that was written: orders
        and requests by their ids, each with the order that it is about.
        """
        self.lost = written.keys() - disk.dispatched.keys()
        self._changed = {written[id] for id in self.lost}
        self.unknown = self.lost - disk.drafts.keys()
        self._disk = disk

    def is_muddled(self) -> bool:
        """Whether an order has the id of a lost one, given to it before a reading showed that one.

        Which of the two a broker means by it cannot be said by anybody, so nothing of the story is judged
        any more. It cannot be prevented either: until then nothing anywhere tells the lost id from one that
        was never given. Once it was shown, ``Disk`` takes no order under it, nor under any id before it.
        """
        return not self.unknown.isdisjoint(self._disk.drafts)

    def is_in_disarray(self, account: AccountId) -> bool:
        """Whether orders of the account were lost."""
        return any(
            exchange.taken[tag][0].account == account
            for exchange in self._exchanges.values()
            for tag in self.lost & exchange.taken.keys()
        )

    def check(self, state: State | None = None) -> None:
        """At any time: each order that a broker took is one of ours, and it took each once; and its terms
        are what the state of a living process says, once nothing is under way about it, and so is its expiry.
        """
        with holds(Invariant.ONE_ORDER_PER_TAG):
            for exchange in self._exchanges.values():
                for tag, taken in exchange.taken.items():
                    if tag in self.lost:
                        continue
                    assert len(taken) == 1, f"{exchange.name} took {tag} {len(taken)} times"
                    assert tag in self._disk.drafts, f"{exchange.name} has {tag}, the disk has not"

        with holds(Invariant.ABSENCE):
            for exchange in self._exchanges.values():
                for tag in self._disk.absent & exchange.taken.keys():
                    raise AssertionError(f"{exchange.name} has {tag}, which was proved absent")

        if state is not None:
            self._check_terms(state)
            self._check_expired(state)

    def check_granted(self) -> None:
        """At any time: no replace is booked that its broker has not granted."""
        replaced = self._disk.executions.replaced
        for exchange in self._exchanges.values():
            for tag in exchange.taken.keys() & replaced.keys() - self.lost:
                with holds(Invariant.TERMS):
                    booked, granted = replaced[tag], exchange.replaced[tag]
                    assert booked <= granted, f"{tag}: {booked} replaces, {granted} granted"

    def _check_terms(self, state: State) -> None:
        for exchange in self._exchanges.values():
            for order in exchange.working():
                ours = state.orders.get(order.tag)
                if ours is None or ours.status not in _WORKS or order.tag in self._changed:
                    continue
                if ours.request is not None or ours.replacing is not None:
                    continue
                with holds(Invariant.TERMS):
                    here, there = (ours.quantity, ours.limit), (order.quantity, order.limit)
                    assert here == there, f"{order.tag} has {here}, at {exchange.name} {there}"

    def _check_expired(self, state: State) -> None:
        for exchange in self._exchanges.values():
            for order in exchange.orders():
                ours = state.orders.get(order.tag)
                if ours is None or ours.status is not OrdStatus.EXPIRED or order.tag in self.lost:
                    continue
                with holds(Invariant.EXPIRED_THERE):
                    theirs = order.status
                    assert theirs is ours.status, f"{order.tag} is {theirs.name} at {exchange.name}"

    def check_rest(self, state: State) -> None:
        """Positions, cash and orders are the broker's, to the last one."""
        self.check(state)
        for exchange in self._exchanges.values():
            self._check_orders(exchange, state)
            for account in exchange.accounts:
                if self.is_in_disarray(account):
                    continue
                self._check_books(exchange, account, state)

    def _check_orders(self, exchange: StubExchange, state: State) -> None:
        for order in exchange.orders():
            ours = state.orders.get(order.tag)
            if ours is None or order.tag in self.lost:
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
