"""The feed of the disturbances is what its name says."""

from pathlib import Path

from benchmarks.disturbances import FEED, LOOK
from phalanx.bootstrap import SystemClock, build
from phalanx.config import Settings
from phalanx.market.feeds.walk import Walk

STEPS = 20
TICKS = 5_000
QUERY, LIMIT = "A", 400


async def test_its_quotes_tick_five_thousand_times_a_second(tmp_path: Path) -> None:
    assert f"q={QUERY}&limit={LIMIT}" in LOOK
    system = build(Settings(data=tmp_path))
    await system.start()
    ticks: list[str] = []
    for instrument in system.finder.find(system.desk.instruments, QUERY, LIMIT):
        system.quotes.get(instrument.key)
    system.quotes.listen(lambda key, _quote: ticks.append(key))
    walk = Walk(system.quotes, system.desk.instruments.get, 0, SystemClock())

    for _ in range(STEPS):
        walk.step()
    await system.stop()

    a_second = len(ticks) / STEPS * 1_000 / int(FEED["quotes_interval_ms"])
    assert 0.98 * TICKS < a_second < 1.2 * TICKS
