"""What the people of a story ask for: every kind of instruction, in the shares a desk sees them in."""

from collections.abc import Callable
from typing import TypeAlias

from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import (
    BatchRequest,
    BatchRow,
    CancelRestRequest,
    ExitRequest,
    ExitScope,
    FollowUp,
    OrderRequest,
    Origin,
    PriorityBuyRequest,
    SignalRequest,
)
from phalanx.domain.kills import EVERYBODY, KillCancel, KillLevel, KillScope
from phalanx.domain.numbers import Price, whole
from phalanx.domain.orders import PRICED, ClOrdId, OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.state import Order, State
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.people import KEYS, LIST, NAMES, STRATEGIES
from phalanx.simulation.world import World

Make: TypeAlias = Callable[[Origin], c.Command]


def on_tick(price: Price, basis_points: int) -> Price:
    """That much away from a price, on a tick that is good for every instrument of a story."""
    tick = whole(1) // 20
    return (price + price * basis_points // 10_000) // tick * tick


def some_scope(chance: Chance, state: State) -> KillScope:
    """Whom a kill may name, on each of the five levels."""
    account = chance.choice(list(state.accounts.values()))
    return chance.choice(
        (
            EVERYBODY,
            KillScope(KillLevel.BROKER, account.broker),
            KillScope(KillLevel.STRATEGY, chance.choice(STRATEGIES)),
            KillScope(KillLevel.CLIENT, str(account.client_id)),
            KillScope(KillLevel.ACCOUNT, account.id),
        )
    )


class Wishes:
    """Draws one wish after another, for the world as somebody at a screen sees it."""

    def __init__(self, chance: Chance, world: World) -> None:
        self._chance = chance
        self._world = world
        self._wishes: tuple[tuple[Callable[[], Make | None], int], ...] = (
            (self._order, 30),
            (self._signal, 22),
            (self._exit, 10),
            (self._batch, 6),
            (self._list_buy, 4),
            (self._cancel, 12),
            (self._replace, 8),
            (self._cancel_rest, 3),
            (self._held, 3),
        )
        self._weights = [weight for _, weight in self._wishes]

    def next(self) -> Make | None:
        """A command, or None when there is nothing that it could be about."""
        wish, _ = self._chance.choices(self._wishes, self._weights)[0]
        return wish()

    def _order(self) -> Make:
        request = self._single()
        expires_s = self._chance.choice((None, None, 1))
        return lambda origin: c.Submit(origin, request, expires_s=expires_s)

    def _held(self) -> Make:
        """An order that waits for its time."""
        request = self._single()
        fire_at = self._world.desk.clock.now() + self._chance.choice((1, 3)) * SECOND
        return lambda origin: c.Submit(origin, request, fire_at=fire_at)

    def _signal(self) -> Make:
        pick = self._chance.choice
        side = pick((Side.BUY, Side.BUY, Side.SELL))
        request = SignalRequest(pick(STRATEGIES), pick(NAMES), side)
        return lambda origin: c.Submit(origin, request)

    def _exit(self) -> Make:
        pick = self._chance.choice
        scope = pick(list(ExitScope))
        request = ExitRequest(pick((*NAMES, "")), "", pick((10_000, 5_000)), scope)
        return lambda origin: c.Submit(origin, request)

    def _batch(self) -> Make:
        rows = []
        for _ in range(self._chance.randint(2, 3)):
            one = self._single()
            rows.append(
                BatchRow(
                    0,
                    one.account,
                    one.instrument,
                    one.side,
                    one.product,
                    one.ord_type,
                    one.quantity,
                    one.price,
                    one.time_in_force,
                )
            )
        request = BatchRequest(tuple(rows))
        return lambda origin: c.Submit(origin, request)

    def _list_buy(self) -> Make:
        request = PriorityBuyRequest(LIST, max_new=self._chance.choice((1, 2)))
        return lambda origin: c.Submit(origin, request)

    def _cancel(self) -> Make | None:
        order = self._some_order()
        if order is None:
            return None
        cl_ord_id = order.draft.cl_ord_id
        return lambda origin: c.CancelOrder(origin, cl_ord_id)

    def _replace(self) -> Make | None:
        order = self._some_order()
        if order is None:
            return None
        cl_ord_id = order.draft.cl_ord_id
        price = None
        if self._chance.happens(30):
            # Back to what it was: terms that are not new prove nothing.
            quantity = order.draft.quantity
            price = order.draft.limit if order.draft.ord_type in PRICED else None
            return lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity, price)
        quantity = max(whole(1), order.quantity + whole(self._chance.randint(-4, 4)))
        if order.draft.ord_type in PRICED:
            price = on_tick(order.limit, self._chance.choice((-50, 0, 50)))
        return lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity, price)

    def _cancel_rest(self) -> Make | None:
        order = self._some_order()
        if order is None:
            return None
        parent = order.instruction_id
        return lambda origin: c.Submit(
            origin, CancelRestRequest(parent), parent=parent, follow_up=FollowUp.CANCEL
        )

    def there_and_back(self) -> tuple[AccountId, ClOrdId, Make, Make] | None:
        """More of a working order, and then what it was: whose it is, which, and both commands."""
        state = self._state
        found = [order for order in state.open_orders() if order.status is OrdStatus.NEW]
        if not found:
            return None
        order = self._chance.choice(found)
        cl_ord_id, quantity = order.draft.cl_ord_id, order.quantity
        price = order.limit if order.draft.ord_type in PRICED else None
        return (
            state.book_of(order).account,
            cl_ord_id,
            lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity + whole(1), price),
            lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity, price),
        )

    def lift(self) -> Make | None:
        """The kill that has stood longest is lifted."""
        for kill in self._state.kills.values():
            scope = kill.scope
            return lambda origin: c.LiftKill(origin, scope)
        return None

    def kill(self) -> Make:
        """Somebody stops something, on any level, and perhaps cancels what works there."""
        scope = some_scope(self._chance, self._state)
        cancel = self._chance.choice((KillCancel.NOTHING, KillCancel.ENTRIES, KillCancel.ALL))
        block = cancel is KillCancel.NOTHING or self._chance.happens(80)
        return lambda origin: c.PutKill(origin, scope, block=block, cancel=cancel)

    def _single(self) -> OrderRequest:
        """One order of one account; sometimes it sells what is held."""
        pick = self._chance.choice
        books = [one for one in self._state.books.values() if one.positions]
        side, quantity = Side.BUY, whole(self._chance.randint(1, 20))
        account, instrument = pick(list(self._state.accounts)), pick(KEYS)
        product = pick((Product.DELIVERY, Product.DELIVERY, Product.INTRADAY))
        if books and self._chance.happens(40):
            book = pick(books)
            held = pick(list(book.positions.values()))
            side = Side.SELL
            account, instrument, product = book.account, held.instrument, held.product
            quantity = max(whole(1), held.quantity)
        ord_type = pick((OrdType.MARKET, OrdType.LIMIT, OrdType.LIMIT))
        price = self._price(instrument) if ord_type is OrdType.LIMIT else 0
        force = pick((*[TimeInForce.DAY] * 9, TimeInForce.IOC))
        return OrderRequest(0, account, instrument, side, product, ord_type, quantity, price, force)

    def _price(self, instrument: str) -> Price:
        quote = self._world.quotes.get(instrument)
        assert quote is not None
        return on_tick(quote.last, self._chance.choice((-100, 0, 100)))

    def _some_order(self) -> Order | None:
        found = list(self._state.open_orders())
        return self._chance.choice(found) if found else None

    @property
    def _state(self) -> State:
        return self._world.desk.state
