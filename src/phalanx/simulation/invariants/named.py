"""The invariants by name, each with its sentence, and how a breach of one is told."""

import linecache
from collections import Counter
from enum import StrEnum
from types import TracebackType


class Invariant(StrEnum):
    """What is never to be broken; the value is the sentence."""

    DISPATCH_FIRST = "No byte goes to a broker without a dispatch that is on the disk."
    WRITTEN_ONCE = "An order or a request is written once, in time, within its account's limit."
    STOPPED_BY_KILL = "Nothing that may open risk is written while a kill stands over it."
    READ_FIRST = "Nothing new is written for an account not read since its session is up."
    ONE_IN_FLIGHT = (
        "Where tags are not kept one order per account, instrument and side is in flight."
    )
    ADOPTED_ONCE = "A kill that was ordered past the desk is journaled once, and not forgotten."
    ONE_ORDER_PER_TAG = "A broker has at most one order for each ClOrdID, and none we do not know."
    ACKNOWLEDGED = "Every answer that was given is whole on the disk, after every recovery."
    ONE_PER_KEY = "An idempotency key leads to one instruction, and always to the same answer."
    PLANNED_ONCE = "An instruction is planned once, in its time, as it was asked or previewed."
    APPROVED_FIRST = (
        "What another person has to approve is planned after one did, who is not the one who asked."
    )
    UNDO_KEPT = "What stands in its undo window is not dispatched before the window's end."
    FOLLOWED_ONCE = "An order is retried or reversed once."
    DOUBT_AFTER_DISPATCH = "Only what was dispatched is ever in doubt."
    ABSENCE = "What was proved to be absent at its broker never turns up there."
    SETTLED = "At rest every order has ended, works, or is in doubt with a break that says so."
    TERMS = "What works at its broker and with us has the same quantity and limit there and here."
    EXPIRED_THERE = "An order that expired with us expired at its broker."
    LOST_TAIL = (
        "Orders that the journal lost close their account until a person settles them, and their ids"
        " are not given again."
    )
    FILLED_WITHIN_ORDERED = "No order is filled beyond its quantity, no quantity filled goes down."
    BOOKED_ONCE = "An execution is booked once, on the order or the book it belongs to."
    POSITIONS = "Positions are the sum of the fills, and at rest they are the broker's."
    CASH = "Cash is what the fills left of it, and what is set aside is there."
    HOLDS = "What is set aside is never below zero, and free when its order has ended."
    LOTS = "The open lots are what was bought and not sold, lot by lot."
    STATE = "The engine's own books agree with each other, looked at every few records and at rest."
    REPLAY = "What is replayed from the disk is what lives, hash for hash, snapshot or none."
    TOLD = "Nothing is told that the disk does not hold."
    NO_GAP = "No topic of the stream has a gap, and what a reader rebuilds is what the boards show."
    TERMINAL_KEPT = "An order that has ended is not contradicted silently."
    SECOND_PERSON = (
        "While two persons are needed none loosens a bound without another one's approval."
    )
    ONE_WRITER = "One process at a time has the journal; a second one is refused."
    FAIL_STOP = "A process whose journal failed stops, and writes and tells nothing any more."
    IDLE = "At rest nobody waits in a lane and nothing is remembered in vain."
    NO_FAULT = "Nothing of ours breaks: no exception reaches whoever runs the loop."
    OPEN = "With every broker well again every account opens."
    PROGRESS = "Nobody waits for ever, and nothing goes round in circles."


class Violation(AssertionError):
    """An invariant did not hold."""

    def __init__(self, invariant: Invariant, what: str) -> None:
        super().__init__(f"{invariant.name}: {what}")
        self.invariant = invariant
        self.what = what


CHECKED: Counter[Invariant] = Counter()
"""How often each was looked at in this process of ours; whoever runs seeds takes the differences."""


class holds:  # noqa: N801  read as a word: with holds(Invariant.LOTS)
    """What is asserted within is that invariant. Raises Violation where it does not hold."""

    __slots__ = ("_invariant",)

    def __init__(self, invariant: Invariant) -> None:
        self._invariant = invariant

    def __enter__(self) -> None:
        CHECKED[self._invariant] += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(failure, AssertionError) and not isinstance(failure, Violation):
            raise Violation(self._invariant, _said(failure)) from failure


def _said(failure: AssertionError) -> str:
    """The message of an assertion, or else the line that stands in the code."""
    if str(failure):
        return str(failure)
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "did not hold"
    frame = trace.tb_frame
    return linecache.getline(frame.f_code.co_filename, trace.tb_lineno).strip()
