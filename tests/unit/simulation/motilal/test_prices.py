"""Prices walk by the seed alone, between the circuits and on the tick; nothing else moves them."""

from phalanx.domain.numbers import whole
from phalanx.simulation.motilal import MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import CLIENTS, INVESTOR
from phalanx.simulation.motilal.listing import SCRIPS, shipped_scrips
from phalanx.simulation.virtual import MONDAY_0915_IST
from tests.fakes.motilal import ITC


def history(seed: int) -> list[int]:
    simulator = MotilalSimulator(SimulatorConfig(seed=seed, now=lambda: MONDAY_0915_IST))
    found = []
    for _ in range(200):
        simulator.step()
        found.append(simulator.prices.of("NSE", ITC).ltp)
    return found


def test_the_same_seed_has_the_same_history_and_another_seed_another() -> None:
    assert history(1) == history(1)
    assert history(1) != history(2)


def test_a_walk_stays_on_its_tick_and_between_its_circuits() -> None:
    simulator = MotilalSimulator(SimulatorConfig(now=lambda: MONDAY_0915_IST))
    edge = SCRIPS[0].highest
    simulator.prices.set("NSE", ITC, edge, held=False)

    simulator.step(300)

    for scrip in SCRIPS:
        quote = simulator.prices.of(*scrip.key)
        assert scrip.lowest <= quote.low <= quote.ltp <= quote.high <= scrip.highest
        assert quote.ltp % scrip.tick == 0
        assert quote.volume % scrip.lot == 0
        assert quote.volume > 0


def test_a_step_moves_so_many_and_the_others_have_their_turn() -> None:
    scrips = shipped_scrips()
    config = SimulatorConfig(scrips=scrips, clients=CLIENTS[:1], logins=(INVESTOR,))
    simulator = MotilalSimulator(config)

    simulator.step()
    first = [simulator.prices.of(*scrip.key).volume > 0 for scrip in scrips]
    simulator.step(len(scrips) // 250 + 1)

    assert sum(first) == 250
    assert all(simulator.prices.of(*scrip.key).volume > 0 for scrip in scrips)


def test_the_shipped_scrips_have_their_own_codes_and_closes() -> None:
    found = {scrip.code: scrip for scrip in shipped_scrips()}

    assert (found[1660].short, found[1660].exchange) == ("ITC", "NSE")
    assert found[3045].short == "SBIN"
    assert found[3045].close > whole(100)
    assert len(found) > 3_000
