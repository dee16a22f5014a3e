"""The engine against a broker that says anything about anything: it may be wrong, never broken.

``World`` checks after every command what must hold whatever is reported. Only the promise that
nothing is sold short is not asked here: an overfill breaks it by itself.
"""

from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus
from phalanx.engine import commands as c
from phalanx.engine.state import Order
from tests.property.engine.every_kind import picked
from tests.property.engine.profile import SOAK, profile
from tests.property.engine.test_honest_broker import PICK, UNREACHABLE, HonestBroker
from tests.property.engine.test_walks import STEPS_OF_A_WALK, Step, big, walk

AMOUNTS = [0, 1, whole(1), whole(7), whole(10), whole(50), whole(75), FIXED_MAX, FIXED_MAX + 1, -1]
PRICES = [0, 1, whole(100), whole(90_000), FIXED_MAX, 1 << 80]
EXEC_IDS = ["", "E1", "E2", "E3", "E4", "E5"]


class LyingBroker(HonestBroker):
    """Everything of ``HonestBroker``, and lies."""

    def __init__(self) -> None:
        super().__init__()
        self.encounter.check_shorts = False

    def orders(self) -> list[Order]:
        return list(self.world.state.orders.values())

    @precondition(lambda self: self.world.state.orders)
    @rule(
        pick=PICK,
        exec_type=st.sampled_from(ExecType),
        exec_id=st.sampled_from(EXEC_IDS),
        cum=st.sampled_from(AMOUNTS),
        last=st.sampled_from(AMOUNTS),
        price=st.sampled_from(PRICES),
    )
    def say_anything(
        self, pick: int, exec_type: ExecType, exec_id: str, cum: int, last: int, price: int
    ) -> None:
        for order in picked(pick, self.orders()):
            cl_ord_id = order.draft.cl_ord_id
            lie = ExecutionReport(
                cl_ord_id, exec_type, "B", exec_id, cum, last, price, text="{0}", quantity=last
            )
            self.encounter.tell(c.BookReport(lie))

    @precondition(lambda self: self.world.state.orders)
    @rule(pick=PICK, lots=st.integers(1, 60), price=st.integers(90, 110))
    def fill_anything(self, pick: int, lots: int, price: int) -> None:
        """One more execution, whatever became of the order: late fills and overfills."""
        for order in picked(pick, self.orders()):
            total = order.cum_quantity + whole(lots)
            fill = ExecutionReport(
                order.draft.cl_ord_id, ExecType.TRADE, "B", "", total, whole(lots), whole(price)
            )
            self.encounter.tell(c.BookReport(fill))

    @precondition(lambda self: self.world.state.orders)
    @rule(
        pick=PICK, found=st.booleans(), status=st.sampled_from(OrdStatus), lots=st.integers(0, 60)
    )
    def look_up_anything(self, pick: int, *, found: bool, status: OrdStatus, lots: int) -> None:
        for order in picked(pick, self.orders()):
            world, cl_ord_id = self.world, order.draft.cl_ord_id
            if found:
                self.encounter.tell(world.shown(cl_ord_id, status, str(lots)))
            else:
                self.encounter.tell(world.absence(cl_ord_id))

    @precondition(lambda self: self.world.state.orders)
    @rule(pick=PICK, again=st.booleans(), of_request=st.booleans(), unknown=st.booleans())
    def fail_anything(self, pick: int, *, again: bool, of_request: bool, unknown: bool) -> None:
        for order in picked(pick, self.orders()):
            cl_ord_id = order.draft.cl_ord_id
            request_id = order.request.id if of_request and order.request else ""
            if unknown:
                self.encounter.tell(c.BookUnknown(cl_ord_id, "?", request_id))
            else:
                # Our own gate does not lie: what it wrote it does not offer to write again.
                written = cl_ord_id in self.broker.orders or cl_ord_id in self.broker.flying
                again = again and not written
                never = c.BookNeverWritten(cl_ord_id, UNREACHABLE, again, request_id)
                self.encounter.tell(never)

    def teardown(self) -> None:
        """Any order can be brought to its end by a plain report, a verdict or a lack of time."""
        for _ in range(10):
            for order in self.encounter.working():
                cl_ord_id = order.draft.cl_ord_id
                if order.status is OrdStatus.PENDING_NEW:
                    self.encounter.tell(c.ExpireUnsent((cl_ord_id,)))
                else:
                    ended = ExecutionReport(cl_ord_id, ExecType.CANCELED, "B")
                    self.encounter.tell(c.BookReport(ended, complete=True))
        assert self.encounter.working() == []
        self.encounter.check_replay()


TestLyingBroker = LyingBroker.TestCase
TestLyingBroker.settings = profile(examples=40)


def say_anything(machine: HonestBroker, random: Random) -> None:
    assert isinstance(machine, LyingBroker)
    machine.say_anything(
        big(random),
        random.choice(list(ExecType)),
        random.choice(EXEC_IDS),
        random.choice(AMOUNTS),
        random.choice(AMOUNTS),
        random.choice(PRICES),
    )


def fill_anything(machine: HonestBroker, random: Random) -> None:
    assert isinstance(machine, LyingBroker)
    machine.fill_anything(big(random), random.randint(1, 60), random.randint(90, 110))


def look_up_anything(machine: HonestBroker, random: Random) -> None:
    assert isinstance(machine, LyingBroker)
    machine.look_up_anything(
        big(random),
        found=random.random() < 0.5,
        status=random.choice(list(OrdStatus)),
        lots=random.randint(0, 60),
    )


def fail_anything(machine: HonestBroker, random: Random) -> None:
    assert isinstance(machine, LyingBroker)
    machine.fail_anything(
        big(random),
        again=random.random() < 0.5,
        of_request=random.random() < 0.5,
        unknown=random.random() < 0.5,
    )


LIES: list[tuple[int, Step]] = [
    (8, say_anything),
    (8, fill_anything),
    (4, look_up_anything),
    (2, fail_anything),
]


@pytest.mark.parametrize("seed", range(40 * SOAK))
def test_a_long_walk_with_a_lying_broker(seed: int) -> None:
    walk(LyingBroker(), seed, STEPS_OF_A_WALK + LIES)
