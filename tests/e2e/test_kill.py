"""kill -9 under load, ten times in a row: nothing lost, nothing twice."""

import asyncio
import random
from pathlib import Path

import msgspec

from tests.e2e.checks import check, check_journal, settle
from tests.e2e.load import PROFILES, Client, set_up
from tests.e2e.server import Server
from tests.property.engine.profile import SOAK

ROUNDS = 10 * SOAK
PRODUCERS = 8
REPEATS = 30


async def _rounds(server: Server, client: Client, chance: random.Random) -> None:
    await set_up(server.url)
    for _ in range(ROUNDS):
        stop = asyncio.Event()
        load = asyncio.create_task(client.produce(PRODUCERS, stop))
        await asyncio.sleep(0.3 + chance.random() * 0.7)
        server.kill()
        stop.set()
        await load
        await asyncio.to_thread(server.start)
        await client.ask_again()
        await client.repeat(REPEATS)
        await check(client, server.url)
    await settle(server.url)
    await check(client, server.url)


def test_ten_kills_in_a_row_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.json"
    profiles.write_bytes(msgspec.json.encode(PROFILES))
    server = Server(tmp_path / "data", "--profiles", str(profiles))
    client = Client(server.url, seed=7)
    server.start()
    try:
        asyncio.run(_rounds(server, client, random.Random(11)))
        assert len(client.answers) > 100
        assert server.stop() == 0
        life = check_journal(tmp_path / "data")
        assert life.held
        assert len(life.kinds) == 5, f"the load had only {life.kinds}"
    finally:
        server.kill()
