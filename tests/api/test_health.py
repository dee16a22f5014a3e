import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from phalanx.api import create_app
from phalanx.api.bodies import Message
from phalanx.api.front import Front
from phalanx.bootstrap import build
from phalanx.brokers.kill_flag import FILE
from phalanx.config import Settings
from phalanx.desk.pace import Pace
from tests.api.conftest import Site


class Lifespan:
    """A server's half of the lifespan protocol."""

    def __init__(self, app: Front) -> None:
        self._coming: asyncio.Queue[Message] = asyncio.Queue()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        scope: dict[str, Any] = {"type": "lifespan"}
        self.task = asyncio.create_task(app(scope, self._coming.get, self._sent.put))

    async def say(self, what: str) -> Message:
        self._coming.put_nowait({"type": f"lifespan.{what}"})
        return await self._sent.get()


def client(app: Front) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_it_is_alive_and_ready(site: Site) -> None:
    assert await site.get("/health/live") == {"status": "alive"}
    ready = await site.get("/health/ready")
    assert ready | {"ready": True, "epoch": 1, "accounts": [], "stopped": None} == ready


async def test_before_its_start_it_is_alive_and_not_ready() -> None:
    async with client(create_app()) as http:
        live = await http.get("/health/live")
        ready = await http.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["stopped"] == "starting"


async def test_a_stopped_desk_is_not_ready(site: Site) -> None:
    await site.system.stop()

    ready = await site.http.get("/health/ready")
    refused = await site.send(
        "POST", "/create_order", {"STRATEGY": "S", "INSTRUMENT": "I", "POSITION": "BUY"}
    )

    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert (refused.status_code, refused.json()["code"]) == (503, "DESK_STOPPED")


async def test_a_desk_that_failed_is_dead(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(site.system.desk._ports.journal, "append", broken)
    answer = await site.send("POST", "/api/v1/clients", {"name": "Somebody"}, "k")
    await site.system.wait_failed()
    live = await site.http.get("/health/live")

    assert (answer.status_code, answer.json()["code"]) == (503, "DESK_STOPPED")
    assert (live.status_code, live.json()) == (503, {"status": "stopped"})
    kills = await site.http.get("/api/v1/kill")
    assert kills.json()["code"] == "DESK_STOPPED"


async def test_an_overloaded_desk_says_when_to_come_back(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example.system.desk._intake, "_pace", Pace(easy_bytes=0, wait_ns=1_000_000))
    body = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}

    answer = await example.send("POST", "/create_order", body, "k")
    monkeypatch.undo()
    again = await example.send("POST", "/create_order", body, "k")

    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")
    assert int(answer.headers["retry-after"]) >= 1
    assert again.json()["RESPONSE"] == "ACCEPTED"


async def test_metrics_are_for_prometheus(example: Site) -> None:
    await example.signal("STRATEGY_B", "MINDA", "BUY")

    answer = await example.http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'phalanx_instructions_total{kind="signal",outcome="accepted"} 1.0' in answer.text


async def test_the_lifespan_starts_and_stops_a_given_system(tmp_path: Path) -> None:
    system = build(Settings(data=tmp_path))
    app = create_app(system)
    lifespan = Lifespan(app)

    assert (await lifespan.say("startup"))["type"] == "lifespan.startup.complete"
    async with client(app) as http:
        assert (await http.get("/health/ready")).status_code == 200
        assert (await lifespan.say("shutdown"))["type"] == "lifespan.shutdown.complete"
        assert (await http.get("/health/ready")).status_code == 503
    await lifespan.task


async def test_without_a_system_it_builds_one_from_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tmp_path / "profiles.json"
    profiles.write_text('{"U": {"S": ["INFY"]}}')
    monkeypatch.setenv("PHALANX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PHALANX_PROFILES", str(profiles))
    app = create_app()
    lifespan = Lifespan(app)

    assert (await lifespan.say("startup"))["type"] == "lifespan.startup.complete"
    async with client(app) as http:
        assert (await http.get("/api/v1/profiles")).json() == {"U": {"S": ["INFY"]}}
    await lifespan.say("shutdown")
    await lifespan.task


async def test_a_start_that_fails_half_way_lets_the_folder_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHALANX_DATA", str(tmp_path))
    monkeypatch.setenv("PHALANX_PROFILES", str(tmp_path / "nothing.json"))
    lifespan = Lifespan(create_app())

    said = await lifespan.say("startup")
    await lifespan.task

    assert "FileNotFoundError" in said["message"]
    again = build(Settings(data=tmp_path, profiles=None))
    await again.stop()


async def test_a_start_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("PHALANX_DATA", str(file))
    lifespan = Lifespan(create_app())

    said = await lifespan.say("startup")

    assert said["type"] == "lifespan.startup.failed"
    assert "FileExistsError" in said["message"]
    await lifespan.task


async def test_views_that_cannot_be_kept_up_are_said_and_not_read(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no room on the disk\nand a second line")

    await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.get("/api/v1/orders")
    assert (await example.get("/health/ready"))["views"] == "ok"
    monkeypatch.setattr("phalanx.views.feed.RETRY_S_FIRST", 0.05)
    monkeypatch.setattr("phalanx.views.follower.Follower.advance", broken)
    signalled = await example.signal("STRATEGY_A", "GRASIM", "BUY")
    refused = await example.http.get("/api/v1/orders")
    ready = await example.get("/health/ready")
    monkeypatch.undo()

    wrong = "RuntimeError: no room on the disk"
    assert signalled["RESPONSE"] == "ACCEPTED"
    assert (refused.status_code, refused.json()["code"]) == (503, "VIEWS_UNAVAILABLE")
    assert refused.json()["detail"] == f"lists cannot be read now: {wrong}"
    assert (ready["ready"], ready["views"]) == (True, wrong)

    async def mended() -> bool:
        return (await example.http.get("/api/v1/orders")).status_code == 200

    await example.until(mended)
    assert (await example.get("/api/v1/orders"))["total"] == 2
    assert (await example.get("/health/ready"))["views"] == "ok"


async def test_it_says_what_is_wrong_with_the_kill_flag_and_stays_ready(site: Site) -> None:
    before = await site.get("/health/ready")
    path = site.system.settings.data / FILE
    path.unlink()
    path.mkdir()

    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
    site.system.desk.adopt_direct_kills()

    ready = await site.get("/health/ready")
    assert (before["kill_flag"], ready["kill_flag"]) == ("ok", "Is a directory")
    assert ready["ready"]
