"""Whatever people ask, approve, decline and cancel, and whenever the process dies: an instruction is planned
at most once, and only if it needed nobody's approval or somebody else gave theirs.
"""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from phalanx.domain.events import (
    Event,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import CancelRestRequest, Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import State
from phalanx.simulation.invariants.second_looks import SecondLooks
from tests.engine_world import World
from tests.property.engine.profile import profile

ACTORS = st.sampled_from(["ann", "bob", "key:algo"])
PICK = st.integers(0, 1_000)
ABOVE = whole(1_000)


def of(actor: str) -> Origin:
    return Origin(actor, Door.INSTRUCTIONS)


class TwoPairsOfEyes(RuleBasedStateMachine):
    """One account, prices that move, and three who ask for things. ``asked``: of each instruction that ever
    needed approval who asked for it; ``given``: who approved it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.account()
        self.looks = SecondLooks()
        self.asked: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.ends: Counter[str] = Counter()
        self.ids: list[str] = []
        self.taken = 0

    @initialize(undo_ms=st.sampled_from([0, 3_000]), expires_s=st.sampled_from([2, 20]))
    def settle(self, undo_ms: int, expires_s: int) -> None:
        self.world.settings(
            approve_above=ABOVE,
            undo_ms=undo_ms,
            approval_expires_s=expires_s,
            duplicate_window_s=0,
        )

    def tell(self, command: c.Command) -> list[Event]:
        """What came of it; nothing where it was refused."""
        try:
            return self.world.do(command)
        except Refused:
            return []

    @rule(
        actor=ACTORS,
        quantity=st.integers(1, 20),
        later=st.sampled_from([0, 0, 1, 5]),
        ask=st.booleans(),
    )
    def submit(self, actor: str, quantity: int, later: int, *, ask: bool) -> None:
        terms = (Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(quantity))
        request = OrderRequest(1, "", "INFY", *terms)
        fire_at = self.world.now + later * SECOND if later else 0
        self.tell(c.Submit(of(actor), request, fire_at=fire_at, ask=ask))

    @precondition(lambda self: self.ids)
    @rule(actor=ACTORS, pick=PICK, approves=st.booleans())
    def decide(self, actor: str, pick: int, *, approves: bool) -> None:
        command = c.Approve if approves else c.Decline
        self.tell(command(of(actor), self.ids[pick % len(self.ids)]))

    @precondition(lambda self: self.ids)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        self.tell(c.Submit(of("ann"), CancelRestRequest(self.ids[pick % len(self.ids)])))

    @rule(seconds=st.sampled_from([1, 2, 5, 20]), percent=st.integers(90, 110))
    def pass_time(self, seconds: int, percent: int) -> None:
        """The clock moves on, the price does, and every timer that may have come due is asked."""
        self.world.wait(seconds)
        self.world.price("INFY", str(percent))
        for instruction in [*self.world.state.held]:
            self.tell(c.Release(instruction))
        for instruction in [*self.world.state.undo]:
            self.tell(c.ReleaseOrders(instruction))
        waiting = [o for o in self.world.state.open_orders() if o.status is OrdStatus.PENDING_NEW]
        ids = tuple(order.draft.cl_ord_id for order in waiting)
        self.tell(c.Dispatch(ids, self.world.state.epoch))

    @rule(snapshot=st.booleans())
    def restart(self, *, snapshot: bool) -> None:
        """The next process has what the journal says, or a snapshot of it."""
        before = state_hash(self.world.state)
        if snapshot:
            self.world.state = decode_state(encode_state(self.world.state))
        else:
            self.world.state = State()
            for event in self.world.journal:
                apply(self.world.state, event)
        assert state_hash(self.world.state) == before

    @invariant()
    def nothing_is_planned_that_nobody_else_let_go(self) -> None:
        for event in self.world.journal[self.taken :]:
            self.looks.take(event)
            self._note(event)
        self.taken = len(self.world.journal)
        waiting = {
            key
            for key, one in self.world.state.held.items()
            if one.approve_by and not one.approved_by
        }
        assert waiting == self.looks.asked.keys()

    def _note(self, event: Event) -> None:
        match event:
            case InstructionHeld():
                self.ids.append(event.instruction_id)
                if event.cause is not None:
                    self.asked[event.instruction_id] = event.origin.actor
            case InstructionApproved():
                self.given[event.instruction_id] = event.origin.actor
            case InstructionPlanned() | InstructionEnded():
                self._end(event)
            case _:
                pass

    def _end(self, event: Any) -> None:  # noqa: ANN401  two kinds of events
        instruction = event.instruction_id
        self.ends[instruction] += 1
        assert self.ends[instruction] == 1, f"{instruction} ended or was planned twice"
        if isinstance(event, InstructionPlanned) and instruction in self.asked:
            assert self.given[instruction] not in {self.asked[instruction], "key:algo"}


TestTwoPairsOfEyes = TwoPairsOfEyes.TestCase
TestTwoPairsOfEyes.settings = profile(examples=60)
