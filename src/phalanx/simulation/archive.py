"""What the journal on a world's disk says of orders that left memory: the views of a world."""

from phalanx.domain.events import (
    Event,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    decode_events,
)
from phalanx.domain.orders import ClOrdId, OrderDraft
from phalanx.engine.commands import ArchivedOrder
from phalanx.journal.memory import MemoryDisk, MemoryJournal


class DiskArchive:
    """Reads the whole journal for each answer, which is quick enough for how rarely it is asked."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    async def order(self, cl_ord_id: ClOrdId) -> ArchivedOrder | None:
        """See `Archive.order`."""
        draft: OrderDraft | None = None
        cum_quantity = 0
        exec_ids: set[str] = set()
        for record in MemoryJournal(self._disk).records():
            for event in decode_events(record.body):
                for planned in _drafts(event):
                    draft = planned if planned.cl_ord_id == cl_ord_id else draft
                if isinstance(event, OrderReported) and event.cl_ord_id == cl_ord_id:
                    cum_quantity = event.cum_quantity
                    exec_ids.add(event.report.exec_id)
        if draft is None:
            return None
        what = (draft.book, draft.instrument, draft.side, draft.product)
        return ArchivedOrder(cl_ord_id, *what, cum_quantity, frozenset(exec_ids - {""}))


def _drafts(event: Event) -> tuple[OrderDraft, ...]:
    match event:
        case InstructionPlanned():
            return event.orders
        case OrderReported() | OrderEnded():
            return event.children
        case _:
            return ()
