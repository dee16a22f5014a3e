"""The archive of a world knows every order that the journal has, also those that left memory."""

from phalanx.domain.accounts import book_id
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Product, Side
from phalanx.domain.time import DAY
from phalanx.simulation.archive import DiskArchive
from phalanx.simulation.world import World
from tests.unit.simulation.test_world import INFY, a_quote, buy, introduce, play

KINDS = tuple(BrokerKind)


def test_an_order_that_left_memory_is_known_with_its_executions() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        await buy(world, "AL")
        await world.wait(1)
        exchange = world.exchanges["stub-L"]
        (order,) = exchange.working()
        exchange.fill(order.order_id, whole(4), whole(100))
        exchange.fill(order.order_id, whole(6), whole(100))
        await world.wait(1)
        (known,) = world.desk.state.orders.values()
        assert known.status is OrdStatus.FILLED
        world.clock.skew = DAY
        await world.wait(1)
        assert not world.desk.state.orders

        archived = await DiskArchive(world.disk).order(order.tag)

        assert archived is not None
        assert archived.book == book_id("AL", world.desk.state.accounts["AL"].mode)
        assert (archived.instrument, archived.side, archived.product) == (
            INFY,
            Side.BUY,
            Product.DELIVERY,
        )
        assert archived.cum_quantity == whole(10)
        assert archived.exec_ids == {trade.exec_id for trade in exchange.accounts["AL"].executions}

    play(story, kinds=KINDS)


def test_an_order_that_never_was_is_not_known() -> None:
    async def story(world: World) -> None:
        await world.start()
        assert await DiskArchive(world.disk).order("AA00000001") is None

    play(story)
