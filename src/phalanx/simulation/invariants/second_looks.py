"""Two pairs of eyes and the undo window, looked at from the journal alone."""

from phalanx.domain.events import (
    ApprovalAsked,
    Event,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrdersDispatched,
    SettingsPut,
)
from phalanx.domain.instructions import InstructionId, WaitsFor
from phalanx.domain.numbers import BASIS_POINTS, FIXED_MAX, Money, multiply
from phalanx.domain.orders import ClOrdId
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.simulation.invariants.named import Invariant, holds


class SecondLooks:
    """Reads event by event. ``take`` raises Violation for what was planned without the approval that it
    needed, and for what was dispatched within its undo window.
    """

    def __init__(self) -> None:
        self.asked: dict[InstructionId, tuple[str, Nanoseconds]] = {}
        """Who asked for each instruction that waits for approval, and until when it may come."""
        self.windows: dict[InstructionId, tuple[Nanoseconds, Nanoseconds]] = {}
        """From and until when each held instruction may be planned."""
        self._held_by: dict[InstructionId, str] = {}
        self._named: dict[InstructionId, Money] = {}
        """The value at risk that each was last asked about; 0: it was asked for whatever its size."""
        self._approved: set[InstructionId] = set()
        self._undo: dict[ClOrdId, Nanoseconds] = {}
        self._above: Money = 0
        self._collar_bps = 0

    def take(self, event: Event) -> None:
        """One event more."""
        match event:
            case SettingsPut():
                self._above = event.settings.approve_above
                self._collar_bps = event.settings.collar_bps
            case InstructionHeld():
                self._held_by[event.instruction_id] = event.origin.actor
                self.windows[event.instruction_id] = (event.fire_at, event.expires_at)
                if event.waits_for is WaitsFor.APPROVAL:
                    self.asked[event.instruction_id] = (event.origin.actor, event.approve_by)
                    self._named[event.instruction_id] = _value_named(event.cause)
            case ApprovalAsked():
                self._ask(event)
            case InstructionApproved():
                self._approve(event)
            case InstructionPlanned():
                self._plan(event)
            case InstructionEnded():
                self._end(event)
            case OrdersDispatched():
                self._dispatch(event)
            case _:
                pass

    def _ask(self, event: ApprovalAsked) -> None:
        instruction_id, value = event.instruction_id, _value_named(event.cause)
        with holds(Invariant.APPROVED_FIRST):
            needed = instruction_id not in self._approved or value > self._approved_up_to(
                instruction_id
            )
            assert needed, f"{instruction_id} is to be approved twice, and did not grow"
        self._approved.discard(instruction_id)
        self._named[instruction_id] = value
        self.asked[instruction_id] = (self._held_by[instruction_id], event.approve_by)
        self.windows[instruction_id] = (event.time, event.expires_at)

    def _approved_up_to(self, instruction_id: InstructionId) -> Money:
        named = self._named[instruction_id]
        return named + named * self._collar_bps // BASIS_POINTS

    def _approve(self, event: InstructionApproved) -> None:
        with holds(Invariant.APPROVED_FIRST):
            asked = self.asked.pop(event.instruction_id, None)
            assert asked is not None, f"{event.instruction_id} waited for no approval"
            who, until = asked
            assert event.origin.actor != who, f"{who} approved {event.instruction_id} themselves"
            assert event.time < until, f"{event.instruction_id} was approved too late"
            begins, ends = self.windows[event.instruction_id]
            assert event.expires_at <= ends, f"{event.instruction_id} lives longer than it was to"
        self.windows[event.instruction_id] = (max(begins, event.time), event.expires_at)
        self._approved.add(event.instruction_id)

    def _plan(self, event: InstructionPlanned) -> None:
        with holds(Invariant.APPROVED_FIRST):
            instruction_id = event.instruction_id
            assert instruction_id not in self.asked, f"{instruction_id} was not approved"
            value = sum(multiply(d.limit, d.quantity) for d in event.orders if not d.reduce_only)
            bound = self._approved_up_to(instruction_id) if instruction_id in self._approved else 0
            small = not self._above or min(value, FIXED_MAX) <= max(self._above, bound)
            assert small, f"{instruction_id} is larger than anybody let it be"
        if event.undo_until:
            for draft in event.orders:
                if not draft.reduce_only:
                    self._undo[draft.cl_ord_id] = event.undo_until

    def _end(self, event: InstructionEnded) -> None:
        asked = self.asked.pop(event.instruction_id, None)
        with holds(Invariant.APPROVED_FIRST):
            if event.reason.code is ReasonCode.DECLINED:
                who = "" if event.origin is None else event.origin.actor
                assert asked is not None, f"{event.instruction_id} waited for nobody's word"
                assert who != asked[0], f"{who} declined {event.instruction_id} themselves"
            if event.reason.code is ReasonCode.APPROVAL_EXPIRED:
                late = asked is not None and event.time >= asked[1]
                assert late, f"{event.instruction_id} had time left to be approved"

    def _dispatch(self, event: OrdersDispatched) -> None:
        with holds(Invariant.UNDO_KEPT):
            for cl_ord_id in event.cl_ord_ids:
                until = self._undo.pop(cl_ord_id, 0)
                assert event.time >= until, f"{cl_ord_id} went within its undo window"


def _value_named(cause: Reason | None) -> Money:
    if cause is None or cause.code is not ReasonCode.ABOVE_APPROVAL:
        return 0
    return int(cause.facts[0])
