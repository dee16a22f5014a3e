"""A world: one process after another over one disk; a crash leaves disk and exchanges."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from phalanx.desk.desk import Executed
from phalanx.desk.recovery import events_after
from phalanx.domain.accounts import Account, AccountId, Client, FillProfile, book_id
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.engine.snapshot import state_hash
from phalanx.journal.errors import JournalCorrupt, JournalFailed, JournalLocked
from phalanx.journal.memory import FailPoint, MemoryJournal
from phalanx.simulation.network import Rates, Request
from phalanx.simulation.virtual import Killed, Process, VirtualLoop, simulate
from phalanx.simulation.world import (
    COMMIT_NS,
    ORIGIN,
    Landing,
    TimedJournal,
    World,
    sample_instruments,
)

PROFILES = {"somebody": {"ALPHA": ["INFY"]}}
SLOW = Account("", 0, fill_profile=FillProfile(fill_duration_ms=10_000, slices=10))
AT_ONCE_S = 0.000_001
PAST_HALF_S = COMMIT_NS * 3 // 4 / 10**9
INFY = "NSE:1"


def play(
    story: Callable[[World], Awaitable[None]],
    *,
    written: Callable[[Request], None] = lambda _: None,
    kinds: tuple[BrokerKind, ...] = (),
    rates: Rates = Rates(),  # noqa: B008  frozen
) -> World:
    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, World]:
        async def tell() -> World:
            index = sample_instruments(("INFY",))
            world = World(loop, index, written=written, kinds=kinds, rates=rates)
            await story(world)
            return world

        return tell()

    return simulate(begin)


def planned(world: World) -> int:
    journal = MemoryJournal(world.disk)
    return sum(isinstance(event, InstructionPlanned) for _, event in events_after(journal, 0))


# --- life and death ------------------------------------------------------------------------------


def test_a_process_ends_and_the_next_one_knows_everything() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        await world.signal("ALPHA", Side.BUY, "INFY")
        await world.wait(0.1)
        digest, seq = state_hash(world.desk.state), world.desk.state.seq
        await world.stop()
        await world.start()
        assert digest != state_hash(world.desk.state)
        assert seq < world.desk.state.seq
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.FILLED

    play(story)


@pytest.mark.parametrize(
    ("wait_s", "landing", "there"),
    [
        (AT_ONCE_S, Landing.LOST, 0),
        (AT_ONCE_S, Landing.TORN, 0),
        (AT_ONCE_S, Landing.DURABLE, 1),
        (AT_ONCE_S, Landing.ANCHORED, 1),
        *((PAST_HALF_S, landing, 1) for landing in Landing),
    ],
)
def test_a_crash_in_the_middle_of_an_append(wait_s: float, landing: Landing, there: int) -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        asking = asyncio.ensure_future(world.signal("ALPHA", Side.BUY, "INFY"))
        await world.wait(wait_s)
        world.kill(landing)
        with pytest.raises(Killed):
            await asking

        assert planned(world) == there
        await world.start()
        assert len(world.desk.state.orders) == there
        assert world.disk.torn is None

    play(story)


def test_a_crash_stops_the_paper_broker_of_the_dead_process() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES, account=SLOW)
        await world.signal("ALPHA", Side.BUY, "INFY")
        await world.wait(1)
        dead = world.desk
        world.kill()
        seq, records = dead.state.seq, len(world.disk.blobs)
        await world.wait(15)
        assert (dead.state.seq, len(world.disk.blobs)) == (seq, records)
        await world.start()
        await world.wait(60)
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.FILLED

    play(story)


@pytest.mark.parametrize("paused", [False, True])
def test_two_processes_cannot_live_at_once(paused: bool) -> None:
    async def story(world: World) -> None:
        await world.start()
        first, process = world.desk, world.process
        if paused:
            world.pause()
        with pytest.raises(JournalLocked):
            await world.start()
        assert (world.desk, world.process) == (first, process)
        world.resume()
        await world.import_profiles(PROFILES)

    play(story)


def test_a_process_that_is_killed_while_it_starts_leaves_the_lock() -> None:
    async def story(world: World) -> None:
        starting = asyncio.ensure_future(world.start())
        await asyncio.sleep(0)
        world.kill()
        with pytest.raises(Killed):
            await starting
        await world.start()
        await world.import_profiles(PROFILES)

    play(story)


def test_a_paused_process_answers_when_it_goes_on() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        world.pause()
        asking = asyncio.ensure_future(world.signal("ALPHA", Side.BUY, "INFY"))
        await world.wait(20)
        assert not asking.done()
        assert planned(world) == 0
        world.resume()
        await asking
        assert planned(world) == 1

    play(story)


def test_a_stopped_process_runs_no_more() -> None:
    async def story(world: World) -> None:
        await world.start()
        process = world.process
        await world.stop()
        steps = process.steps
        await world.wait(100)
        assert process.steps == steps
        with pytest.raises(Killed):
            await world.import_profiles(PROFILES)

    play(story)


def test_quotes_are_told_to_whoever_listens_and_to_the_next_process() -> None:
    async def story(world: World) -> None:
        quote = Quote(whole(77), whole(77), world.clock.now(), QuoteSource.SIMULATED)
        await world.start()
        world.pause()
        world.put_quote(INFY, quote)
        await world.wait(1)
        assert world.quotes.get(INFY) != quote
        world.resume()
        await world.wait(1)
        assert world.quotes.get(INFY) == quote
        world.kill()
        await world.start()
        assert world.quotes.get(INFY) == quote

    play(story)


def test_what_was_written_to_paper_is_heard_over_all_processes() -> None:
    written: list[Request] = []

    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES, account=SLOW)
        await world.signal("ALPHA", Side.BUY, "INFY")
        world.kill()
        await world.start()
        await world.signal("ALPHA", Side.SELL, "INFY")
        await world.wait(1)

    play(story, written=written.append)
    assert len(written) >= 1
    assert len({request.cl_ord_id for request in written}) == len(written)


# --- the disk ------------------------------------------------------------------------------------


def test_a_commit_takes_its_time() -> None:
    async def story(world: World) -> None:
        journal = TimedJournal(world.disk, world._timer, lambda: 10**9)
        journal.acquire()
        before = world.clock.monotonic()
        await journal.append(b"\xdd\x00\x00\x00\x01\xc0", 1, bytes(16))
        assert 0.99 < (world.clock.monotonic() - before) / 10**9 < 1.01
        journal.kill(Landing.DURABLE)
        assert len(world.disk.blobs) == 1
        assert world.disk.holder is None

    play(story)


@pytest.mark.parametrize(
    ("point", "landing", "more"),
    [
        (FailPoint.BEFORE, Landing.DURABLE, 0),
        (FailPoint.UNSYNCED, Landing.LOST, 0),
        (FailPoint.UNSYNCED, Landing.DURABLE, 1),
        (FailPoint.ANCHOR, Landing.LOST, 1),
    ],
)
def test_what_an_append_that_failed_leaves_behind(
    point: FailPoint, landing: Landing, more: int
) -> None:
    async def story(world: World) -> None:
        await world.start()
        records = len(world.disk.blobs)
        world.journal.fail_next(point)
        asking = asyncio.ensure_future(world.import_profiles(PROFILES))
        await world.wait(1)
        world.kill(landing)
        assert len(world.disk.blobs) == records + more
        assert asking.exception() is not None
        await world.start()

    play(story)


def test_on_a_full_disk_nothing_is_written_and_nobody_starts() -> None:
    async def story(world: World) -> None:
        await world.start()
        records = len(world.disk.blobs)
        world.disk_full = True
        asking = asyncio.ensure_future(world.import_profiles(PROFILES))
        await world.wait(1)
        assert asking.exception() is not None
        assert world.desk.stopped is not None
        world.kill(Landing.DURABLE)
        assert len(world.disk.blobs) == records
        with pytest.raises(JournalFailed):
            await world.start()
        world.disk_full = False
        await world.start()

    play(story)


def test_a_lost_tail_is_refused_until_it_is_back() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        world.kill()
        restore = world.lose_tail(1)
        with pytest.raises(JournalCorrupt):
            await world.start()
        restore()
        await world.start()
        assert world.desk.state.accounts

    play(story)


def test_a_tail_that_is_lost_with_its_anchor_is_not_noticed() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        world.kill()
        world.lose_tail(1, with_anchor=True)
        await world.start()
        assert not world.desk.state.accounts

    play(story)


# --- the exchanges -------------------------------------------------------------------------------


ACCOUNTS: dict[AccountId, str] = {"AD": "stub-D", "AL": "stub-L", "AN": "stub-N"}


async def introduce(world: World) -> None:
    """A client with an account of a million at every exchange."""
    accounts = [Account(account, 1, broker) for account, broker in ACCOUNTS.items()]
    for account in accounts:
        world.open_account(account.broker, account.id, whole(1_000_000))
    command = c.PutReference(
        ORIGIN,
        clients=(Client(1, "somebody"),),
        accounts=tuple(accounts),
        cash=tuple((account.book, whole(1_000_000), "") for account in accounts),
    )
    await world.ask(lambda desk: desk.execute(command))
    await world.wait(5)


async def buy(world: World, account: AccountId) -> Executed:
    request = OrderRequest(
        1, account, "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, whole(10), whole(100)
    )
    return await world.ask(lambda desk: desk.execute(c.Submit(ORIGIN, request)))


def a_quote(world: World) -> Quote:
    return Quote(whole(100), whole(100), world.clock.now(), QuoteSource.SIMULATED)


def test_orders_reach_every_kind_of_exchange_and_their_fills_come_back() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        for account in ACCOUNTS:
            await buy(world, account)
        await world.wait(1)
        for exchange in world.exchanges.values():
            (order,) = exchange.working()
            exchange.fill(order.order_id, whole(10), whole(100))
        await world.wait(1)
        statuses = [order.status for order in world.desk.state.orders.values()]
        assert statuses == [OrdStatus.FILLED] * 3
        assert all(len(exchange.taken) == 1 for exchange in world.exchanges.values())
        assert not world.desk.closed

    world = play(story, kinds=tuple(BrokerKind))
    assert not world.faults


def test_exchanges_outlive_a_process_and_the_next_one_learns_what_they_know() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        await buy(world, "AL")
        world.kill()
        await world.wait(1)
        (order,) = world.exchanges["stub-L"].working()
        world.exchanges["stub-L"].fill(order.order_id, whole(4), whole(100))
        await world.start()
        await world.wait(30)
        (known,) = world.desk.state.orders.values()
        assert (known.status, known.cum_quantity) == (OrdStatus.PARTIALLY_FILLED, whole(4))

    play(story, kinds=(BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP, BrokerKind.NO_TAG))


def test_an_order_that_never_arrived_is_proved_absent() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        world.networks["stub-D"].rates = Rates(request_lost_bps=10_000)
        await buy(world, "AD")
        await world.wait(10)
        world.networks["stub-D"].rates = Rates()
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.IN_DOUBT
        await world.wait(120)
        assert world.desk.state.orders[order.draft.cl_ord_id].status is OrdStatus.NOT_RECEIVED

    world = play(
        story, kinds=(BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP, BrokerKind.NO_TAG)
    )
    assert world.faults == {"request_lost": 1}


def test_a_late_order_is_taken_after_the_process_that_wrote_it_died() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        world.networks["stub-D"].rates = Rates(request_late_bps=10_000)
        await buy(world, "AD")
        await world.wait(0.01)
        world.kill()
        await world.start()
        await world.wait(60)
        (taken,) = world.exchanges["stub-D"].taken.values()
        assert [one.sender for one in taken] == ["process 1"]
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.NEW

    play(story, kinds=(BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP, BrokerKind.NO_TAG))


def test_what_happened_while_the_session_was_down_is_read_from_the_book() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.put_quote(INFY, a_quote(world))
        await introduce(world)
        await buy(world, "AL")
        await world.wait(1)
        exchange = world.exchanges["stub-L"]
        (order,) = exchange.working()
        world.networks["stub-L"].reset()
        exchange.fill(order.order_id, whole(4), whole(100))
        exchange.cancel_outside(order.order_id)
        await world.wait(120)
        positions = world.desk.state.books[book_id("AL", world.desk.state.accounts["AL"].mode)]
        assert sum(held.quantity for held in positions.positions.values()) == whole(4)
        assert exchange.book("AL").cash == positions.cash

    play(story, kinds=tuple(BrokerKind))


def test_a_crash_at_any_of_the_first_steps_leaves_a_world_that_starts() -> None:
    for last in range(0, 120, 7):

        async def story(world: World, last: int = last) -> None:
            starting = asyncio.ensure_future(world.start())
            await asyncio.sleep(0)

            def fall(process: Process, last: int = last) -> None:
                if process.steps == last:
                    world.kill(Landing.DURABLE)

            world.process.on_step = fall
            await asyncio.wait({starting}, timeout=20)
            world.process.on_step = None
            if starting.exception() is None:
                world.kill()
            await world.start()
            await introduce(world)
            assert not world.desk.closed

        play(story, kinds=tuple(BrokerKind))
