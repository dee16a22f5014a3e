"""Bare create-and-encode: the events of an instruction, made of their fields and encoded."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from phalanx.domain.events import Event, InstructionPlanned, OrdersDispatched, encode_event
from phalanx.domain.orders import OrderDraft

Making = Callable[[], Event]


def take_apart(events: Sequence[Event]) -> list[Making]:
    """The fields of these events, ready to be made into events again."""
    return [_taken_apart(event) for event in events]


def create_and_encode(makings: Sequence[Making]) -> int:
    """Make and encode every event; the bytes that come of it."""
    return sum([len(encode_event(make())) for make in makings])


def _taken_apart(event: Event) -> Making:
    fields = msgspec.structs.astuple(event)
    kind: Any = type(event)
    if isinstance(event, InstructionPlanned):
        at = event.__struct_fields__.index("orders")
        before, after = fields[:at], fields[at + 1 :]
        drafts = [msgspec.structs.astuple(draft) for draft in event.orders]
        return lambda: kind(*before, tuple([OrderDraft(*draft) for draft in drafts]), *after)
    if isinstance(event, OrdersDispatched):
        time, cl_ord_ids, *rest = fields
        return lambda: kind(time, (*cl_ord_ids,), *rest)
    return lambda: kind(*fields)
