"""kill -9 under load, ten times in a row: nothing lost, nothing twice."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx
import msgspec

from phalanx.desk.recovery import events_after
from phalanx.domain.events import InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.events import OrderReported as Reported
from phalanx.engine.apply import apply
from phalanx.engine.state import State
from phalanx.journal.sqlite.reader import SqliteJournalReader
from tests.e2e.load import PROFILES, Client, Json, set_up
from tests.e2e.server import Server
from tests.engine_invariants import Ledger, check_state

ROUNDS = 10
PRODUCERS = 8
REPEATS = 30
SETTLE_S = 5
"""Longer than anything of the load is held, or takes to fill."""


async def _everything(http: httpx.AsyncClient, path: str) -> list[Json]:
    items: list[Json] = []
    while True:
        page = (await http.get(path, params={"skip": len(items), "limit": 1000})).json()
        items += page["items"]
        if len(items) >= page["total"]:
            return items


async def _at_one_moment(http: httpx.AsyncClient) -> tuple[list[Json], list[Json]]:
    """Orders and positions between which nothing was filled: the restarted desk goes on filling."""
    while True:
        positions = await _everything(http, "/api/v1/positions")
        orders = await _everything(http, "/api/v1/orders")
        if positions == await _everything(http, "/api/v1/positions"):
            return orders, positions
        await asyncio.sleep(0.1)


async def _check(client: Client, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        instructions = await _everything(http, "/api/v1/instructions")
        orders, positions = await _at_one_moment(http)
    own = {answer["instruction_id"]: answer for answer in client.answers.values()}
    assert len(own) == len(client.answers), "two keys share an instruction"
    shown = {item["instruction_id"] for item in instructions}
    assert len(shown) == len(instructions), "an instruction exists twice"
    assert shown == set(own), "an instruction is lost, or nobody asked for it"
    _check_orders(own, orders)
    _check_positions(orders, positions)


def _check_orders(own: dict[str, Json], orders: list[Json]) -> None:
    """Every answer's orders are there, and every order was taken once."""
    by_id = {order["order_id"]: order for order in orders}
    assert len(by_id) == len(orders), "an order exists twice"
    broker_ids = Counter(order["broker_order_id"] for order in orders if order["broker_order_id"])
    assert all(count == 1 for count in broker_ids.values()), "the broker took an order twice"
    children = Counter(order["instruction_id"] for order in orders)
    for instruction_id, answer in own.items():
        promised = {o["order_id"] for o in answer["outcomes"] if o["status"] == "ACCEPTED"}
        assert promised <= by_id.keys(), "a promised order is lost"
        if "counts" in answer:
            assert children[instruction_id] >= answer["counts"]["orders"]
    assert children.keys() <= own.keys()


def _check_positions(orders: list[Json], positions: list[Json]) -> None:
    held: Counter[tuple[str, str, str]] = Counter()
    for order in orders:
        signed = int(order["filled"]) * (1 if order["side"] == "BUY" else -1)
        held[order["account"], order["symbol"], order["product"]] += signed
    shown = {(p["account"], p["symbol"], p["product"]): int(p["quantity"]) for p in positions}
    assert {k: v for k, v in held.items() if v} == {k: v for k, v in shown.items() if v}
    assert min(held.values(), default=0) >= 0, "somebody sold what he had not"


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
        await _check(client, server.url)
    await _settle(server.url)
    await _check(client, server.url)


async def _settle(url: str) -> None:
    """What was held has had its time, whatever killed whom meanwhile."""
    await asyncio.sleep(SETTLE_S)
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        instructions = await _everything(http, "/api/v1/instructions")
    left = [item for item in instructions if item["status"] in {"HELD", "WORKING"}]
    assert not left, f"{len(left)} instructions never ended"


def _check_journal(data: Path) -> None:
    """The whole life of the journal, term after term: ids are used once, fills are booked once, and
    what was held was planned, or ended, once.
    """
    ledger, state = Ledger(), State()
    fills: Counter[tuple[str, str]] = Counter()
    held: set[str] = set()
    planned: Counter[str] = Counter()
    kinds: set[str] = set()
    for _, event in events_after(SqliteJournalReader(data), 0):
        ledger.book(event)
        apply(state, event)
        match event:
            case Reported() if event.last_quantity:
                fills[event.cl_ord_id, event.report.exec_id] += 1
            case InstructionHeld():
                held.add(event.instruction_id)
            case InstructionPlanned() | InstructionEnded():
                planned[event.instruction_id] += 1
                if isinstance(event, InstructionPlanned) and event.orders:
                    kinds.add(type(event.request).__name__)
            case _:
                pass
    assert set(fills.values()) == {1}
    assert set(planned.values()) == {1}
    assert held <= planned.keys()
    assert held
    assert len(kinds) == 5, f"the load had only {kinds}"
    check_state(state)
    ledger.check(state)


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
        _check_journal(tmp_path / "data")
    finally:
        server.kill()
