"""A whole system whose quotes move: wired, started and stopped by the settings."""

import asyncio
from pathlib import Path

import pytest

from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource
from phalanx.market.table import ImportFault
from tests.conftest import ROOT

DAYS = ROOT / "tests" / "data" / "nifty_days.csv"


async def _first_moves(system: System, count: int) -> list[tuple[InstrumentKey, Quote]]:
    """The first so many quotes of a system that runs for that long."""
    heard: list[tuple[InstrumentKey, Quote]] = []
    enough = asyncio.Event()

    def hear(key: InstrumentKey, quote: Quote) -> None:
        if quote.source is QuoteSource.SIMULATED:
            heard.append((key, quote))
        if len(heard) == count:
            enough.set()

    try:
        await system.start()
        system.quotes.listen(hear)
        await asyncio.wait_for(enough.wait(), 60)
    finally:
        await system.stop()
    return heard[:count]


def _settings(data: Path, **changes: object) -> Settings:
    return Settings(data=data, quotes_interval_ms=20, **changes)  # type: ignore[arg-type]


async def test_a_walk_moves_what_has_a_close_the_same_way_after_a_restart(tmp_path: Path) -> None:
    first = await _first_moves(build(_settings(tmp_path, quotes="walk")), 20)
    again = await _first_moves(build(_settings(tmp_path, quotes="walk")), 20)

    assert [(key, quote.last) for key, quote in first] == [(key, it.last) for key, it in again]


async def test_a_replay_begins_with_the_first_days_opens(tmp_path: Path) -> None:
    system = build(_settings(tmp_path, quotes="replay", quotes_file=DAYS))

    moves = await _first_moves(system, 4)

    symbols = {system.desk.instruments.resolve(name) for name in ("GRASIM", "INFY", "TCS")}
    assert {it.key for it in symbols if it is not None} < {key for key, _ in moves}
    assert {quote.last == quote.reference_close for _, quote in moves} == {True}


async def test_closes_stand_still(tmp_path: Path) -> None:
    system = build(_settings(tmp_path))
    await system.start()
    await system.stop()

    sources = {quote.source for key in system.quotes.quoted() if (quote := system.quotes.get(key))}
    assert sources == {QuoteSource.CLOSE}


async def test_a_bad_file_fails_the_start(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,symbol,open,high,low,close,volume\n2025-09-01,TCS,1,1,1,x,1\n")
    system = build(_settings(tmp_path / "data", quotes="replay", quotes_file=file))

    with pytest.raises(ImportFault, match="line 2, close"):
        await system.start()
    await system.stop()
    assert system.desk.stopped is not None
