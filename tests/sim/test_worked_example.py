"""The whole desk, on the virtual clock, in thirty lines: the worked example of the signal API."""

from phalanx.domain.orders import OrdStatus, Side
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.world import World, sample_instruments

NAMES = ("BSOFT", "GRASIM", "EICHERMOT", "UNOMINDA", "ACC", "INFY")
ALIASES = {"BIRLASOFT": "BSOFT", "EICHER": "EICHERMOT", "MINDA": "UNOMINDA"}
PROFILES = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


def test_the_worked_example_holds_to_the_letter() -> None:
    async def story(loop: VirtualLoop) -> list[bool]:
        world = World(loop, sample_instruments(NAMES, ALIASES))
        await world.start()
        await world.import_profiles(PROFILES)
        accepted = []
        for strategy, side, instrument in (
            ("STRATEGY_A", Side.SELL, "GRASIM"),
            ("STRATEGY_B", Side.BUY, "MINDA"),
            ("STRATEGY_D", Side.BUY, "INFY"),
            ("STRATEGY_A", Side.SELL, "MINDA"),
        ):
            executed = await world.signal(strategy, side, instrument)
            accepted.append(bool(executed.events[0].orders))  # type: ignore[union-attr]
            await world.wait(0.1)
        state = world.desk.state
        assert {order.status for order in state.orders.values()} == {OrdStatus.FILLED}
        assert not any(book.lots for book in state.books.values())
        return accepted

    assert simulate(story) == [False, True, False, True]
