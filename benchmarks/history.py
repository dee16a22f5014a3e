"""A long past, made quickly: one decided day's events, applied again and again under new ids.

What comes of it is what so many decided orders would leave: counters, and nothing else that grows.
"""

import re
from collections.abc import Iterable, Iterator

from benchmarks.scene import ACCOUNTS, Scene, acknowledged, filled, signals
from phalanx.domain.events import Event, decode_events, join_events
from phalanx.domain.orders import Side
from phalanx.engine.apply import apply
from phalanx.engine.ids import base36, prefix

ORDERS = 2 * ACCOUNTS
"""Of one turn: everybody buys, everybody sells."""


def trade(scene: Scene, *, acknowledge: bool = True) -> Iterator[tuple[Event, bytes]]:
    """Everybody's BUY, then everybody's SELL, filled."""
    for side in (Side.BUY, Side.SELL):
        decided, drafts = scene.submit(signals(ACCOUNTS, side)[0])
        yield from decided
        if acknowledge:
            yield from scene.report(acknowledged(drafts))
        yield from scene.report(filled(drafts))


def live_through(scene: Scene, orders: int) -> None:
    """So many orders placed, filled and retired, or kept where the settings keep them, all decided."""
    for _ in range(0, orders, ORDERS):
        for _ in trade(scene):
            pass
        scene.retire()


def relive(scene: Scene, orders: int) -> None:
    """So many orders of the past, of which the first day is decided and the others are only applied.
    Their events have the times of the first day; what an acknowledgement leaves behind, a fill does too.
    """
    state = scene.state
    first, first_instruction = state.next_order, state.next_instruction
    decided = [*trade(scene, acknowledge=False), *scene.retire()]
    encoded = [encoded for _, encoded in decided]
    day = Day(join_events(encoded, len(encoded)), prefix(state.desk_id, state.shard))
    instructions = state.next_instruction - first_instruction
    for number in range(1, orders // ORDERS):
        for event in day.again(number * ORDERS, number * instructions):
            apply(state, event)
    assert state.next_order == first + max(1, orders // ORDERS) * ORDERS, "another number of orders"


class Day:
    """The encoded events of a day, whose ids begin with ``desk``."""

    def __init__(self, events: bytes, desk: str) -> None:
        self._events = events
        self._ids = re.compile(rb"I?" + desk.encode() + rb"[0-9A-Z]{7}")
        self._found = {id: (id[:-7], int(id[-7:], 36)) for id in set(self._ids.findall(events))}

    def again(self, orders: int, instructions: int) -> Iterable[Event]:
        """The same events, so many orders and instructions later."""
        new = {
            id: start + base36(number + (instructions if start[:1] == b"I" else orders)).encode()
            for id, (start, number) in self._found.items()
        }
        return decode_events(self._ids.sub(lambda match: new[match[0]], self._events))
