"""What is on record of an order, once the views have caught up with what is durable."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from phalanx.domain.numbers import whole
from phalanx.domain.orders import Product, Side
from phalanx.engine.commands import ArchivedOrder
from phalanx.views import archive as archive_module
from phalanx.views.archive import ViewsArchive
from phalanx.views.feed import ViewsFeed
from phalanx.views.queries import Views
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records


def asked(
    path: Path,
    source: Records,
    story: Callable[[ViewsArchive, ViewsFeed], Coroutine[Any, Any, None]],
    durable: int,
) -> None:
    feed = ViewsFeed(path, source, start_delay_s=0)
    views = Views(path, feed.distrust)
    feed.start(source.seq)
    try:
        asyncio.run(story(ViewsArchive(views, feed, lambda: durable), feed))
    finally:
        feed.stop()
        views.close()


def test_an_order_is_told_with_the_executions_that_were_booked(path: Path) -> None:
    lives, source = Lives(), Records()
    source.append(*lives.people(), *lives.whole_life())

    async def story(archive: ViewsArchive, _: ViewsFeed) -> None:
        found = await archive.order("AA00000001")
        assert found == ArchivedOrder(
            "AA00000001",
            "A0/P",
            "NSE:1",
            Side.BUY,
            Product.DELIVERY,
            whole(1),
            frozenset({"EAA00000001"}),
        )
        assert await archive.order("AA0ZZZZZZZ") is None

    asked(path, source, story, source.seq)


def test_nothing_is_said_before_the_views_have_caught_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives, source = Lives(), Records()
    source.append(*lives.people(), *lives.whole_life())
    monkeypatch.setattr(archive_module, "CATCH_UP_S", 0.01)

    async def story(archive: ViewsArchive, _: ViewsFeed) -> None:
        with pytest.raises(OSError, match="not caught up"):
            await archive.order("AA00000001")

    asked(path, source, story, source.seq + 1)


def test_views_that_cannot_be_read_prove_nothing(path: Path) -> None:
    lives, source = Lives(), Records()
    source.append(*lives.people(), *lives.whole_life())

    async def story(archive: ViewsArchive, feed: ViewsFeed) -> None:
        await feed.wait_for(source.seq, 30)
        archive._views.close()
        with pytest.raises(OSError, match="cannot be read"):
            await archive.order("AA00000001")

    asked(path, source, story, source.seq)
