"""The trading day as orders meet it: which phase an instrument is in, and what that refuses.

The published calendar comes with the context, what differs from it is in the state: journaled, put by
people, in force at once.
"""

from typing import TypeAlias

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.instruments import Instrument, InstrumentKey, known_instrument
from phalanx.domain.orders import OrdType, Product, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.sessions import (
    TAKEN,
    Calendar,
    Phase,
    PhaseNow,
    SessionClass,
    SessionDay,
    continuous_ends_s,
    ends_s,
    phase_at,
)
from phalanx.domain.time import SECOND, Nanoseconds, day_begins, trading_day
from phalanx.engine.context import Context
from phalanx.engine.state import State

EXCHANGES = frozenset({"NSE", "BSE"})
"""Whose equities have the phases of ``domain.sessions``. Of others no phases are known."""


Wanted: TypeAlias = tuple[OrdType, TimeInForce, Product]
"""What an order wants of a phase."""


def session_day(state: State, calendar: Calendar, now: Nanoseconds) -> SessionDay:
    """The day of a moment, as it is in force."""
    return calendar.session_day(trading_day(now, state.settings.zone_offset_s), state.calendar)


def class_of(state: State, calendar: Calendar, instrument: Instrument) -> SessionClass | None:
    """Which day an instrument has; None where no phases are known: derivatives, other exchanges."""
    if instrument.exchange not in EXCHANGES or instrument.expiry:
        return None
    stocks = state.closing_auction or calendar.closing_auction
    if instrument.symbol in stocks:
        return SessionClass.CLOSING_AUCTION
    return SessionClass.EQUITY


def phase_now(
    state: State, calendar: Calendar, session_class: SessionClass, now: Nanoseconds
) -> PhaseNow:
    """The phase that the instruments of a class are in."""
    today = session_day(state, calendar, now)
    return phase_at(today, session_class, now, state.settings.zone_offset_s)


def closes_at(state: State, calendar: Calendar, now: Nanoseconds) -> Nanoseconds | None:
    """When the last window of that moment's day is over; None when it is, and on days without any."""
    today = session_day(state, calendar, now)
    over_s = max(ends_s(today, session_class) for session_class in SessionClass)
    found = day_begins(today.day, state.settings.zone_offset_s) + over_s * SECOND
    return found if now < found else None


def ticked_until(state: State, context: Context, instrument: Instrument) -> Nanoseconds:
    """Until when an instrument had prices today: now, or when continuous trading was over. An auction makes
    none until it matches, and a feed is not dead for it.
    """
    calendar = context.calendar
    session_class = None if calendar is None else class_of(state, calendar, instrument)
    if calendar is None or session_class is None:
        return context.now
    today = session_day(state, calendar, context.now)
    over_s = continuous_ends_s(today.windows[session_class])
    if over_s is None:
        return context.now
    over = day_begins(today.day, state.settings.zone_offset_s) + over_s * SECOND
    return min(context.now, over)


def waits_for_phase(state: State, context: Context, account: Account, key: InstrumentKey) -> bool:
    """Whether a working order rests because no continuous trading goes on: it waits for an auction to
    match, or for the next phase.
    """
    calendar = context.calendar
    if calendar is None or not keeps_sessions(state, context, account):
        return False
    instrument = known_instrument(context.instruments, state.local_instruments, key)
    session_class = None if instrument is None else class_of(state, calendar, instrument)
    if session_class is None:
        return False
    return phase_now(state, calendar, session_class, context.now).phase is not Phase.CONTINUOUS


def keeps_sessions(state: State, context: Context, account: Account) -> bool:
    """Whether an account's orders are held to the phases: on paper by a setting, live by the broker."""
    if account.mode is Mode.PAPER:
        return state.settings.paper_keeps_sessions
    capabilities = context.capabilities.get(account.broker)
    return capabilities is not None and capabilities.keeps_sessions


def phase_refusal(
    state: State, context: Context, account: Account, instrument: Instrument, wanted: Wanted
) -> Reason | None:
    """What the phase of now does not take, where the account keeps sessions. Cancels and kills are never
    asked about.
    """
    calendar = context.calendar
    if calendar is None or not keeps_sessions(state, context, account):
        return None
    session_class = class_of(state, calendar, instrument)
    if session_class is None:
        return None
    now = phase_now(state, calendar, session_class, context.now)
    taken = TAKEN[now.phase]
    if not taken.ord_types:
        return Reason(ReasonCode.SESSION_CLOSED, (instrument.exchange, now.phase.name))
    allowed = (taken.ord_types, taken.times_in_force, taken.products)
    for one, those in zip(wanted, allowed, strict=True):
        if one not in those:
            facts = (instrument.exchange, one.name, now.phase.name)
            return Reason(ReasonCode.NOT_IN_PHASE, facts)
    return None
