"""An instruction that closes a lot does not end with its first sell: what came later is its to sell too.

Each later fill of a buy it cancelled becomes a further reduce-only child, also
when the broker told of the cancel first and of the fill afterwards.
"""

from phalanx.domain.events import CancelRequested, Event
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import known_instrument
from phalanx.domain.numbers import BASIS_POINTS, Price, Quantity, round_down
from phalanx.domain.orders import (
    Closing,
    ExecutionReport,
    OrderDraft,
    OrdType,
    Side,
    TimeInForce,
)
from phalanx.engine.apply import lots
from phalanx.engine.context import Context
from phalanx.engine.ids import base36, prefix
from phalanx.engine.plans.plan import request_code
from phalanx.engine.pricing import instrument_facts
from phalanx.engine.state import Order, State, position_key


def children(
    state: State, order: Order, filled: Quantity, report: ExecutionReport, context: Context
) -> tuple[OrderDraft, ...]:
    """The sell of what a cancelled buy just filled, by the instruction that cancelled it."""
    draft = order.draft
    if draft.side is Side.SELL or order.closed_by not in state.instructions:
        return ()
    quantity = _may_sell(state, order, filled, context)
    if quantity <= 0:
        return ()
    child = OrderDraft(
        prefix(state.desk_id, state.shard) + base36(state.next_order),
        draft.book,
        draft.instrument,
        Side.SELL,
        draft.product,
        OrdType.MARKET,
        TimeInForce.DAY,
        quantity,
        _protected(state, order, report, context),
        0,
        draft.strategy,
        (Closing(lots.lot_for(state.book_of(order), order), quantity),),
        reduce_only=True,
        follows_fill=True,
    )
    return (child,)


def cancel_again(state: State, order: Order, context: Context) -> list[Event]:
    """A closing instruction's cancel that had no effect is asked for again, under a new id; so is
    that of a buy that was proved absent meanwhile, and lives after all.
    """
    if order.closed_by not in state.instructions:
        return []
    request_id = request_code(prefix(state.desk_id, state.shard), state.next_request)
    origin = Origin("desk", Door.DESK)
    return [CancelRequested(context.now, origin, request_id, order.draft.cl_ord_id)]


def _may_sell(state: State, order: Order, filled: Quantity, context: Context) -> Quantity:
    """Whole lots of what was filled, never more than will be sellable.

    A part that covers a short is gone; what was too little for a whole lot before may fill one up now.
    """
    draft = order.draft
    book = state.book_of(order)
    held = book.positions.get(position_key(draft.instrument, draft.product))
    owned = filled + (held.quantity if held is not None else 0)
    selling = held.selling if held is not None else 0
    bought = max(0, min(filled, owned))
    instrument = known_instrument(context.instruments, state.local_instruments, draft.instrument)
    lot_size = instrument.lot_size if instrument is not None else 1
    lot = lots.find_lot(book, draft.instrument, order.lot)
    if lot is not None and lot.closing == order.closed_by:
        bought += lot.available % lot_size
    return round_down(min(bought, owned - selling), lot_size)


def _protected(state: State, order: Order, report: ExecutionReport, context: Context) -> Price:
    """The worst price of the sell: from the quote, or without one from the fill itself."""
    key = order.draft.instrument
    instrument = known_instrument(context.instruments, state.local_instruments, key)
    quote = context.quote(key)
    if instrument is not None and quote is not None:
        return instrument_facts(state.settings, instrument, quote).protected_sell
    worst = report.last_price * (BASIS_POINTS - state.settings.protection_bps) // BASIS_POINTS
    tick = instrument.tick_size if instrument is not None else 1
    return max(round_down(worst, tick), tick)
