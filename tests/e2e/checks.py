"""What must hold of a server, whatever was done to it: nothing lost, nothing twice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import httpx

from phalanx.desk.recovery import events_after
from phalanx.domain.events import InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.events import OrderReported as Reported
from phalanx.engine.apply import apply
from phalanx.engine.state import State
from phalanx.journal.sqlite.reader import SqliteJournalReader
from phalanx.simulation.invariants.ledger import Ledger
from phalanx.simulation.invariants.state import check_state
from tests.e2e.load import Client, Json

SETTLE_S = 5
"""Longer than anything of the load is held, or takes to fill."""


async def everything(http: httpx.AsyncClient, path: str) -> list[Json]:
    """All rows of a list."""
    items: list[Json] = []
    while True:
        page = (await http.get(path, params={"skip": len(items), "limit": 1000})).json()
        items += page["items"]
        if len(items) >= page["total"]:
            return items


async def check(client: Client, url: str) -> None:
    """What the server shows is what the client was answered."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        instructions = await everything(http, "/api/v1/instructions")
        orders, positions = await _at_one_moment(http)
    own = {answer["instruction_id"]: answer for answer in client.answers.values()}
    assert len(own) == len(client.answers), "two keys share an instruction"
    shown = {item["instruction_id"] for item in instructions}
    assert len(shown) == len(instructions), "an instruction exists twice"
    assert shown == set(own), "an instruction is lost, or nobody asked for it"
    _check_orders(own, orders)
    _check_positions(orders, positions)


async def settle(url: str) -> None:
    """What was held has had its time, whatever happened meanwhile."""
    await asyncio.sleep(SETTLE_S)
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        instructions = await everything(http, "/api/v1/instructions")
    left = [item for item in instructions if item["status"] in {"HELD", "WORKING"}]
    assert not left, f"{len(left)} instructions never ended"


class Life(NamedTuple):
    """What a journal was about: the instructions it held, and the kinds of which orders came."""

    held: set[str]
    kinds: set[str]


def check_journal(data: Path) -> Life:
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
    check_state(state)
    ledger.check(state)
    return Life(held, kinds)


async def _at_one_moment(http: httpx.AsyncClient) -> tuple[list[Json], list[Json]]:
    """Orders and positions between which nothing was filled: the restarted desk goes on filling."""
    while True:
        positions = await everything(http, "/api/v1/positions")
        orders = await everything(http, "/api/v1/orders")
        if positions == await everything(http, "/api/v1/positions"):
            return orders, positions
        await asyncio.sleep(0.1)


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
