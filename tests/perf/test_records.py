"""What the desk journals: how many records, how many events, how many bytes. Counts, never times."""

import asyncio
from collections import Counter

from phalanx.desk.desk import Desk, Executed
from phalanx.domain.accounts import Account, FillProfile
from phalanx.domain.events import Event, InstructionPlanned, OrdersDispatched, decode_events
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.commands import Submit
from phalanx.journal.record import decode
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.world import World, sample_instruments

ACCOUNTS = 1_000
PLAN_BYTES_MAX = 120
"""Of one order in the record of a fan-out: draft and dispatch (about 90 as this is written)."""
LIFE_BYTES_MAX = 520
"""Of one single MARKET order, from plan to fill (about 510)."""
SLOW = Account("", 0, fill_profile=FillProfile(ack_delay_ms=50))
"""What the broker says of an order comes well after its record."""


async def world_of(loop: VirtualLoop, accounts: int) -> World:
    world = World(loop, sample_instruments(("INFY",)))
    await world.start()
    profiles = {f"U{n}": {"EVERYBODY": ["INFY"]} for n in range(accounts)}
    await world.import_profiles(profiles, account=SLOW)
    return world


def events_of(world: World, after: int) -> list[list[Event]]:
    """The events of every record after that one."""
    return [
        decode_events(decode(blob, number).body)
        for number, blob in sorted(world.disk.blobs.items())
        if number > after
    ]


def bytes_of(world: World, after: int) -> int:
    """The bodies of every record after that one."""
    return sum(
        len(decode(blob, number).body)
        for number, blob in world.disk.blobs.items()
        if number > after
    )


def buy(client: int, quantity: int = 1) -> Submit:
    """A MARKET order of its own shape."""
    request = OrderRequest(
        client, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(quantity)
    )
    return Submit(Origin("local", Door.INSTRUCTIONS, "00000000-1"), request)


async def concurrently(desk: Desk, commands: list[Submit]) -> list[Executed]:
    return await asyncio.gather(*(desk.execute(command) for command in commands))


def test_a_signal_to_a_thousand_accounts_is_one_event_and_its_dispatch_in_one_record() -> None:
    async def story(loop: VirtualLoop) -> None:
        world = await world_of(loop, ACCOUNTS)
        before = len(world.disk.blobs)

        await world.signal("EVERYBODY", Side.BUY, "INFY")

        [record] = events_of(world, before)
        planned, dispatched = record
        assert isinstance(planned, InstructionPlanned)
        assert isinstance(dispatched, OrdersDispatched)
        assert len(planned.orders) == len(dispatched.cl_ord_ids) == ACCOUNTS
        assert bytes_of(world, before) <= PLAN_BYTES_MAX * ACCOUNTS

    simulate(story)


def test_what_the_broker_says_of_a_fan_out_comes_in_few_records() -> None:
    async def story(loop: VirtualLoop) -> None:
        world = await world_of(loop, ACCOUNTS)
        before = len(world.disk.blobs)

        await world.signal("EVERYBODY", Side.BUY, "INFY")
        await world.wait(1)

        # 1,000 acknowledgements and 1,000 fills: grouped, not each on its own.
        assert len(world.disk.blobs) - before <= 10
        assert sum(map(len, events_of(world, before))) == 2 + 2 * ACCOUNTS

    simulate(story)


def test_concurrent_commands_share_a_record() -> None:
    async def story(loop: VirtualLoop) -> None:
        world = await world_of(loop, 150)
        before = len(world.disk.blobs)

        async def waves(desk: Desk) -> None:
            first = asyncio.create_task(concurrently(desk, [buy(n) for n in range(1, 51)]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            # While the first record is being written, the next hundred meet in one.
            await concurrently(desk, [buy(n) for n in range(51, 151)])
            await first

        await world.ask(waves)
        assert [len(record) for record in events_of(world, before)] == [100, 200]

    simulate(story)


def test_a_filled_order_is_four_events_and_a_few_hundred_bytes() -> None:
    async def story(loop: VirtualLoop) -> None:
        world = await world_of(loop, 20)
        before = len(world.disk.blobs)

        for client in range(1, 21):
            await world.desk.execute(buy(client))
        await world.wait(1)

        kinds = Counter(
            type(event).__name__ for record in events_of(world, before) for event in record
        )
        assert kinds == {"InstructionPlanned": 20, "OrdersDispatched": 20, "OrderReported": 40}
        assert bytes_of(world, before) <= LIFE_BYTES_MAX * 20

    simulate(story)
