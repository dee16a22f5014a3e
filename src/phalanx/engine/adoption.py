"""Positions that books hold already come in as lots, each with what it cost if somebody knows."""

from phalanx.domain.events import Event, LotAdopted
from phalanx.domain.instruments import known_instrument
from phalanx.domain.numbers import FIXED_MAX
from phalanx.engine.commands import AdoptLots
from phalanx.engine.context import Context
from phalanx.engine.ids import new_cl_ord_id
from phalanx.engine.plans.plan import ORDERS_MAX
from phalanx.engine.refused import Refused
from phalanx.engine.state import State, position_key


def adopt_lots(state: State, command: AdoptLots, context: Context) -> list[Event]:
    """One lot each, all or none.

    Raises Refused ``UNKNOWN_ACCOUNT``, ``UNKNOWN_INSTRUMENT``, ``LOT_MULTIPLE``, ``SHORT_POSITION``,
    ``NUMBER_TOO_LARGE``, ``PLAN_TOO_LARGE``.
    """
    if len(command.lots) > ORDERS_MAX:
        raise Refused("PLAN_TOO_LARGE", f"more than {ORDERS_MAX} positions")
    events: list[Event] = []
    totals: dict[tuple[str, str], int] = {}
    for place, lot in enumerate(command.lots):
        book = state.books.get(lot.book)
        if book is None:
            raise Refused("UNKNOWN_ACCOUNT", f"no book {lot.book}")
        instrument = known_instrument(context.instruments, state.local_instruments, lot.instrument)
        if instrument is None:
            raise Refused("UNKNOWN_INSTRUMENT", f"no instrument {lot.instrument}")
        if lot.quantity <= 0 or lot.quantity % instrument.lot_size:
            raise Refused("LOT_MULTIPLE", f"{instrument.symbol}: not whole lots")
        key = position_key(lot.instrument, lot.product)
        held = book.positions.get(key)
        total = totals.get((lot.book, key), 0 if held is None else held.quantity)
        if total < 0:
            raise Refused("SHORT_POSITION", f"{lot.book} is short of {instrument.symbol}")
        totals[lot.book, key] = total + lot.quantity
        if total + lot.quantity > FIXED_MAX:
            raise Refused("NUMBER_TOO_LARGE", f"{instrument.symbol} would fit no number")
        events.append(
            LotAdopted(
                context.now,
                command.origin,
                new_cl_ord_id(state.desk_id, state.shard, state.next_order + place),
                lot.book,
                lot.instrument,
                lot.product,
                lot.quantity,
                lot.cost or 0,
                lot.cost is not None,
                lot.opened_at,
                lot.called,
            )
        )
    return events
