"""The outcome rule, line by line: what was written, what came back, what it means."""

import pytest

from phalanx.brokers.outcome import Reply, believed, outcome_of
from phalanx.brokers.paper import CAPABILITIES
from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.domain.reasons import Reason, ReasonCode

REASON = Reason(ReasonCode.BROKER_UNREACHABLE)
NEVER = NeverWritten(REASON, again=True)
DEFINITE = Refused("TOO_LATE", "it ended")
UNDECLARED = Refused("400", "timed out")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(accepted=True, order_id="B1"), Accepted("B1")),
        (Reply(accepted=False, code="TOO_LATE", text="it ended"), DEFINITE),
        (Reply(accepted=False, code="400", text="timed out"), Unknown("400 timed out")),
        (Reply(accepted=False, text="who knows"), Unknown("who knows")),
        (Reply(accepted=False), Unknown("")),
    ],
)
def test_an_answer_says_what_its_code_is_declared_to_prove(reply: Reply, outcome: Outcome) -> None:
    assert outcome_of(reply, CAPABILITIES) == outcome


@pytest.mark.parametrize(
    ("said", "written", "outcome"),
    [
        (NEVER, False, NEVER),
        (NEVER, True, Unknown(f"written, and then: {REASON}")),
        (Accepted("B1"), True, Accepted("B1")),
        (DEFINITE, True, DEFINITE),
        (UNDECLARED, True, Unknown("400 timed out")),
        (UNDECLARED, False, Unknown("400 timed out")),
        (Unknown("cut"), True, Unknown("cut")),
        (Unknown("cut"), False, Unknown("cut")),
    ],
)
def test_a_session_is_believed_as_far_as_the_rule_goes(
    said: Outcome, *, written: bool, outcome: Outcome
) -> None:
    assert believed(said, CAPABILITIES, written=written) == outcome
