"""The network by itself: what its rates mean, and what it keeps."""

import pytest

from phalanx.domain.numbers import BASIS_POINTS, whole
from phalanx.simulation import network as network_module
from phalanx.simulation.network import Fault, Network, Rates
from phalanx.simulation.virtual import VirtualLoop, simulate
from tests.unit.simulation.test_exchange import order
from tests.unit.simulation.test_simulated_broker import Line


def test_every_fault_has_a_rate_and_every_rate_a_fault() -> None:
    rates = {name.removesuffix("_bps") for name in Rates.__struct_fields__ if name[-4:] == "_bps"}

    assert rates == {str(fault) for fault in Fault}


def test_rates_may_change_while_it_runs() -> None:
    async def story(loop: VirtualLoop) -> None:
        line = Line(loop, Rates(unreachable_bps=BASIS_POINTS))
        network: Network = line.network
        assert [network.connects() for _ in range(3)] == [False] * 3
        network.rates = Rates()
        assert [network.connects() for _ in range(3)] == [True] * 3
        assert network.faults == {Fault.UNREACHABLE: 3}

    simulate(story)


def test_a_rate_is_a_share() -> None:
    async def story(loop: VirtualLoop) -> int:
        line = Line(loop, Rates(unreachable_bps=BASIS_POINTS // 4))
        return sum(not line.network.connects() for _ in range(4_000))

    assert 900 < simulate(story) < 1_100


def test_what_waits_for_a_session_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "KEPT_MAX", 3)

    async def story(loop: VirtualLoop) -> list[int]:
        line = Line(loop, Rates())
        await line.connect()
        line.network.restart(1_000, keep_reports=True)
        line.exchange.place(order(), "somebody")
        for _ in range(5):
            line.exchange.fill("X-1", whole(1), whole(100))
        await line.wait(5)
        return [report.cum_quantity for report in line.reports]

    assert simulate(story) == [whole(3), whole(4), whole(5)]


def test_a_book_that_lags_is_shown_once_more_as_it_was_read_before() -> None:
    async def story(loop: VirtualLoop) -> list[int]:
        line = Line(loop, Rates())
        await line.connect()
        seen = []
        for lags in (False, True, False):
            if lags:
                line.network.lag("A")
            book = await line.process.ask(lambda: line.broker.book("A"))
            seen.append(len(book.orders))
            line.exchange.place(order(f"LAGGING{len(seen):03}"), "somebody")
        return seen

    assert simulate(story) == [0, 0, 2]


def test_a_book_counts_as_read_until_the_session_is_down() -> None:
    async def story(loop: VirtualLoop) -> list[bool]:
        line = Line(loop, Rates())
        await line.connect()
        known = [line.broker.has_read("A")]
        await line.process.ask(lambda: line.broker.book("A"))
        known.append(line.broker.has_read("A"))
        line.network.reset()
        await line.wait(5)
        return [*known, line.broker.has_read("A")]

    assert simulate(story) == [False, True, False]
