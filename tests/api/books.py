"""The paper broker's books, as tests want them to be read."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from phalanx.bootstrap import System
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from tests.api.conftest import Site

Reader = Callable[[AccountId], Awaitable[BrokerBook]]


class Books:
    """Whose cash is told otherwise, whose book cannot be read, and whose takes until ``released``."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(site.system, System)
        paper = site.system._paper
        self.own: Reader = paper.book
        self.cash: dict[AccountId, int] = {}
        self.broken: set[AccountId] = set()
        self.slow: set[AccountId] = set()
        self.released = asyncio.Event()
        self.read: list[AccountId] = []
        monkeypatch.setattr(paper, "book", self.book)

    async def book(self, account: AccountId) -> BrokerBook:
        self.read.append(account)
        if account in self.slow:
            await self.released.wait()
        if account in self.broken:
            raise ConnectionError("HTTP 500")
        found = await self.own(account)
        return msgspec.structs.replace(found, cash=self.cash.get(account, found.cash))
