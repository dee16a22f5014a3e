"""Bare decode and the least that could be called applying: who there is, and how each one stands."""

from collections.abc import Callable
from typing import Any

from phalanx.domain.events import (
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    OrdersRetired,
    decode_events,
)
from phalanx.domain.orders import OrderDraft, OrdStatus
from phalanx.journal.port import JournalReader


class Standing:
    """Orders by id, and their status by id."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderDraft] = {}
        self.statuses: dict[str, OrdStatus] = {}
        self._apply: dict[type, Callable[[Any], None]] = {
            InstructionPlanned: self._planned,
            OrdersDispatched: self._dispatched,
            OrderReported: self._reported,
            OrdersRetired: self._retired,
        }

    def replay(self, reader: JournalReader) -> None:
        """Every event of the journal."""
        appliers = self._apply
        for record in reader.records():
            for event in decode_events(record.body):
                apply = appliers.get(type(event))
                if apply is not None:
                    apply(event)

    def _planned(self, event: InstructionPlanned) -> None:
        for draft in event.orders:
            self.orders[draft.cl_ord_id] = draft

    def _dispatched(self, event: OrdersDispatched) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self.statuses[cl_ord_id] = OrdStatus.SENT

    def _reported(self, event: OrderReported) -> None:
        self.statuses[event.cl_ord_id] = event.status

    def _retired(self, event: OrdersRetired) -> None:
        for cl_ord_id in event.cl_ord_ids:
            del self.orders[cl_ord_id]
            del self.statuses[cl_ord_id]
