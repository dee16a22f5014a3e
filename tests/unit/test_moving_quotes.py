"""A whole system whose quotes move: wired, started and stopped by the settings."""

import asyncio
from pathlib import Path

import pytest

from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.market.feeds.broadcast.codec import register
from phalanx.market.table import ImportFault
from tests.conftest import ROOT
from tests.fakes.broadcast import HEARTBEAT, BroadcastServer, day, trade

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


@pytest.mark.parametrize("web", [False, True], ids=["tcp", "websocket"])
async def test_the_broadcast_tells_what_strategies_may_trade(tmp_path: Path, web: bool) -> None:
    async with BroadcastServer(web=web) as server:
        settings = _settings(
            tmp_path, quotes="broadcast", broadcast=server.url, broadcast_code="AA17"
        )
        system = build(settings)
        changed = asyncio.Event()
        system.quotes.listen(
            lambda _key, quote: changed.set() if quote.last == whole(1_365) else None
        )
        try:
            await system.start()
            await system.import_profiles({"U": {"S": ["RELIANCE"]}}, Origin("local", Door.IMPORT))
            await server.told(register(b"N", b"C", 2885))
            server.send(HEARTBEAT + day(1_350, 1_370, 1_340, 1_348) + trade(1_365, 7))
            await asyncio.wait_for(changed.wait(), 60)
            figures = system.desk.metrics().decode()
        finally:
            await system.stop()

    quote, told = system.quotes.get("NSE:2885"), system.quotes.day("NSE:2885")
    assert quote is not None
    assert told is not None
    assert (quote.source, quote.reference_close) == (QuoteSource.FEED, whole(1_348))
    assert (told.open, told.volume) == (whole(1_350), whole(7))
    assert 'phalanx_feed_state{state="up"} 1.0' in figures
    assert "phalanx_feed_packets_total 3.0" in figures
    assert "phalanx_feed_registered 1.0" in figures
    assert "phalanx_quotes_stale 0.0" in figures


async def test_a_broadcast_that_is_not_there_keeps_no_desk_from_starting(tmp_path: Path) -> None:
    async with BroadcastServer() as server:
        url = server.url
    settings = _settings(tmp_path, quotes="broadcast", broadcast=url, broadcast_code="AA17")
    system = build(settings)

    await system.start()
    figures = system.desk.metrics().decode()
    await system.stop()

    assert 'phalanx_feed_state{state="down"} 1.0' in figures
    assert system.desk.failed is not None
    assert not system.desk.failed.done()


async def test_a_bad_file_fails_the_start(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,symbol,open,high,low,close,volume\n2025-09-01,TCS,1,1,1,x,1\n")
    system = build(_settings(tmp_path / "data", quotes="replay", quotes_file=file))

    with pytest.raises(ImportFault, match="line 2, close"):
        await system.start()
    await system.stop()
    assert system.desk.stopped is not None
