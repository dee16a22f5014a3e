"""How a command ends that made an instruction."""

import msgspec
import pytest

from phalanx.cli.exit_codes import Exit, exit_of_answer, exit_of_progress
from phalanx.cli.remote.answers import Answer, Counts, Outcome, Progress

DONE = Progress("I1", "DONE", orders_total=4, filled=4)
ORDER = Outcome("ACCEPTED", quantity="1")
HELD = Outcome("REJECTED", reason="ALREADY_HELD")
NOTHING = Outcome("REJECTED", reason="NOTHING_TO_EXIT")
NO_CASH = Outcome("REJECTED", reason="INSUFFICIENT_CASH")


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (Answer((ORDER, ORDER)), Exit.OK),
        (Answer((ORDER, NO_CASH), kind="priority_buy"), Exit.PARTIAL),
        (Answer((ORDER, HELD), kind="priority_buy"), Exit.OK),
        (Answer((ORDER, HELD), kind="signal"), Exit.PARTIAL),
        (Answer((NO_CASH,)), Exit.REFUSED),
        (Answer(()), Exit.REFUSED),
        (Answer((), status="HELD"), Exit.OK),
        (Answer((ORDER,), status="REJECTED"), Exit.REFUSED),
        (Answer((HELD,), counts=Counts(orders=3, skips=1), kind="exit"), Exit.OK),
        (Answer((HELD,), counts=Counts(cancels=1, skips=1), kind="exit"), Exit.OK),
        (Answer((HELD,), counts=Counts(skips=1), kind="exit"), Exit.REFUSED),
        (Answer((NOTHING,), status="REJECTED", kind="exit"), Exit.REFUSED),
        (Answer((ORDER, NOTHING), status="WORKING", kind="exit"), Exit.OK),
    ],
)
def test_an_answer(answer: Answer, exit_code: Exit) -> None:
    assert exit_of_answer(answer) is exit_code


@pytest.mark.parametrize(
    ("planned", "changes", "exit_code"),
    [
        (Exit.OK, {}, Exit.OK),
        (Exit.PARTIAL, {}, Exit.PARTIAL),
        (Exit.OK, {"filled": 3, "rejected": 1}, Exit.PARTIAL),
        (Exit.OK, {"filled": 0, "rejected": 3, "expired": 1}, Exit.FAILURE),
        (Exit.OK, {"filled": 3, "not_received": 1}, Exit.PARTIAL),
        (Exit.OK, {"filled": 3, "canceled": 1}, Exit.OK),
        (Exit.OK, {"status": "WORKING", "orders_open": 4, "filled": 0}, Exit.OK),
        (Exit.PARTIAL, {"filled": 2, "in_doubt": 1, "rejected": 1}, Exit.UNKNOWN),
    ],
)
def test_what_became_of_it(planned: Exit, changes: dict[str, int], exit_code: Exit) -> None:
    assert exit_of_progress(planned, msgspec.structs.replace(DONE, **changes)) is exit_code
