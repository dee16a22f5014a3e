"""What the tests of exits begin with."""

from collections.abc import Iterable

from phalanx.domain.events import Event, InstructionPlanned, OrderEnded, OrderReported
from phalanx.domain.numbers import Quantity, whole
from phalanx.domain.orders import ClOrdId, OrderDraft, Product, Side
from tests.engine_world import World


def held(
    world: World,
    quantity: str = "10",
    instrument: str = "INFY",
    product: Product = Product.DELIVERY,
    client: int = 1,
) -> ClOrdId:
    """So much was bought: the lot."""
    world.wait(2)  # two of a kind are no duplicates
    planned = world.order(Side.BUY, instrument, quantity, product=product, client=client)
    (draft,) = planned.orders
    world.filled(draft.cl_ord_id)
    return draft.cl_ord_id


def working(
    world: World,
    side: Side,
    quantity: str,
    price: str = "",
    *,
    instrument: str = "INFY",
    product: Product = Product.DELIVERY,
) -> ClOrdId:
    """An order that works at the broker, LIMIT when it has a price."""
    world.wait(2)
    (draft,) = world.order(side, instrument, quantity, price, product=product).orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def short(world: World, quantity: int) -> None:
    """The book is short of so much: a sell was filled beyond what was held."""
    held(world, "1")
    sell = working(world, Side.SELL, "1")
    world.filled(sell, str(1 + quantity))
    assert world.held("INFY") == -whole(quantity)


def next_day(world: World) -> None:
    """What is held now was bought before today."""
    world.wait(86_400)


def sold(planned: InstructionPlanned) -> list[tuple[Side, Quantity]]:
    """Side and whole units of its orders."""
    return [(draft.side, draft.quantity // whole(1)) for draft in planned.orders]


def called_back(planned: InstructionPlanned) -> list[tuple[ClOrdId, int]]:
    """Which orders it cancels, and how many whole units of each it sells again."""
    return [(cancel.cl_ord_id, cancel.resell // whole(1)) for cancel in planned.cancels]


def children(events: Iterable[Event]) -> tuple[OrderDraft, ...]:
    """The orders that one report, or end, brought."""
    (event,) = (e for e in events if isinstance(e, OrderReported | OrderEnded))
    assert all(child.reduce_only and child.follows_fill for child in event.children)
    return event.children


def further(events: Iterable[Event]) -> list[tuple[Side, Quantity]]:
    """Side and whole units of those."""
    return [(child.side, child.quantity // whole(1)) for child in children(events)]


def closed(draft: OrderDraft) -> list[tuple[ClOrdId, int]]:
    """The lots a sell closes, in whole units."""
    return [(part.lot, part.quantity // whole(1)) for part in draft.closes]
