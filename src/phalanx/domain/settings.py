"""The settings that decide about orders; journaled, because a replay must meet the same ones."""

from typing import Final

import msgspec

from phalanx.domain.numbers import Money, Quantity, whole

SCALED: Final = frozenset({"quantity_max", "value_max", "approve_above"})
"""The settings that are quantities or money, by name; the others are plain."""


class RiskSettings(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Bounds that hold for every book. Basis points and seconds are plain integers.

    ``band_bps``: distance from the reference close where the master brings no band.
    ``protection_bps``: how much worse than the last price a market order may trade; its hold and
    its protected price come from it. ``retire_after_s`` and ``terminal_orders_max`` bound memory.
    A MARKET entry that rests unfilled is canceled after ``entry_cancel_after_s`` (0: never); a MARKET
    exit gets a new price every ``exit_reprice_after_s`` (0: never), ``exit_reprices_max`` times.
    ``collar_bps``: how far a price may move between preview and firing. ``held_max`` bounds the
    instructions that are held. ``break_deadline_s``: how long somebody has to settle a break.
    ``approve_above``: an instruction whose orders open risk of more than this value waits for another
    person's approval (0: none does), for ``approval_expires_s`` at most. ``undo_ms``: so long orders that
    open risk stand HELD before they go (0: they go at once). ``two_persons``: what loosens a bound waits
    for another person (``engine.persons``), for ``change_expires_s``; ``changes_max`` bounds what waits so.
    ``paper_keeps_sessions``: orders on paper are held to the phases of the trading day, as live ones are.
    ``square_off``: what is held intraday is closed at ``square_off_at_s`` of an ordinary day (seconds since
    midnight; 15:15), of stocks with a closing auction at ``square_off_auction_at_s`` (15:00).
    """

    quantity_max: Quantity = whole(1_000_000)
    value_max: Money = whole(10_000_000)
    band_bps: int = 2_000
    distance_bps: int = 1_000
    protection_bps: int = 100
    stale_after_s: int = 15
    open_orders_max: int = 10_000
    orders_per_day_max: int = 100_000
    duplicate_window_s: int = 1
    signal_expires_s: int = 30
    order_expires_s: int = 30
    send_timeout_s: int = 5
    retire_after_s: int = 3_600
    terminal_orders_max: int = 50_000
    keys_retain_s: int = 48 * 3_600
    keys_max: int = 1_000_000
    zone_offset_s: int = 19_800
    entry_cancel_after_s: int = 30
    exit_reprice_after_s: int = 5
    exit_reprices_max: int = 3
    collar_bps: int = 100
    held_max: int = 1_000
    break_deadline_s: int = 900
    approve_above: Money = 0
    approval_expires_s: int = 900
    undo_ms: int = 0
    two_persons: bool = False
    change_expires_s: int = 900
    changes_max: int = 1_000
    paper_keeps_sessions: bool = False
    square_off: bool = False
    square_off_at_s: int = 54_900
    square_off_auction_at_s: int = 54_000
