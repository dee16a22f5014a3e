"""What accounts have, kept from those within whose reach there is no whole account."""

import pytest

from phalanx.api.discretion import discreet_cash, discreet_message, discreet_plan
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.domain.instructions import Skip
from phalanx.domain.numbers import whole
from phalanx.domain.reasons import Reason, ReasonCode
from tests.unit.api.test_outcomes import planned

OF_ONE = Reach(frozenset({"A1"}), frozenset({1}))
OF_TREND = Reach(strategies=frozenset({"TREND"}))
OF_INFY = Reach(frozenset({"A1"}), frozenset({1}), instruments=frozenset({"NSE:1594"}))
FENCED = pytest.mark.parametrize("reach", [OF_TREND, OF_INFY])
WHOLE = pytest.mark.parametrize("reach", [EVERYTHING, OF_ONE])
SHORT = Reason(ReasonCode.INSUFFICIENT_CASH, (whole(900), whole(123)))
NAMING = [
    SHORT,
    Reason(ReasonCode.RANK_NOT_COVERED, (whole(900), "INFY", whole(123))),
    Reason(ReasonCode.ZERO_QUANTITY, (whole(123), whole(1), whole(900))),
    Reason(ReasonCode.BELOW_MIN_VALUE, (whole(123), whole(900))),
]


@FENCED
@pytest.mark.parametrize("reason", NAMING, ids=lambda one: one.code.value)
def test_a_sentence_names_no_cash_that_is_out_of_reach(reason: Reason, reach: Reach) -> None:
    shown = discreet_plan(planned(skips=(Skip("A1", reason),), refusal=reason), reach)

    assert shown.refusal is not None
    for said in (shown.skips[0].reason, shown.refusal):
        assert said.code is reason.code
        assert "123" not in str(said)
        assert str(said) == discreet_message(reason.code.value, str(reason), reach)


@FENCED
def test_a_sentence_about_anything_else_stays(reach: Reach) -> None:
    reason = Reason(ReasonCode.QUANTITY_CAP, (whole(900), whole(123)))
    event = planned(skips=(Skip("A1", reason),))

    assert discreet_plan(event, reach) == event
    assert discreet_message(reason.code.value, str(reason), reach) == str(reason)
    assert discreet_message(None, None, reach) is None


@WHOLE
def test_whoever_has_the_whole_account_is_told_its_cash(reach: Reach) -> None:
    event = planned(skips=(Skip("A1", SHORT),), refusal=SHORT)

    assert discreet_plan(event, reach) is event
    assert discreet_message(SHORT.code.value, str(SHORT), reach) == "900 needed, 123 available"
    assert discreet_cash({"A1": 7}, reach) == {"A1": 7}


@FENCED
def test_cash_that_is_out_of_reach_is_no_ones(reach: Reach) -> None:
    assert discreet_cash({"A1": 7, "A2": 8}, reach) == {}


def test_of_several_accounts_those_within_reach_have_cash() -> None:
    assert discreet_cash({"A1": 7, "A2": 8}, OF_ONE) == {"A1": 7}
