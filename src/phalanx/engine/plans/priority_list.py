"""The list that a priority_buy goes down, with prices."""

from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.instruments import Instrument, InstrumentKey, known_instrument
from phalanx.domain.orders import OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.groups import LIST_INSTRUMENTS_MAX
from phalanx.engine.plans.holdings import Identity, identity
from phalanx.engine.plans.plan import Plan
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

_R = ReasonCode


class Stock:
    """One place of the list. ``priced`` None: no master knows it. ``twice``: it stands further up too.

    ``limit`` is the one that will be sent, zero without a price; ``one_lot`` are the terms of a lot.
    """

    __slots__ = (
        "held",
        "identity",
        "key",
        "limit",
        "lot_size",
        "one_lot",
        "priced",
        "row",
        "symbol",
        "twice",
    )

    def __init__(
        self, row: int, key: InstrumentKey, priced: PricedInstrument | None, names: Identity | None
    ) -> None:
        self.row = row
        self.key = key
        self.priced = priced
        self.identity = names
        self.symbol = key if priced is None else priced.instrument.symbol
        self.limit = 0 if priced is None else priced.protected_buy
        self.lot_size = 1 if priced is None else priced.instrument.lot_size
        self.held = Reason(_R.ALREADY_HELD, (self.symbol,))
        self.twice = False
        self.one_lot: Terms | None = None


def stocks_of(
    state: State, context: Context, request: PriorityBuyRequest, plan: Plan
) -> list[Stock] | Reason:
    """The list with prices; or why the whole instruction is refused.

    Raises Refused ``PLAN_TOO_LARGE``, ``AMBIGUOUS_TOKEN``.
    """
    found = _listed(state, context, request)
    if isinstance(found, Reason):
        return found
    stocks = []
    seen: set[str] = set()
    for row, (key, instrument, called) in enumerate(found, 1):
        if instrument is None:
            stocks.append(Stock(row, key, None, None))
            continue
        priced, names = plan.price(state, context, instrument, called), identity(instrument)
        stock = Stock(row, key, priced, names)
        stock.twice = not seen.isdisjoint(names.asked)
        seen.update(names.kept)
        stock.one_lot = Terms(
            Side.BUY, request.product, OrdType.MARKET, stock.lot_size, stock.limit
        )
        stocks.append(stock)
    return stocks


def _listed(
    state: State, context: Context, request: PriorityBuyRequest
) -> list[tuple[InstrumentKey, Instrument | None, str]] | Reason:
    """Key, instrument and the name that its maker used. Only a kept list may have unknown keys."""
    if not request.list_name:
        if len(request.instruments) > LIST_INSTRUMENTS_MAX:
            raise Refused("PLAN_TOO_LARGE", f"more than {LIST_INSTRUMENTS_MAX} instruments")
        own: list[tuple[InstrumentKey, Instrument | None, str]] = []
        for name in request.instruments:
            instrument = find_instrument(state, context, name)
            if instrument is None:
                return Reason(_R.UNKNOWN_INSTRUMENT, (name,))
            own.append((instrument.key, instrument, name))
        return own
    kept = state.lists.get(request.list_name)
    if kept is None:
        return Reason(_R.UNKNOWN_LIST, (request.list_name,))
    local = state.local_instruments
    called = kept.called if len(kept.called) == len(kept.instruments) else kept.instruments
    return [
        (key, known_instrument(context.instruments, local, key), "" if name == key else name)
        for key, name in zip(kept.instruments, called, strict=True)
    ]
