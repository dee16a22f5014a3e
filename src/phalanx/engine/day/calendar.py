"""The calendar as people change it: days over the published ones, and the stocks with a closing auction."""

from phalanx.domain.events import CalendarPut, ClosingAuctionPut, Event
from phalanx.domain.sessions import CHANGES_MAX
from phalanx.engine.context import Context
from phalanx.engine.day.commands import PutCalendar, PutClosingAuction
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

STOCKS_MAX = 5_000
"""Most stocks that are named to have a closing auction."""


def put_calendar(state: State, command: PutCalendar, context: Context) -> list[Event]:
    """These days are the overlay. Raises Refused ``TOO_MANY_DAYS``.

    With an idempotency key it is journaled also where nothing changes: the key must not bring back what
    was replaced later.
    """
    if len(command.days) > CHANGES_MAX:
        raise Refused("TOO_MANY_DAYS", f"more than {CHANGES_MAX} days")
    days = tuple(sorted(command.days, key=lambda change: change.day))
    if days == tuple(state.calendar.values()) and not command.origin.idempotency_key:
        return []
    return [CalendarPut(context.now, command.origin, days)]


def put_closing_auction(state: State, command: PutClosingAuction, context: Context) -> list[Event]:
    """These stocks have a closing auction; none: those of the shipped list. Raises Refused
    ``TOO_MANY_STOCKS``. As ``put_calendar`` with a key.
    """
    if len(command.symbols) > STOCKS_MAX:
        raise Refused("TOO_MANY_STOCKS", f"more than {STOCKS_MAX} stocks")
    symbols = tuple(sorted(set(command.symbols)))
    if symbols == tuple(state.closing_auction) and not command.origin.idempotency_key:
        return []
    return [ClosingAuctionPut(context.now, command.origin, symbols)]
