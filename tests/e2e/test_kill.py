"""kill -9 under load, ten times in a row: nothing lost, nothing twice."""

import asyncio
import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.e2e.server import Server

ROUNDS = 10
PRODUCERS = 8
PROFILES = {
    f"User {n}": {
        f"STRATEGY_{(n + k) % 5}": ["INFY", "TCS", "ACC", "MINDA", "L&T", "NTPC"] for k in range(3)
    }
    for n in range(12)
}
INSTRUMENTS = ("INFY", "TCS", "ACC", "MINDA", "L&T", "NTPC")


class Client:
    """Posts signals as fast as it can and keeps its own record of every answer."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self.answers: dict[str, dict[str, Any]] = {}
        self.unanswered: dict[str, dict[str, str]] = {}

    async def produce(self, producers: int, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as http:
            await asyncio.gather(*(self._produce(http, stop) for _ in range(producers)))

    async def _produce(self, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            key = f"key-{next(self._numbers)}"
            body = {
                "STRATEGY": f"STRATEGY_{self._random.randrange(5)}",
                "INSTRUMENT": self._random.choice(INSTRUMENTS),
                "POSITION": self._random.choice(("BUY", "SELL")),
            }
            self.unanswered[key] = body
            try:
                await self._post(http, key)
            except httpx.TransportError:
                return

    async def _post(self, http: httpx.AsyncClient, key: str) -> None:
        body = self.unanswered[key]
        response = await http.post("/create_order", json=body, headers={"Idempotency-Key": key})
        if response.status_code == 503:
            return
        assert response.status_code == 200, response.text
        self.answers[key] = response.json() | {"POSITION": body["POSITION"]}
        del self.unanswered[key]

    async def ask_again(self) -> None:
        """What the kill left open is asked again under its own key: there is one answer for ever."""
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as http:
            for key in list(self.unanswered):
                await self._post(http, key)


async def _everything(http: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        page = (await http.get(path, params={"skip": len(items), "limit": 1000})).json()
        items += page["items"]
        if len(items) >= page["total"]:
            return items


async def _check(client: Client, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        instructions = Counter(
            item["instruction_id"] for item in await _everything(http, "/api/v1/instructions")
        )
        orders = await _everything(http, "/api/v1/orders")
        open_buys = (await http.get("/api/v1/open-buys")).json()
    own = {answer["instruction_id"] for answer in client.answers.values()}
    assert len(own) == len(client.answers), "two keys share an instruction"
    assert all(instructions[instruction_id] == 1 for instruction_id in own)
    assert max(instructions.values()) == 1
    assert set(instructions) == own, "an instruction that nobody asked for"

    by_id = {order["order_id"]: order for order in orders}
    assert len(by_id) == len(orders), "an order exists twice"
    promised = [
        outcome["order_id"]
        for answer in client.answers.values()
        for outcome in answer["outcomes"]
        if outcome["status"] == "ACCEPTED"
    ]
    assert set(promised) <= set(by_id), "a promised order is lost"

    held: Counter[tuple[str, str]] = Counter()
    for order in orders:
        signed = int(order["filled"]) * (1 if order["side"] == "BUY" else -1)
        held[order["account"], order["symbol"]] += signed
    shown: Counter[tuple[str, str]] = Counter()
    for buy in open_buys:
        shown[buy["account"], buy["symbol"]] += int(buy["quantity"])
    assert {k: v for k, v in held.items() if v} == {k: v for k, v in shown.items() if v}


async def _rounds(server: Server, client: Client, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        stop = asyncio.Event()
        load = asyncio.create_task(client.produce(PRODUCERS, stop))
        await asyncio.sleep(0.3 + chance.random() * 0.7)
        server.kill()
        stop.set()
        await load
        await asyncio.to_thread(server.start)
        await client.ask_again()
        await _check(client, server.url)


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
    finally:
        server.kill()
