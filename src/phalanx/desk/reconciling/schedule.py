"""When an account's book is read next, and what the readings before add up to."""

import asyncio

from phalanx.desk.reconciling.account_reports import AccountReport
from phalanx.desk.reconciling.adoption import Evidence
from phalanx.desk.reconciling.seats import Urgency
from phalanx.domain.accounts import AccountId
from phalanx.domain.time import Appointment, Nanoseconds


class Schedule:
    """One account's.

    ``closings``: how often it was closed; a reading that began before the last time opens nothing.
    ``down``: why its session is. ``task``: the reading under way, which waits for its turn until the
    broker is ``asked``; ``again``: once more after it, for what came to pass since. ``urgency``: of the
    most pressing cause since it was asked last.
    """

    def __init__(self, account: AccountId) -> None:
        self.account = account
        self.evidence = Evidence()
        self.report: AccountReport | None = None
        self.failures = 0
        self.closings = 0
        self.down = ""
        self.pause_ns: Nanoseconds = 0
        self.ended_at: Nanoseconds | None = None
        self.due_at: Nanoseconds = 0
        self.appointment: Appointment | None = None
        self.task: asyncio.Task[None] | None = None
        self.asked = False
        self.again = False
        self.urgency = Urgency.TURN

    def ask(self) -> None:
        """The broker is asked now: what comes to pass from here on may not be in its answer."""
        self.asked, self.again, self.urgency = True, False, Urgency.TURN

    def press(self, urgency: Urgency) -> None:
        """There is a cause to read it."""
        self.urgency = min(self.urgency, urgency)

    def unappoint(self) -> None:
        """No later reading is arranged any more."""
        if self.appointment is not None:
            self.appointment.cancel()
            self.appointment = None
