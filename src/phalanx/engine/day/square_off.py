"""Intraday square-off: what is held intraday is closed before the market is, by exits of the desk's own.

When, is in the settings as a time of an ordinary day, for stocks with a closing auction and for all
others; on a special day it is as long before the end of continuous trading. Each instrument gets one exit
a day, and each account that was not open then one of its own. Their idempotency keys say so: a restart does
not give them another one.
"""

from collections.abc import Container

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import DESK_ORIGIN, ExitRequest, Origin, Selection
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    known_instrument,
)
from phalanx.domain.orders import OrdType, Product
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.sessions import (
    NORMAL,
    TAKEN,
    Calendar,
    SessionClass,
    SessionDay,
    continuous_ends_s,
    ends_s,
)
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND, Nanoseconds, day_begins
from phalanx.engine.commands import Submit
from phalanx.engine.context import Context
from phalanx.engine.day.phases import class_of, phase_now, session_day
from phalanx.engine.idempotency import first_use
from phalanx.engine.state import State

NOTE = "intraday square-off"
_FINGERPRINT = b"square-off"
_INTRADAY = Product.INTRADAY


class Due(msgspec.Struct, frozen=True):
    """The exits to fire now, and who has something to exit and is not open yet."""

    exits: tuple[Submit, ...]
    waiting: frozenset[AccountId]


def is_due(state: State, calendar: Calendar, session_class: SessionClass, now: Nanoseconds) -> bool:
    """Whether the square-off of a class has come today, and the phase of now takes its orders."""
    if not is_past(state, calendar, session_class, now):
        return False
    taken = TAKEN[phase_now(state, calendar, session_class, now).phase]
    return OrdType.MARKET in taken.ord_types and _INTRADAY in taken.products


def is_past(
    state: State, calendar: Calendar, session_class: SessionClass, now: Nanoseconds
) -> bool:
    """Whether the square-off of a class has come today, and the day's last window is not over."""
    settings = state.settings
    if not settings.square_off:
        return False
    today = session_day(state, calendar, now)
    at_s = square_off_s(settings, today, session_class)
    if at_s is None:
        return False
    second = (now - day_begins(today.day, settings.zone_offset_s)) // SECOND
    return at_s <= second < ends_s(today, session_class)


def square_off_s(
    settings: RiskSettings, today: SessionDay, session_class: SessionClass
) -> int | None:
    """The time of day of a class's square-off; None on a day without continuous trading."""
    over_s = continuous_ends_s(today.windows[session_class])
    if over_s is None:
        return None
    usual_s = continuous_ends_s(NORMAL[session_class])
    assert usual_s is not None, "an ordinary day has continuous trading"
    is_auction = session_class is SessionClass.CLOSING_AUCTION
    at_s = settings.square_off_auction_at_s if is_auction else settings.square_off_at_s
    return over_s - (usual_s - at_s)


def exits_due(
    state: State,
    calendar: Calendar,
    instruments: InstrumentIndex,
    closed: Container[AccountId],
    session_class: SessionClass,
) -> Due:
    """An exit for every instrument of the class that accounts hold, or are buying, intraday, and that had
    none today; where it had one, an exit for each account that still holds some and sells less, as it was
    not open then. ``closed`` accounts wait. Looks at every book.
    """
    day, exits, waiting = state.day, list[Submit](), set[AccountId]()
    for key, holders in _holders(state).items():
        instrument = known_instrument(instruments, state.local_instruments, key)
        if instrument is None or class_of(state, calendar, instrument) is not session_class:
            continue
        ready = [account for account in holders if account not in closed]
        waiting.update(account for account in holders if account in closed)
        if not ready:
            continue
        first = _exit(f"square-off {day} {key}", key, ready)
        if first_use(state, first.origin) is None:
            exits.append(first)
            continue
        for account in ready:
            again = _exit(f"square-off {day} {key} {account}", key, [account])
            if holders[account] and first_use(state, again.origin) is None:
                exits.append(again)
    return Due(tuple(exits), frozenset(waiting))


def _exit(idempotency_key: str, key: InstrumentKey, accounts: list[AccountId]) -> Submit:
    origin = Origin(DESK_ORIGIN.actor, DESK_ORIGIN.door, "", idempotency_key, _FINGERPRINT)
    selection = Selection(tuple(accounts))
    return Submit(origin, ExitRequest(key, selection=selection, product=_INTRADAY), NOTE)


def _holders(state: State) -> dict[InstrumentKey, dict[AccountId, bool]]:
    """Who has which instrument intraday, and whether they hold some that is not being sold."""
    found: dict[InstrumentKey, dict[AccountId, bool]] = {}
    for account in state.accounts.values():
        book = state.books[account.book]
        for key, lots in book.lots.items():
            if any(lot.product is _INTRADAY for lot in lots.values()):
                found.setdefault(key, {})[account.id] = False
        for position in book.positions.values():
            if position.product is _INTRADAY and position.quantity:
                is_left = position.quantity != position.selling
                found.setdefault(position.instrument, {})[account.id] = is_left
    return found


def cutoff_refusal(
    state: State, context: Context, instrument: Instrument, product: Product, *, reduces: bool
) -> Reason | None:
    """New risk intraday is not taken any more once the square-off of its class has come."""
    calendar = context.calendar
    if calendar is None or reduces or product is not _INTRADAY or not state.settings.square_off:
        return None
    session_class = class_of(state, calendar, instrument)
    if session_class is None or not is_past(state, calendar, session_class, context.now):
        return None
    return Reason(ReasonCode.PAST_SQUARE_OFF, (instrument.symbol,))
