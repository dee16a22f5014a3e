"""One journal, many instructions, one state. As many as ``PHALANX_PERF_INSTRUCTIONS`` says; 100,000
are a matter of a minute or two.
"""

import asyncio
import os

from phalanx.desk.recovery import rebuild
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import SCALE, Price, round_down, whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.commands import Submit
from phalanx.engine.snapshot import state_hash
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.world import World, sample_instruments

INSTRUCTIONS = int(os.environ.get("PHALANX_PERF_INSTRUCTIONS", "3000"))
CLIENTS = 100
AT_ONCE = 50


def test_a_long_journal_replays_to_the_same_state() -> None:
    async def story(loop: VirtualLoop) -> None:
        world = World(loop, sample_instruments(("INFY", "TCS")))
        await world.start()
        profiles = {f"U{n}": {"EVERYBODY": ["INFY", "TCS"]} for n in range(CLIENTS)}
        await world.import_profiles(profiles, whole(1_000_000_000))
        quote = world.quotes.get("NSE:1")
        assert quote is not None
        low = round_down(quote.last * 95 // 100, SCALE)
        for first in range(0, INSTRUCTIONS, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, INSTRUCTIONS))
            await asyncio.gather(*(world.desk.execute(instruction(n, low)) for n in numbers))
            if first // AT_ONCE % 10 == 0:
                for side in (Side.BUY, Side.SELL):
                    await world.signal("EVERYBODY", side, "TCS")
                    await world.wait(0.01)
        await world.wait(1)

        state = world.desk.state
        await world.desk.durable(state.seq)
        live = state_hash(state)
        assert state.next_instruction >= INSTRUCTIONS
        assert any(order.draft.side is Side.BUY for order in state.open_orders())
        replayed = rebuild(MemoryJournal(world.disk), use_snapshot=False)
        assert state_hash(replayed) == live

    simulate(story)


def instruction(number: int, low: Price) -> Submit:
    """A single order: buys and sells in turn, most filled at once, every tenth at a price that rests."""
    client = number % CLIENTS + 1
    around = number // CLIENTS
    side = Side.SELL if around % 2 and number % 3 else Side.BUY
    rests = number % 10 == 0
    request = OrderRequest(
        client,
        "",
        "INFY",
        side,
        Product.DELIVERY,
        OrdType.LIMIT if rests else OrdType.MARKET,
        whole(around % 7 + 1),
        low if rests else 0,
    )
    key = f"key-{number}" if number % 2 else ""
    fingerprint = number.to_bytes(8, "big") if key else b""
    return Submit(Origin("local", Door.INSTRUCTIONS, "", key, fingerprint), request)
