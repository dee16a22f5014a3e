"""A whole server in this process: the real system over a folder of its own, and a client for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from phalanx.api import create_app
from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.desk.recovery import events_after
from phalanx.domain.events import AccessRecorded
from phalanx.journal.sqlite import SqliteJournalReader

WORKED_EXAMPLE = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


class Site:
    """One running server and what tests ask of it."""

    def __init__(self, system: System, http: httpx.AsyncClient) -> None:
        self.system = system
        self.http = http

    async def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
        """The body of a successful GET."""
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> httpx.Response:
        """A request with a JSON body, if any, and an idempotency key, if any."""
        headers = {} if key is None else {"idempotency-key": key}
        if body is None:
            return await self.http.request(method, path, headers=headers)
        return await self.http.request(method, path, json=body, headers=headers)

    async def signal(
        self, strategy: str, instrument: str, position: str, key: str | None = None
    ) -> Any:  # noqa: ANN401  JSON
        """The answer of POST /create_order."""
        body = {"STRATEGY": strategy, "INSTRUMENT": instrument, "POSITION": position}
        answer = await self.send("POST", "/create_order", body, key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def profiles(self, profiles: object) -> None:
        """Import profiles."""
        answer = await self.send("POST", "/api/v1/profiles", profiles)
        assert answer.status_code == 200, answer.text

    async def until(self, what: Callable[[], Awaitable[bool]]) -> None:
        """Wait for something that the broker brings about."""
        async with asyncio.timeout(10):
            while not await what():  # noqa: ASYNC110  asked over HTTP
                await asyncio.sleep(0.005)


async def happened(system: System, since: int) -> list[str]:
    """The events after that seq, besides facts of who asked: those say that nothing else was done."""
    await system.desk.durable(system.desk.state.seq)
    reader = SqliteJournalReader(system.settings.data)
    try:
        events = [event for _, event in events_after(reader, since)]
    finally:
        reader.close()
    return [type(event).__name__ for event in events if not isinstance(event, AccessRecorded)]


@asynccontextmanager
async def open_site(data: Path, **settings: Any) -> AsyncIterator[Site]:  # noqa: ANN401
    """A server over ``data`` until the end of the block."""
    system = build(Settings(data=data, **settings))
    app = create_app(system)
    try:
        await system.start()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            yield Site(system, http)
    finally:
        await system.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A new server without clients."""
    async with open_site(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def example(site: Site) -> Site:
    """A new server with the clients of the worked example."""
    await site.profiles(WORKED_EXAMPLE)
    return site
