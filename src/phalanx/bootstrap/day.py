"""What the trading day asks of a running system."""

from phalanx.desk.desk import Desk
from phalanx.desk.square_off import SquareOff
from phalanx.domain.time import Nanoseconds
from phalanx.engine.day.phases import closes_at


def square_off(desk: Desk) -> SquareOff:
    """What closes a day's intraday positions by itself, where a setting wants that."""
    assert desk.calendar is not None, "a system has a calendar"
    return SquareOff(
        desk.state,
        desk.calendar,
        desk.clock,
        desk.timer,
        lambda: desk.instruments,
        desk.closed,
        desk.handle,
    )


def paper_closes_at(desk: Desk, now: Nanoseconds) -> Nanoseconds | None:
    """When orders on paper end with the market; None: at midnight, as they are not held to it."""
    if desk.calendar is None or not desk.state.settings.paper_keeps_sessions:
        return None
    return closes_at(desk.state, desk.calendar, now)
